"""The restricted master: one cover per block, mixed from those known, and everything else of the model.

min  sum_j cost_j x_j + sum_q cost_q l_q + penalties
     sum_q activity_iq l_q + sum_j a_ij x_j  within the sides of every linking row i
     sum_{q of block b} l_q = 1               for every block b

Artificial variables, dear but not infinitely so, keep it feasible while covers are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array, csr_array, eye_array, hstack, vstack

from gpufleet.optimize.decomposition.linear_programs import LinearProgram, sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.decomposition.blocks import Blocks

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MasterSolution:
    """Optimum of the restricted master."""

    weights: Floats
    """By column."""
    others: Floats
    """Values of the variables outside the blocks."""
    prices: Floats
    """By linking row."""
    objective: float
    missing: float
    """How much the artificial variables supply; 0 = a real solution of the relaxation."""


class Master:
    """Columns, and the linear program over them."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        matrix, links = blocks.matrix, blocks.links
        self._other_rows = csr_array(matrix.by_row[links][:, blocks.others]).astype(np.float64)
        self._lower = sides([matrix.row_lower[row] for row in links])
        self._upper = sides([matrix.row_upper[row] for row in links])
        self._known: set[tuple[int, bytes]] = set()
        self.owner: list[int] = []
        """Block of every column."""
        self._counts: list[csc_array] = []
        self._activity: list[csc_array] = []
        self._cost: list[float] = []
        touched = np.flatnonzero(np.diff(csr_array(blocks.item_links).indptr))
        self._helped = touched
        """Linking rows that blocks take part in."""

    def __len__(self) -> int:
        return len(self.owner)

    def add(self, counts: Ints) -> int:
        """Take one cover of every block; the number of those that were not known."""
        blocks = self._blocks
        fresh = []
        for block, (first, last) in enumerate(zip(blocks.start[:-1], blocks.start[1:], strict=True)):
            key = (block, counts[first:last].tobytes())
            if key not in self._known:
                self._known.add(key)
                fresh.append(block)
        if fresh:
            costs = blocks.matrix.cost[blocks.items] * counts
            totals = np.bincount(blocks.owner, costs, len(blocks.demand))
            covers = blocks.as_columns(counts)[:, fresh]
            self._counts.append(covers)
            self._activity.append(csc_array(blocks.item_links @ covers))
            self._cost.extend(totals[fresh])
            self.owner.extend(fresh)
        return len(fresh)

    def counts(self) -> csc_array:
        """(items, columns): how often each item is in each column."""
        return csc_array(hstack(self._counts))

    def solve(self, penalties: Floats, seconds: float) -> MasterSolution | None:
        """The optimum at penalties per linking row for what is missing; None where it was not found in time."""
        blocks, columns, helped = self._blocks, len(self), self._helped
        unit = csr_array(eye_array(len(blocks.links)))[:, helped]
        activity = hstack(self._activity) if columns else csr_array((len(blocks.links), 0))
        above = ~np.isnan(self._lower[helped])
        below = ~np.isnan(self._upper[helped])
        linking = hstack([activity, self._other_rows, unit[:, above], -unit[:, below]])
        choice = csr_array(
            (np.ones(columns), (np.array(self.owner, np.int64), np.arange(columns))),
            shape=(len(blocks.demand), linking.shape[1]),
        )
        matrix, others = blocks.matrix, blocks.others
        spare = int(above.sum() + below.sum())
        one = np.ones(len(blocks.demand))
        program = LinearProgram(
            cost=np.concatenate((self._cost, matrix.cost[others], penalties[helped][above], penalties[helped][below])),
            rows=csr_array(vstack([linking, choice])),
            row_lower=np.concatenate((self._lower, one)),
            row_upper=np.concatenate((self._upper, one)),
            lower=np.concatenate((np.zeros(columns), matrix.lower[others], np.zeros(spare))),
            upper=np.concatenate((np.full(columns, np.inf), matrix.upper[others], np.full(spare, np.inf))),
        )
        found = program.solve(seconds)
        if found is None:
            return None
        stop = columns + len(others)
        return MasterSolution(
            weights=found.values[:columns],
            others=found.values[columns:stop],
            prices=found.prices[: len(blocks.links)],
            objective=found.objective,
            missing=float(found.values[stop:].sum()),
        )
