"""Objective: cost over the horizon.

min  sum_f cost_f y_f + sum_m cost_m z_m          (micro-USD; cost_f includes write-off, rent, maintenance, energy)
     + what changes of the fleet of today cost    (`moves`, where there is one)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.optimize.formulation.moves import move_costs

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem


def set_objective(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Minimise the cost of all nodes, measures and moves."""
    costs = [(y, offer.cost) for y, offer in zip(variables.nodes, problem.offers, strict=True)]
    costs += [(z, measure.cost) for z, measure in zip(variables.measures, problem.measures, strict=True)]
    costs += move_costs(problem, variables)
    model.objective = {variable: cost for variable, cost in costs if cost}
