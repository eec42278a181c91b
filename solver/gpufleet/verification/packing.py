"""How many nodes a set of replicas really needs: each replica is placed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def nodes_needed(replicas: Mapping[int, int], size: int) -> int:
    """Nodes of `size` accelerators for so many replicas of each size; larger replicas take whole nodes.

    Placed in descending size, each into the fullest node that has room (best-fit decreasing), in groups of equals.

    >>> nodes_needed({4: 1, 2: 2, 1: 1, 16: 1}, 8)
    4
    """
    nodes = 0
    free: Counter[int] = Counter()
    for replica in sorted(replicas, reverse=True):
        count = replicas[replica]
        if replica >= size:
            nodes += count * -(-replica // size)
            continue
        for room in sorted(room for room in free if room >= replica):
            count = _fill(free, room, free.pop(room), replica, count)
        opened = -(-count // (size // replica))
        _fill(free, size, opened, replica, count)
        nodes += opened
    return nodes


def _fill(free: Counter[int], room: int, holes: int, replica: int, count: int) -> int:
    """Put up to `count` replicas into `holes` holes of `room` accelerators; returns how many are left over."""
    each = room // replica
    placed = min(count, holes * each)
    full, rest = divmod(placed, each)
    free[room - each * replica] += full
    if rest:
        free[room - rest * replica] += 1
    free[room] += holes - full - bool(rest)
    return count - placed
