"""Request traces to request classes and an hourly demand profile.

Reads the format of the public Azure LLM inference traces (Azure/AzurePublicDataset): a CSV with one request per row and
the columns TIMESTAMP, ContextTokens, GeneratedTokens. Requests fall into size buckets by prompt and output tokens; a
bucket becomes a request class with the mean sizes, rounded up, of its requests. Hours of the day become periods; the
rate of an hour is a percentile of its minutes, so that bursts inside the hour are covered. All classes follow the same
hours: their mix is that of the whole trace.
"""

from __future__ import annotations

import bisect
import csv
import io
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.reader import read_text
from gpufleet.schema.instance import Instance
from gpufleet.schema.time import Period
from gpufleet.schema.workloads import LLMServing, TokenClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
INPUT_EDGES: Final = (256, 1024, 4096)
OUTPUT_EDGES: Final = (64, 256)
SECONDS_PER_MINUTE: Final = 60
MAX_PROBLEMS: Final = 20


@dataclass(frozen=True)
class Request:
    """One row of a trace."""

    at: datetime
    input_tokens: int
    output_tokens: int


def read_trace(path: Path | str) -> list[Request]:
    """The requests of a trace. Raises InputError with the first problems of the file, each with its line."""
    name = str(path)
    rows = csv.reader(io.StringIO(read_text(path)))
    header = next(rows, [])
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        message = f"the header has no column {', '.join(missing)}; a trace has {', '.join(COLUMNS)}"
        raise InputError([InputProblem(name, 1, "", message)])
    places = [header.index(column) for column in COLUMNS]
    requests, problems = [], []
    for cells in rows:
        if cells:
            try:
                requests.append(_request([cells[place] for place in places]))
            except (ValueError, IndexError):
                problems.append(InputProblem(name, rows.line_num, "", _wrong(cells)))
    if problems:
        raise InputError(problems[:MAX_PROBLEMS])
    if not requests:
        raise InputError([InputProblem(name, 1, "", "the trace holds no requests")])
    return requests


def _request(cells: Sequence[str]) -> Request:
    request = Request(datetime.fromisoformat(cells[0].strip()), int(cells[1]), int(cells[2]))
    if request.input_tokens < 1 or request.output_tokens < 0:
        raise ValueError
    return request


def _wrong(cells: list[str]) -> str:
    return f"not a request: {','.join(cells)[:80]!r}; write a time, prompt tokens (1 or more) and generated tokens"


def with_trace(
    instance: Instance,
    workload: str,
    requests: Sequence[Request],
    *,
    input_edges: Sequence[int] = INPUT_EDGES,
    output_edges: Sequence[int] = OUTPUT_EDGES,
    percentile: float = 95.0,
    scale: float = 1.0,
) -> Instance:
    """The instance with one `llm_serving` workload's classes, and its periods, taken from a trace.

    `percentile` (0-100) picks the minute of every hour that sets its rate; `scale` multiplies all rates. A trace that
    covers a single hour of the day gives classes at that rate and no periods. Raises InputError when the instance has
    no such workload, or has periods already.
    """
    served = _workload(instance, workload)
    hours = _hourly_rates(requests, percentile)
    peak = max(hours.values()) * scale
    classes = tuple(_classes(requests, input_edges, output_edges, peak))
    changed = tuple(
        w if w is not served else served.model_copy(update={"classes": classes}) for w in instance.workloads
    )
    fields = {name: getattr(instance, name) for name in instance.model_fields_set}
    fields |= {"workloads": changed, "periods": tuple(_periods(instance, hours)), "baseline_plan": None}
    return Instance.model_validate(fields)


def _workload(instance: Instance, name: str) -> LLMServing:
    serving = {w.name: w for w in instance.workloads if isinstance(w, LLMServing)}
    if name not in serving:
        known = ", ".join(serving) or "none"
        message = f"the instance has no llm_serving workload {name}; it has {known}"
        raise InputError([InputProblem("<memory>", 0, "workloads", message)])
    if instance.periods:
        message = "the instance has periods already; remove them, the trace brings its own"
        raise InputError([InputProblem("<memory>", 0, "periods", message)])
    return serving[name]


def _hourly_rates(requests: Sequence[Request], percentile: float) -> dict[int, float]:
    """Requests/s per hour of the day: the percentile (nearest rank) over its minutes that lie within the trace."""
    per_minute = Counter(request.at.replace(second=0, microsecond=0) for request in requests)
    minutes: defaultdict[int, list[int]] = defaultdict(list)
    for minute, count in per_minute.items():
        minutes[minute.hour].append(count)
    rates = {}
    for hour in sorted(minutes):
        counts = sorted(minutes[hour])
        rank = max(math.ceil(percentile / 100 * len(counts)), 1)
        rates[hour] = counts[rank - 1] / SECONDS_PER_MINUTE
    return rates


def _periods(instance: Instance, hours: dict[int, float]) -> Iterator[Period]:
    """One period per hour of the day, each an equal part of the horizon; none when the trace covers one hour."""
    if len(hours) > 1:
        peak = max(hours.values())
        part = instance.hours / len(hours)
        for hour, rate in hours.items():
            yield Period(name=f"{hour:02d}h", hours=float(part), demand_factor=round(rate / peak, 6))


def _classes(
    requests: Sequence[Request], input_edges: Sequence[int], output_edges: Sequence[int], peak: float
) -> Iterator[TokenClass]:
    """Buckets by size that hold requests, with their share of the peak rate."""
    buckets: defaultdict[tuple[int, int], list[Request]] = defaultdict(list)
    for request in requests:
        key = (
            bisect.bisect_left(input_edges, request.input_tokens),
            bisect.bisect_left(output_edges, request.output_tokens),
        )
        buckets[key].append(request)
    for (row, column), members in sorted(buckets.items()):
        yield TokenClass(
            name=f"in-{_span(input_edges, row)}-out-{_span(output_edges, column)}",
            input_tokens=math.ceil(sum(r.input_tokens for r in members) / len(members)),
            output_tokens=max(math.ceil(sum(r.output_tokens for r in members) / len(members)), 1),
            requests_per_s=round(peak * len(members) / len(requests), 6),
        )


def _span(edges: Sequence[int], index: int) -> str:
    return f"to{edges[index]}" if index < len(edges) else f"over{edges[-1]}"
