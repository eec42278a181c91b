"""Family `orders`: minimum orders, and volume prices.

least_j b_j <= sum_{f in j} y_f <= most_j b_j      for every order j (offer, start, tier) with a minimum
sum_{tiers j of one order} b_j <= 1                 an order is taken on one tier, that of its size

b_j says whether the tier is used. Nodes taken for different lengths from the same start are one order. A volume
discount holds for every node of the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "orders"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Rows of every tier with a minimum, and one per order with several tiers."""
    orders: dict[tuple[str, int], list[int]] = {}
    for (name, order, tier), used in variables.orders.items():
        group = [
            f for f, offer in enumerate(problem.offers) if (offer.name, offer.order, offer.tier) == (name, order, tier)
        ]
        most = max(problem.offers[f].most for f in group)
        nodes = [(variables.nodes[f], 1) for f in group]
        model.add_row(FAMILY, f"least_{group[0]}", [*nodes, (used, -problem.offers[group[0]].least)], lower=0)
        model.add_row(FAMILY, f"most_{group[0]}", [*nodes, (used, -most)], upper=0)
        orders.setdefault((name, order), []).append(used)
    for number, tiers in enumerate(orders.values()):
        if len(tiers) > 1:
            model.add_row(FAMILY, f"one_tier_{number}", [(used, 1) for used in tiers], upper=1)
