"""The variables of the fleet model, by the names of the mathematics.

y_f       nodes taken on offer f
n_wk      replicas of option k of workload w
b_f       whether a tier with a minimum order is used
u_m       whether node type m is in the fleet, when their number is limited
q_pt      nodes that run as the partition of pool p in period t
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
    orders: dict[int, int]
    """b_f: offer tier to variable, for tiers with a minimum."""
    node_types: dict[str, int]
    """u_m: node type to variable; empty when their number is not limited."""
    replicas: tuple[tuple[int, ...], ...]
    """n_wk, by workload and option."""
    partitions: dict[tuple[int, int], int]
    """q_pt: (pool of a partition, period) to variable, where some option can use it."""
    shares: tuple[tuple[dict[int, int], ...], ...]
    """x_wck: by workload and option, class position to variable; empty where nothing is routed."""


def add_variables(model: LinearModel, problem: Problem) -> FleetVariables:
    """Create every variable, in a fixed order."""
    nodes = tuple(model.add_variable(f"y_{f}", 0, offer.most) for f, offer in enumerate(problem.offers))
    orders = {f: model.add_variable(f"b_{f}", 0, 1) for f, offer in enumerate(problem.offers) if offer.least}
    bought = {pool.node_type for pool in problem.pools if pool.partition_of is None}
    types = sorted(bought) if problem.max_node_types is not None else []
    node_types = {name: model.add_variable(f"u_{m}", 0, 1) for m, name in enumerate(types)}
    replicas = tuple(
        tuple(model.add_variable(f"n_{w}_{k}", 0, option.most) for k, option in enumerate(workload.options))
        for w, workload in enumerate(problem.workloads)
    )
    partitions = {
        (p, t): model.add_variable(f"q_{p}_{t}", 0, most) for (p, t), most in _most_partitioned(problem).items()
    }
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
    return FleetVariables(nodes, orders, node_types, replicas, partitions, shares)


def _most_partitioned(problem: Problem) -> dict[tuple[int, int], int]:
    """Most nodes that can run as each partition in each period: enough for all its options, and not more than exist."""
    used: dict[tuple[int, int], int] = {}
    for workload in problem.workloads:
        for option in workload.options:
            if problem.pools[option.pool].partition_of is not None:
                key = (option.pool, workload.period)
                used[key] = used.get(key, 0) + option.accelerators * option.most
    there = [0] * len(problem.pools)
    for offer in problem.offers:
        there[offer.pool] += offer.most
    most = {}
    for (p, t), count in sorted(used.items()):
        pool = problem.pools[p]
        assert pool.partition_of is not None
        most[p, t] = min(-(-count // pool.accelerators_per_node), there[pool.partition_of])
    return most
