"""The cases of a branch and bound, and the tree of them that goes into a certificate."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.optimize.bounds.tree import Split, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.lagrangian import Prices
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.decomposition.relaxation import Relaxed

    Ints = NDArray[np.int64]

IMPOSSIBLE = 2**100
"""Bound of a case without a solution."""
MOST_NUMBERS = 150_000
"""Prices that a tree may have, so that a plan file stays below about 3 MB; a larger one is pruned and proves less."""
PRUNINGS = 32
"""Steps in which it is pruned, from all of what it proves down to what the root proves."""
NEAR = 4
"""Sets of prices used last that are tried for the next leaf before its own."""


@dataclass
class Case:
    """A node of the tree."""

    parent: Case | None = None
    variable: int = -1
    """What its parent was split on."""
    most: int = 0
    second: bool = False
    """Does the variable have more than `most` here, or at most that?"""
    bound: int = 0
    prices: int = 0
    """Position of the prices behind the bound."""
    relaxed: Relaxed | None = None
    """Where branching goes on, as long as the case is open."""
    children: tuple[Case, Case] | None = None
    known: tuple[Ints, Ints] | None = None
    """Its box, where it is kept."""

    def box(self, matrix: Matrix) -> tuple[Ints, Ints]:
        """Bounds of the variables in this case."""
        above: list[Case] = []
        case: Case = self
        while case.parent is not None and case.known is None:
            above.append(case)
            case = case.parent
        low, high = case.known or (matrix.lower, matrix.upper)
        lower, upper = low.copy(), high.copy()
        for case in above:
            if case.second:
                lower[case.variable] = max(lower[case.variable], case.most + 1)
            else:
                upper[case.variable] = min(upper[case.variable], case.most)
        return lower, upper

    def split(self, variable: int, most: int) -> tuple[Case, Case]:
        """Two cases, at first with the bound and prices of this one."""
        first = Case(self, variable, most, False, self.bound, self.prices)
        self.children = (first, Case(self, variable, most, True, self.bound, self.prices))
        return self.children


def narrowed(lower: Ints, upper: Ints, variable: int, most: int, second: bool) -> tuple[Ints, Ints]:
    """One side of a split of a box: more than `most`, or at most that."""
    low, high = lower.copy(), upper.copy()
    if second:
        low[variable] = most + 1
    else:
        high[variable] = most
    return low, high


def walk(root: Case, enough: int) -> Iterator[Case]:
    """Cases in the order of a `Tree`, as far as they are needed to prove `enough`: inner ones and leaves."""
    ahead = [root]
    while ahead:
        case = ahead.pop()
        yield case
        if case.children is not None and case.bound < enough:
            ahead += reversed(case.children)


def is_leaf(case: Case, enough: int) -> bool:
    """Does nothing of this case follow in `walk`?"""
    return case.children is None or case.bound >= enough


def tree_of(root: Case, prices: list[Prices], cost: int, proves: Callable[[Case, int, int], bool]) -> Tree:
    """The smallest tree that proves as much as the leaves do, no more than `cost`, and is not too large to write.

    `proves` says whether prices prove a bound of a case, so that leaves can share prices.
    """
    every = min(cost, min(case.bound for case in walk(root, cost) if is_leaf(case, cost)))
    for step in range(PRUNINGS + 1):
        enough = every - (every - root.bound) * step // PRUNINGS
        tree = _tree(root, prices, enough, proves)
        if sum(len(entry.numerators) for entry in tree.prices[1:]) <= MOST_NUMBERS:
            return tree
    return tree


def _tree(root: Case, prices: list[Prices], enough: int, proves: Callable[[Case, int, int], bool]) -> Tree:
    nodes: list[Split | int] = []
    used = {0: 0}
    recent: deque[int] = deque([0], NEAR)
    for case in walk(root, enough):
        if not is_leaf(case, enough):
            assert case.children is not None
            nodes.append(Split(case.children[0].variable, case.children[0].most))
            continue
        chosen = next((p for p in recent if p != case.prices and proves(case, p, enough)), case.prices)
        if case.prices in used:
            chosen = case.prices
        nodes.append(used.setdefault(chosen, len(used)))
        if chosen in recent:
            recent.remove(chosen)
        recent.appendleft(chosen)
    return Tree(tuple(nodes), tuple(prices[position] for position in used))
