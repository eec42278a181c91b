"""Starts of a training run: counted from the plan alone, and what each of them leaves of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Training
    from gpufleet.verification.slices import Slice


def form_of(deployment: Deployment) -> tuple[object, ...]:
    """What must stay the same for a run to go on: nodes, variant and how the replica is spread."""
    return (
        deployment.site,
        deployment.node_type,
        deployment.spot,
        deployment.variant,
        deployment.parallelism,
        deployment.batch,
        deployment.measures,
    )


def starts_of(workload: Training, plan: Plan, inside: Sequence[Slice]) -> Iterator[tuple[Slice, Deployment]]:
    """Every period of a stage in which the run starts, with the deployment that does."""
    mine = [entry for entry in plan.deployments if entry.workload == workload.name and entry.replicas]
    for position, now in enumerate(inside):
        before = {form_of(entry) for entry in mine if inside[position - 1].runs(entry)}
        for entry in mine:
            if now.runs(entry) and form_of(entry) not in before:
                yield now, entry


def occurrences(resolved: ResolvedInstance, period: str | None) -> int | None:
    """How often the period comes in the horizon; None where the instance does not say."""
    return next((known.occurrences for known in resolved.instance.periods if known.name == period), None)


def left_after_start(resolved: ResolvedInstance, workload: Training, period: str | None) -> float:
    """Share of the period's time that is left when every occurrence begins with a start; never negative."""
    times = occurrences(resolved, period)
    known = next((entry for entry in resolved.instance.periods if entry.name == period), None)
    if known is None or times is None or not workload.restart_minutes:
        return 1.0
    each = known.hours * 60 / times
    return max(0.0, (each - workload.restart_minutes) / each)
