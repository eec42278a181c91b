"""Variables that only cost: with some options gone, what was there for them alone is 0 too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix

    Bools = NDArray[np.bool_]


def without_spare(matrix: Matrix, free: Bools) -> Bools:
    """The free variables without those from 0 up, of no negative cost, that are in no row but such as hold anyway.

    A row `sum of terms <= side` with a side of 0 or more holds anyway where all its terms are negative.
    """
    rows, free = matrix.by_row.tocoo(), free.copy()
    positive = np.bincount(rows.coords[0], (rows.data > 0) & free[rows.coords[1]], rows.shape[0]) > 0
    upper_only = np.array([low is None and high is not None and high >= 0 for low, high in _sides(matrix)], np.bool_)
    asks = positive | ~upper_only
    needed = np.bincount(rows.coords[1], asks[rows.coords[0]], len(free)) > 0
    free &= needed | (matrix.lower != 0) | (matrix.cost < 0)
    return free


def _sides(matrix: Matrix) -> zip[tuple[int | None, int | None]]:
    return zip(matrix.row_lower, matrix.row_upper, strict=True)
