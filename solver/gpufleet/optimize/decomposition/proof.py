"""Branch and bound for the certificate: a tree of cases whose leaves' prices prove more than those of the root.

A plan is known, and its cost is all that the search wants to reach. First the root's prices rule out what they can:
every value of a variable that would cost as much as the plan is split off, and is a leaf at once. What remains is split
where the bound is least. A case is closed when its bound reaches the plan's cost; at the limits open cases are leaves
too, and the tree proves the least of them.
"""

from __future__ import annotations

import heapq
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.interruption import look
from gpufleet.optimize.bounds.boxes import Boxes
from gpufleet.optimize.bounds.tree import Tree, tree_bound
from gpufleet.optimize.decomposition.blocks import Blocks
from gpufleet.optimize.decomposition.branching import Branching
from gpufleet.optimize.decomposition.cases import IMPOSSIBLE, Case, narrowed, tree_of
from gpufleet.optimize.decomposition.fixing import ruled_out
from gpufleet.optimize.decomposition.relaxation import Relaxation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.boxes import Priced
    from gpufleet.optimize.bounds.lagrangian import Prices
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.decomposition.relaxation import Relaxed

    Ints = NDArray[np.int64]

logger = logging.getLogger(__name__)

MOST_CASES = 100_000
"""Cases after which the search ends."""
ROOT_ROUNDS = 30
"""Rounds of cuts before the first split."""
NODE_ROUNDS = 3
"""Rounds of cuts after every split."""
NODE_CUT = 1e-6
"""Afterwards a cut must be missed by this share of the plan's cost."""
SLACK = 0.99
"""Share of the gap that a reduced cost must make up for before it is worth a look."""
WRITING_SHARE = 0.15
"""Share of the time that is kept for making the tree small and checking it."""


@dataclass(frozen=True)
class ProofTree:
    """What was found."""

    tree: Tree
    bound: int
    """What it proves, in exact arithmetic."""
    in_time: bool
    """The search came to its end, not to the time limit: it would end like this again."""


def prove(
    matrix: Matrix, prices: Prices, cost: int, seconds: float, stopped: Callable[[], bool] = lambda: False
) -> ProofTree | None:
    """A tree that proves more than the prices alone, towards the cost of a known plan; None when there is none.

    Raises Stopped where the search is stopped (`interruption`).
    """
    started = time.monotonic()
    search = ProofSearch(matrix, cost, started + seconds * (1 - WRITING_SHARE), stopped)
    root = search.run(prices)
    look()  # making the tree small and checking it takes a second, and what was searched for was a proof
    tree = tree_of(root, search.prices, cost, search.proves)
    bound = tree_bound(matrix, tree)
    logger.debug("proof: %d cases, %d leaves, %s of %d", search.cases, tree.leaves, bound, cost)
    if bound is None or bound <= search.alone:
        return None
    return ProofTree(tree, bound, search.in_time)


class ProofSearch:
    """One search for a tree; `cost` is that of the plan to be proven."""

    def __init__(self, matrix: Matrix, cost: int, until: float, stopped: Callable[[], bool]) -> None:
        self.matrix, self.cost, self.until, self.stopped = matrix, cost, until, stopped
        self.boxes = Boxes(matrix)
        self.relaxation = Relaxation(Blocks(matrix), cost, until)
        self.branching = Branching(matrix, self.relaxation, cost)
        self.prices: list[Prices] = []
        self.open: list[tuple[int, int, Case]] = []
        self.cases = 0
        self.in_time = True
        self.alone = 0
        """What the prices prove without cases."""
        self._priced: dict[int, Priced] = {}

    def run(self, prices: Prices) -> Case:
        """The root of the tree."""
        root = Case(prices=self._add(prices, self.boxes.price(prices)))
        root.bound = self.alone = self._bound(0, self.matrix.lower, self.matrix.upper)
        case = self._fixed(root)
        lower, upper = case.box(self.matrix)
        relaxed = self._root_relaxed(lower, upper)
        if relaxed is not None:
            self._improve(case, relaxed, lower, upper)
            case = self._fixed(case)
            case.relaxed = relaxed
        self._push(case)
        while self.open and self.cases < MOST_CASES and not self.stopped():
            if time.monotonic() > self.until:
                self.in_time = False
                break
            self._branch(heapq.heappop(self.open)[2])
        return root

    def proves(self, case: Case, position: int, enough: int) -> bool:
        """Do these prices prove so much about the case?"""
        return self._bound(position, *case.box(self.matrix)) >= enough

    def _root_relaxed(self, lower: Ints, upper: Ints) -> Relaxed | None:
        relaxed = None
        for _ in range(ROOT_ROUNDS):
            look()
            found = self.relaxation.solve(lower, upper)
            if found is None:
                break
            relaxed = found
            if not self.relaxation.cut(found, lower, upper):
                break
        return relaxed

    def _push(self, case: Case) -> None:
        """Open, unless its bound is enough or nothing is known to go on from."""
        self.cases += 1
        if case.bound < self.cost and case.relaxed is not None:
            heapq.heappush(self.open, (case.bound, self.cases, case))

    def _add(self, prices: Prices, priced: Priced) -> int:
        self.prices.append(prices)
        self._priced[len(self.prices) - 1] = priced
        return len(self.prices) - 1

    def _bound(self, position: int, lower: Ints, upper: Ints) -> int:
        """What prices prove within a box; `IMPOSSIBLE` also where a row alone shows that it is empty."""
        bound = self.boxes.bound(self._priced[position], lower, upper)
        if bound is None or (bound < self.cost and self.boxes.is_empty(lower, upper)):
            return IMPOSSIBLE
        return bound

    def _improve(self, case: Case, relaxed: Relaxed, lower: Ints, upper: Ints) -> None:
        """Take the relaxation's prices where they prove more than those at hand."""
        prices = self.relaxation.rounded(relaxed)
        priced = self.boxes.price(prices)
        found = self.boxes.bound(priced, lower, upper)
        bound = IMPOSSIBLE if found is None else found
        if bound > case.bound:
            case.bound, case.prices = bound, self._add(prices, priced)

    def _fixed(self, case: Case) -> Case:
        """What is left of a case when all that its prices rule out is split off."""
        lower, upper = case.box(self.matrix)
        for found in ruled_out(self.boxes, self._priced[case.prices], self.cost, lower, upper):
            sides = case.split(found.variable, found.most)
            sides[found.second].bound = found.bound
            case = sides[not found.second]
        case.known = (lower, upper)
        case.bound = max(case.bound, self._bound(case.prices, lower, upper))
        return case

    def _branch(self, case: Case) -> None:
        """Split, and work out both sides."""
        assert case.relaxed is not None
        lower, upper = case.box(self.matrix)
        chosen = self.branching.choice(case.relaxed, lower, upper)
        case.relaxed = None
        if chosen is None:
            return
        for child, probe in zip(case.split(chosen.variable, chosen.most), chosen.probes, strict=True):
            low, high = narrowed(lower, upper, child.variable, child.most, child.second)
            self._work_out(child, probe, low, high)
            self._push(self._tightened(child, low, high))

    def _tightened(self, case: Case, lower: Ints, upper: Ints) -> Case:
        """What is left of an open case when the values that its relaxation prices too high are split off.

        Not where there are covering rows, whose knapsacks cost more than it gains (measured)."""
        relaxed = case.relaxed
        if relaxed is None or case.bound >= self.cost or len(self.matrix.exact):
            return case
        case.relaxed = None
        dear = np.abs(relaxed.reduced) >= (self.cost - relaxed.objective) * SLACK
        for j in np.flatnonzero(dear & (lower < upper) & ~self.matrix.share).tolist():
            second = bool(relaxed.reduced[j] > 0)
            most = int(lower[j] if second else upper[j] - 1)
            bound = self._bound(case.prices, *narrowed(lower, upper, j, most, second))
            if bound >= self.cost:
                sides = case.split(j, most)
                sides[second].bound = bound
                case = sides[not second]
                lower, upper = narrowed(lower, upper, j, most, not second)
        case.relaxed = relaxed
        return case

    def _work_out(self, case: Case, probe: Relaxed | None, lower: Ints, upper: Ints) -> None:
        """The bound of a case, from its parent's prices if they will do."""
        case.bound = max(case.bound, self._bound(case.prices, lower, upper))
        if case.bound >= self.cost:
            return
        found = probe or self.relaxation.solve(lower, upper)
        if found is None:
            return
        for _ in range(NODE_ROUNDS):
            look()
            if found.objective >= self.cost or not self.relaxation.cut(found, lower, upper, NODE_CUT):
                break
            found = self.relaxation.solve(lower, upper) or found
        self._improve(case, found, lower, upper)
        case.relaxed = found
