"""Logs of MLPerf Inference: `mlperf_log_summary.txt` or `mlperf_log_detail.txt` of a performance run.

Keys as in loadgen/results.cc of github.com/mlcommons/inference. Only valid results are taken. The figures are those of
the whole system; with `replicas` they are divided among that many equal ones. A sample is one request. In Offline all
samples are there from the start, so its latencies are not those of a service and are left out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.importers.benchmarks.json_results import Fields, in_flight, significant
from gpufleet.library.reader import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.benchmarks.given import Given

NS_PER_MS = 1e6
MARK = ":::MLLOG "
SUMMARY_LINE = re.compile(r"^(?P<key>[A-Za-z0-9][^:]*?)\s*:\s*(?P<value>\S.*)$")
RATES = {
    "Server": ("Completed samples per second", "Scheduled samples per second"),
    "Offline": ("Samples per second",),
    "SingleStream": ("QPS w/o loadgen overhead",),
}
DETAIL_NAMES = {
    "effective_scenario": "Scenario",
    "requested_scenario": "Scenario",
    "result_validity": "Result is",
    "result_invalid_reason": "reason",
    "result_completed_samples_per_sec": "Completed samples per second",
    "result_scheduled_samples_per_sec": "Scheduled samples per second",
    "result_samples_per_second": "Samples per second",
    "result_qps_without_loadgen_overhead": "QPS w/o loadgen overhead",
    "result_mean_latency_ns": "Mean latency (ns)",
    "result_first_token_mean_latency_ns": "Mean First Token latency (ns)",
    "result_time_to_output_token_mean": "Mean Time to Output Token (ns)",
}
"""Keys of the detailed log as the summary writes them."""
PERCENTILES = {
    "e2e": ("{} percentile latency (ns)", "result_{}_percentile_latency_ns"),
    "ttft": ("{} percentile first token latency (ns)", "result_first_token_{}_percentile_latency_ns"),
    "tpot": ("{} percentile time to output token (ns)", "result_time_per_output_token_{}_percentile_ns"),
}
MEANS = {
    "e2e": "Mean latency (ns)",
    "ttft": "Mean First Token latency (ns)",
    "tpot": "Mean Time to Output Token (ns)",
}


def read(path: str, given: Given) -> Iterator[Fields]:
    """The operating point of a log. Raises InputError for anything but a valid performance result."""
    entries = _entries(path)
    scenario = str(entries.get("Scenario", (0, ""))[1])
    _check(path, entries, scenario)
    line, total = next(entries[name] for name in RATES[scenario] if name in entries)
    rate = significant(_number(path, line, total) / given.replicas)
    latencies = {} if scenario == "Offline" else _latencies(path, entries)
    found: Fields = {"requests_per_s": rate, "source": f"MLPerf Inference, {scenario}: {path}", **latencies}
    if given.input_tokens is None:
        yield {**found, "items": given.items or 1, "offered_per_s": rate}
    elif given.concurrency is None and "e2e_mean_ms" not in latencies:
        _refuse(path, 0, "the log says nothing of how many requests were in flight; give --concurrency")
    else:
        yield {**found, "concurrency": given.concurrency or in_flight(rate, latencies["e2e_mean_ms"])}


def _entries(path: str) -> dict[str, tuple[int, Any]]:
    """Summary key to (line, value), from either log."""
    found: dict[str, tuple[int, Any]] = {}
    for line, text in enumerate(read_text(path).splitlines(), start=1):
        if text.startswith(MARK):
            try:
                entry = json.loads(text[len(MARK) :])
                name = str(entry["key"])
                found[DETAIL_NAMES.get(name, name)] = (line, entry["value"])
            except (ValueError, KeyError, TypeError):
                _refuse(path, line, "no line of an MLPerf log: expected :::MLLOG and JSON with key and value")
        elif match := SUMMARY_LINE.match(text.strip()):
            found.setdefault(match["key"], (line, match["value"].strip()))
    return found


def _check(path: str, entries: dict[str, tuple[int, Any]], scenario: str) -> None:
    if "Result is" not in entries:
        _refuse(path, 0, "no result; is this mlperf_log_summary.txt or mlperf_log_detail.txt of a finished run?")
    line, validity = entries["Result is"]
    if validity != "VALID":
        reason = f" ({str(entries['reason'][1]).strip()})" if "reason" in entries else ""
        _refuse(path, line, f"the result is {validity}{reason}; only VALID results are taken")
    if scenario not in RATES:
        taken = ", ".join(RATES)
        _refuse(path, entries.get("Scenario", (0, ""))[0], f"scenario {scenario or 'unknown'}; taken are {taken}")
    if not any(name in entries for name in RATES[scenario]):
        _refuse(path, 0, f"no {' and no '.join(RATES[scenario])}, which a result of {scenario} has")


def _latencies(path: str, entries: dict[str, tuple[int, Any]]) -> Fields:
    found: Fields = {}
    for column, names in PERCENTILES.items():
        for percentile in (50, 90, 95, 99):
            keys = [name.format(f"{percentile}.00") for name in names]
            place = next((entries[key] for key in keys if key in entries), None)
            if place is not None:
                found[f"{column}_p{percentile}_ms"] = significant(_number(path, *place) / NS_PER_MS)
        if MEANS[column] in entries:
            found[f"{column}_mean_ms"] = significant(_number(path, *entries[MEANS[column]]) / NS_PER_MS)
    return found


def _number(path: str, line: int, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        _refuse(path, line, f"expected a number of at least 0, got {value!r}")
    return number


def _refuse(path: str, line: int, message: str) -> NoReturn:
    raise InputError([InputProblem(path, line, "", message)])
