"""The best plan so far, as values of all variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix

    Ints = NDArray[np.int64]


def is_solution(matrix: Matrix, values: Ints) -> bool:
    """Does every row hold, and every bound?"""
    if (values < matrix.lower).any() or (values > matrix.upper).any():
        return False
    done = np.asarray(matrix.by_row @ values, np.int64)
    return all(
        (low is None or total >= low) and (high is None or total <= high)
        for total, low, high in zip(done.tolist(), matrix.row_lower, matrix.row_upper, strict=True)
    )


def cost_of(matrix: Matrix, values: Ints) -> int:
    """Objective, exactly."""
    taken = np.flatnonzero(values)
    return sum(cost * value for cost, value in zip(matrix.cost[taken].tolist(), values[taken].tolist(), strict=True))
