"""A part of a model: some variables free, some blocks to choose a cover for, everything else as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array, csr_array, hstack

from gpufleet.optimize.formulation.linear_model import LinearModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.formulation.linear_model import Kind

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """A small model, and what its variables stand for."""

    model: LinearModel
    hint: list[int]
    """Its variables as they are now."""
    free: Ints
    """Variables of the whole model that come first here."""
    columns: csc_array
    """(variables of the whole model, columns): the covers that the rest of the variables choose."""

    def moved(self, values: list[int], before: Ints) -> Ints:
        """By how much a solution of the part changes every variable of the whole model."""
        after = before.copy()
        after[self.free] = values[: len(self.free)]
        chosen = np.array(values[len(self.free) :], np.int64)
        if len(chosen):
            touched = np.unique(self.columns.indices)
            after[touched] = 0
            after += self.columns @ chosen
        return after - before


def part_of(matrix: Matrix, values: Ints, free: Ints, covers: tuple[csc_array, Ints] | None = None) -> Part:
    """The model in the `free` variables and, with `covers` (columns, the block of each), one for each of their blocks.

    The first of the `columns` of every block is its present cover; all its variables are decided by them.
    """
    columns, owner = covers or (csc_array((len(values), 0), dtype=np.int64), np.empty(0, np.int64))
    taken = np.unique(columns.indices)
    fixed = values.copy()
    fixed[free] = 0
    fixed[taken] = 0
    done = matrix.by_row @ fixed
    moving = csr_array(hstack([matrix.by_column[:, free], matrix.by_column @ columns]))
    small = LinearModel()
    for j in free.tolist():
        kind: Kind = "share" if matrix.share[j] else "count"
        group = int(matrix.group[j])
        small.add_variable(f"v{j}", int(matrix.lower[j]), int(matrix.upper[j]), kind, None if group < 0 else group)
    for q in range(columns.shape[1]):
        small.add_variable(f"c{q}", 0, 1)
    decided = set(matrix.exact[np.unique(owner)].tolist()) if len(owner) else set()
    for row in np.flatnonzero(np.diff(moving.indptr)).tolist():
        if row in decided:
            continue
        first, last = moving.indptr[row], moving.indptr[row + 1]
        pairs = zip(moving.indices[first:last].tolist(), moving.data[first:last].tolist(), strict=True)
        low, high, there = matrix.row_lower[row], matrix.row_upper[row], int(done[row])
        small.add_row(
            "", f"r{row}", pairs, None if low is None else low - there, None if high is None else high - there
        )
    first_column = len(free)
    for block in np.unique(owner).tolist():
        terms = [(first_column + q, 1) for q in np.flatnonzero(owner == block).tolist()]
        small.add_row("", f"one_{block}", terms, 1, 1)
    costs: Ints = np.concatenate((matrix.cost[free], np.asarray(columns.T @ matrix.cost, np.int64)))
    small.objective = {index: int(value) for index, value in enumerate(costs) if value}
    return Part(small, _hint(values, free, owner), free, columns)


def _hint(values: Ints, free: Ints, owner: Ints) -> list[int]:
    """The present values, and the first column of every block."""
    chosen = np.zeros(len(owner), np.int64)
    chosen[np.unique(owner, return_index=True)[1]] = 1
    return [*values[free].tolist(), *chosen.tolist()]
