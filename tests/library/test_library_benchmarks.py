"""Result files of benchmarking tools become measurements, or are refused with what is wrong."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
from benchmark_samples import SUMMARY, VLLM, detail, guidellm, planner

from gpufleet.errors import InputError
from gpufleet.library import Given, import_measurements, measurements_text, nearly_equal_sizes
from gpufleet.library.tables import read_table
from gpufleet.schema.measurements import Measurement

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = "vLLM 0.8.5"


def given(**changes: Any) -> Given:
    return Given(**{"model": "m", "variant": "fp8", "accelerator": "A", "engine": ENGINE, **changes})


def read(tmp_path: Path, tool: str, content: dict[str, Any] | str, **changes: Any) -> list[Measurement]:
    path = tmp_path / ("result.json" if isinstance(content, dict) else "result.txt")
    path.write_text(json.dumps(content) if isinstance(content, dict) else content)
    return import_measurements(tool, [path], given(**changes))


def refused(tmp_path: Path, tool: str, content: dict[str, Any] | str, **changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, tool, content, **changes)
    return str(caught.value).replace(f"{tmp_path}/", "")


def figures(row: Measurement) -> dict[str, Any]:
    return row.model_dump(exclude_defaults=True, exclude={"model", "variant", "accelerator", "engine", "source"})


def test_vllm(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "vllm", VLLM, tensor=2)
    assert figures(row) == {
        "tensor": 2,
        "input_tokens": 512,
        "output_tokens": 256,
        "concurrency": 16.0,
        "requests_per_s": 4.0,
        "as_of": datetime.date(2025, 6, 19),
        "ttft_mean_ms": 120.0, "ttft_p50_ms": 100.0, "ttft_p95_ms": 180.0, "ttft_p99_ms": 250.123,
        "tpot_mean_ms": 15.0, "tpot_p50_ms": 14.5, "tpot_p99_ms": 18.0,
        "itl_mean_ms": 15.1, "itl_p50_ms": 13.0, "itl_p99_ms": 60.0,
    }  # fmt: skip
    assert row.engine == ENGINE
    assert row.source.startswith("vllm bench serve --save-result: ")


def test_vllm_at_a_request_rate_by_littles_law(tmp_path: Path) -> None:
    """4 requests/s that last 120 + 255 x 15 = 3,945 ms on average: 15.78 in flight, whatever the cap."""
    (row,) = read(tmp_path, "vllm", {**VLLM, "request_rate": 4.0, "max_concurrency": None})
    assert row.concurrency == pytest.approx(15.78)
    (row,) = read(tmp_path, "vllm", {**VLLM, "request_rate": 4.0, "mean_e2el_ms": 4000.0, "p99_e2el_ms": 5000.0})
    assert (row.concurrency, row.e2e_p99_ms) == (16.0, 5000.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"failed": 12}, "failed: 12 of 212 requests failed, and no latency counts them; measure again"),
        ({"failed": None, "num_prompts": 203}, "completed: 3 of 203 requests failed"),
        ({"completed": None}, "completed: missing key; is this a result file of vllm bench serve --save-result?"),
        ({"request_throughput": 0.0}, "request_throughput: must be above 0, got 0: nothing was measured"),
        ({"p99_ttft_ms": "slow"}, "p99_ttft_ms: expected a number of at least 0, got 'slow'"),
        ({"max_concurrency": None}, "max_concurrency: all requests were sent at once"),
        ({"max_concurrency": 500}, "max_concurrency: 500, but only 200 requests were sent"),
        ({"p99_ttft_ms": 90.0}, "ttft_p99_ms is 90, below ttft_p95_ms 180"),
    ],
)
def test_vllm_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert message in refused(tmp_path, "vllm", {**VLLM, **changes})


def test_no_engine_and_no_json(tmp_path: Path) -> None:
    assert "does not say which engine was measured" in refused(tmp_path, "vllm", VLLM, engine=None)
    (tmp_path / "broken.json").write_text('{"completed": 1,')
    with pytest.raises(InputError, match=r"broken\.json:1"):
        import_measurements("vllm", [tmp_path / "broken.json"], given())
    with pytest.raises(InputError, match="no such file"):
        import_measurements("guidellm", [tmp_path / "nothing.json"], given())


@pytest.mark.parametrize("version", [2, 4])
def test_guidellm(tmp_path: Path, version: int) -> None:
    slower, faster = read(tmp_path, "guidellm", guidellm(version))
    assert (slower.concurrency, slower.requests_per_s) == (5.9, 3.0), "a constant rate: the mean in flight"
    assert (faster.concurrency, faster.requests_per_s) == (8.0, 4.0), "streams"
    assert faster.size == (512, 256)
    assert (faster.ttft_p50_ms, faster.ttft_p99_ms) == (100.0, 200.0)
    assert (faster.tpot_p90_ms, faster.itl_p90_ms) == (18.0, None), "its inter-token latency is a mean per request"
    assert (faster.e2e_p95_ms, faster.e2e_mean_ms) == (3000.0, 2000.0), "seconds"
    assert faster.as_of == datetime.date(2025, 6, 19)


def test_guidellm_refused(tmp_path: Path) -> None:
    for version in (2, 4):
        assert "benchmarks[1]: 7 requests failed" in refused(tmp_path, "guidellm", guidellm(version, errored=7))
    assert "benchmarks: expected a list of benchmarks" in refused(tmp_path, "guidellm", VLLM)
    report = guidellm(4)
    del report["benchmarks"][0]["metrics"]["requests_per_second"]
    message = refused(tmp_path, "guidellm", report)
    assert "benchmarks[0].metrics.requests_per_second.successful.mean: missing key" in message


def test_planner(tmp_path: Path) -> None:
    """Two accelerators a replica: two of the three rows. 5 requests/s of 2 s each are 10 in flight."""
    slower, faster = read(tmp_path, "llm-d-planner", planner(), tensor=2, engine=None)
    assert [(r.concurrency, r.requests_per_s) for r in (slower, faster)] == [(10.0, 5.0), (20.0, 8.0)]
    assert (slower.size, slower.engine, slower.as_of) == ((512, 256), "vllm 0.8.5", datetime.date(2025, 6, 19))
    assert (slower.tpot_p95_ms, slower.itl_p95_ms, slower.ttft_p99_ms) == (12.0, None, 35.0)
    (single,) = read(tmp_path, "llm-d-planner", planner(), from_hardware="H100")
    assert single.requests_per_s == 3.0


def test_planner_refused(tmp_path: Path) -> None:
    several = refused(tmp_path, "llm-d-planner", planner(hardware="L40S"), tensor=2)
    assert "rows of 2 kinds fit; choose with --from-model, --from-hardware and the parallelism" in several
    assert "some/model on 2 x L40S" in several
    assert "no row fits a replica of 8" in refused(tmp_path, "llm-d-planner", planner(), tensor=8)
    assert "benchmarks[0].e2e_mean: missing key" in refused(tmp_path, "llm-d-planner", planner(e2e_mean=None), tensor=2)
    assert "is this a file of llm-d-planner?" in refused(tmp_path, "llm-d-planner", {"benchmarks": [{}]})


def test_mlperf_summary(tmp_path: Path) -> None:
    """800 samples/s of the system are 100 of each of eight replicas."""
    (row,) = read(tmp_path, "mlperf", SUMMARY, batch=64, items=270, replicas=8)
    assert figures(row) == {
        "batch": 64,
        "items": 270,
        "offered_per_s": 100.0,
        "requests_per_s": 100.0,
        "e2e_p50_ms": 8.0, "e2e_p90_ms": 12.0, "e2e_p95_ms": 14.0, "e2e_p99_ms": 20.0, "e2e_mean_ms": 9.0,
    }  # fmt: skip


def test_mlperf_offline_has_no_latency_of_a_service(tmp_path: Path) -> None:
    text = SUMMARY.replace("Scenario : Server", "Scenario : Offline")
    text = text.replace("Scheduled samples per second : 801.50", "Samples per second: 1000")
    (row,) = read(tmp_path, "mlperf", text, batch=64)
    assert (row.requests_per_s, row.e2e_p99_ms, row.items) == (1000.0, None, 1)


def test_mlperf_detail_of_a_language_model(tmp_path: Path) -> None:
    """16 samples/s on two replicas; 8 of 5 s each are 40 in flight on each."""
    (row,) = read(tmp_path, "mlperf", detail(), input_tokens=300, output_tokens=280, replicas=2)
    assert (row.requests_per_s, row.concurrency, row.size) == (8.0, 40.0, (300, 280))
    assert (row.ttft_p99_ms, row.tpot_p99_ms, row.e2e_p99_ms, row.ttft_mean_ms) == (1500.0, 150.0, 9000.0, 400.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SUMMARY.replace("is : VALID", "is : INVALID"), "result.txt:8: the result is INVALID; only VALID results"),
        (detail(result_validity="INVALID", result_invalid_reason="Min duration "), "is INVALID (Min duration); only"),
        (SUMMARY.replace(": Server", ": MultiStream"), "scenario MultiStream; taken are Server, Offline, SingleStream"),
        (SUMMARY.replace("Result is : VALID", ""), "no result; is this mlperf_log_summary.txt"),
        (SUMMARY.replace(" samples per second", ""), "no Completed samples per second and no Scheduled"),
        (SUMMARY.replace(": 800.00", ": many"), "expected a number of at least 0, got 'many'"),
        (detail() + ":::MLLOG {broken\n", "result.txt:12: no line of an MLPerf log"),
    ],
)
def test_mlperf_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path, "mlperf", text, batch=1)


def test_mlperf_needs_what_logs_do_not_say(tmp_path: Path) -> None:
    assert "batch is missing" in refused(tmp_path, "mlperf", SUMMARY)
    offline = detail(effective_scenario="Offline", result_samples_per_second=9.0)
    message = refused(tmp_path, "mlperf", offline, input_tokens=300, output_tokens=280)
    assert "how many requests were in flight; give --concurrency" in message
    (row,) = read(tmp_path, "mlperf", offline, input_tokens=300, output_tokens=280, concurrency=256.0)
    assert (row.concurrency, row.requests_per_s, row.ttft_p99_ms) == (256.0, 9.0, None)


def test_the_table_reads_back(tmp_path: Path) -> None:
    rows = read(tmp_path, "guidellm", guidellm(4), node_type="n", pipeline=2, source="own, with commas")
    table = tmp_path / "table.csv"
    table.write_text(measurements_text(rows))
    assert [row for _, row in read_table(table, Measurement)] == rows
    assert table.read_text().splitlines()[0].endswith(",source,as_of")


def test_sizes_that_are_nearly_one(tmp_path: Path) -> None:
    rows = read(tmp_path, "guidellm", guidellm(4)) + read(tmp_path, "vllm", {**VLLM, "total_output_tokens": 50400})
    assert nearly_equal_sizes(rows) == [((512, 252), (512, 256))]
    assert nearly_equal_sizes(read(tmp_path, "vllm", {**VLLM, "total_output_tokens": 50400}, output_tokens=256)) == []
