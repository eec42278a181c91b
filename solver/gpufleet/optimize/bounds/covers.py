"""The covering rows of a matrix that a bound treats exactly, as the arrays that knapsacks take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Covers:
    """The rows of `Matrix.exact`, one block after the other."""

    matrix: Matrix

    @cached_property
    def items(self) -> Ints:
        """Variables of the blocks, block by block."""
        return self._inside(self.matrix.by_row.indices)

    @cached_property
    def capacity(self) -> Ints:
        """Coefficient of every item in its row."""
        return self._inside(self.matrix.by_row.data)

    def _inside(self, entries: NDArray[Any]) -> Ints:
        """Those entries of the rows' arrays that are in blocks."""
        ends = self.matrix.by_row.indptr
        parts = [entries[ends[row] : ends[row + 1]] for row in self.matrix.exact]
        return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)

    @cached_property
    def start(self) -> Ints:
        """Where the items of each block begin, and one past the last."""
        return np.concatenate(([0], np.cumsum(np.diff(self.matrix.by_row.indptr)[self.matrix.exact]))).astype(np.int64)

    @cached_property
    def demand(self) -> Ints:
        """What each block must cover."""
        return np.array([self.matrix.row_lower[row] for row in self.matrix.exact], np.int64)

    @cached_property
    def others(self) -> Ints:
        """Variables outside all blocks."""
        return np.flatnonzero(self.matrix.block < 0)
