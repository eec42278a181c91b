"""Family `orders`: minimum orders, and volume prices.

least_f b_f <= y_f <= most_f b_f          for every tier f with a minimum
sum_{f of one order} b_f <= 1             an order (offer, period) is taken on one tier, that of its size

b_f says whether tier f is used. A volume discount holds for every node of the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "orders"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Rows of every tier with a minimum, and one per offer with several tiers."""
    orders: dict[tuple[str, int | None], list[int]] = {}
    for f, used in variables.orders.items():
        offer, y = problem.offers[f], variables.nodes[f]
        model.add_row(FAMILY, f"least_{f}", [(y, 1), (used, -offer.least)], lower=0)
        model.add_row(FAMILY, f"most_{f}", [(y, 1), (used, -offer.most)], upper=0)
        orders.setdefault((offer.name, offer.period), []).append(used)
    for number, tiers in enumerate(orders.values()):
        if len(tiers) > 1:
            model.add_row(FAMILY, f"one_tier_{number}", [(used, 1) for used in tiers], upper=1)
