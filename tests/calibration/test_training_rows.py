"""Training tables: names, ways of counting, layouts, and how far predictions are off."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gpufleet import Library
from gpufleet.calibration import fit, training_layouts, training_names, training_rows, training_units
from gpufleet.calibration.tables import Row, Table, read_table
from gpufleet.calibration.training_figures import FREE
from gpufleet.calibration.training_networks import SHAPES, network, parameters
from gpufleet.calibration.training_steps import Steps
from gpufleet.performance.calibration import Efficiency

if TYPE_CHECKING:
    from gpufleet.calibration.observations import Batch

LIBRARY = Library.open()
EFFICIENCY = Efficiency.of(LIBRARY.calibration)
FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "measured" / "training.csv"
TABLE = read_table(FILE)
BATCHES, SKIPPED = training_rows.batches(TABLE, LIBRARY)

BASE = {
    "model": "MPT-7b", "accelerator": "A100-SXM-80GB", "accelerators_n": "8", "tp": "1", "pp": "1", "microbatch": "6",
    "global_batch": "96", "seq_len": "2048", "precision": "amp_bf16", "recompute": "none", "measured_iter_s": "5.2951",
    "kind": "llm-pretrain (FSDP)", "notes": "FULL_SHARD", "source": "mosaicml/llm-foundry",
}  # fmt: skip


def row(**cells: str) -> Row:
    return Row("table.csv", 2, {**BASE, **cells})


def reason(**cells: str) -> str:
    table = Table("table.csv", "training", (row(**cells),), "")
    batches, skipped = training_rows.batches(table, LIBRARY)
    assert not batches
    assert [entry.line for entry in skipped] == [2]
    return skipped[0].reason


def ratios(batches: list[Batch]) -> np.ndarray:
    return np.concatenate([np.exp(fit.log_ratios(batch, EFFICIENCY)) for batch in batches])


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("MPT-70b", "mpt-70b"), ("mpt-30b", "mpt-30b"), ("GPT 18.4B", "gpt-18.4b"), ("GPT 22B", "gpt-22b"),
        ("GPT-3 175B", "gpt-3-175b"), ("GPT-3 177B", "gpt-3-175b"), ("MT-NLG 530B", "gpt-530b"), ("GPT 1T", "gpt-1t"),
        ("GPT-2 2B", "gpt-2-2b"), ("OPT-175B", "gpt-3-175b"), ("LLaMA-65B", "llama-65b"), ("Llama-2-13b", "llama-13b"),
        ("LLAMA3_8B", "llama-3.1-8b"), ("Llama3.1-70B", "llama-3.1-70b"), ("LLAMA3.1_405B", "llama-3.1-405b"),
        ("Llama-2-70B LoRA", "llama-2-70b"), ("Mixtral 8x7B", "mixtral-8x7b"), ("Mixtral 8x22B", "mixtral-8x22b"),
        ("DeepSeekV3 (w/o MTP)", "deepseek-v3"), ("DeepSeek-R1", "deepseek-v3"), ("Kimi_K2", "kimi-k2"),
        ("Qwen3_235B_a22B", "qwen3-235b-a22b"), ("Qwen3_30B_a3B (tokendrop)", "qwen3-30b-a3b"),
        ("GPT OSS 120B", "gpt-oss-120b"), ("MaxText 128B", "maxtext-128b"), ("GPT 148B", "gpt-148b"),
        ("BERT-large", "bert-large"),
    ],
)  # fmt: skip
def test_names_of_networks(name: str, card: str) -> None:
    found = training_names.card_of(name, LIBRARY)
    if card == "bert-large":
        assert isinstance(found, str)
        return
    assert not isinstance(found, str)
    assert found.name == card


@pytest.mark.parametrize(
    ("name", "accelerator"),
    [
        ("T4", "T4"), ("A10", "A10"), ("A10G", "A10G"), ("NVIDIA A30", "A30"), ("A40", "A40"), ("L4", "L4"),
        ("L40", "L40"), ("L40S", "L40S"), ("A100", "A100-SXM-80GB"), ("A100-SXM-40GB (DGX-A100)", "A100-SXM-40GB"),
        ("A100-PCIe-80GB", "A100-PCIe-80GB"), ("NVIDIA A100-PCIE-40GB", "A100-PCIe-40GB"), ("H100", "H100-SXM-80GB"),
        ("H100-PCIe-80GB", "H100-PCIe-80GB"), ("H100-NVL-94GB", "H100-NVL-94GB"), ("H200", "H200-SXM-141GB"),
        ("GH200-96GB", "GH200-96GB"), ("B200-SXM-180GB", "B200-SXM-180GB"), ("B300", "B300-SXM-288GB"),
        ("GB200", "GB200-186GB"), ("GB300", "GB300-288GB"), ("MI300X", "MI300X-192GB"), ("Gaudi2", "Gaudi2-96GB"),
        ("Gaudi3", "Gaudi3-128GB"), ("TPU-v4", "TPU-v4"), ("TPU v5e", "TPU-v5e"), ("TPU-v5p", "TPU-v5p"),
        ("TPU v6e", "TPU-v6e"), ("TPU-trillium", "TPU-v6e"), ("V100-SXM3-32GB (DGX-2)", "V100-SXM2-32GB"),
        ("NVIDIA V100-SXM2-16GB (300W)", "V100-SXM2-16GB"), ("Nvidia Tesla V100S-PCIe-32GB", "V100-PCIe-32GB"),
        ("A2", ""), ("TPU v3", ""), ("Graphcore IPU GC200", ""), ("N/A", ""), ("", ""),
    ],
)  # fmt: skip
def test_names_of_accelerators(name: str, accelerator: str) -> None:
    found = training_names.place_of(name, LIBRARY)
    assert (found if isinstance(found, str) else found.accelerator) == (accelerator or found)
    assert isinstance(found, str) == (accelerator == "")


def test_every_place_is_in_the_catalogue() -> None:
    assert {place.accelerator for _, place in training_names.PLACES} <= set(LIBRARY.accelerators)


@pytest.mark.parametrize("name", SHAPES)
def test_networks_have_the_size_of_their_names(name: str) -> None:
    shape, _ = SHAPES[name]
    card = network(name)
    assert card is not None
    assert card.parameters == parameters(shape)
    size = name.removesuffix("b").removesuffix("m").removesuffix("t").split("-")[-1]
    billions = float(size) * {"m": 1e-3, "t": 1e3}.get(name[-1], 1.0)
    assert card.parameters / 1e9 == pytest.approx(billions, rel=0.35 if billions < 4 else 0.11)


def test_rows_that_cannot_be_predicted_say_why() -> None:
    assert "state-space" in reason(model="Nemotron_3_Nano")
    assert "no model card" in reason(model="Some Model")
    assert "no accelerator" in reason(accelerator="TPU v3")
    assert "only steps of language models" in reason(model="resnet-50") or "no model card" in reason(model="resnet-50")
    assert "number of accelerators" in reason(accelerators_n="")
    assert "only the time of a whole run" in reason(measured_iter_s="", measured_minutes_to_train="99")
    assert "no known rate for fp8" in reason(precision="FP8", accelerator="V100-SXM2-32GB")
    assert "no layout" in reason(tp="3")
    assert "no number" in reason(measured_iter_s="-1")
    assert "no count" in reason(accelerators_n="1.5")


def test_step_times_by_the_rows_own_counting() -> None:
    card = training_names.card_of("MPT-7b", LIBRARY)
    assert not isinstance(card, str)
    a100, tokens = LIBRARY.accelerators["A100-SXM-80GB"], 96 * 2048

    def seconds(**cells: str) -> float:
        one = row(measured_iter_s="", **cells)
        found = training_units.seconds_of(one, card, a100, "bf16", tokens, 8, 2048)
        assert found is not None
        return found

    flops = 6 * 6.65e9 + 12 * 32 * 4096 * 2048
    assert seconds(measured_tokens_per_s_per_gpu="5000") == pytest.approx(tokens / 40000)
    assert seconds(measured_samples_per_s="20") == pytest.approx(96 / 20)
    assert seconds(measured_tflops_per_gpu="150") == pytest.approx(flops * tokens / 8 / 150e12, rel=0.01)
    assert seconds(mfu="0.5") == pytest.approx(flops * tokens / 8 / 156e12, rel=0.01)
    hfu = seconds(measured_tflops_per_gpu="150", recompute="full", notes="HFU")
    assert hfu == pytest.approx(4 / 3 * flops * tokens / 8 / 150e12, rel=0.02)


@pytest.mark.parametrize(
    ("cells", "engine", "precision"),
    [
        ({}, "llm-foundry", "bf16"),
        ({"precision": "amp_fp8", "accelerator": "H100"}, "llm-foundry", "fp8"),
        ({"source": "NVIDIA/Megatron-LM", "precision": ""}, "Megatron-LM until 2022", "bf16"),
        ({"source": "Megatron-Bridge", "notes": "26.04.01 x", "precision": ""}, "Megatron-Bridge until 26.04", "fp8"),
        ({"source": "Megatron-Bridge", "notes": "26.06 x", "precision": "NVFP4"}, "Megatron-Bridge", "fp4"),
        ({"source": "maxtext", "accelerator": "TPU v5p"}, "MaxText", "bf16"),
        ({"source": "mlcommons", "kind": "mlperf-training", "precision": ""}, "NeMo", "fp8"),
    ],
)
def test_software_and_precision(cells: dict[str, str], engine: str, precision: str) -> None:
    one = row(**{"accelerator": "H100-SXM-80GB", **cells}) if engine != "Megatron-LM until 2022" else row(**cells)
    place = training_names.place_of(one.text("accelerator"), LIBRARY)
    assert not isinstance(place, str)
    assert training_units.precision_of(one, LIBRARY.accelerators[place.accelerator]) == precision
    assert training_units.engine_of(one) == engine


def test_layouts_follow_the_row() -> None:
    card = training_names.card_of("GPT 39B", LIBRARY)
    place = training_names.place_of("A100", LIBRARY)
    assert not isinstance(card, str)
    assert not isinstance(place, str)
    stated = row(tp="", pp="", microbatch="", notes="model-parallel size (tp*pp) 16;", source="Narayanan Megatron")
    found = list(training_layouts.layouts(stated, place, card, 512, 1536))
    assert {(one.tensor, one.pipeline, one.data) for one in found} == {(8, 2, 32)}
    assert {one.zero for one in found} == {0}
    split = row(tp="4", pp="2", cp="2", vp="4", ep="1", source="Megatron-Bridge", notes="FSDP=0")
    one = next(iter(training_layouts.layouts(split, place, card, 64, 128)))
    assert (one.tensor, one.pipeline, one.context, one.chunks, one.data, one.zero) == (4, 2, 2, 4, 4, 1)


def test_every_row_of_the_table_is_used() -> None:
    assert not SKIPPED
    assert sum(len(batch.observations) for batch in BATCHES) == len(TABLE.rows)


def test_published_runs_fit_into_memory() -> None:
    fits = np.concatenate([batch.predict.fits(EFFICIENCY) for batch in BATCHES if isinstance(batch.predict, Steps)])
    assert len(fits) == len(TABLE.rows)
    assert fits.mean() >= 0.99


def test_bundled_figures_reproduce_the_table() -> None:
    off = np.abs(ratios(BATCHES) - 1.0)
    assert np.median(off) < 0.045
    assert np.quantile(off, 0.9) < 0.16


def test_unseen_groups_stay_within_the_stated_error() -> None:
    """Fit a part, in which half of the groups are left out, and predict those."""
    part = [b for b in BATCHES if b.observations[0].kind == "MPT FSDP" and b.group[1] != "A100-SXM-40GB"]
    groups = sorted({batch.group for batch in part})
    unseen = set(groups[::3])
    free = [one for one in FREE if one.key.engine == "llm-foundry" or one.key.family in ("Ampere", "Hopper")]
    free = [one for one in free if one.key.engine != "Megatron-LM until 2022"]
    seen = fit.fitted([batch for batch in part if batch.group not in unseen], free, EFFICIENCY, EFFICIENCY)
    off = [
        abs(p / o.measured - 1)
        for b in part
        if b.group in unseen
        for o, p in zip(b.observations, b.predict(seen), strict=True)
    ]
    assert len(off) > 30
    assert np.median(off) < 0.08
    assert np.quantile(off, 0.9) < 0.24


def test_bundled_figures_are_within_their_physical_range() -> None:
    for one in FREE:
        assert one.low <= EFFICIENCY.figures[one.key] * 1.001
        assert EFFICIENCY.figures[one.key] <= one.high * 1.001
