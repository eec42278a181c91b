"""The claim behind the `pools` family, proven on small pools: replicas of chain sizes pack if they fit by count."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from gpufleet.candidates.replica_size import chain_below, describe_chain, packs_exactly
from gpufleet.verification.packing import nodes_needed

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE_SIZES = (*range(1, 13), 16, 20)


def multisets(sizes: tuple[int, ...], capacity: int) -> Iterator[tuple[int, ...]]:
    """Every multiset of sizes, as counts, that takes at most `capacity` accelerators."""
    if not sizes:
        yield ()
        return
    for count in range(capacity // sizes[0] + 1):
        for rest in multisets(sizes[1:], capacity - count * sizes[0]):
            yield (count, *rest)


@cache
def packs(replicas: tuple[int, ...], rooms: tuple[int, ...]) -> bool:
    """By trying every place for the first replica; replicas larger than a node take whole empty nodes."""
    if not replicas:
        return True
    first, rest = replicas[0], replicas[1:]
    return any(
        packs(rest, tuple(sorted((*rooms[:i], room - first, *rooms[i + 1 :]))))
        for i, room in enumerate(rooms)
        if room >= first and (i == 0 or rooms[i - 1] != room)
    )


@pytest.mark.parametrize("nodes", [1, 2, 3])
@pytest.mark.parametrize("size", NODE_SIZES)
def test_whatever_fits_by_count_packs(size: int, nodes: int) -> None:
    """Replicas over several nodes take whole nodes, so it is enough to look at the sizes up to one node."""
    sizes = tuple(reversed(chain_below(size)))
    tried = 0
    for counts in multisets(sizes, size * nodes):
        needed = nodes_needed(dict(zip(sizes, counts, strict=True)), size)
        assert needed <= nodes, counts
        assert needed == -(-sum(s * c for s, c in zip(sizes, counts, strict=True)) // size), counts
        tried += 1
    assert tried > nodes


@pytest.mark.parametrize("size", [size for size in NODE_SIZES if size <= 8])
def test_the_verifier_packs_as_well_as_exhaustion(size: int) -> None:
    """Also for sizes outside the chain the verifier never claims a packing that does not exist."""
    sizes = tuple(range(size, 0, -1))
    for counts in multisets(sizes, min(2 * size, 12)):
        replicas = tuple(s for s, c in zip(sizes, counts, strict=True) for _ in range(c))
        needed = nodes_needed(dict(zip(sizes, counts, strict=True)), size)
        assert packs(replicas, (size,) * needed), replicas
        if all(packs_exactly(s, size) for s in replicas) and needed:
            assert not packs(replicas, (size,) * (needed - 1)), replicas


def test_other_sizes_do_leave_holes() -> None:
    """Two replicas of 3 fit onto a node of 8 with 2 to spare, but four of them with 12 <= 2 x 8 are all that fit."""
    assert nodes_needed({3: 5}, 8) == 3
    assert not packs((3,) * 5, (8, 8))
    assert not packs_exactly(3, 8)
    assert not packs_exactly(6, 12)
    assert nodes_needed({6: 1, 4: 3}, 12) == 2


def test_replicas_over_several_nodes_take_whole_nodes() -> None:
    assert nodes_needed({16: 2, 8: 1, 4: 1, 1: 4}, 8) == 6
    assert nodes_needed({}, 8) == 0


def test_counting_does_not_take_memory_per_replica() -> None:
    assert nodes_needed({8: 10**12, 2: 3 * 10**12 + 1, 1: 1}, 8) == 10**12 + 750_000_000_001


@pytest.mark.parametrize("size", NODE_SIZES)
def test_chain_sizes_divide_each_other(size: int) -> None:
    chain = (*chain_below(size), 2 * size, 4 * size)
    assert all(larger % smaller == 0 for i, smaller in enumerate(chain) for larger in chain[i:])
    assert chain_below(size)[-1] == size
    assert describe_chain(size).endswith(f"whole nodes of {size}")


def test_examples_of_the_chain() -> None:
    assert chain_below(8) == (1, 2, 4, 8)
    assert chain_below(12) == (1, 2, 4, 12)
    assert chain_below(7) == (1, 7)
    assert [size for size in range(1, 33) if packs_exactly(size, 8)] == [1, 2, 4, 8, 16, 24, 32]
