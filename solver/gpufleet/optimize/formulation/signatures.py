"""Family `signatures`: what the fleet is made of, and that it is made of something else than the fleets known already.

h_i <= sum_{f in i} y_f <= most_i h_i                                for every part i, where fleets S are known
sum_{i in S} (1 - h_i) + sum_{i not in S} h_i >= 1                   for every known fleet S: other parts
sum_{f in no i outside S} cost_f y_f + sum_m cost_m z_m <= cost_S - 1 + M_S sum_{i in S} (1 - h_i)
sum_{f in i} y_f >= 1                                                for every part i that is required
sum_{f in i} y_f <= 0                                                for every part i that is forbidden

h_i says whether a node of part i is taken. The third row is about fleets that have all parts of S and more: what they
have beside the further parts must cost less than S did, or else they would be S with nodes added that save nothing.
M_S is the most that its left side can exceed its right one by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import FoundFleet, Problem, Signatures

FAMILY = "signatures"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Rows of every part, of every known fleet, and of parts that are required or forbidden."""
    asked = problem.signatures
    if asked is None:
        return
    for i, taken in enumerate(variables.parts):
        nodes = _nodes(variables, asked, i)
        most = sum(problem.offers[f].most for f in asked.parts[i])
        model.add_row(FAMILY, f"some_of_{i}", [*nodes, (taken, -1)], lower=0)
        model.add_row(FAMILY, f"most_of_{i}", [*nodes, (taken, -most)], upper=0)
    for number, fleet in enumerate(asked.found):
        signs = [(taken, -1 if i in fleet.parts else 1) for i, taken in enumerate(variables.parts)]
        model.add_row(FAMILY, f"other_than_{number}", signs, lower=1 - len(fleet.parts))
        _add_saving(model, problem, variables, asked, number, fleet)
    for i in asked.required:
        model.add_row(FAMILY, f"required_{i}", _nodes(variables, asked, i), lower=1)
    for i in asked.forbidden:
        model.add_row(FAMILY, f"forbidden_{i}", _nodes(variables, asked, i), upper=0)


def _nodes(variables: FleetVariables, asked: Signatures, part: int) -> list[tuple[int, int]]:
    return [(variables.nodes[f], 1) for f in asked.parts[part]]


def _add_saving(
    model: LinearModel, problem: Problem, variables: FleetVariables, asked: Signatures, number: int, fleet: FoundFleet
) -> None:
    """What is added to a known fleet must save something on the rest."""
    added = {f for i, part in enumerate(asked.parts) if i not in fleet.parts for f in part}
    kept = [(f, offer) for f, offer in enumerate(problem.offers) if f not in added]
    terms = [(variables.nodes[f], offer.cost) for f, offer in kept]
    terms += [(z, measure.cost) for z, measure in zip(variables.measures, problem.measures, strict=True)]
    largest = sum(cost * model.variables[index].upper for index, cost in terms if cost > 0)
    slack = max(largest - fleet.cost + 1, 0)
    terms += [(variables.parts[i], slack) for i in fleet.parts]
    model.add_row(FAMILY, f"saves_beside_{number}", terms, upper=fleet.cost - 1 + slack * len(fleet.parts))
