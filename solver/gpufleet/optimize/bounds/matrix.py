"""A linear model as arrays, and the rows of it that a bound can treat exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array, csr_array

from gpufleet.interruption import look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.formulation.linear_model import LinearModel, Row


@dataclass(frozen=True)
class Matrix:
    """Arrays of a model with n variables and m rows; all numbers are int64."""

    cost: NDArray[np.int64]
    """(n,) objective."""
    lower: NDArray[np.int64]
    """(n,) bounds of the variables."""
    upper: NDArray[np.int64]
    share: NDArray[np.bool_]
    """(n,) routing shares, which may be treated as continuous."""
    group: NDArray[np.int64]
    """(n,) `Variable.group`; -1 = the fleet's."""
    by_row: csr_array
    """(m, n) coefficients."""
    by_column: csc_array
    """The same by column."""
    row_lower: tuple[int | None, ...]
    row_upper: tuple[int | None, ...]
    exact: NDArray[np.int64]
    """Rows that are covering knapsacks and share no variable, in order."""
    block: NDArray[np.int64]
    """(n,) position in `exact` of the row that a variable belongs to; -1 = none."""

    @cached_property
    def unit(self) -> int:
        """Every cost is a whole number of these."""
        return math.gcd(*self.cost.tolist()) or 1


def matrix_of(model: LinearModel) -> Matrix:
    """The arrays of a model."""
    variables = model.variables
    lengths = [len(row.terms) for row in model.rows]
    indices = np.fromiter((i for row in model.rows for i, _ in row.terms), np.int64, sum(lengths))
    data = np.fromiter((c for row in model.rows for _, c in row.terms), np.int64, sum(lengths))
    indptr = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    by_row = csr_array((data, indices, indptr), shape=(len(model.rows), len(variables)))
    cost = np.zeros(len(variables), np.int64)
    for index, value in model.objective.items():
        cost[index] = value
    exact, block = _exact_rows(model)
    return Matrix(
        cost=cost,
        lower=np.array([v.lower for v in variables], np.int64),
        upper=np.array([v.upper for v in variables], np.int64),
        share=np.array([v.kind == "share" for v in variables], np.bool_),
        group=np.array([-1 if v.group is None else v.group for v in variables], np.int64),
        by_row=by_row,
        by_column=by_row.tocsc(),
        row_lower=tuple(row.lower for row in model.rows),
        row_upper=tuple(row.upper for row in model.rows),
        exact=exact,
        block=block,
    )


def _exact_rows(model: LinearModel) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Greedily, in the order of the model (which starts with demand): every row `sum of positive terms >= positive`
    over variables from 0 up that no row before it has taken."""
    block = np.full(len(model.variables), -1, np.int64)
    exact: list[int] = []
    for number, row in enumerate(model.rows):
        look()
        if _is_covering(model, row) and all(block[index] < 0 for index, _ in row.terms):
            block[[index for index, _ in row.terms]] = len(exact)
            exact.append(number)
    return np.array(exact, np.int64), block


def _is_covering(model: LinearModel, row: Row) -> bool:
    if row.upper is not None or row.lower is None or row.lower <= 0 or not row.terms:
        return False
    return all(
        value > 0 and model.variables[index].lower == 0 and model.variables[index].kind == "count"
        for index, value in row.terms
    )
