"""Any prices give a bound that is no higher than the optimum, and good prices a good one."""

from __future__ import annotations

import itertools
import random

import pytest

from gpufleet.optimize.bounds.lagrangian import Prices, lower_bound
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.decomposition.solver import prices_of
from gpufleet.optimize.formulation.linear_model import LinearModel


def random_model(seed: int) -> LinearModel:
    """Two covering rows over two pools and a limit on the nodes; up to six variables of 0 to 3."""
    draw = random.Random(seed)
    model = LinearModel()
    nodes = [model.add_variable(f"y{p}", 0, 3) for p in range(2)]
    use: list[list[tuple[int, int]]] = [[], []]
    for w in range(2):
        terms = []
        for p in range(2) if draw.random() < 0.7 else range(1):
            n = model.add_variable(f"n{w}{p}", 0, 3, group=w)
            terms.append((n, draw.randint(1, 5)))
            use[p].append((n, draw.randint(1, 2)))
        model.add_row("demand", f"demand_{w}", terms, lower=draw.randint(1, 9))
    for p, y in enumerate(nodes):
        model.add_row("pools", f"pool_{p}", [*use[p], (y, -draw.randint(1, 4))], upper=0)
    model.add_row("budget", "budget", [(y, draw.randint(1, 3)) for y in nodes], upper=draw.randint(4, 12))
    model.objective = {y: draw.randint(1, 9) * 5 for y in nodes}
    return model


def optimum(model: LinearModel) -> int | None:
    """By enumeration."""
    points = itertools.product(*(range(v.lower, v.upper + 1) for v in model.variables))
    costs = [model.value(model.objective, list(point)) for point in points if not model.violated(list(point))]
    return min(costs, default=None)


@pytest.mark.parametrize("seed", range(25))
def test_no_prices_whatever_prove_more_than_the_optimum(seed: int) -> None:
    """Random ones, of either sign, on every row and on rows that are treated exactly."""
    model, draw = random_model(seed), random.Random(seed)
    matrix, best = matrix_of(model), optimum(model)
    for _ in range(40):
        numerators = {row: draw.randint(-30, 30) for row in range(len(model.rows)) if draw.random() < 0.8}
        bound = lower_bound(matrix, Prices(numerators, draw.randint(1, 7)))
        if best is None:
            continue
        assert bound is not None
        assert bound <= best


def test_the_engine_s_prices_prove_much_and_changed_ones_no_more_than_the_optimum() -> None:
    shares = []
    for seed in range(25):
        model = random_model(seed)
        matrix, best = matrix_of(model), optimum(model)
        prices = prices_of(matrix, 5.0)
        if best is None or prices is None:
            continue
        bound = lower_bound(matrix, prices)
        assert bound is not None
        assert bound <= best
        shares.append(bound / best)
        for row, price in prices.numerators.items():
            for changed in (2 * price, -price, price + prices.denominator * 100, 0):
                tampered = lower_bound(matrix, Prices({**prices.numerators, row: changed}, prices.denominator))
                assert tampered is None or tampered <= best
    assert len(shares) >= 15
    assert sum(shares) / len(shares) > 0.8


def test_a_block_that_cannot_be_covered_proves_that_there_is_no_plan() -> None:
    model = LinearModel()
    n = model.add_variable("n", 0, 3)
    model.add_row("demand", "demand", [(n, 2)], lower=7)
    assert lower_bound(matrix_of(model), Prices({}, 1)) is None


def test_a_bound_is_a_multiple_of_what_all_costs_are_multiples_of() -> None:
    """One node for 10 carries 3, and 4 are needed: the relaxation costs 13.33, a plan 20."""
    model = LinearModel()
    y, n = model.add_variable("y", 0, 9), model.add_variable("n", 0, 9)
    model.add_row("demand", "demand", [(n, 1)], lower=4)
    model.add_row("pools", "pool", [(n, 1), (y, -3)], upper=0)
    model.objective = {y: 10}
    assert lower_bound(matrix_of(model), Prices({1: -10}, 3)) == 20
