"""Values of variables that prices rule out: a case in which they are taken costs as much as a plan that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.decomposition.cases import IMPOSSIBLE, narrowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.boxes import Boxes, Priced

    Ints = NDArray[np.int64]

STEPS = (0, 1, 2, 4)
"""How far above its lower bound the count of a block is looked at: its cost says nothing about it directly."""


@dataclass(frozen=True)
class RuledOut:
    """variable <= most, or more than that (`second`), costs at least `bound`."""

    variable: int
    most: int
    second: bool
    bound: int


def ruled_out(boxes: Boxes, priced: Priced, cost: int, lower: Ints, upper: Ints) -> Iterator[RuledOut]:
    """Sides that cost at least `cost` within the bounds; shares, which cost nothing themselves, are left alone.

    The bounds are tightened on the way, and every answer is about those that the ones before it have left.
    """
    bound = boxes.bound(priced, lower, upper)
    if bound is None or bound >= cost:
        return
    for j in np.flatnonzero((lower < upper) & ~boxes.matrix.share).tolist():
        for most, second in _tries(boxes, priced, cost - bound, j, int(lower[j]), int(upper[j])):
            if not lower[j] <= most < upper[j]:
                continue
            least = _least(boxes, priced, lower, upper, j, most, second)
            if least >= cost:
                if second:
                    upper[j] = most
                else:
                    lower[j] = most + 1
                yield RuledOut(j, most, second, least)
                break


def _tries(boxes: Boxes, priced: Priced, gap: int, j: int, low: int, high: int) -> list[tuple[int, bool]]:
    """Sides that may be ruled out, the widest first."""
    reduced = int(priced.reduced[j])
    if boxes.matrix.block[j] >= 0:
        return [(low + step, True) for step in STEPS]
    room = (gap + boxes.matrix.unit) * priced.denominator
    if reduced > 0:
        return [(low + room // reduced, True)]
    return [(high - room // -reduced - 1, False)] if reduced < 0 else []


def _least(boxes: Boxes, priced: Priced, lower: Ints, upper: Ints, j: int, most: int, second: bool) -> int:
    """What this side costs at least."""
    bound = boxes.bound(priced, *narrowed(lower, upper, j, most, second))
    return IMPOSSIBLE if bound is None else bound
