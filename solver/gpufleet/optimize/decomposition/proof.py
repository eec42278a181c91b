"""Branch and bound for the certificate: a tree of cases whose leaves' prices prove more than those of the root.

The cost of a known plan is all that it wants from a search, so it is about bounds alone. First variables are fixed by
their reduced costs at the root's prices; every fixing is a split, and its other side a leaf. What remains is split at
the case with the least bound. A case is closed when its bound reaches the plan's cost; at the limits open cases are
leaves too, and the tree proves the least of them.
"""

from __future__ import annotations

import heapq
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.bounds.boxes import Boxes
from gpufleet.optimize.bounds.lagrangian import Prices
from gpufleet.optimize.decomposition.blocks import Blocks
from gpufleet.optimize.decomposition.pseudo_costs import PseudoCosts
from gpufleet.optimize.decomposition.relaxation import Relaxation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.boxes import Priced
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.decomposition.relaxation import Relaxed

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

logger = logging.getLogger(__name__)

IMPOSSIBLE = 2**62
"""Bound of a case without a solution."""


@dataclass
class Case:
    """A node of the tree."""

    parent: Case | None
    variable: int = -1
    """What its parent was split on, and the side of it that this is."""
    most: int = 0
    second: bool = False
    bound: int = 0
    prices: int = 0
    """Position of the prices behind the bound."""
    relaxed: Relaxed | None = None
    """Where branching goes on; None = not yet known."""
    children: tuple[Case, Case] | None = None

    def box(self, matrix: Matrix) -> tuple[Ints, Ints]:
        """Bounds of the variables in this case."""
        lower, upper = matrix.lower.copy(), matrix.upper.copy()
        case: Case | None = self
        while case is not None and case.parent is not None:
            if case.second:
                lower[case.variable] = max(lower[case.variable], case.most + 1)
            else:
                upper[case.variable] = min(upper[case.variable], case.most)
            case = case.parent
        return lower, upper


@dataclass
class ProofSearch:
    """One search for a tree; `cost` is that of the plan to be proven."""

    matrix: Matrix
    cost: int
    until: float
    most_cases: int
    stopped: Callable[[], bool] = lambda: False
    prices: list[Prices] = field(default_factory=list)
    open: list[tuple[int, int, Case]] = field(default_factory=list)
    cases: int = 0

    def __post_init__(self) -> None:
        self.blocks = Blocks(self.matrix)
        self.boxes = Boxes(self.matrix)
        self.priced: dict[int, Priced] = {}
        self.pseudo = PseudoCosts(len(self.matrix.cost))
        self.stats = dict(lps=0, fixed=0)

    def run(self, root_prices: Prices) -> Case:
        """The root of the tree."""
        root = Case(None)
        root.prices = self._add(root_prices)
        root.bound = self._bound(root.prices, self.matrix.lower, self.matrix.upper)
        self.relaxation = Relaxation(self.blocks, self.cost, self.until)
        case = self._fixed(root)
        lower, upper = case.box(self.matrix)
        for _ in range(ROOT_ROUNDS):
            relaxed = self.relaxation.solve(lower, upper)
            if relaxed is None or not self.relaxation.cut(relaxed):
                break
        if relaxed is not None:
            self._improve(case, relaxed, lower, upper)
            logger.debug("root: bound %d LP %.6g cost %d", case.bound, relaxed.objective, self.cost)
            case = self._fixed(case)
        if relaxed is not None:
            case.relaxed = relaxed
            self._push(case)
        self._search()
        return root

    def _search(self) -> None:
        while self.open and self.cases < self.most_cases and time.monotonic() < self.until and not self.stopped():
            _, _, case = heapq.heappop(self.open)
            self._branch(case)

    def _push(self, case: Case) -> None:
        self.cases += 1
        if case.bound < self.cost:
            heapq.heappush(self.open, (case.bound, self.cases, case))

    def _add(self, prices: Prices) -> int:
        self.prices.append(prices)
        return len(self.prices) - 1

    def _bound(self, position: int, lower: Ints, upper: Ints) -> int:
        if position not in self.priced:
            self.priced[position] = self.boxes.price(self.prices[position])
        bound = self.boxes.bound(self.priced[position], lower, upper)
        return IMPOSSIBLE if bound is None else bound

    def _improve(self, case: Case, relaxed: Relaxed, lower: Ints, upper: Ints) -> None:
        """Take the relaxation's prices where they prove more than the parent's."""
        prices = self.relaxation.rounded(relaxed)
        priced = self.boxes.price(prices)
        found = self.boxes.bound(priced, lower, upper)
        bound = IMPOSSIBLE if found is None else found
        if bound > case.bound:
            case.bound, case.prices = bound, self._add(prices)
            self.priced[case.prices] = priced

    def _split(self, case: Case, variable: int, most: int) -> tuple[Case, Case]:
        """Both sides, at the case's own prices."""
        low, high = (Case(case, variable, most, second, case.bound, case.prices) for second in (False, True))
        case.children = (low, high)
        return low, high

    def _fixed(self, case: Case) -> Case:
        """The case that is left when what the prices rule out is split off."""
        lower, upper = case.box(self.matrix)
        priced = self.priced[case.prices] if case.prices in self.priced else self.boxes.price(self.prices[case.prices])
        gap = (self.cost - case.bound + self.boxes.unit) * priced.denominator
        for j in np.flatnonzero(lower < upper):
            reduced = int(priced.reduced[j])
            inside = self.matrix.block[j] >= 0
            if inside:
                tries = [(int(lower[j]) + step, True) for step in (0, 1, 2, 4) if lower[j] + step < upper[j]]
            elif reduced > 0:
                tries = [(int(lower[j]) + gap // reduced, True)]
            elif reduced < 0:
                tries = [(int(upper[j]) - gap // -reduced - 1, False)]
            else:
                continue
            for most, second in tries:
                if not lower[j] <= most < upper[j]:
                    continue
                low, high = lower, upper
                if second:
                    low = lower.copy()
                    low[j] = most + 1
                else:
                    high = upper.copy()
                    high[j] = most
                bound = self._bound(case.prices, low, high)
                if bound >= self.cost:
                    sides = self._split(case, int(j), most)
                    closed, case = (sides[1], sides[0]) if second else sides
                    closed.bound = bound
                    self.stats["fixed"] += 1
                    if second:
                        upper[j] = most
                    else:
                        lower[j] = most + 1
                    break
        case.bound = max(case.bound, self._bound(case.prices, lower, upper))
        return case

    def _branch(self, case: Case) -> None:
        lower, upper = case.box(self.matrix)
        relaxed = case.relaxed
        if relaxed is None:
            return
        chosen = self._choice(relaxed, lower, upper)
        case.relaxed = None
        if chosen is None:
            logger.debug("nothing to branch on: bound %d, objective %.9g", case.bound, relaxed.objective)
            return
        j, most, probes = chosen
        for child, probe in zip(self._split(case, j, most), probes, strict=True):
            low, high = (lower.copy(), upper) if child.second else (lower, upper.copy())
            if child.second:
                low[j] = most + 1
            else:
                high[j] = most
            own = self._bound(child.prices, low, high)
            child.bound = max(child.bound, own)
            if child.bound < self.cost:
                found = probe or self.relaxation.solve(low, high)
                if found is not None and found.objective < self.cost and self.relaxation.cut(found, NODE_CUTS):
                    found = self.relaxation.solve(low, high) or found
                if found is not None:
                    self._improve(child, found, low, high)
                    child.relaxed = found
            self._push(child)

    def _choice(
        self, relaxed: Relaxed, lower: Ints, upper: Ints
    ) -> tuple[int, int, tuple[Relaxed | None, Relaxed | None]] | None:
        """What to split on, at which value, and the sides' relaxations if they were solved."""
        values = relaxed.values
        part = values - np.floor(values)
        fractional = np.flatnonzero((part > 1e-6) & (part < 1 - 1e-6) & (lower < upper))
        counts = fractional[~self.matrix.share[fractional]]
        if not len(counts):
            counts = fractional
        if not len(counts):
            counts = np.flatnonzero((lower < upper) & ~self.matrix.share)[:1]
            if not len(counts):
                return None
        if Y_FIRST and (self.matrix.block[counts] < 0).any():
            counts = counts[self.matrix.block[counts] < 0]
        score = self.pseudo.scores(counts, part[counts])
        order = counts[np.argsort(-score, kind="stable")]
        best, best_score = None, -1.0
        patience = 0
        for number, j in enumerate(order.tolist()):
            if number >= CANDIDATES or patience >= PATIENCE:
                break
            most = int(np.floor(values[j])) if part[j] < 1 - 1e-6 else int(round(values[j]))
            most = min(max(most, int(lower[j])), int(upper[j]) - 1)
            probes: tuple[Relaxed | None, Relaxed | None] = (None, None)
            if self.pseudo.is_reliable(j):
                score_j = float(self.pseudo.scores(np.array([j]), part[[j]])[0])
            else:
                high, low = upper.copy(), lower.copy()
                high[j], low[j] = most, most + 1
                probes = (self.relaxation.solve(lower, high), self.relaxation.solve(low, upper))
                gains = [
                    max(min(p.objective, self.cost) - relaxed.objective, 0.0) if p is not None else 0.0 for p in probes
                ]
                self.pseudo.learn(j, float(part[j]), gains[0], gains[1])
                score_j = self.pseudo.together(np.array(gains[0]), np.array(gains[1])).item()
            patience += 1
            if score_j > best_score:
                best, best_score, patience = (j, most, probes), score_j, 0
        return best


ROOT_ROUNDS = 30
NODE_CUTS = 1e-5
Y_FIRST = False
CANDIDATES, PATIENCE = 12, 4
