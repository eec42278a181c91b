"""Latency, training time and memory beside their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpufleet.report.format import percent
from gpufleet.report.procurement.content import Bars, Block, Chart, Column, Paragraph, Section, Table
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Form, Material

MOST_BARS = 20
MEMORY = "memory"


class Kept(NamedTuple):
    """A figure beside its limit."""

    workload: str
    what: str
    where: str
    node_type: str
    value: float
    limit: float
    unit: str
    high: float | None
    """95 % of the truth is expected below this multiple of the estimate."""

    @property
    def used(self) -> float:
        """Share of the limit."""
        return self.value / self.limit if self.limit else 0.0


def limits(material: Material) -> Section:
    """The section."""
    return Section("limits", "Latency, deadlines and memory", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    rows = sorted(set(_figures(material)), key=lambda row: -row.used)
    if not rows:
        yield Paragraph("The plan states no latency, deadline or memory against a limit.")
        return
    yield from _chart("Latency and deadlines: share of the limit", [row for row in rows if row.what != MEMORY])
    yield from _chart("Memory: share of what can be used", [row for row in rows if row.what == MEMORY])
    yield _table(rows)


def _chart(title: str, rows: list[Kept]) -> Iterator[Chart]:
    """Bars for those that are nearest to their limit."""
    if not rows:
        return
    shown = rows[:MOST_BARS]
    nearest = f"{shown[0].workload}, {shown[0].what}, uses {percent(shown[0].used)}"
    left = f"; the chart shows the {MOST_BARS} nearest of {len(rows)}" if len(rows) > MOST_BARS else ""
    words = f"Predicted figures over their limits, at the planned load; {nearest}{left}."
    bars = tuple((f"{row.workload}, {row.what}, {row.node_type}", 100 * row.used, percent(row.used)) for row in shown)
    yield Chart(title, words, Bars(bars, "% of the limit", limit=100.0))


def _table(rows: list[Kept]) -> Table:
    columns = (
        Column("Workload"),
        Column("Figure"),
        Column("Nodes"),
        Column("Predicted", "number"),
        Column("Limit", "number"),
        Column("Unit"),
        Column("Used", "share"),
        Column("95 % below", "number"),
    )
    cells = tuple(
        (r.workload, r.what, r.where, r.value, r.limit, r.unit, r.used, None if r.high is None else r.value * r.high)
        for r in rows
    )
    return Table("Figures against limits, the nearest first", columns, cells)


def _figures(material: Material) -> Iterator[Kept]:
    for form in material.forms:
        yield from _latencies(form, material.classes_of(form))
        yield from _days(material, form)
        sizes = [
            (e.memory_gb, e.memory_limit_gb) for e in form.entries if e.memory_gb is not None and e.memory_limit_gb
        ]
        if sizes:
            most, limit = max(sizes, key=lambda pair: (pair[0] or 0.0) / (pair[1] or 1.0))
            yield Kept(
                form.first.workload,
                MEMORY,
                form.where,
                form.first.node_type,
                most or 0.0,
                limit or 0.0,
                "GB an accelerator",
                None,
            )


def _latencies(form: Form, classes: frozenset[str]) -> Iterator[Kept]:
    """Of every metric and class that it serves, the time at which most of the limit is used."""
    worst: dict[tuple[str, str, float, float], Kept] = {}
    for figure in (figure for entry in form.entries for figure in entry.latency):
        if classes and figure.request_class not in classes:
            continue
        key = (figure.metric, figure.request_class, figure.percentile, figure.limit_ms)
        what = f"{figure.metric.replace('_', ' ')} p{figure.percentile:g} of {figure.request_class}"
        node = form.first.node_type
        row = Kept(form.first.workload, what, form.where, node, figure.predicted_ms, figure.limit_ms, "ms", figure.high)
        worst[key] = max(worst.get(key, row), row, key=lambda kept: kept.used)
    yield from worst.values()


def _days(material: Material, form: Form) -> Iterator[Kept]:
    workload = material.resolved.workloads.get(form.first.workload)
    days = [entry.training_days for entry in form.entries if entry.training_days is not None]
    if isinstance(workload, Training) and days:
        # a slower run takes as much longer as its rate is lower
        low = form.first.rate_low
        high = 1 / low if low else None
        yield Kept(
            workload.name,
            "days to train",
            form.where,
            form.first.node_type,
            max(days),
            workload.deadline_days,
            "days",
            high,
        )
