"""Rows of language serving: names, protocols, and what is not predicted."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gpufleet.calibration import llm_names, llm_rows
from gpufleet.calibration.llm_runs import makespan
from gpufleet.calibration.tables import read_table
from gpufleet.errors import InputError
from gpufleet.library import Library
from gpufleet.performance.calibration import Efficiency

if TYPE_CHECKING:
    from gpufleet.calibration.observations import Batch, Skipped
    from gpufleet.performance.arrays import Floats

MEASURED = Path(__file__).parents[2] / "benchmarks" / "measured"
HEADER = (
    "model,accelerator,tp,pp,precision,engine,isl,osl,concurrency_or_rate,output_tokens_per_s,ttft_ms,tpot_ms,"
    "kind,source\n"
)


@cache
def library() -> Library:
    """The bundled library."""
    return Library.open()


def _read(tmp_path: Path, *rows: str, header: str = HEADER) -> tuple[list[Batch], list[Skipped]]:
    file = tmp_path / "rows.csv"
    file.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
    return llm_rows.batches(read_table(file), library())


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("LLaMA v3.1 70B", "llama-3.1-70b"),
        ("nvidia/Llama-3.3-70B-Instruct-FP8", "llama-3.3-70b"),
        ("LLaMA 70B", "llama-2-70b"),
        ("llama2-70b-99.9", "llama-2-70b"),
        ("Llama 4 Scout", "llama-4-scout"),
        ("gptj-99", "gpt-j-6b"),
        ("Qwen3-235B-A22B", "qwen3-235b-a22b"),
        ("BLOOM-176B", "bloom-176b"),
        ("Jamba 1.5", None),
    ],
)
def test_models(name: str, card: str | None) -> None:
    assert llm_names.model_card(name) == card
    assert card is None or card in library().model_names


@pytest.mark.parametrize(
    ("name", "accelerator"),
    [
        ("H100-SXM-80GB x8", "H100-SXM-80GB"),
        ("A100-SXM-80GB (DGX)", "A100-SXM-80GB"),
        ("GH200-144GB x1", "GH200-144GB"),
        ("GB200", "GB200-186GB"),
        ("RTX PRO 6000 Blackwell Server", "RTX-PRO-6000-Server"),
        ("L4", "L4"),
        ("L40S", "L40S"),
        ("A10G (g5.48xlarge)", "A10G"),
        ("A10", "A10"),
        ("T4", "T4"),
        ("H100-NVL-94GB", "H100-NVL-94GB"),
        ("Groq", None),
    ],
)
def test_accelerators(name: str, accelerator: str | None) -> None:
    assert llm_names.accelerator(name) == accelerator
    assert accelerator is None or accelerator in library().accelerators


def test_engines_lose_what_only_says_how_they_ran() -> None:
    assert llm_rows.engine_name("TensorRT-LLM 0.17 (in-flight batching)") == "TensorRT-LLM 0.17"
    assert llm_rows.engine_name("TensorRT-LLM 0.14 + Triton backend") == "TensorRT-LLM 0.14"
    assert llm_rows.engine_name("HF/raw model execution") == "Hugging Face"


def test_what_is_not_predicted_says_why(tmp_path: Path) -> None:
    row = "{},{},1,1,FP8,TensorRT-LLM 1.0,128,128,inf,{},,,{},test"
    found, skipped = _read(
        tmp_path,
        row.format("Jamba", "H100-SXM-80GB", 100, "max-throughput"),
        row.format("Llama 3.1 8B", "Groq", 100, "max-throughput"),
        row.format("Llama 3.1 8B", "H100-SXM-80GB", "", "max-throughput"),
        row.format("Llama 3.1 8B", "H100-SXM-80GB", 100, "speculative"),
        row.format("Llama 3.1 8B", "H100-SXM-80GB", 100, "max-throughput"),
    )
    assert [(entry.line, entry.reason) for entry in skipped] == [
        (2, "no model card for Jamba"),
        (3, "no accelerator of the catalogue is Groq"),
        (4, "output_tokens_per_s is empty"),
        (5, "no prediction for speculative"),
    ]
    assert [seen.line for batch in found for seen in batch.observations] == [6]


def test_malformed_cells_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rows.csv:2: output_tokens_per_s: fast is no number"):
        _read(tmp_path, "Llama 3.1 8B,L4,1,1,FP8,e,128,128,inf,fast,,,max-throughput,s")
    with pytest.raises(InputError, match="tp: 0 is no count"):
        _read(tmp_path, "Llama 3.1 8B,L4,0,1,FP8,e,128,128,inf,10,,,max-throughput,s")
    with pytest.raises(InputError, match="no known table"):
        _read(tmp_path, "1,2", header="a,b\n")


def test_a_burst_goes_in_waves() -> None:
    class Four:
        """Four places, and a second per sequence."""

        most = np.full((1, 1), 4.0)

        @staticmethod
        def residence(sequences: Floats) -> Floats:
            return np.asarray(10.0 + sequences)

    for requests, seconds in ((1, 11.0), (4, 14.0), (10, 2 * 14.0 + 12.0)):
        assert makespan(Four(), np.full((1, 1), float(requests)))[0, 0] == seconds  # type: ignore[arg-type]


def test_the_best_tensor_size_stands_for_the_submission(tmp_path: Path) -> None:
    header = "round,submitter,accelerator_norm,accelerators_n,model,scenario,metric,value,precision,framework,source\n"
    row = "v4.1,NVIDIA,H100-SXM-80GB,{},llama2-70b-99,Offline,tokens/s,1000,fp16,TensorRT 10.2.0,test"
    (one,), _ = _read(tmp_path, row.format(1), header=header)
    (eight,), _ = _read(tmp_path, row.format(8), header=header)
    figures = Efficiency.of(library().calibration)
    # alone, a GPU has little room beside the weights; eight are more than eight times as fast
    assert eight.predict(figures)[0] > 8 * one.predict(figures)[0] > 0
    assert one.observations[0].engine == "TensorRT-LLM MLPerf 10.2"


def test_sets_of_published_rows_are_close() -> None:
    figures = Efficiency.of(library().calibration)
    found, skipped = llm_rows.batches(read_table(MEASURED / "llm_serving.csv"), library())
    assert len(skipped) == 4
    off: dict[str, list[float]] = {}
    for batch in found:
        for seen, value in zip(batch.observations, batch.predict(figures), strict=True):
            off.setdefault(seen.domain, []).append(abs(value / seen.measured - 1.0))
    medians = {domain: float(np.median(values)) for domain, values in off.items()}
    assert medians["llm_rate"] < 0.06
    assert medians["llm_ttft"] < 0.10
    assert medians["llm_tpot"] < 0.09
