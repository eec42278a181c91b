"""A fleet in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def fleet_words(resolved: ResolvedInstance, plan: Plan, *, terms: bool = True) -> str:
    """E.g. `2x dgx-h100 purchase, up to 3x aws-g5.xlarge on_demand`; nodes rented by the period count at their most.

    Nodes of offers that the instance does not have (a plan written by hand may name some) are left out.
    """
    most: dict[tuple[str, str], int] = {}
    for nodes in plan.nodes:
        if nodes.offer in resolved.offers:
            offer = resolved.offers[nodes.offer]
            key = ("up to " if nodes.period else "", f"{offer.node_type} {offer.term}" if terms else offer.node_type)
            most[key] = max(most.get(key, 0), nodes.count) if nodes.period else most.get(key, 0) + nodes.count
    return ", ".join(f"{prefix}{count}x {words}" for (prefix, words), count in most.items())
