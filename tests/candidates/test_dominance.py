"""Pruning never costs anything: the optimum with and without dominated options is the same."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np

from builders import instance, offer, option, profiled, resolved
from gpufleet.candidates import enumerate as enumeration
from gpufleet.candidates.dominance import undominated
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem

if TYPE_CHECKING:
    import pytest

    from gpufleet.schema.instance import Instance
    from gpufleet.schema.resolved import ResolvedInstance


def random_question(random: Random) -> Instance:
    """Many options on two pools, so that much is dominated; figures with small denominators scale exactly."""
    classes = ["a", "b"] if random.random() < 0.4 else ["a"]
    options = []
    for k in range(random.randint(3, 9)):
        node_type, size = random.choice((("n4", random.choice((1, 2, 4, 8))), ("n2", random.choice((1, 2)))))
        rates = {name: float(random.choice((0, 2, 3, 4, 6, 8, 12))) for name in classes}
        options.append(option(f"k{k}", node_type, size, rates=rates))
    bounds = {
        "min_replicas": random.choice((0, 0, 3)),
        "max_replicas": random.choice((None, None, 3, 5)),
    }
    asked = {name: float(random.choice((6, 12, 24))) for name in classes}
    offers = (offer("o4", "n4", random.randint(20, 40) / 10), offer("o2", "n2", random.randint(10, 20) / 10, stock=4))
    return instance([profiled(options, asked, **bounds)], offers)


def optimum(asked: ResolvedInstance) -> tuple[int | None, int]:
    """(cost, number of options)."""
    candidates = enumeration.build_candidates(asked)
    problem = build_problem(asked, candidates)
    if not all(workload.options for workload in problem.workloads):
        return None, 0
    result = backend("cpsat").solve(build_model(problem)[0], SolverLimits(60))
    assert result.outcome in ("optimal", "infeasible")
    return result.objective, len(candidates.options["w"])


def test_the_optimum_is_the_same_without_dominated_options(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [resolved(random_question(Random(seed))) for seed in range(150)]
    pruned = [optimum(asked) for asked in questions]
    monkeypatch.setattr(
        enumeration, "undominated", lambda accelerators, *_, **__: np.ones(len(accelerators), dtype=bool)
    )
    whole = [optimum(asked) for asked in questions]
    assert [cost for cost, _ in pruned] == [cost for cost, _ in whole]
    assert sum(kept for _, kept in pruned) < 0.7 * sum(kept for _, kept in whole)
    assert sum(cost is not None for cost, _ in whole) > 80


def mask(sizes: list[int], rates: list[list[float]], one_for_one: bool = False) -> list[bool]:
    return undominated(np.array(sizes), np.array(rates, dtype=float), one_for_one).tolist()


def test_smaller_and_faster_wins() -> None:
    assert mask([1, 2], [[3], [3]]) == [True, False]
    assert mask([1, 2], [[3], [4]]) == [True, False], "two small ones make 6"
    assert mask([1, 2], [[3], [7]]) == [True, True]


def test_with_capped_replicas_two_small_ones_do_not_replace_a_large_one() -> None:
    assert mask([1, 2], [[3], [4]], one_for_one=True) == [True, True]
    assert mask([1, 2], [[3], [3]], one_for_one=True) == [True, False]


def test_every_class_counts() -> None:
    assert mask([1, 1], [[3, 1], [1, 3]]) == [True, True]
    assert mask([1, 1], [[3, 3], [1, 3]]) == [True, False]
    assert mask([1, 4], [[2, 1], [8, 5]]) == [True, True]


def test_of_equals_the_first_stays() -> None:
    assert mask([2, 2, 2], [[5], [5], [5]]) == [True, False, False]


def test_whole_copies_only() -> None:
    """A replica of 3 nodes is not replaced by one and a half of 2 nodes."""
    assert mask([2, 3], [[4], [5]]) == [True, True]
    assert mask([2, 3], [[4], [4]]) == [True, False]
