"""Reports of GuideLLM (`benchmarks.json`, or the same as YAML); each entry of `benchmarks` is one operating point.

Fields as in src/guidellm/benchmark of github.com/vllm-project/guidellm: up to 0.3 the strategy stands under `args` and
the request totals beside `metrics`; later under `config` and inside `metrics`. GuideLLM's inter-token latency is a mean
per request, which is our `tpot`; it does not record single gaps.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from gpufleet.library.importers.benchmarks.json_results import Fields, Results, significant, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.fields import Loc
    from gpufleet.library.importers.benchmarks.given import Given

TOOL = "GuideLLM"
METRICS = (
    ("time_to_first_token_ms", "ttft", 1.0),
    ("inter_token_latency_ms", "tpot", 1.0),
    ("request_latency", "e2e", 1000.0),
)
"""What GuideLLM calls a metric, our column, and its unit in ms."""
TOTALS = (("metrics", "request_totals"), ("request_totals",), ("run_stats", "requests_made"))
STARTS = (("scheduler_metrics", "start_time"), ("start_time",), ("run_stats", "start_time"))


def read(path: str, given: Given) -> Iterator[Fields]:
    """The operating points of a report. Raises InputError for what is wrong with it."""
    results = Results(path, TOOL)
    entries = results.find("benchmarks")
    if not isinstance(entries, list) or not entries:
        results.refuse(("benchmarks",), f"expected a list of benchmarks; is this a report of {TOOL}?")
        entries = []
    points = [_point(results, ("benchmarks", number), path) for number in range(len(entries))]
    results.stop()
    yield from points


def _point(results: Results, loc: Loc, path: str) -> Fields:
    metrics = (*loc, "metrics")
    errored = next((n for place in TOTALS if (n := results.number(*loc, *place, "errored")) is not None), 0.0)
    if errored:
        results.refuse(loc, f"{errored:g} requests failed, and no latency counts them; measure again")
    return {
        "input_tokens": tokens(_mean(results, (*metrics, "prompt_token_count"))),
        "output_tokens": tokens(_mean(results, (*metrics, "output_token_count"))),
        "concurrency": _concurrency(results, loc),
        "requests_per_s": significant(_mean(results, (*metrics, "requests_per_second"))),
        "as_of": _date(results, loc),
        "source": f"{TOOL}: {path}",
        **_latencies(results, metrics),
    }


def _mean(results: Results, loc: Loc) -> float:
    return results.needed(*loc, "successful", "mean")


def _concurrency(results: Results, loc: Loc) -> float:
    """Streams of a concurrent strategy, else the mean of the requests that were in flight."""
    for holder in ("config", "args"):
        kind = results.find(*loc, holder, "strategy", "type_")
        streams = results.number(*loc, holder, "strategy", "streams")
        if kind == "concurrent" and streams:
            return streams
        if kind == "synchronous":
            return 1.0
    return significant(_mean(results, (*loc, "metrics", "request_concurrency")))


def _latencies(results: Results, metrics: Loc) -> Fields:
    found: Fields = {}
    for theirs, ours, unit in METRICS:
        place = (*metrics, theirs, "successful")
        for part in ("p50", "p90", "p95", "p99", "mean"):
            value = results.number(*place, "mean") if part == "mean" else results.number(*place, "percentiles", part)
            if value is None and part == "p50":
                value = results.number(*place, "median")
            if value is not None:
                found[f"{ours}_{part}_ms"] = significant(value * unit)
    return found


def _date(results: Results, loc: Loc) -> datetime.date | None:
    start = next((n for place in STARTS if (n := results.number(*loc, *place))), None)
    return None if start is None else datetime.datetime.fromtimestamp(start, tz=datetime.UTC).date()
