"""Family `demand`: a workload with one request class is served.

sum_k capacity_wkt n_wkt >= demand_wt          for every covering workload w and period t
units sum_k capacity_wkt n_wkt + demand_wt d_wt >= units demand_wt          where it may stay unserved (`unserved`)

One class per period reduces to integer covering; who serves which share then follows from capacity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.unserved import served

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "demand"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One covering row per workload that is not routed."""
    for w, workload in enumerate(problem.workloads):
        if not workload.routed and workload.run is None:
            terms = [(n, option.capacity) for n, option in zip(variables.replicas[w], workload.options, strict=True)]
            row, lower = served(problem, variables, (w, 0), terms, workload.demand)
            model.add_row(FAMILY, f"demand_{w}", row, lower=lower)
