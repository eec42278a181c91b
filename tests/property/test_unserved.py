"""Unserved demand against enumeration: first as little as possible of each priority, then the cheapest fleet."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest
from random_instances import random_instance
from seeds import part, sample
from unserved_by_enumeration import Levels, best, question

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import Plan, solve, verify
from gpufleet.schema.instance import Budgets

if TYPE_CHECKING:
    from fractions import Fraction

    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.instance import Instance


@cache
def enumerated(seed: int) -> tuple[Levels, Fraction]:
    return best(question(Random(seed)))


@pytest.mark.parametrize("chunk", range(4))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * 50, (chunk + 1) * 50)):
        _compare(seed, "auto")


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(200, 240)):
        _compare(seed, backend)


def _compare(seed: int, backend: BackendChoice) -> None:
    asked = question(Random(seed))
    levels, cost = enumerated(seed)
    plan = solve(asked, backend=backend)
    assert plan.status == "optimal", f"seed {seed}"
    assert plan.certificate is not None
    found = [entry.unserved for entry in plan.certificate.service]
    assert found == pytest.approx([float(level) for level in levels], abs=1e-9), f"seed {seed}"
    assert plan.certificate.objective_usd == pytest.approx(float(cost), abs=1e-5), f"seed {seed}"
    assert verify(asked, plan).ok


def test_the_random_instances_are_not_all_alike() -> None:
    """Enough of them leave something unserved: of the highest priority, of the lowest alone, and of none."""
    several = [levels for levels, _ in map(enumerated, sample(range(200))) if len(levels) == 2]
    assert sum(not any(levels) for levels in several) >= part(5)
    assert sum(bool(levels[1]) and not levels[0] for levels in several) >= part(20)
    assert sum(bool(levels[0]) for levels in several) >= part(15)


# ------------------------------------------------------------------------------------------- what must hold


def _random(seed: int, budget: float | None = None) -> Instance:
    """Any tiny instance, with priorities, where demand may stay unserved."""
    dice = Random(seed)
    plain = random_instance(dice)
    workloads = tuple(edited(w, priority=dice.choice((0, 1, 2))) for w in plain.workloads)
    budgets = Budgets() if budget is None else Budgets(horizon_usd=budget)
    return edited(plain, workloads=workloads, allow_unserved=True, budgets=budgets)


def _levels(plan: Plan) -> list[float]:
    assert plan.status == "optimal"
    assert plan.certificate is not None
    return [entry.unserved for entry in plan.certificate.service]


def test_a_higher_budget_never_leaves_more_unserved() -> None:
    """By priority, compared in order; so never more of the highest."""
    less = 0
    for seed in sample(range(40)):
        plans = [solve(resolved(_random(seed, budget))) for budget in (1.0, 3.0, 6.0, 20.0)]
        levels = [_levels(plan) for plan in plans]
        for poor, rich in pairwise(levels):
            assert rich[0] <= poor[0] + 1e-9, f"seed {seed}"
            assert [round(level, 9) for level in rich] <= [round(level, 9) for level in poor], f"seed {seed}"
        less += levels[-1] < levels[0]
    assert less >= part(20)


def test_out_of_time_what_is_known_is_a_plan_and_nothing_is_called_proven() -> None:
    """A hundredth of a second is too little for a hundred workloads; a plan, a bound on service, and no proof."""
    offers = [offer(f"o{n}", f"n{n}", 1.0 + n, stock=20) for n in (1, 2, 4)]
    kinds = [option(f"k{n}", f"n{n}", n, rates={"all": 1.7 * n + 0.3}) for n in (1, 2, 4)]
    work = [profiled(kinds, 1.1 + w * 0.37, f"w{w}", priority=w % 3) for w in range(60)]
    asked = resolved(instance(work, offers, allow_unserved=True))
    plan = solve(asked, time_limit_s=0.01)
    assert plan.status == "feasible"
    assert plan.reason
    assert plan.certificate is not None
    assert any(entry.bound < entry.unserved for entry in plan.certificate.service)
    assert verify(asked, plan).ok


def test_where_all_can_be_served_all_is_and_for_the_same_money() -> None:
    compared = 0
    for seed in sample(range(60)):
        question = edited(_random(seed), budgets=random_instance(Random(seed)).budgets)
        strict = solve(resolved(edited(question, allow_unserved=False)))
        plan = solve(resolved(question))
        if strict.status == "optimal":
            compared += 1
            assert not plan.unserved
            assert plan.nodes == strict.nodes
            assert plan.deployments == strict.deployments
        else:
            assert any(_levels(plan)), f"seed {seed}"
    assert compared >= part(20)
