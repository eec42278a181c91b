"""Family `workload_budget`: what a workload is charged for the accelerators that it occupies stays within its cap.

sum_{t, k} charge_wkt n_wkt <= cap_w          for every cap on a workload

charge_wkt is what one replica's accelerators cost over the period's hours at the dearest price of their pool
(`problem.charges`), in micro-USD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "workload_budget"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per cap."""
    for number, row in enumerate(problem.charges):
        terms = [(variables.replicas[w][k], charge) for w, k, charge in row.coefficients]
        model.add_row(FAMILY, f"charged_{number}", terms, upper=row.limit)
