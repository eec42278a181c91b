"""The variables of the fleet model, by the names of the mathematics.

y_f       nodes taken on offer f
n_wk      replicas of option k of workload w
b_j       whether an order (offer, start, tier) with a minimum is placed
u_m       whether node type m is in the fleet, when their number is limited
z_m       whether measure m is taken
x_wck     share units of class c of workload w served by option k (routed workloads only)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.problem.scaling import SHARE_UNITS

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.problem.data import Problem


@dataclass(frozen=True)
class FleetVariables:
    """Variable indices by what they mean."""

    nodes: tuple[int, ...]
    """y_f, by offer tier."""
    orders: dict[tuple[str, int, int], int]
    """b_j: (offer, order, tier) to variable, for tiers with a minimum."""
    node_types: dict[str, int]
    """u_m: node type to variable; empty when their number is not limited."""
    measures: tuple[int, ...]
    """z_m, by measure."""
    replicas: tuple[tuple[int, ...], ...]
    """n_wk, by workload and option."""
    shares: tuple[tuple[dict[int, int], ...], ...]
    """x_wck: by workload and option, class position to variable; empty where nothing is routed."""


def add_variables(model: LinearModel, problem: Problem) -> FleetVariables:
    """Create every variable, in a fixed order."""
    nodes = tuple(model.add_variable(f"y_{f}", 0, offer.most) for f, offer in enumerate(problem.offers))
    orders: dict[tuple[str, int, int], int] = {}
    for f, offer in enumerate(problem.offers):
        key = (offer.name, offer.order, offer.tier)
        if offer.least and key not in orders:
            orders[key] = model.add_variable(f"b_{f}", 0, 1)
    types = sorted({pool.node_type for pool in problem.pools}) if problem.max_node_types is not None else []
    node_types = {name: model.add_variable(f"u_{m}", 0, 1) for m, name in enumerate(types)}
    measures = tuple(model.add_variable(f"z_{m}", 0, 1) for m in range(len(problem.measures)))
    replicas = tuple(
        tuple(model.add_variable(f"n_{w}_{k}", 0, option.most) for k, option in enumerate(workload.options))
        for w, workload in enumerate(problem.workloads)
    )
    shares = tuple(
        tuple(
            {
                c: model.add_variable(f"x_{w}_{c}_{k}", 0, SHARE_UNITS, "share")
                for c, load in enumerate(option.loads)
                if load is not None
            }
            for k, option in enumerate(workload.options)
        )
        for w, workload in enumerate(problem.workloads)
    )
    return FleetVariables(nodes, orders, node_types, measures, replicas, shares)
