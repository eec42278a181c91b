"""Family `unserved`: demand that stays unserved, where the instance allows it.

d_wc + units u_w >= units                     a workload with min_replicas: left out altogether, or served (u = 1)
n_wk + most_wk d_w <= most_wk                 a training run without periods that is not done (d = 1) holds nothing

d_wc counts the share units of class c that are not served; for a training run it is 1 or 0. It stands in the rows of
the other families by `served`: what a workload must have (demand, what is left without spot nodes or without a site)
shrinks in proportion to 1 - d_wc / units. Minimum replicas cannot shrink so; they are kept in all periods by a
workload that is served at all, and by one that is left out altogether in none.

Levels, solved one after the other from the highest priority down, each held at its smallest value before the next:

min  sum_{w of the priority, c} coefficient_wc d_wc          and, last, the cost
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import Problem

FAMILY = "unserved"


def add_rows(model: LinearModel, problem: Problem, variables: FleetVariables) -> None:
    """Rows of workloads with minimum replicas, and of runs without periods."""
    for w, workload in enumerate(problem.workloads):
        units, at_all = workload.unserved_units, variables.served_at_all.get(workload.name)
        if units is None:
            continue
        if at_all is not None:
            for c, d in variables.unserved[w].items():
                model.add_row(FAMILY, f"left_out_{w}_{c}", [(d, 1), (at_all, units)], lower=units)
        if units == 1 and workload.run is None:
            for n, option in zip(variables.replicas[w], workload.options, strict=True):
                row = [(n, 1), (variables.unserved[w][0], option.most)]
                model.add_row(FAMILY, f"not_done_{n}", row, upper=option.most)


def served(
    problem: Problem, variables: FleetVariables, place: tuple[int, int], terms: Iterable[tuple[int, int]], amount: int
) -> tuple[list[tuple[int, int]], int]:
    """(terms, side) of a row `sum terms >= amount` or `<= amount` for what is served of a class (workload, class).

    With d of so many units unserved: units x sum terms + amount x d against units x amount.
    """
    w, c = place
    units, d = problem.workloads[w].unserved_units, variables.unserved[w].get(c)
    if units is None or d is None:
        return list(terms), amount
    divisor = math.gcd(units, amount)
    scaled = [(index, value * (units // divisor)) for index, value in terms]
    return [*scaled, (d, amount // divisor)], units // divisor * amount


def unserved_terms(variables: FleetVariables, w: int, c: int) -> list[tuple[int, int]]:
    """d_wc as a term; none where everything must be served."""
    return [(variables.unserved[w][c], 1)] if c in variables.unserved[w] else []


def nothing_served(model: LinearModel, variables: FleetVariables) -> list[int] | None:
    """The plan that takes and serves nothing, to fall back on; None where some limit refuses even that."""
    values = [0] * len(model.variables)
    for row in variables.unserved:
        for d in row.values():
            values[d] = model.variables[d].upper
    for dropped in variables.dropped:
        values[dropped] = model.variables[dropped].upper
    return None if model.violated(values) else values


def service_objectives(problem: Problem, variables: FleetVariables) -> Iterator[dict[int, int]]:
    """What is minimised before the cost, level by level."""
    for level in problem.service:
        yield {variables.unserved[w][c]: value for w, c, value in level.coefficients}
