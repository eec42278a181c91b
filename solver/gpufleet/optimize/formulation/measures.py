"""Family `measures`: a deployment option that needs a measure is used only when the measure is taken.

n_wk <= most_wk z_m          for every option k that needs measure m
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "measures"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per option and measure that it needs."""
    for w, workload in enumerate(problem.workloads):
        for k, option in enumerate(workload.options):
            for m in option.measures:
                terms = [(variables.replicas[w][k], 1), (variables.measures[m], -option.most)]
                model.add_row(FAMILY, f"needs_{w}_{k}_{m}", terms, upper=0)
