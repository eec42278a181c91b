"""Family `partitions`: replicas on instances of partitioned accelerators fit on the nodes that run as that partition.

sum_{w, k on p} a_k n_wkt <= size_p q_pt          for every partition pool p and period t

q_pt counts nodes that run as partition p in period t, of the pool b(p) that they are bought in; its `pools` row holds
back size_b(p) accelerators for each of them. A node that is held back is like a replica of the whole node, so counting
accelerators stays exact packing. q costs nothing: draining a node and partitioning it anew takes minutes, so it may
differ from period to period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "partitions"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per partition pool and period in which some option can use it."""
    used: dict[tuple[int, int], list[tuple[int, int]]] = {key: [] for key in variables.partitions}
    for w, workload in enumerate(problem.workloads):
        for n, option in zip(variables.replicas[w], workload.options, strict=True):
            if (option.pool, workload.period) in used:
                used[option.pool, workload.period].append((n, option.accelerators))
    for (p, t), terms in used.items():
        size = problem.pools[p].accelerators_per_node
        name = f"partition_{p}" if len(problem.periods) == 1 else f"partition_{p}_{t}"
        model.add_row(FAMILY, name, [*terms, (variables.partitions[p, t], -size)], upper=0)
