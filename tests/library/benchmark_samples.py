"""Result files of benchmarking tools, made up, in the structure that the tools write."""

from __future__ import annotations

import json
from typing import Any

VLLM = {
    "date": "20250619-101500",
    "backend": "vllm",
    "model_id": "some/model",
    "tokenizer_id": "some/model",
    "num_prompts": 200,
    "request_rate": "inf",
    "burstiness": 1.0,
    "max_concurrency": 16,
    "duration": 50.0,
    "completed": 200,
    "failed": 0,
    "total_input_tokens": 102400,
    "total_output_tokens": 51200,
    "request_throughput": 4.0,
    "output_throughput": 1024.0,
    "total_token_throughput": 3072.0,
    "mean_ttft_ms": 120.0,
    "median_ttft_ms": 100.0,
    "std_ttft_ms": 40.0,
    "p95_ttft_ms": 180.0,
    "p99_ttft_ms": 250.1234567,
    "mean_tpot_ms": 15.0,
    "median_tpot_ms": 14.5,
    "std_tpot_ms": 1.0,
    "p99_tpot_ms": 18.0,
    "mean_itl_ms": 15.1,
    "median_itl_ms": 13.0,
    "p99_itl_ms": 60.0,
}


def _spread(mean: float) -> dict[str, Any]:
    percentiles = {"p50": mean, "p75": mean * 1.1, "p90": mean * 1.2, "p95": mean * 1.5, "p99": mean * 2}
    spread = {"mean": mean, "median": mean, "std_dev": 1.0, "count": 100, "percentiles": percentiles}
    return {"successful": spread, "incomplete": None, "errored": None, "total": spread}


def guidellm(version: int, errored: int = 0) -> dict[str, Any]:
    """A report with a concurrent benchmark of 8 streams and one at a constant rate; version 0.2 or 0.4 by structure."""

    def entry(strategy: dict[str, Any], rate: float, in_flight: float) -> dict[str, Any]:
        totals = {"successful": 100, "incomplete": 3, "errored": errored, "total": 103 + errored}
        metrics = {
            "requests_per_second": _spread(rate),
            "request_concurrency": _spread(in_flight),
            "request_latency": _spread(2.0),
            "prompt_token_count": _spread(512.0),
            "output_token_count": _spread(255.4),
            "time_to_first_token_ms": _spread(100.0),
            "time_per_output_token_ms": _spread(14.9),
            "inter_token_latency_ms": _spread(15.0),
        }
        if version == 2:
            return {"type_": "generative_benchmark", "args": {"strategy": strategy}, "start_time": 1750327200.0,
                    "request_totals": totals, "metrics": metrics}  # fmt: skip
        return {"config": {"strategy": strategy}, "scheduler_metrics": {"start_time": 1750327200.0},
                "metrics": {**metrics, "request_totals": totals}}  # fmt: skip

    constant = {"type_": "constant", "rate": 3.0}
    return {"benchmarks": [entry({"type_": "concurrent", "streams": 8}, 4.0, 7.9), entry(constant, 3.0, 5.9)]}


def planner(**changes: Any) -> dict[str, Any]:
    """Two points of one model on two accelerators, and one on a single one."""
    point = {
        "model_hf_repo": "some/model",
        "hardware": "H100",
        "hardware_count": 2,
        "framework": "vllm",
        "framework_version": "0.8.5",
        "prompt_tokens": 512,
        "output_tokens": 256,
        "mean_input_tokens": 511.6,
        "mean_output_tokens": 256.0,
        "jbenchmark_created_at": "2025-06-19T10:15:00",
        "ttft_mean": 20.0, "ttft_p90": 25.0, "ttft_p95": 28.0, "ttft_p99": 35.0,
        "itl_mean": 8.0, "itl_p90": 10.0, "itl_p95": 12.0, "itl_p99": 15.0,
        "e2e_mean": 2000.0, "e2e_p90": 3000.0, "e2e_p95": 3100.0, "e2e_p99": 3500.0,
        "requests_per_second": 5.0,
        "tokens_per_second": 1280.0,
    }  # fmt: skip
    single = {**point, "hardware_count": 1, "requests_per_second": 3.0}
    faster = {**point, "requests_per_second": 8.0, "e2e_mean": 2500.0}
    return {"_metadata": {"version": "1"}, "benchmarks": [{**point, **changes}, faster, single]}


SUMMARY = """\
================================================
MLPerf Results Summary
================================================
SUT name : PySUT
Scenario : Server
Mode     : PerformanceOnly
Scheduled samples per second : 801.50
Result is : VALID
  Performance constraints satisfied : Yes
  Min duration satisfied : Yes
  Min queries satisfied : Yes
  Early stopping satisfied: Yes
Early Stopping Result:
 * Run successful.

================================================
Additional Stats
================================================
Completed samples per second    : 800.00

Min latency (ns)                : 4000000
Max latency (ns)                : 40000000
Mean latency (ns)               : 9000000
50.00 percentile latency (ns)   : 8000000
90.00 percentile latency (ns)   : 12000000
95.00 percentile latency (ns)   : 14000000
97.00 percentile latency (ns)   : 15000000
99.00 percentile latency (ns)   : 20000000
99.90 percentile latency (ns)   : 30000000

================================================
Test Parameters Used
================================================
samples_per_query : 1
target_qps : 800
"""


def detail(**values: Any) -> str:
    """A detailed log of a Server run of a language model; values by key replace or add lines."""
    known: dict[str, Any] = {
        "loadgen_version": "5.0",
        "requested_scenario": "Server",
        "effective_scenario": "Server",
        "result_validity": "VALID",
        "result_scheduled_samples_per_sec": 16.2,
        "result_completed_samples_per_sec": 16.0,
        "result_mean_latency_ns": 5e9,
        "result_99.00_percentile_latency_ns": 9000000000,
        "result_first_token_99.00_percentile_latency_ns": 1500000000,
        "result_first_token_mean_latency_ns": 4e8,
        "result_time_per_output_token_99.00_percentile_ns": 150000000,
    }
    meta = {"time_ms": 1.0, "namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", "metadata": {}}
    lines = (json.dumps({"key": key, "value": value, **meta}) for key, value in {**known, **values}.items())
    return "".join(f":::MLLOG {line}\n" for line in lines)
