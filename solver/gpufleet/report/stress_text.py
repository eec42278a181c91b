"""A stress test as tables: plans side by side, then workload by workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money, percent
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.statistics import Figure
    from gpufleet.stressing.stress import PlanStress, Strain, StressReport

FIGURES = ("violated", "95 %", "unmet", "95 % ", "p95")
MOST_NOTES = 3
"""Broken rules of a plan that are written out."""


def stress_text(
    resolved: ResolvedInstance, report: StressReport, missing: Mapping[str, str] | None = None
) -> Iterator[RenderableType]:
    """What was drawn, the plans, their workloads, and how to read it."""
    yield Text(resolved.instance.title, style="bold")
    yield Text(_drawn(report))
    yield Padding(_wholes(report), (1, 0, 0, 0))
    for found in report.plans:
        yield Text(f"{found.label}: {fleet_words(resolved, found.plan)}", style="dim")
    for label, reason in (missing or {}).items():
        yield Text(f"{label}: no plan ({reason})", style="red")
    yield from (Text(line, style="yellow") for found in report.plans for line in _notes(found))
    yield Padding(_workloads(report), (1, 0, 1, 0))
    yield Text(_legend(report), style="dim")


def _wholes(report: StressReport) -> RenderableType:
    grid = table("the whole estate", "USD total", *FIGURES, numeric=("USD total", *FIGURES))
    for found in report.plans:
        grid.add_row(found.label, money(found.cost_usd), *_cells(found.whole))
    return grid


def _workloads(report: StressReport) -> RenderableType:
    grid = table("workload by workload", *FIGURES, numeric=FIGURES)
    for number, strain in enumerate(report.plans[0].workloads):
        grid.add_row(Text(strain.workload, style="bold"))
        for found in report.plans:
            mine = found.workloads[number]
            grid.add_row(f"  {found.label}", *(_cells(mine) if mine.samples else ("not asked",)))
    return grid


def _cells(strain: Strain) -> tuple[str, ...]:
    violations, unmet = strain.violations, strain.unmet
    return (percent(violations.value), _span(violations), percent(unmet.value), _span(unmet), percent(strain.bad_day))


def _drawn(report: StressReport) -> str:
    known = report.settings
    low, high = known.demand
    demand = f"demand times {low:g} to {high:g}" if low < high else f"demand times {low:g}"
    errors = "throughputs drawn from their intervals, " if known.throughput else "throughputs as estimated, "
    moved = "replicas stay on their nodes" if report.fixed_replicas else "replicas may be moved"
    there = f"every node there {100 * known.availability:.4g} % of the time"
    return f"{known.samples:,} scenarios (seed {known.seed}): {errors}{demand}, {there}; {moved}."


def _legend(report: StressReport) -> str:
    return (
        "Violated: share of scenarios in which something of it is unmet or late, with the 95 % confidence interval. "
        "Unmet: mean share of its requests (of a training run: of its work), likewise. p95: not more than that is "
        "unmet in 95 % of scenarios. " + ("All plans met the same scenarios." if len(report.plans) > 1 else "")
    ).strip()


def _notes(found: PlanStress) -> Iterator[str]:
    for note in found.notes[:MOST_NOTES]:
        yield f"{found.label} breaks a rule without any stress: {note}"
    if len(found.notes) > MOST_NOTES:
        yield f"{found.label}: {len(found.notes) - MOST_NOTES} more broken rules; see gpufleet verify"


def _span(found: Figure) -> str:
    digits = 1 if found.high >= 0.01 else 3
    return f"{100 * found.low:.{digits}f}-{100 * found.high:.{digits}f} %"
