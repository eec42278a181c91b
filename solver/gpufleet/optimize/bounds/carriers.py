"""Carrier rows, `sum_c load_c x_c <= capacity n` with shares x and one count n, as arrays.

Taken from a matrix, not from the problem: whatever other rows there are, each of these says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Carriers:
    """Carrier rows that have no share in common, one after the other."""

    row: Ints
    """(k,) row of the matrix."""
    count: Ints
    """(k,) variable n; several carriers can have one in common."""
    capacity: Ints
    """(k,) capacity of one of it."""
    start: Ints
    """(k + 1,) where the shares of each begin."""
    share: Ints
    """Variables x, carrier by carrier."""
    load: Ints
    """Load of one unit of each."""

    def of(self, k: int) -> slice:
        """Where the shares of a carrier stand."""
        return slice(int(self.start[k]), int(self.start[k + 1]))

    def only(self, kept: NDArray[np.bool_]) -> Carriers:
        """Some of the carriers: `kept` is (k,)."""
        inside = np.repeat(kept, np.diff(self.start))
        return Carriers(
            row=self.row[kept],
            count=self.count[kept],
            capacity=self.capacity[kept],
            start=np.concatenate(([0], np.cumsum(np.diff(self.start)[kept]))).astype(np.int64),
            share=self.share[inside],
            load=self.load[inside],
        )


def carriers_of(matrix: Matrix) -> Carriers:
    """All carrier rows of a matrix, in its order."""
    rows = matrix.by_row
    taken = np.zeros(len(matrix.cost), np.bool_)
    found: list[tuple[int, int, int, Ints, Ints]] = []
    for row in range(rows.shape[0]):
        if matrix.row_upper[row] != 0 or matrix.row_lower[row] is not None:
            continue
        inside = slice(rows.indptr[row], rows.indptr[row + 1])
        variables, loads = rows.indices[inside].astype(np.int64), rows.data[inside].astype(np.int64)
        counts, shares = variables[loads < 0], variables[loads > 0]
        fits = len(counts) == 1 and len(shares) > 0 and matrix.share[shares].all() and not matrix.share[counts[0]]
        if fits and not taken[shares].any() and not matrix.lower[shares].any() and matrix.lower[counts[0]] == 0:
            taken[shares] = True
            found.append((row, int(counts[0]), -int(loads[loads < 0][0]), shares, loads[loads > 0]))
    none = np.empty(0, np.int64)
    return Carriers(
        row=np.array([row for row, *_ in found], np.int64),
        count=np.array([count for _, count, *_ in found], np.int64),
        capacity=np.array([capacity for _, _, capacity, *_ in found], np.int64),
        start=np.cumsum([0, *(len(shares) for *_, shares, _ in found)]).astype(np.int64),
        share=np.concatenate([none, *(shares for *_, shares, _ in found)]).astype(np.int64),
        load=np.concatenate([none, *(loads for *_, loads in found)]).astype(np.int64),
    )
