"""A plan as values of the integer program.

Nodes, replicas, shares, measures and what stays unserved come from the plan; what follows from them (price tiers,
partitions, spare nodes, fallbacks) is filled in by CP-SAT with those held fast. Every row is then checked exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.formulation.unserved import service_objectives
from gpufleet.optimize.reduction import completed
from gpufleet.problem.scaling import SHARE_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import OfferData, Problem
    from gpufleet.schema.plan import Deployment, Plan, PlannedNodes

FILL_SECONDS = 20.0
"""For the variables that follow from the plan's own; they are few."""


@dataclass(frozen=True)
class Start:
    """Values of every variable, or why there are none."""

    values: list[int] | None
    note: str | None = None


class _NotInTheProgramError(Exception):
    """The plan uses something that has no variable; the message says what."""


def held_levels(problem: Problem, model: LinearModel, variables: FleetVariables, plan: Plan) -> None:
    """Rows that hold, priority by priority, what a plan leaves unserved."""
    unserved = _unserved(problem, variables, plan)
    for number, coefficients in enumerate(service_objectives(problem, variables)):
        most = sum(value * unserved.get(index, 0) for index, value in coefficients.items())
        model.add_row("unserved", f"level_{number}", coefficients.items(), upper=most)


def start_values(
    problem: Problem, candidates: Candidates, model: LinearModel, variables: FleetVariables, plan: Plan
) -> Start:
    """The plan's values, if it is made of what the program knows and keeps its rows."""
    if not plan.nodes and not plan.deployments:
        return Start(None, "the plan has no fleet")
    try:
        fixed = _nodes(problem, variables, plan) | _replicas(problem, candidates, variables, plan)
    except _NotInTheProgramError as error:
        return Start(None, str(error))
    fixed |= _measures(problem, variables, plan) | _unserved(problem, variables, plan)
    shares = _shares(problem, candidates, variables, plan)
    for held in (fixed | shares, fixed):  # shares of a plan written by hand need not be on the grid
        values = completed(model, held, SolverLimits(FILL_SECONDS))
        if values is not None:
            return Start(values)
    return Start(None, "the plan's nodes and replicas do not keep every row of the program")


def _nodes(problem: Problem, variables: FleetVariables, plan: Plan) -> dict[int, int]:
    values = dict.fromkeys(variables.nodes, 0)
    for entry in plan.nodes:
        tiers = [(y, o) for y, o in zip(variables.nodes, problem.offers, strict=True) if _same(problem, o, entry)]
        open_to = [y for y, o in tiers if o.least <= entry.count]
        if not open_to:
            raise _NotInTheProgramError(f"the program has no {entry.count} nodes of offer {entry.offer} at that time")
        values[open_to[-1]] += entry.count  # the tier with the highest discount that so many nodes reach
    return values


def _same(problem: Problem, offer: OfferData, entry: PlannedNodes) -> bool:
    """Is it the contract of these nodes? An empty time is the whole of it."""
    if offer.name != entry.offer or offer.contract is None:
        return False
    stages = list(dict.fromkeys(t.stage_name for t in problem.periods))
    first = stages[0] if entry.first_stage is None else entry.first_stage
    last = stages[-1] if entry.last_stage is None else entry.last_stage
    period = None if offer.contract.period is None else problem.periods[offer.contract.period].name
    return (stages[offer.contract.first], stages[offer.contract.last], period) == (first, last, entry.period)


def _replicas(problem: Problem, candidates: Candidates, variables: FleetVariables, plan: Plan) -> dict[int, int]:
    values = {n: 0 for row in variables.replicas for n in row}
    for entry in plan.deployments:
        places = list(_places(problem, candidates, entry))
        if not places and entry.replicas:
            form = f"{entry.variant or entry.option}/{entry.parallelism.label}/b{entry.batch}"
            raise _NotInTheProgramError(
                f"the program has no option {form} of {entry.workload} on {entry.node_type} at {entry.site}: it was "
                "rejected, or another one is as good"
            )
        for w, k in places:
            values[variables.replicas[w][k]] += entry.replicas
    return values


def _places(problem: Problem, candidates: Candidates, entry: Deployment) -> Iterator[tuple[int, int]]:
    """(part of the workload, option) of a deployment; one that names no period runs in all."""
    for w, data in enumerate(problem.workloads):
        now = problem.periods[data.period]
        if data.name != entry.workload or entry.period not in (None, now.name):
            continue
        if entry.stage not in (None, now.stage_name):
            continue
        options = candidates.options[data.name]
        yield from ((w, k) for k, row in enumerate(data.options) if _is_form(options[row.key], entry))


def _is_form(option: Option, entry: Deployment) -> bool:
    place = (option.site, option.node_type, option.spot) == (entry.site, entry.node_type, entry.spot)
    form = (option.variant, option.profile, option.parallelism, option.batch, set(option.measures))
    asked = (entry.variant, entry.option, entry.parallelism, entry.batch, set(entry.measures))
    return place and form == asked and option.model in (None, entry.model)


def _measures(problem: Problem, variables: FleetVariables, plan: Plan) -> dict[int, int]:
    taken = {entry.measure for entry in plan.measures if entry.taken}
    return {z: int(data.name in taken) for z, data in zip(variables.measures, problem.measures, strict=True)}


def _unserved(problem: Problem, variables: FleetVariables, plan: Plan) -> dict[int, int]:
    """Rounded up to whole units, as the program counts."""
    values = {d: 0 for row in variables.unserved for d in row.values()}
    for entry in plan.unserved:
        for w, data in enumerate(problem.workloads):
            now, units = problem.periods[data.period], data.unserved_units
            if data.name != entry.workload or units is None:
                continue
            if entry.period not in (None, now.name) or entry.stage not in (None, now.stage_name):
                continue
            for c, d in variables.unserved[w].items():
                if data.run is not None or entry.request_class in (data.classes[c], "run"):
                    values[d] = math.ceil(entry.share * units - 1e-6)
    return values


def _shares(problem: Problem, candidates: Candidates, variables: FleetVariables, plan: Plan) -> dict[int, int]:
    values = {x: 0 for row in variables.shares for option in row for x in option.values()} if plan.routing else {}
    for route in plan.routing:
        if route.deployment >= len(plan.deployments):
            continue
        for w, k in _places(problem, candidates, plan.deployments[route.deployment]):
            data = problem.workloads[w]
            for c, x in variables.shares[w][k].items():
                if data.classes[c] == route.request_class:
                    values[x] = round(route.share * SHARE_UNITS)
    return values
