"""The table of contents of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.interruption import look
from gpufleet.optimize.formulation import (
    cost,
    demand,
    limits,
    measures,
    moves,
    node_types,
    orders,
    partitions,
    pools,
    replicas,
    restarts,
    routing,
    runs,
    scenarios,
    signatures,
    site_loss,
    spare_nodes,
    spot,
    unserved,
    workload_budget,
)
from gpufleet.optimize.formulation.linear_model import LinearModel
from gpufleet.optimize.formulation.variables import add_variables

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

_FAMILIES = (
    demand,
    routing,
    runs,
    restarts,
    pools,
    spot,
    measures,
    partitions,
    replicas,
    spare_nodes,
    site_loss,
    workload_budget,
    unserved,
    limits,
    orders,
    node_types,
    signatures,
    moves,
    scenarios,
)


def build_model(problem: Problem) -> tuple[LinearModel, FleetVariables]:
    """Variables, then constraints family by family, then the objective."""
    model = LinearModel()
    variables = add_variables(model, problem)
    for family in _FAMILIES:
        look()
        family.add_rows(model, problem, variables)
    cost.set_objective(model, problem, variables)
    return model, variables
