"""Result files of vLLM's serving benchmark (`vllm bench serve --save-result`, before that `benchmark_serving.py`).

One file is one operating point. Keys as in vllm/benchmarks/serve.py of github.com/vllm-project/vllm.
"""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING

from gpufleet.library.importers.benchmarks.json_results import Fields, Results, in_flight, significant, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.benchmarks.given import Given

TOOL = "vllm bench serve --save-result"
METRICS = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2el": "e2e"}
"""What vLLM calls a metric, and what our columns do."""


def read(path: str, given: Given) -> Iterator[Fields]:
    """The operating point of a result file. Raises InputError for what is wrong with it."""
    results = Results(path, TOOL)
    completed = results.needed("completed")
    rate = significant(results.needed("request_throughput"))
    inputs, outputs = (results.needed(f"total_{side}_tokens") / completed for side in ("input", "output"))
    _refuse_failures(results, completed)
    latencies = _latencies(results)
    concurrency = given.concurrency or _concurrency(results, completed, rate, outputs, latencies)
    results.stop()
    yield {
        "input_tokens": tokens(inputs),
        "output_tokens": tokens(outputs),
        "concurrency": concurrency,
        "requests_per_s": rate,
        "as_of": _date(results),
        "source": f"{TOOL}: {path}",
        **latencies,
    }


def _refuse_failures(results: Results, completed: float) -> None:
    """Failed requests are in no percentile, so the figures would be too good."""
    asked = results.number("num_prompts")
    failed = results.number("failed") or (max(asked - completed, 0.0) if asked else 0.0)
    if failed:
        message = f"{failed:g} of {completed + failed:g} requests failed, and no latency counts them; measure again"
        results.refuse(("failed",) if results.find("failed") else ("completed",), message)


def _latencies(results: Results) -> Fields:
    found: Fields = {}
    for theirs, ours in METRICS.items():
        for part in ("p50", "p90", "p95", "p99", "mean"):
            value = results.number(f"{part}_{theirs}_ms")
            if value is None and part == "p50":
                value = results.number(f"median_{theirs}_ms")
            if value is not None:
                found[f"{ours}_{part}_ms"] = significant(value)
    return found


def _concurrency(results: Results, completed: float, rate: float, outputs: float, latencies: Fields) -> float:
    """At a given request rate what Little's law says; else the largest concurrency, which is then always reached."""
    asked = results.find("request_rate")
    if isinstance(asked, int | float) and math.isfinite(asked):
        mean = latencies.get("e2e_mean_ms")
        if mean is None and "ttft_mean_ms" in latencies and "tpot_mean_ms" in latencies:
            mean = latencies["ttft_mean_ms"] + (outputs - 1.0) * latencies["tpot_mean_ms"]
        if mean:
            return in_flight(rate, mean)
        results.refuse(("request_rate",), "no mean latency to find the concurrency from; give --concurrency")
        return 1.0
    most = results.number("max_concurrency")
    if not most:
        message = "all requests were sent at once, so there was no steady load; measure with --max-concurrency"
        results.refuse(("max_concurrency",), message)
    elif most > completed:
        results.refuse(("max_concurrency",), f"{most:g}, but only {completed:g} requests were sent; send more of them")
    return most or 1.0


def _date(results: Results) -> datetime.date | None:
    """`20250131-142500` as a date."""
    text = results.find("date")
    if not isinstance(text, str) or len(text) < len("20250131") or not text[:8].isdigit():
        return None
    try:
        return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
