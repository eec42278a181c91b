"""Family `spare_nodes`: nodes may fail, and protected replicas find room on those that remain (N+k).

sum_{w: spare_w >= h, k on p} accelerators_k n_wkt + size_p (h g_pth + sum_{p' of p} r_p'th) <= size_p nodes_pt
sum_{w: spare_w >= h, k on p'} accelerators_k n_wkt <= size_p' r_p'th
n_wkt <= most_wk g_pth                                for every such w and k, on p or on a partition p' of it

for every pool p, period t and number h of spare nodes that some workload on p asks for; nodes_pt as in `pools`. g_pth
says whether p is used by a workload that asks for h spare nodes or more; r_p'th counts the nodes that then run as the
partition p'. Any h nodes may fail, because the nodes of a pool are alike; they are spare to all protected workloads
together, and all others give way. Counting accelerators is exact packing on the nodes that remain, as it is on all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.variables import node_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import OptionData, Problem

FAMILY = "spare_nodes"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Rows per pool, partition, period and number of spare nodes, and one per replica variable that is protected."""
    for (p, t, spare), used in variables.protected.items():
        size = problem.pools[p].accelerators_per_node
        replicas = list(_protected(problem, variables, t, spare))
        there = [
            (y, -size)
            for y, offer in zip(variables.nodes, problem.offers, strict=True)
            if offer.pool == p and offer.there(t)
        ]
        saved = {pool: r for (pool, period, h), r in variables.saved.items() if (period, h) == (t, spare)}
        mine = {pool: r for pool, r in saved.items() if node_pool(problem, pool) == p}
        terms = [(n, option.accelerators) for n, option in replicas if option.pool == p]
        held = [(r, size) for r in mine.values()]
        model.add_row(FAMILY, f"spare_{p}_{t}_{spare}", [*terms, *held, (used, size * spare), *there], upper=0)
        for pool, r in mine.items():
            on_it = [(n, option.accelerators) for n, option in replicas if option.pool == pool]
            row = [*on_it, (r, -problem.pools[pool].accelerators_per_node)]
            model.add_row(FAMILY, f"spare_{pool}_{t}_{spare}", row, upper=0)
        for n, option in replicas:
            if node_pool(problem, option.pool) == p:
                model.add_row(FAMILY, f"used_{n}_{spare}", [(n, 1), (used, -option.most)], upper=0)


def _protected(
    problem: Problem, variables: FleetVariables, period: int, spare: int
) -> Iterator[tuple[int, OptionData]]:
    """Replica variables of workloads that ask for so many spare nodes or more."""
    for w, workload in enumerate(problem.workloads):
        if workload.period == period and workload.spare_nodes >= spare:
            yield from zip(variables.replicas[w], workload.options, strict=True)
