"""Family `replicas`: fewest and most replicas of a workload.

min_replicas_w <= sum_k n_wk <= max_replicas_w
min_replicas_w u_w <= sum_k n_wk          where the workload may be left out altogether (u_w = 0, see `unserved`)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "replicas"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per workload that bounds its replicas."""
    for w, workload in enumerate(problem.workloads):
        if workload.min_replicas or workload.max_replicas is not None:
            terms = [(n, 1) for n in variables.replicas[w]]
            served = variables.served_at_all.get(workload.name)
            if served is not None:
                model.add_row(FAMILY, f"least_{w}", [*terms, (served, -workload.min_replicas)], lower=0)
            least = None if served is not None else workload.min_replicas or None
            if least is not None or workload.max_replicas is not None:
                model.add_row(FAMILY, f"replicas_{w}", terms, least, workload.max_replicas)
