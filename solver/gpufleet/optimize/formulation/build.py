"""The table of contents of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def build_model(problem: Problem) -> tuple[LinearModel, FleetVariables]:
    """Variables, then constraints family by family, then the objective."""
    model = LinearModel()
    variables = add_variables(model, problem)
    demand.add_rows(model, problem, variables)
    routing.add_rows(model, problem, variables)
    runs.add_rows(model, problem, variables)
    restarts.add_rows(model, problem, variables)
    pools.add_rows(model, problem, variables)
    spot.add_rows(model, problem, variables)
    measures.add_rows(model, problem, variables)
    partitions.add_rows(model, problem, variables)
    replicas.add_rows(model, problem, variables)
    spare_nodes.add_rows(model, problem, variables)
    site_loss.add_rows(model, problem, variables)
    workload_budget.add_rows(model, problem, variables)
    unserved.add_rows(model, problem, variables)
    limits.add_rows(model, problem, variables)
    orders.add_rows(model, problem, variables)
    node_types.add_rows(model, problem, variables)
    signatures.add_rows(model, problem, variables)
    moves.add_rows(model, problem, variables)
    scenarios.add_rows(model, problem, variables)
    cost.set_objective(model, problem, variables)
    return model, variables
