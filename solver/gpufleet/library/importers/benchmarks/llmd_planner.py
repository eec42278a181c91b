"""Benchmark files of llm-d-planner (`{"benchmarks": [...]}`); each row is one operating point of some model on some
hardware, of which those of one model, hardware and number of accelerators are taken.

Fields as in scripts/schema.sql of github.com/llm-d-incubation/llm-d-planner. Its inter-token latencies come from
GuideLLM and are means per request, our `tpot`. Concurrency is not recorded; it follows by Little's law. Some of these
files hold simulated rows: what was measured is for the reader to know.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from gpufleet.library.importers.benchmarks.json_results import Fields, Results, in_flight, significant, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.benchmarks.given import Given

TOOL = "llm-d-planner"
METRICS = {"ttft": "ttft", "itl": "tpot", "e2e": "e2e"}
Group = tuple[str, str, int]
"""Model repository, hardware, number of accelerators."""


def read(path: str, given: Given) -> Iterator[Fields]:
    """The operating points that fit what was asked for. Raises InputError for what is wrong, or ambiguous."""
    results = Results(path, TOOL)
    entries = results.find("benchmarks")
    if not isinstance(entries, list) or not entries:
        results.refuse(("benchmarks",), f"expected a list of benchmarks; is this a file of {TOOL}?")
        entries = []
    groups = {number: _group(results, number) for number in range(len(entries))}
    results.stop()
    chosen = _chosen(results, sorted(set(groups.values())), given)
    points = [_point(results, number, path) for number, group in groups.items() if group == chosen]
    results.stop()
    yield from points


def _group(results: Results, number: int) -> Group:
    model, hardware = (results.find("benchmarks", number, name) for name in ("model_hf_repo", "hardware"))
    for name, value in (("model_hf_repo", model), ("hardware", hardware)):
        if not isinstance(value, str):
            results.refuse(("benchmarks", number, name), f"missing key; is this a file of {TOOL}?")
    return str(model), str(hardware), int(results.needed("benchmarks", number, "hardware_count"))


def _chosen(results: Results, groups: list[Group], given: Given) -> Group | None:
    """The one group that is asked for."""
    size = given.accelerators
    fitting = [
        group
        for group in groups
        if given.from_model in (None, group[0]) and given.from_hardware in (None, group[1]) and group[2] == size
    ]
    if len(fitting) == 1:
        return fitting[0]
    there = "; ".join(f"{model} on {count} x {hardware}" for model, hardware, count in fitting or groups)
    what = f"rows of {len(fitting)} kinds fit" if fitting else f"no row fits a replica of {size}"
    message = f"{what}; choose with --from-model, --from-hardware and the parallelism: {there}"
    results.refuse(("benchmarks",), message)
    results.stop()
    return None


def _point(results: Results, number: int, path: str) -> Fields:
    row = ("benchmarks", number)
    done = results.number(*row, "responses_per_second")
    rate = significant(done or results.needed(*row, "requests_per_second"))
    sizes = [results.number(*row, f"mean_{side}_tokens") for side in ("input", "output")]
    found: Fields = {
        "input_tokens": tokens(sizes[0] or results.needed(*row, "prompt_tokens")),
        "output_tokens": tokens(sizes[1] or results.needed(*row, "output_tokens")),
        "requests_per_s": rate,
        "concurrency": in_flight(rate, results.needed(*row, "e2e_mean")),
        "engine": _engine(results, number),
        "as_of": _date(results, number),
        "source": f"{TOOL}: {path}",
    }
    for theirs, ours in METRICS.items():
        for part in ("mean", "p90", "p95", "p99"):
            value = results.number(*row, f"{theirs}_{part}")
            if value is not None:
                found[f"{ours}_{part}_ms"] = significant(value)
    return found


def _engine(results: Results, number: int) -> str | None:
    words = [results.find("benchmarks", number, name) for name in ("framework", "framework_version")]
    return " ".join(str(word) for word in words if word) or None


def _date(results: Results, number: int) -> datetime.date | None:
    text = results.find("benchmarks", number, "jbenchmark_created_at")
    try:
        return datetime.date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
