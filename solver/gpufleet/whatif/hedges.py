"""Three ways to buy: at the least cost, counting on 90 % confidence, and with a spare node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.edits.changes import with_fields, with_workloads
from gpufleet.schema.workloads import Redundancy
from gpufleet.solving import solve

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

COST, CAUTIOUS, SPARE = "cost-optimal", "p90", "N+1"


def hedged_questions(resolved: ResolvedInstance) -> dict[str, ResolvedInstance]:
    """The instance at p50 without redundancy, at p90 without it, and at p50 with a spare node for every workload
    (more, or the loss of a site, where a workload asks for that)."""
    plain = with_workloads(with_fields(resolved, performance="p50"), redundancy=Redundancy())
    workloads = tuple(
        known.model_copy(
            update={
                "redundancy": known.redundancy.model_copy(update={"spare_nodes": max(1, known.redundancy.spare_nodes)})
            }
        )
        for known in resolved.instance.workloads
    )
    return {
        COST: plain,
        CAUTIOUS: with_fields(plain, performance="p90"),
        SPARE: with_fields(plain, workloads=workloads),
    }


def hedged_plans(resolved: ResolvedInstance, time_limit_s: float = 60.0) -> dict[str, Plan]:
    """The cheapest plan of each kind, by name; one that does not exist says why in its `reason`."""
    questions = hedged_questions(resolved)
    return {
        label: solve(question, time_limit_s=time_limit_s, price_of_caution=False)
        for label, question in questions.items()
    }
