"""Rows of MLPerf inference: names, traps of the tables, and what the bundled figures say to the rows they come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gpufleet.calibration import fit, request_figures, request_rows
from gpufleet.calibration import request_names as names
from gpufleet.calibration.tables import Row, Table, read_table
from gpufleet.library import Library
from gpufleet.performance.calibration import Efficiency, Key

if TYPE_CHECKING:
    from gpufleet.calibration.observations import Batch, Observation

LIBRARY = Library.open()
BUNDLED = Efficiency.of(LIBRARY.calibration)
MEASURED = Path(__file__).parents[2] / "benchmarks" / "measured"
TABLES = [read_table(MEASURED / name) for name in ("mlperf_inference.csv", "mlperf_single_stream.csv")]
BATCHES = [batch for table in TABLES for batch in request_rows.batches(table, LIBRARY)[0]]

OFFLINE = {
    "round": "v3.0",
    "system": "DGX-H100_H100-SXM-80GBx8_TRT",
    "accelerator_norm": "H100-SXM-80GB",
    "accelerators_n": "8",
    "model": "bert-99",
    "scenario": "Offline",
    "metric": "samples/s",
    "value": "73108",
    "precision": "int8",
    "source": "made up",
}
STREAM = {
    "round": "v2.0",
    "accelerator_norm": "A30",
    "model": "resnet50",
    "mean_latency_ms": "0.5",
    "source": "made up",
}


def row(**cells: str) -> Row:
    return Row("t.csv", 2, OFFLINE | cells)


def table(*rows: dict[str, str], kind: str = "mlperf_inference") -> Table:
    lines = tuple(Row("t.csv", at, values) for at, values in enumerate(rows, start=2))
    return Table("t.csv", kind, lines, "0")  # type: ignore[arg-type]


def one(**cells: str) -> tuple[Observation, Batch]:
    found, skipped = request_rows.batches(table(OFFLINE | cells), LIBRARY)
    assert not skipped
    assert len(found) == 1
    return found[0].observations[0], found[0]


def reason(kind: str = "mlperf_inference", **cells: str) -> str:
    base = OFFLINE if kind == "mlperf_inference" else STREAM
    found, skipped = request_rows.batches(table(base | cells, kind=kind), LIBRARY)
    assert not found
    assert len(skipped) == 1
    assert (skipped[0].table, skipped[0].line) == ("t.csv", 2)
    return skipped[0].reason


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("T4", "T4"),
        ("NVIDIA Tesla T4", "T4"),
        ("A2", "A2"),
        ("NVIDIA A10", "A10"),
        ("A10G", "A10G"),
        ("A30", "A30"),
        ("NVIDIA A40", "A40"),
        ("A100-PCIe-40GB", "A100-PCIe-40GB"),
        ("NVIDIA A100-PCIe-80GB", "A100-PCIe-80GB"),
        ("A100-SXM-40GB", "A100-SXM-40GB"),
        ("NVIDIA A100-SXM4-40GB", "A100-SXM-40GB"),
        ("A100-SXM-80GB", "A100-SXM-80GB"),
        ("L4", "L4"),
        ("NVIDIA L40", "L40"),
        ("L40S", "L40S"),
        ("H100-PCIe-80GB", "H100-PCIe-80GB"),
        ("H100-NVL-94GB", "H100-NVL-94GB"),
        ("H100-SXM-80GB", "H100-SXM-80GB"),
        ("H200-SXM-141GB CTS(1000W)", "H200-SXM-141GB"),
        ("GH200-96GB", "GH200-96GB"),
        ("NVIDIA GH200 Grace Hopper Superchip 144GB", "GH200-144GB"),
        ("B200-SXM-180GB", "B200-SXM-180GB"),
        ("GB200", "GB200-186GB"),
        ("MI300X", "MI300X-192GB"),
        ("AMD Instinct MI325X", "MI325X-256GB"),
        ("Gaudi2", "Gaudi2-96GB"),
        ("Intel® Gaudi® 3 AI Accelerator", "Gaudi3-128GB"),
        ("tpu-v3.8", "TPU-v3"),
        ("TPU v4", "TPU-v4"),
        ("tpu_v5e", "TPU-v5e"),
        ("TPU v5p", "TPU-v5p"),
        ("TPU v6", "TPU-v6e"),
        ("NVIDIA TITAN RTX", "TITAN-RTX"),
        ("V100-SXM3-32GB", "V100-SXM2-32GB"),
        ("A100-SXM-40GB MIG 1x1g.5gb", "A100-SXM-40GB-1g.5gb"),
        ("A100-SXM-80GB MIG 1x1g.10gb", "A100-SXM-80GB-1g.10gb"),
        ("A30 MIG 1x1g.6gb", "A30-1g.6gb"),
    ],
)
def test_accelerators_are_those_of_the_catalogue(text: str, name: str) -> None:
    assert names.accelerator_of(row(accelerator_norm=text)) == name
    assert name in LIBRARY.accelerators


def test_the_size_may_stand_in_the_memory_column() -> None:
    cells = {"accelerator_norm": "A100-PCIe", "accel_memory": "80 GB"}
    assert names.accelerator_of(row(**cells)) == "A100-PCIe-80GB"
    assert names.accelerator_of(row(**cells | {"accel_memory": "40 GB"})) == "A100-PCIe-40GB"
    assert names.accelerator_of(row(accelerator_norm="", accelerator="NVIDIA H200")) == "H200-SXM-141GB"


@pytest.mark.parametrize("name", ["gptj-99", "gpt-j", "llama2-70b-99.9", "llama3.1-405b", "mixtral-8x7b"])
def test_language_models_are_left_to_others(name: str) -> None:
    assert names.is_language(name)
    assert request_rows.batches(table(OFFLINE | {"model": name}), LIBRARY) == ([], [])


@pytest.mark.parametrize(
    ("model", "when", "card"),
    [
        ("resnet", "v0.5", "resnet-50"),
        ("ssd-small", "v0.5", "ssd-mobilenet"),
        ("ssd-large", "v0.5", "ssd-resnet34"),
        ("mobilenet", "v0.5", "mobilenet"),
        ("3d-unet-99.9", "v1.1", "3d-unet-brats"),
        ("3d-unet-99.9", "v2.0", "3d-unet-kits19"),
        ("dlrm-99", "v3.0", "dlrm"),
        ("dlrm-v2-99", "v4.0", "dlrm-v2"),
        ("rnnt", "v1.0", "rnnt"),
        ("RetinaNet", "v3.1", "retinanet"),
        ("stable-diffusion-xl", "v4.1", "stable-diffusion-xl"),
    ],
)
def test_models_by_round(model: str, when: str, card: str) -> None:
    assert one(model=model, round=when, precision="")[0].model == card


@pytest.mark.parametrize(
    ("cells", "precision"),
    [
        ({"model": "bert-99.9", "precision": "fp16"}, "fp8"),
        ({"model": "bert-99.9", "precision": "fp16", "accelerator_norm": "L4"}, "fp16"),
        ({"model": "bert-99.9", "precision": "", "accelerator_norm": "A30"}, "fp16"),
        ({"model": "bert-99", "precision": ""}, "int8"),
        ({"model": "dlrm-v2-99", "round": "v3.1", "precision": ""}, "fp16"),
        ({"model": "dlrm-v2-99", "round": "v4.1", "precision": "int8"}, "int8"),
        ({"model": "dlrm-v2-99.9", "round": "v4.1", "precision": "int8"}, "fp16"),
        ({"model": "stable-diffusion-xl", "round": "v4.0", "precision": ""}, "fp16"),
        ({"model": "stable-diffusion-xl", "round": "v4.1", "precision": "fp8"}, "fp8"),
        ({"model": "resnet", "accelerator_norm": "tpu-v3.8", "precision": "bfloat16"}, "bf16"),
        ({"model": "rnnt", "precision": ""}, "fp16"),
        ({"model": "gnmt-like-resnet50", "precision": "int8,fp16"}, "int8"),
    ],
)
def test_declared_precision_is_corrected_where_it_is_known_to_mislead(cells: dict[str, str], precision: str) -> None:
    assert f", {precision}" in one(**cells)[0].setting


def test_values_are_per_accelerator_and_a_core_is_half_a_chip() -> None:
    assert one()[0].measured == pytest.approx(73108 / 8)
    tpu = one(model="resnet", accelerator_norm="tpu-v3.8", precision="bfloat16", value="32000", round="v0.5")[0]
    assert tpu.measured == pytest.approx(8000)


def test_other_power_limits_are_read_from_the_system() -> None:
    a100, h200 = LIBRARY.accelerators["A100-SXM-80GB"], LIBRARY.accelerators["H200-SXM-141GB"]
    assert names.power_limit_w(row(system="DGX-Station-A100_A100-SXM-80GBx4_TRT"), a100) == 275
    assert names.power_limit_w(row(), a100) == a100.tdp_w
    assert names.power_limit_w(row(accelerator_norm="H200-SXM-141GB CTS(1000W)"), h200) == 1000
    slower, usual = (
        one(accelerator_norm="A100-SXM-80GB", system="DGX-Station-A100"),
        one(accelerator_norm="A100-SXM-80GB"),
    )
    assert slower[1].predict(BUNDLED)[0] < 0.95 * usual[1].predict(BUNDLED)[0]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"accelerator_norm": "Goya"}, "'Goya' is not in the catalogue"),
        ({"accelerator_norm": "NVIDIA Orin"}, "embedded"),
        ({"accelerator_norm": "A100-SXM-80GB", "system": "A100_MaxQ"}, "power limit"),
        ({"accelerator_norm": "A30 MIG 1x1g.3gb"}, "not in the catalogue"),
        ({"accelerator_norm": "GRID A100-40C"}, "virtual GPU"),
        ({"model": "gnmt"}, "no model card"),
        ({"model": "3d-unet-99", "round": ""}, "tell its round"),
        ({"scenario": "MultiStream"}, "'MultiStream' is not predicted"),
        ({"scenario": "SingleStream"}, "mean_latency_ms"),
        ({"metric": "tokens/s"}, "no rate of samples"),
        ({"value": ""}, "no value"),
        ({"value": "fast"}, "fast is no number"),
        ({"value": "0"}, "no value"),
        ({"accelerators_n": "1.5"}, "no count"),
        ({"result_valid": "INVALID"}, "not valid"),
        ({"accelerator_norm": "T4", "precision": "fp8"}, "T4 has no fp8 arithmetic"),
        ({"model": "3d-unet-99", "scenario": "Server"}, "latency bound of 3d-unet-kits19"),
    ],
)
def test_what_cannot_be_predicted_is_skipped_with_a_reason(cells: dict[str, str], words: str) -> None:
    assert words in reason(**cells)


def test_single_stream_is_one_over_the_latency() -> None:
    found, skipped = request_rows.batches(table(STREAM, kind="mlperf_single_stream"), LIBRARY)
    assert not skipped
    assert found[0].observations[0].measured == pytest.approx(2000)
    assert "no mean latency" in reason("mlperf_single_stream", mean_latency_ms="")
    assert "more than one sample" in reason("mlperf_single_stream", samples_per_query="8")


def test_server_stays_below_offline_and_falls_with_its_bound() -> None:
    offline = one()[1].predict(BUNDLED)[0]
    rates = [one(scenario="Server", latency_bound_ms=bound)[1].predict(BUNDLED)[0] for bound in ("130", "5", "0.01")]
    assert offline > rates[0] >= rates[1] > rates[2] == 0.0


def test_other_tables_hold_none_of_these_rows() -> None:
    assert request_rows.batches(table(OFFLINE, kind="training"), LIBRARY) == ([], [])


def _ratios(scenario: str) -> np.ndarray:
    return np.array(
        [
            predicted / observation.measured
            for batch in BATCHES
            for observation, predicted in zip(batch.observations, batch.predict(BUNDLED), strict=True)
            if f"MLPerf {scenario}" in observation.kind
        ]
    )


def test_every_bundled_row_is_predicted() -> None:
    for one_table in TABLES:
        assert request_rows.batches(one_table, LIBRARY)[1] == []
    assert sum(len(batch.observations) for batch in BATCHES) == sum(len(one_table.rows) for one_table in TABLES)
    assert len({batch.group for batch in BATCHES}) >= 80


@pytest.mark.parametrize(
    ("scenario", "median", "most"), [("offline", 0.06, 0.15), ("server", 0.10, 0.26), ("single", 0.09, 0.22)]
)
def test_the_bundled_figures_fit_their_rows(scenario: str, median: float, most: float) -> None:
    errors = abs(_ratios(scenario) - 1.0)
    assert np.median(errors) < median
    assert np.quantile(errors, 0.9) < most


@pytest.mark.parametrize("unseen", ["L4", "H100-SXM-80GB"])
def test_an_accelerator_that_the_fit_has_not_seen_is_predicted_as_well(unseen: str) -> None:
    """Two figures of a detection network, fitted without one of its accelerators."""
    some = [batch for batch in BATCHES if batch.group[0] == "retinanet"]
    keys = {Key("mapping", model="retinanet"), Key("generation", family="Hopper", phase="convolve")}
    free = [figure for figure in request_figures.FREE if figure.key in keys]
    seen = fit.fitted([batch for batch in some if batch.group[1] != unseen], free, BUNDLED)
    pairs = [
        (predicted, observation.measured)
        for batch in some
        if batch.group[1] == unseen
        for predicted, observation in zip(batch.predict(seen), batch.observations, strict=True)
    ]
    errors = abs(np.array([predicted / measured for predicted, measured in pairs]) - 1.0)
    assert seen.figures[free[0].key] != free[0].start
    assert np.median(errors) < 0.12
    assert errors.max() < 0.35


def test_figures_are_distinct_start_in_range_and_are_in_the_bundle() -> None:
    keys = [free.key for free in request_figures.FREE]
    assert len(set(keys)) == len(keys)
    for free in request_figures.FREE:
        assert 0 < free.low <= free.start <= free.high
        assert free.low * 0.999 <= BUNDLED.figures[free.key] <= free.high * 1.001
