"""How often a training run that stops and goes on starts, and what that costs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.format import figure
from gpufleet.verification.restarts import form_of, occurrences, starts_of
from gpufleet.verification.slices import slices_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Training


def restart_lines(
    resolved: ResolvedInstance, plan: Plan, workload: Training, group: Sequence[Deployment]
) -> Iterator[str]:
    """Starts of one deployment of a run a day, where each of them loses something."""
    if not (workload.restart_minutes and resolved.instance.periods):
        return
    slices = slices_of(resolved)
    form, times, days = form_of(group[0]), 0.0, 0.0
    for stage in dict.fromkeys(now.stage for now in slices):
        inside = [now for now in slices if now.stage == stage]
        hours = float(sum(now.hours for now in inside))
        days += hours / 24 if any(now.runs(entry) for now in inside for entry in group) else 0.0
        for now, entry in starts_of(workload, plan, inside):
            if form_of(entry) == form:
                times += (occurrences(resolved, now.name) or 0) * hours / float(resolved.instance.hours)
    if times:
        often = {1.0: "once", 2.0: "twice"}.get(round(times / days, 9), f"{figure(times / days)} times")
        yield f"  starts {often} a day; each start takes {figure(workload.restart_minutes)} minutes"
    else:
        yield "  never starts again: it runs all the time"
