"""The covering knapsack against enumeration."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from gpufleet.optimize.bounds.knapsack import NODES, NOTHING, cheapest_covers, covers_below


def random_items(seed: int) -> tuple[int, list[int], list[int], list[int]]:
    """(demand, capacities, costs, upper bounds) of one to four items."""
    draw = random.Random(seed)
    number = draw.randint(1, 4)
    capacity = [draw.randint(1, 9) for _ in range(number)]
    cost = [draw.randint(-2 if seed % 3 else 0, 12) for _ in range(number)]
    return draw.randint(1, 25), capacity, cost, [draw.randint(1, 4) for _ in range(number)]


def enumerated(demand: int, capacity: list[int], most: list[int]) -> list[tuple[int, ...]]:
    """Every count of items that covers the demand."""
    counts = itertools.product(*(range(bound + 1) for bound in most))
    return [count for count in counts if sum(c * n for c, n in zip(capacity, count, strict=True)) >= demand]


@pytest.mark.parametrize("seed", range(200))
def test_the_cheapest_cover_is_that_of_enumeration(seed: int) -> None:
    demand, capacity, cost, most = random_items(seed)
    best = min(
        (sum(c * n for c, n in zip(cost, count, strict=True)) for count in enumerated(demand, capacity, most)),
        default=NOTHING,
    )
    least, counts = np.zeros(1, np.int64), np.zeros(len(cost), np.int64)
    start, needed = np.array([0, len(cost)]), np.array([demand])
    cheapest_covers(start, np.array(capacity), np.array(cost), np.array(most), needed, NODES, least, counts)
    assert least[0] == best
    if best != NOTHING:
        assert counts @ capacity >= demand
        assert counts @ cost == best
        assert (counts <= most).all()


@pytest.mark.parametrize("seed", range(0, 200, 3))
def test_all_covers_below_a_ceiling_that_waste_nothing_are_found(seed: int) -> None:
    demand, capacity, cost, most = random_items(seed)
    order = sorted(range(len(cost)), key=lambda k: cost[k] / capacity[k])
    capacity, cost, most = ([values[k] for k in order] for values in (capacity, cost, most))
    ceiling = 25
    found = np.zeros((5_000, len(cost)), np.int64)
    arrays = (np.array(values) for values in (capacity, cost, most))
    _, filled, _ = covers_below(demand, *arrays, ceiling, False, NODES, found)
    listed = {tuple(row) for row in found[:filled].tolist()}
    assert len(listed) == filled
    everything = set(enumerated(demand, capacity, most))
    assert listed <= everything
    assert all(np.dot(count, cost) < ceiling for count in listed)
    for count in everything:
        spare = np.dot(count, capacity) - demand
        wasteful = any(n and size <= spare for n, size in zip(count, capacity, strict=True))
        assert wasteful or np.dot(count, cost) >= ceiling or count in listed


def test_a_search_that_is_given_up_still_bounds() -> None:
    """After one item the bound is that of the relaxation: 100 at 7 for 3 each, rounded down."""
    least, counts = np.zeros(1, np.int64), np.zeros(2, np.int64)
    arguments = (np.array([0, 2]), np.array([3, 5]), np.array([7, 12]), np.array([90, 90]), np.array([100]))
    cheapest_covers(*arguments, 1, least, counts)
    given_up = int(least[0])
    cheapest_covers(*arguments, NODES, least, counts)
    assert 0 < given_up <= least[0]
