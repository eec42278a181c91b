"""A linear model with some of its variables fixed, without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.interruption import look
from gpufleet.optimize.formulation.linear_model import LinearModel

if TYPE_CHECKING:
    from collections.abc import Mapping


def without_fixed(model: LinearModel, fixed: Mapping[int, int]) -> tuple[LinearModel, dict[int, int]]:
    """The model in the other variables alone, and their indices there; rows that hold by themselves are left out.

    The objective loses its constant part. `fixed` maps variables to values that no row forbids.
    """
    small = LinearModel()
    kept = {
        variable.index: small.add_variable(variable.name, variable.lower, variable.upper, variable.kind, variable.group)
        for variable in model.variables
        if variable.index not in fixed
    }
    for row in model.rows:
        look()
        done = sum(coefficient * fixed[index] for index, coefficient in row.terms if index in fixed)
        terms = [(kept[index], coefficient) for index, coefficient in row.terms if index in kept]
        if terms:
            lower = None if row.lower is None else row.lower - done
            upper = None if row.upper is None else row.upper - done
            small.add_row(row.family, row.name, terms, lower, upper)
    small.objective = {kept[index]: value for index, value in model.objective.items() if index in kept}
    return small, kept
