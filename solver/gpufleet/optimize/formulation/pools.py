"""Family `pools`: replicas fit on the nodes that were taken.

sum_{w, k on p} accelerators_k n_wk <= size_p sum_{f on p} y_f          for every pool p

Counting accelerators is exact packing, because replica sizes form a divisibility chain (see `candidates.replica_size`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "pools"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per pool that some option uses."""
    terms: list[list[tuple[int, int]]] = [[] for _ in problem.pools]
    for w, workload in enumerate(problem.workloads):
        for n, option in zip(variables.replicas[w], workload.options, strict=True):
            terms[option.pool].append((n, option.accelerators))
    used = [bool(row) for row in terms]
    for y, offer in zip(variables.nodes, problem.offers, strict=True):
        terms[offer.pool].append((y, -problem.pools[offer.pool].accelerators_per_node))
    for p, row in enumerate(terms):
        if used[p]:
            model.add_row(FAMILY, f"pool_{p}", row, upper=0)
