"""Trees of cases: they never prove too much, and are refused where they are no trees."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from gpufleet.optimize.bounds.boxes import Boxes
from gpufleet.optimize.bounds.lagrangian import Prices, lower_bound
from gpufleet.optimize.bounds.matrix import Matrix, matrix_of
from gpufleet.optimize.bounds.tree import BrokenTreeError, Split, Tree, tree_bound
from gpufleet.optimize.bounds.written import read, written
from gpufleet.optimize.formulation.linear_model import LinearModel
from optimize.random_models import cheapest, random_model

NOTHING = Prices({}, 1)


def random_prices(random: Random, matrix: Matrix, largest: int) -> Prices:
    rows = [row for row in range(len(matrix.row_lower)) if random.random() < 0.8]
    return Prices({row: random.randint(-largest, largest) for row in rows}, random.randint(1, 9))


def random_nodes(random: Random, variables: int, sets: int, depth: int) -> list[Split | int]:
    """Splits at any place, also where nothing is left to split."""
    if depth == 0 or random.random() < 0.2:
        return [random.randrange(sets)]
    split = Split(random.randrange(variables), random.choice((-(10**25), -1, 0, 0, 1, 1, 2, 3, 10**25)))
    halves = (random_nodes(random, variables, sets, depth - 1) for _ in range(2))
    return [split, *(node for half in halves for node in half)]


def every_value(model: LinearModel, first: int = 0) -> list[Split | int]:
    """All variables split until each has one value, prices of nothing."""
    if first == len(model.variables):
        return [0]
    variable = model.variables[first]
    rest = every_value(model, first + 1)
    nodes: list[Split | int] = []
    for value in range(variable.lower, variable.upper):
        nodes += [Split(first, value), *rest]
    return nodes + rest


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("largest", [9, 10**40], ids=["64 bits", "beyond 64 bits"])
def test_no_tree_proves_more_than_the_optimum(seed: int, largest: int) -> None:
    random = Random(seed)
    model = random_model(random)
    matrix, optimum = matrix_of(model), cheapest(model)
    prices = tuple(random_prices(random, matrix, largest) for _ in range(3))
    tree = Tree(tuple(random_nodes(random, len(model.variables), 3, 5)), prices)
    bound = tree_bound(matrix, tree)
    assert optimum is None or (bound is not None and bound <= optimum)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("largest", [9, 10**40], ids=["64 bits", "beyond 64 bits"])
def test_a_leaf_alone_proves_what_its_prices_prove(seed: int, largest: int) -> None:
    random = Random(seed)
    matrix = matrix_of(random_model(random))
    prices = random_prices(random, matrix, largest)
    boxes = Boxes(matrix)
    expected = lower_bound(matrix, prices)
    assert boxes.bound(boxes.price(prices), matrix.lower, matrix.upper) == expected


def test_splitting_proves_no_less() -> None:
    random = Random(5)
    for _ in range(40):
        matrix = matrix_of(random_model(random))
        prices = random_prices(random, matrix, 9)
        alone = tree_bound(matrix, Tree((0,), (prices,)))
        more = tree_bound(matrix, Tree(tuple(random_nodes(random, len(matrix.cost), 1, 4)), (prices,)))
        assert more is None or (alone is not None and more >= alone)


def test_every_value_as_a_case_proves_the_optimum() -> None:
    random = Random(7)
    solved = 0
    for _ in range(60):
        model = random_model(random)
        size = 1
        for variable in model.variables:
            size *= variable.upper + 1
        if size > 300:
            continue
        solved += 1
        assert tree_bound(matrix_of(model), Tree(tuple(every_value(model)), (NOTHING,))) == cheapest(model)
    assert solved >= 5


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((), "a case is missing"),
        ((Split(0, 1), 0), "a case is missing"),
        ((Split(0, 1), Split(1, 0), 0, 0), "a case is missing"),
        ((0, 0), "nodes after the last case"),
        ((Split(0, 1), 0, 0, 0), "nodes after the last case"),
        ((Split(99, 1), 0, 0), "variable 99 is not in the model"),
        ((Split(-1, 1), 0, 0), "variable -1 is not in the model"),
        ((1,), "prices 1 are not there"),
        ((-1,), "prices -1 are not there"),
    ],
)
def test_broken_trees_are_refused(nodes: tuple[Split | int, ...], message: str) -> None:
    with pytest.raises(BrokenTreeError, match=message):
        tree_bound(matrix_of(random_model(Random(1))), Tree(nodes, (NOTHING,)))


def test_a_written_tree_is_read_as_it_was() -> None:
    random = Random(3)
    for _ in range(30):
        model = random_model(random)
        matrix = matrix_of(model)
        prices = [replace(random_prices(random, matrix, 99), denominator=7) for _ in range(3)]
        tree = Tree(tuple(random_nodes(random, len(matrix.cost), 3, 4)), tuple(prices))
        assert read(model, prices[0], written(model, tree)) == tree


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("nodes", "0<=1 0 x", "'x' is not a whole number"),
        ("nodes", "0<=1.5 0 0", "'1.5' is not a whole number"),
        ("nodes", "0<= 0 0", "'' is not a whole number"),
        ("nodes", "9<=1 0 0", "no position 9 among 1 names"),
        ("nodes", "0", None),
        ("variables", ("other",), "no variable other"),
        ("rows", ("other",), "no row other"),
        ("prices", ("0 1 0",), "a price is missing"),
        ("prices", ("5 1",), "no position 5 among 1 names"),
        ("prices", ("0 " + "9" * 31,), "is not a whole number"),
    ],
)
def test_words_that_are_no_tree_are_refused(field: str, value: object, message: str | None) -> None:
    model = random_model(Random(1))
    words = written(model, Tree((Split(0, 1), 0, 1), (NOTHING, Prices({0: 5}, 1))))
    changed = replace(words, **{field: value})  # type: ignore[arg-type]
    if message is None:
        assert read(model, NOTHING, changed).leaves == 1
        return
    with pytest.raises(BrokenTreeError, match=message):
        read(model, NOTHING, changed)


def test_tampered_words_prove_no_more_than_the_optimum() -> None:
    random = Random(11)
    refused = held = 0
    for _ in range(70):
        model = random_model(random)
        matrix, optimum = matrix_of(model), cheapest(model)
        prices = [replace(random_prices(random, matrix, 99), denominator=7) for _ in range(3)]
        words = written(model, Tree(tuple(random_nodes(random, len(matrix.cost), 3, 4)), tuple(prices)))
        shuffled = words.nodes.split()
        random.shuffle(shuffled)
        characters = list(words.nodes)
        characters[random.randrange(len(characters))] = random.choice("0123456789<= -")
        nodes = random.choice((" ".join(shuffled), "".join(characters), words.nodes))
        names = random.sample(words.variables, len(words.variables))
        sets = tuple(reversed(words.prices))
        changed = replace(words, nodes=nodes, variables=tuple(names), prices=sets, denominator=random.randint(1, 9))
        try:
            bound = tree_bound(matrix, read(model, prices[0], changed))
        except BrokenTreeError:
            refused += 1
            continue
        held += 1
        assert optimum is None or (bound is not None and bound <= optimum)
    assert min(refused, held) > 10


def test_a_box_without_a_solution_is_infinite() -> None:
    model = LinearModel()
    x, y = model.add_variable("x", 0, 3), model.add_variable("y", 0, 3)
    model.add_row("demand", "demand", [(x, 2), (y, 1)], lower=5)
    model.add_row("limit", "limit", [(y, 1)], upper=2)
    model.objective = {x: 3, y: 1}
    matrix = matrix_of(model)
    # without x there are at most 2 + 0, which the knapsack sees, and y >= 3 breaks the limit
    assert tree_bound(matrix, Tree((Split(x, 0), 0, 0), (NOTHING,))) == 6
    assert tree_bound(matrix, Tree((Split(x, 1), 0, Split(y, 2), 0, 0), (NOTHING,))) == 6
    impossible = replace(matrix, upper=matrix.upper * 0 + 1)
    assert tree_bound(impossible, Tree((Split(x, 0), 0, 0), (NOTHING,))) is None
