"""Family `moves`: what changes of the fleet of today.

sum_{f of offer o} y_f - added_o <= before_o                  nodes of the offer that are set up
sum_{f of offer o} y_f + dropped_o >= before_o                and those that are given up
sum_{k of w on p} a_k n_wkt - taken_wp <= before_wp           accelerators that workload w takes in pool p beyond those
                                                              that it has there, in every period t

Rows are there only for changes that cost something. The objective has per_node (added_o + dropped_o) + per_accelerator
taken_wp beside the cost of the fleet. Contracts that begin later, and nodes rented by the period, change nothing of
what is there today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "moves"
Group = TypeVar("Group")


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Two rows per offer, and one per workload, pool and period."""
    if problem.moves is None:
        return
    for g, group in _counted(problem.moves.nodes, variables.added):
        nodes = [(variables.nodes[f], 1) for f in group.offers]
        model.add_row(FAMILY, f"added_{g}", [*nodes, (variables.added[g], -1)], upper=group.before)
        model.add_row(FAMILY, f"dropped_{g}", [*nodes, (variables.dropped[g], 1)], lower=group.before)
    for g, use in _counted(problem.moves.uses, variables.taken):
        for t, part in enumerate(use.parts):
            terms = [(variables.replicas[w][k], problem.workloads[w].options[k].accelerators) for w, k in part]
            model.add_row(FAMILY, f"taken_{g}_{t}", [*terms, (variables.taken[g], -1)], upper=use.before)


def _counted(groups: tuple[Group, ...], variables: tuple[int, ...]) -> Iterator[tuple[int, Group]]:
    """Groups with their positions; none where their changes cost nothing, so that there are no variables."""
    return enumerate(groups) if variables else enumerate(())


def move_costs(problem: Problem, variables: FleetVariables) -> list[tuple[int, int]]:
    """Terms of the objective."""
    if problem.moves is None:
        return []
    nodes = [(variable, problem.moves.per_node) for variable in (*variables.added, *variables.dropped)]
    return [*nodes, *((variable, problem.moves.per_accelerator) for variable in variables.taken)]


def counted_moves(problem: Problem, variables: FleetVariables, values: list[int]) -> list[int]:
    """The same solution with moves counted as they are; rows alone say only that there are no fewer."""
    assert problem.moves is not None
    values = list(values)
    for g, group in _counted(problem.moves.nodes, variables.added):
        more = sum(values[variables.nodes[f]] for f in group.offers) - group.before
        values[variables.added[g]], values[variables.dropped[g]] = max(more, 0), max(-more, 0)
    for g, use in _counted(problem.moves.uses, variables.taken):
        taken = (
            sum(problem.workloads[w].options[k].accelerators * values[variables.replicas[w][k]] for w, k in part)
            for part in use.parts
        )
        values[variables.taken[g]] = max(max(taken) - use.before, 0)
    return values
