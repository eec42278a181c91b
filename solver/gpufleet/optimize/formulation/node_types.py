"""Family `node_types`: at most so many different node types in the fleet.

y_f <= most_f u_m                 for every offer f of node type m
sum_m u_m <= max_node_types

u_m says whether node type m is in the fleet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "node_types"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """One row per offer, and one over all node types."""
    if problem.max_node_types is None:
        return
    for f, offer in enumerate(problem.offers):
        used = variables.node_types[problem.pools[offer.pool].node_type]
        model.add_row(FAMILY, f"type_of_{f}", [(variables.nodes[f], 1), (used, -offer.most)], upper=0)
    terms = [(used, 1) for used in variables.node_types.values()]
    model.add_row(FAMILY, "max_node_types", terms, upper=problem.max_node_types)
