"""The lower bound that a tree of cases proves.

An inner node splits a box of variable bounds in two, x <= k and x >= k + 1, so the leaves cover all solutions however
the tree was found. Every leaf names a set of prices, and its bound is the Lagrangian one within its box (`boxes`); the
bound of the tree is the least of them. Wrong prices and useless splits only prove less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.optimize.bounds.boxes import Boxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.boxes import Priced
    from gpufleet.optimize.bounds.lagrangian import Prices
    from gpufleet.optimize.bounds.matrix import Matrix

    Ints = NDArray[np.int64]


class BrokenTreeError(ValueError):
    """Nodes that are no tree, or that name what is not there."""


@dataclass(frozen=True)
class Split:
    """Two cases: the variable is at most `most`, or more. What follows is the first case, then the second."""

    variable: int
    most: int


@dataclass(frozen=True)
class Tree:
    """Cases, and the prices of their leaves."""

    nodes: tuple[Split | int, ...]
    """In the order of a walk from the root, first cases first: splits, and leaves, which are positions in `prices`."""
    prices: tuple[Prices, ...]

    @property
    def leaves(self) -> int:
        """How many cases are left at the end."""
        return sum(isinstance(node, int) for node in self.nodes)


def tree_bound(matrix: Matrix, tree: Tree) -> int | None:
    """No solution costs less; None when no case has a solution. Raises `BrokenTreeError` for what is no tree."""
    check(tree, len(matrix.cost))
    boxes = Boxes(matrix)
    worked_out: dict[int, Priced] = {}
    least: int | None = None
    for position, lower, upper in _leaves(matrix, tree):
        if boxes.is_empty(lower, upper):
            continue
        if position not in worked_out:
            worked_out[position] = boxes.price(tree.prices[position])
        bound = boxes.bound(worked_out[position], lower, upper)
        if bound is not None:
            least = bound if least is None else min(least, bound)
    return least


def check(tree: Tree, variables: int) -> None:
    """Every split has both its cases, and names a variable of the model; every leaf names prices that are there."""
    open_cases = 1
    for node in tree.nodes:
        if open_cases == 0:
            raise BrokenTreeError("nodes after the last case")
        if isinstance(node, Split):
            if not 0 <= node.variable < variables:
                raise BrokenTreeError(f"variable {node.variable} is not in the model")
            open_cases += 1
        else:
            if not 0 <= node < len(tree.prices):
                raise BrokenTreeError(f"prices {node} are not there")
            open_cases -= 1
    if open_cases:
        raise BrokenTreeError("a case is missing")


def _leaves(matrix: Matrix, tree: Tree) -> Iterator[tuple[int, Ints, Ints]]:
    """(position of the prices, lower bounds, upper bounds) of every leaf; the arrays change afterwards."""
    lower, upper = matrix.lower.copy(), matrix.upper.copy()
    above: list[tuple[Split, int, int, bool]] = []  # splits, the bounds that their variable had, is it the second case
    for node in tree.nodes:
        if isinstance(node, Split):
            j = node.variable
            low, high = int(lower[j]), int(upper[j])
            above.append((node, low, high, False))
            upper[j] = min(high, max(node.most, low - 1))
            continue
        yield node, lower, upper
        second = True
        while above and second:
            split, low, high, second = above.pop()
            lower[split.variable], upper[split.variable] = low, high
        if not second:
            lower[split.variable] = max(low, min(split.most + 1, high + 1))
            above.append((split, low, high, True))
