"""A linear model with some of its variables fixed, without them; and its solutions with those variables put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.interruption import look
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.linear_model import LinearModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.monitor import Monitor


@dataclass(frozen=True)
class Reduced:
    """A model in some of the variables of another one."""

    model: LinearModel
    kept: dict[int, int]
    """Variables of the whole model, and their indices in this one."""
    fixed: Mapping[int, int]
    """The other variables of the whole model, and their values."""

    def restored(self, values: Sequence[int]) -> list[int]:
        """A solution of this model as one of the whole model."""
        found = {**self.fixed, **{index: values[position] for index, position in self.kept.items()}}
        return [found[index] for index in range(len(found))]


def without_fixed(model: LinearModel, fixed: Mapping[int, int]) -> Reduced:
    """The model in the other variables alone; rows that hold by themselves are left out.

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
    return Reduced(small, kept, fixed)


def completed(
    model: LinearModel, fixed: Mapping[int, int], limits: SolverLimits, monitor: Monitor | None = None
) -> list[int] | None:
    """The best solution with these values that CP-SAT finds within the limits; None without one."""
    small = without_fixed(model, fixed)
    found = backend("cpsat").solve(small.model, limits, None, monitor)
    if found.values is None:
        return None
    values = small.restored(found.values)
    return None if model.violated(values) else values
