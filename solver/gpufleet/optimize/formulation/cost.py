"""Objective: cost over the horizon.

min  sum_f cost_f y_f          (micro-USD; cost_f includes write-off, rent, maintenance, energy)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem


def set_objective(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Minimise the cost of all nodes."""
    model.objective = {y: offer.cost for y, offer in zip(variables.nodes, problem.offers, strict=True) if offer.cost}
