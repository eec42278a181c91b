"""The fleet of today at the prices of the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.schema.plan import Plan, PlannedNodes
from gpufleet.verification import verify

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance

CLAIMS = ("certificate", "status", "reason", "moves", "caution", "performance", "funnel", "rejections", "charges")
"""What a plan says of the question that it was made for, which may have been another one."""
OF_THAT_QUESTION = frozenset({"instance", "offer", "cost", "cash_flow", "figures"})
"""Rules on what it says of that question elsewhere."""


def today_of(resolved: ResolvedInstance, current: Plan | None) -> tuple[float, tuple[str, ...]]:
    """(what today's fleet costs over the horizon, USD; rules that it breaks, where the whole plan is known).

    Nodes that are no longer offered have no price, and count for nothing.
    """
    if current is None:
        assert resolved.instance.migration is not None
        nodes = tuple(PlannedNodes(offer=entry.offer, count=entry.count) for entry in resolved.instance.migration.nodes)
        current = Plan(schema_version=1, instance=resolved.instance.uid, nodes=nodes)
        return verify(resolved, current).cost_usd, ()
    plain = {name: Plan.model_fields[name].get_default() for name in CLAIMS}
    report = verify(resolved, current.model_copy(update={**plain, "costs": (), "cash_flow": ()}))
    return report.cost_usd, tuple(rule for rule in report.broken_rules if rule not in OF_THAT_QUESTION)
