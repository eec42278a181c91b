"""Family `pools`: replicas fit on the nodes that are there.

sum_{w, k on p} accelerators_k n_wkt <= size_p (sum_{f on p, there in t} y_f - sum_{p' of p} q_p't)

for every pool p of nodes and period t; q counts the nodes that run as a partition p' of p (see `partitions`). Counting
accelerators is exact packing, because replica sizes form a divisibility chain (see `candidates.replica_size`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.interruption import look

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "pools"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per pool and period in which some option can use it."""
    used: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for w, workload in enumerate(problem.workloads):
        for n, option in zip(variables.replicas[w], workload.options, strict=True):
            if problem.pools[option.pool].partition_of is None:
                used.setdefault((option.pool, workload.period), []).append((n, option.accelerators))
    for (p, t), q in variables.partitions.items():
        base = problem.pools[p].partition_of
        assert base is not None
        used.setdefault((base, t), []).append((q, problem.pools[base].accelerators_per_node))
    for (p, t), terms in sorted(used.items()):
        look()
        size = problem.pools[p].accelerators_per_node
        there = [
            (y, -size)
            for y, offer in zip(variables.nodes, problem.offers, strict=True)
            if offer.pool == p and offer.there(t)
        ]
        name = f"pool_{p}" if len(problem.periods) == 1 else f"pool_{p}_{t}"
        model.add_row(FAMILY, name, [*terms, *there], upper=0)
