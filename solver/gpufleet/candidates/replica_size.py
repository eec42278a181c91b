"""Which replica sizes pack exactly onto nodes.

On a node of N accelerators we allow the powers of two that divide N, N itself, and multiples of N. These sizes
form a divisibility chain (1 | 2 | 4 | ... | N | 2N ...). Placed in descending order, each replica finds a hole of
its own size: all holes left by larger ones are multiples of it. So "accelerators used <= accelerators of the pool"
is exact packing, and first-fit decreasing realises it. `tests/candidates/test_replica_size.py` proves the claim by
exhaustion on small pools.
"""

from __future__ import annotations


def packs_exactly(replica: int, node: int) -> bool:
    """Does a replica of this many accelerators belong to the chain of a node of this many?

    >>> [size for size in range(1, 17) if packs_exactly(size, 8)]
    [1, 2, 4, 8, 16]
    """
    if replica >= node:
        return replica % node == 0
    return node % replica == 0 and replica & (replica - 1) == 0


def chain_below(node: int) -> tuple[int, ...]:
    """Sizes of the chain that fit into one node, ascending.

    >>> chain_below(20)
    (1, 2, 4, 20)
    """
    return tuple(size for size in range(1, node + 1) if packs_exactly(size, node))


def describe_chain(node: int) -> str:
    """The rule in words, for messages."""
    return f"{', '.join(map(str, chain_below(node)))} or whole nodes of {node}"
