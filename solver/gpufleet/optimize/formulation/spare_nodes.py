"""Family `spare_nodes`: nodes may fail, and protected replicas find room on those that remain (N+k).

sum_{w: spare_w >= h, k on p} accelerators_k n_wkt + size_p h g_pth <= size_p nodes_pt
n_wkt <= most_wk g_pth                                for every such w and k

for every pool p, period t and number h of spare nodes that some workload on p asks for; nodes_pt as in `pools`. g_pth
says whether p is used by a workload that asks for h spare nodes or more. Any h nodes may fail, because the nodes of a
pool are alike; they are spare to all protected workloads together, and all others give way. Counting accelerators is
exact packing on the nodes that remain, as it is on all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import OptionData, Problem

FAMILY = "spare_nodes"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per pool, period and number of spare nodes, and one per replica variable that it protects."""
    for (p, t, spare), used in variables.protected.items():
        size = problem.pools[p].accelerators_per_node
        replicas = list(_protected(problem, variables, p, t, spare))
        there = [
            (y, -size)
            for y, offer in zip(variables.nodes, problem.offers, strict=True)
            if offer.pool == p and offer.there(t)
        ]
        terms = [*((n, option.accelerators) for n, option in replicas), (used, size * spare), *there]
        model.add_row(FAMILY, f"spare_{p}_{t}_{spare}", terms, upper=0)
        for n, option in replicas:
            model.add_row(FAMILY, f"used_{n}_{spare}", [(n, 1), (used, -option.most)], upper=0)


def _protected(
    problem: Problem, variables: FleetVariables, pool: int, period: int, spare: int
) -> Iterator[tuple[int, OptionData]]:
    """Replica variables on the pool then, of workloads that ask for so many spare nodes or more."""
    for w, workload in enumerate(problem.workloads):
        if workload.period == period and workload.spare_nodes >= spare:
            for n, option in zip(variables.replicas[w], workload.options, strict=True):
                if option.pool == pool:
                    yield n, option
