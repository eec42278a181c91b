"""Budget frontiers against enumeration: every fleet, put to its best use, and of those the undominated ones."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest
from unserved_by_enumeration import Levels, answers, question

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.edits.caps import Cap, with_cap
from gpufleet.edits.changes import with_fields
from gpufleet.schema.instance import Budgets
from gpufleet.whatif.budget import BudgetSweep, sweep_budget
from gpufleet.whatif.frontier import Frontier, budget_frontier

if TYPE_CHECKING:
    from fractions import Fraction

    from gpufleet.schema.resolved import ResolvedInstance

SEEDS = (1, 3, 10, 11, 28, 14, 16, 19)
"""Of the first twenty, those with many steps; `benchmarks/frontiers.py` takes hundreds."""


def asked(seed: int) -> ResolvedInstance:
    """A tiny question without a budget of its own, that does not say `allow_unserved`; some workloads have values."""
    dice = Random(seed)
    found = question(dice).instance
    values = dice.random() < 0.4
    workloads = tuple(
        edited(w, unserved_weight=1.0, value_usd=dice.choice((0.5, 1.25, 3.0))) if values else w
        for w in found.workloads
    )
    return resolved(edited(found, budgets=Budgets(), allow_unserved=False, workloads=workloads))


def enumerated(question: ResolvedInstance) -> list[tuple[Fraction, Levels]]:
    """(cost, unserved by priority) of every step, the cheapest first."""
    steps: list[tuple[Fraction, Levels]] = []
    for levels, cost in sorted(answers(question), key=lambda found: (found[1], found[0])):
        if levels[0] < 10**6 and (not steps or levels < steps[-1][1]):
            steps.append((cost, levels))
    return steps


def found(frontier: Frontier) -> list[tuple[float, tuple[float, ...]]]:
    rows = []
    for point in frontier.points:
        assert point.plan.certificate is not None
        rows.append((point.at, point.unserved or (0.0,) * len(frontier.points[0].unserved)))
    return rows


@pytest.mark.parametrize("seed", SEEDS)
def test_the_staircase_is_the_enumerated_one(seed: int) -> None:
    compare(seed)


def compare(seed: int) -> int:
    """The frontier of a random question is that of the enumeration; every plan is verified again. Number of steps."""
    question = asked(seed)
    steps = enumerated(question)
    frontier = budget_frontier(question, "horizon_usd")
    assert frontier.complete, f"seed {seed}"
    assert frontier.proven, f"seed {seed}"
    assert [at for at, _ in found(frontier)] == pytest.approx([float(cost) for cost, _ in steps], abs=1e-5), (
        f"seed {seed}"
    )
    for (_, ours), (_, theirs) in zip(found(frontier), steps, strict=True):
        assert list(ours) == pytest.approx([float(level) for level in theirs], rel=1e-9, abs=1e-9), f"seed {seed}"
    for point in frontier.points:
        assert point.plan.status == "optimal"
        assert verify(point.question, point.plan).ok
    return len(steps)


def test_the_random_questions_have_stairs_to_climb() -> None:
    steps = [enumerated(asked(seed)) for seed in SEEDS]
    assert sum(map(len, steps)) >= 40
    assert sum(len(stairs[0][1]) > 1 for stairs in steps) >= 3
    assert sum(any(stairs[-1][1]) for stairs in steps) >= 2  # full service is out of reach
    assert sum(asked(seed).instance.workloads[0].value_usd is not None for seed in SEEDS) >= 2


def test_a_point_is_the_cheapest_for_its_service_and_serves_the_most_for_its_cost() -> None:
    """Asked again, both ways: a micro-dollar less serves less, and the same budget serves the same."""
    for seed in (1, 11):
        frontier = budget_frontier(asked(seed), "horizon_usd")
        for before, point in pairwise(frontier.points):
            here = with_cap(with_fields(asked(seed), allow_unserved=True), Cap("horizon_usd"), point.at)
            less = with_cap(here, Cap("horizon_usd"), point.at - 1e-6)
            same, worse = solve(here), solve(less)
            assert same.certificate is not None
            assert worse.certificate is not None
            assert same.certificate.objective_usd == point.at
            assert tuple(level.unserved for level in same.certificate.service) == point.unserved or point.full
            assert tuple(level.unserved for level in worse.certificate.service) == before.unserved


def test_steps_leave_out_only_what_is_smaller() -> None:
    for seed in (1, 3):
        every = found(budget_frontier(asked(seed), "horizon_usd"))
        coarse = found(budget_frontier(asked(seed), "horizon_usd", step=0.3))
        assert set(coarse) <= set(every)
        assert coarse[0] == every[0]
        assert coarse[-1][1] == every[-1][1] or len(coarse) < len(every)


def test_a_range_is_a_part_of_the_whole() -> None:
    whole = budget_frontier(asked(3), "horizon_usd")
    middle = whole.points[len(whole.points) // 2]
    part = budget_frontier(asked(3), "horizon_usd", start=middle.at, stop=whole.points[-2].at)
    assert found(part) == found(whole)[len(whole.points) // 2 : -1]
    assert part.complete


def test_a_higher_budget_never_serves_less() -> None:
    for seed in (3, 14):
        points = list(sweep_budget(asked(seed), BudgetSweep("horizon_usd", (0.0, 9.0, 20.0, 1000.0))))
        service = [
            [level.unserved for level in p.plan.certificate.service] if p.plan.certificate else [] for p in points
        ]
        for poor, rich in pairwise(service):
            assert not rich or rich <= poor
        # what the next step promises is what a budget of that much buys
        for point in points:
            if point.next is not None:
                (then,) = sweep_budget(asked(seed), BudgetSweep("horizon_usd", (point.next.at,)))
                assert then.plan.certificate is not None
                assert then.plan.certificate.objective_usd == pytest.approx(point.next.at)
                assert then.full == point.next.full


def test_other_caps_count_too() -> None:
    """Purchase prices as the axis: the staircase goes on beyond full service, where more capital saves rent."""
    bought = offer("bought", "n2", None, term="purchase", capex_usd=17520.0, life_years=2.0, stock=2)
    rented = offer("rented", "n1", 3.0, stock=3)
    kinds = [option("k1", "n1", rates={"all": 1.0}), option("k2", "n2", 2, rates={"all": 2.0})]
    question = resolved(instance([profiled(kinds, 4.0)], [bought, rented]))
    frontier = budget_frontier(question, "capex_usd")
    assert frontier.complete
    assert frontier.proven
    rows = [(p.at, p.full, p.plan.certificate.objective_usd) for p in frontier.points if p.plan.certificate]
    # rent serves three of four; one purchase (1 USD an hour) the rest, with two rented nodes; the second saves them too
    assert rows == [(0.0, False, 9.0), (17520.0, True, 7.0), (35040.0, True, 2.0)]
    site = budget_frontier(question, "sites.here.horizon_usd")
    assert [p.at for p in site.points] == [p.at for p in budget_frontier(question, "horizon_usd").points]
    charged = budget_frontier(question, "workloads.w.horizon_usd")
    assert charged.complete
    assert charged.points[-1].full
    assert all(verify(p.question, p.plan).ok for p in charged.points)
