"""Branch and bound in this process, over linear programs that GLOP solves from where the last one ended.

For models of some hundred variables, where another process would take longer to start than the proof takes. Every node
also looks for capacity cuts, which hold everywhere. Dives towards the cheaper child until it ends, then goes on at the
node with the least bound. The number of linear programs is limited, not the time, so that giving up is repeatable.
"""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.interruption import look
from gpufleet.optimize.backends.glop import Glop
from gpufleet.optimize.decomposition.linear_programs import sides
from gpufleet.optimize.routed.capacity_cuts import violated_cuts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gpufleet.optimize.routed.capacity_cuts import Cut
    from gpufleet.optimize.routed.relaxation import Relaxation

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Box = dict[int, tuple[int, int]]

WHOLE = 1e-6
TOLERANCE = 1e-6
"""Relative; that of every floating-point solver here."""
PROBED, TRUSTED = 8, 2
"""Counts whose children are looked at before a branch, until so many rises are known of each side."""
CUT_ROUNDS = 3


@dataclass
class _Rises:
    """Rise of the bound per unit that a count is rounded, down and up: sums and numbers."""

    total: list[float] = field(default_factory=lambda: [0.0, 0.0])
    number: list[int] = field(default_factory=lambda: [0, 0])

    def learn(self, side: int, rise: float, distance: float) -> None:
        self.total[side] += max(rise, 0.0) / max(distance, WHOLE)
        self.number[side] += 1

    def score(self, part: float) -> float:
        """Product of the rises expected."""
        each = [total / max(number, 1) for total, number in zip(self.total, self.number, strict=True)]
        return max(each[0] * part, 1e-9) * max(each[1] * (1 - part), 1e-9)


@dataclass(frozen=True)
class Grown:
    """What came of a tree."""

    finished: bool
    """All was searched: nothing costs less than `ceiling` or the plan found."""
    values: Floats | None
    """Of the whole matrix: the best plan found, with whole counts."""


class Tree:
    """A tree over the free variables of a relaxation; all others are 0."""

    def __init__(self, relaxation: Relaxation, free: Bools, ceiling: int | None, unit: int) -> None:
        """`ceiling` is a cost that is known, `unit` what every cost is a whole number of; both in micro-USD."""
        self.relaxation, self.matrix = relaxation, relaxation.matrix
        self.columns = np.flatnonzero(free)
        self.position = {int(index): at for at, index in enumerate(self.columns)}
        self.scale = np.where(self.matrix.share, self.matrix.upper, 1).astype(np.float64)
        self.unit = unit
        self.cutoff = math.inf if ceiling is None else self._below(ceiling)
        self.counts = [int(index) for index in self.columns if not self.matrix.share[index]]
        self.best: Floats | None = None
        self.programs = 0
        self.rises: dict[int, _Rises] = {}
        self.boxed: Box = {}
        self._build()

    def grow(self, programs: int, until: float, stopped: Callable[[], bool]) -> Grown:
        """Search until the end, or for so many linear programs."""
        order = 0
        heap: list[tuple[float, int, Box, Floats]] = []
        node = self._node({})
        while node is not None or heap:
            if node is None:
                bound, _, box, values = heapq.heappop(heap)
                if bound > self.cutoff:
                    break
                node = bound, box, values
            if self.programs > programs or time.monotonic() > until or stopped():
                return Grown(False, self.best)
            children = sorted(self._branch(*node), key=lambda child: child[0])
            node = children[0] if children else None
            for bound, box, values in children[1:]:
                order += 1
                heapq.heappush(heap, (bound, order, box, values))
        return Grown(True, self.best)

    def _below(self, cost: int) -> float:
        """A bound above this leaves no room for a plan that costs less."""
        return (cost - self.unit) * (1 + TOLERANCE) if self.unit > cost * TOLERANCE else float(cost)

    def _branch(self, bound: float, box: Box, values: Floats) -> list[tuple[float, Box, Floats]]:
        """The children of a node that can hold something better."""
        if bound > self.cutoff:
            return []
        open_counts = [i for i in self.counts if abs(values[i] - np.rint(values[i])) > WHOLE]
        if not open_counts:
            self.best = values
            self.cutoff = self._below(round(bound))
            return []
        index = self._choose(bound, box, values, open_counts)
        part = values[index] % 1
        found = []
        for side, limits in enumerate(self._sides(box, index, values)):
            child = self._node({**box, index: limits})
            if child is not None:
                self.rises.setdefault(index, _Rises()).learn(side, child[0] - bound, (part, 1 - part)[side])
                found.append(child)
        return found

    def _sides(self, box: Box, index: int, values: Floats) -> tuple[tuple[int, int], tuple[int, int]]:
        low, high = box.get(index, (int(self.matrix.lower[index]), int(self.matrix.upper[index])))
        down = math.floor(values[index])
        return (low, down), (down + 1, high)

    def _choose(self, bound: float, box: Box, values: Floats, open_counts: list[int]) -> int:
        """The count that promises the largest rise on both sides; little known ones are tried out."""
        open_counts.sort(key=lambda i: -abs(values[i] - np.rint(values[i])))
        unknown = [i for i in open_counts if min(self.rises.setdefault(i, _Rises()).number) < TRUSTED]
        for index in unknown[:PROBED]:
            part = values[index] % 1
            for side, limits in enumerate(self._sides(box, index, values)):
                cost = self._cost({**box, index: limits})
                rise = (self.cutoff if math.isfinite(self.cutoff) else 1.1 * bound) if cost is None else cost
                self.rises[index].learn(side, rise - bound, (part, 1 - part)[side])
        return max(open_counts, key=lambda i: (self.rises[i].score(float(values[i]) % 1), -i))

    def _node(self, box: Box) -> tuple[float, Box, Floats] | None:
        """(bound, box, values) after cuts; None where nothing better can be inside."""
        cost = self._cost(box)
        for _ in range(CUT_ROUNDS):
            if cost is None or cost > self.cutoff:
                return None
            values = self._values()
            new = violated_cuts(self.matrix, self.relaxation.carriers, values)
            if not new:
                return cost, box, values
            for cut in new:
                self._add_cut(cut)
            cost = self._cost(box)
        return None if cost is None or cost > self.cutoff else (cost, box, self._values())

    def _cost(self, box: Box) -> float | None:
        """Cost of the relaxation inside a box; None where it has no solution."""
        for index in self.boxed.keys() - box.keys():
            self._limit(index, (int(self.matrix.lower[index]), int(self.matrix.upper[index])))
        for index, limits in box.items():
            if self.boxed.get(index) != limits:
                self._limit(index, limits)
        self.boxed = box
        look()
        self.programs += 1
        cost = self.program.solve()
        return None if cost is None else cost * self.money

    def _limit(self, index: int, limits: tuple[int, int]) -> None:
        self.program.limit(self.position[index], *limits)

    def _values(self) -> Floats:
        values = np.zeros(len(self.scale))
        values[self.columns] = self.program.values()
        return values * self.scale

    def _build(self) -> None:
        """The linear program, with shares from 0 to 1 and rows whose largest coefficient is 1."""
        matrix, scale = self.matrix, self.scale
        costs = matrix.cost[self.columns] * scale[self.columns]
        self.money = float(np.abs(costs).max(initial=0.0)) / 100 or 1.0
        lower, upper = (matrix.lower / scale)[self.columns], (matrix.upper / scale)[self.columns]
        self.program = Glop((costs / self.money).tolist(), lower.tolist(), upper.tolist())
        rows = matrix.by_row
        low, high = sides(matrix.row_lower), sides(matrix.row_upper)
        for row in range(rows.shape[0]):
            look()
            inside = slice(rows.indptr[row], rows.indptr[row + 1])
            terms = zip(rows.indices[inside].tolist(), rows.data[inside].tolist(), strict=True)
            self._add([(i, c) for i, c in terms if i in self.position], float(low[row]), float(high[row]))
        for cut in self.relaxation.cuts:
            self._add_cut(cut)

    def _add_cut(self, cut: Cut) -> None:
        self._add([(i, c) for i, c in cut.terms if i in self.position], math.nan, float(cut.upper))

    def _add(self, terms: list[tuple[int, int]], lower: float, upper: float) -> None:
        """A row; without variables it holds, or nothing does."""
        widths = [c * self.scale[i] for i, c in terms]
        unit = max((abs(width) for width in widths), default=1.0)
        scaled = [(self.position[i], width / unit) for (i, _), width in zip(terms, widths, strict=True)]
        self.program.add_row(scaled, lower / unit, upper / unit)
