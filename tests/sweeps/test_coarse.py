"""Few periods bound the cheapest plan of many from below and above, and a fleet by names is the same fleet."""

from __future__ import annotations

import pytest
from sweep_samples import many_hours

from builders import resolved
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.solving import solve_fully
from gpufleet.units import micro_usd
from gpufleet.verification import verify
from gpufleet.whatif import coarse, point
from gpufleet.whatif.point import Task, solve_point
from gpufleet.whatif.sharing import Adoption, Fleet, fleet_of, moved

LIMITS = SolverLimits(20.0)


@pytest.mark.parametrize("seed", range(6))
def test_the_optimum_lies_between(seed: int) -> None:
    question = resolved(many_hours(seed))
    candidates = build_candidates(question)
    whole = solve_fully(question, candidates, LIMITS)
    assert whole.plan.status == "optimal"
    optimum = whole.result.objective
    assert optimum is not None
    for count in (2, 4, 9):
        groups = coarse.groups_of(question, count)
        assert sorted(number for group in groups for number in group) == list(range(9))
        below = solve_fully(coarse.lower(question, groups), candidates, LIMITS)
        above = solve_fully(coarse.upper(question, groups), candidates, LIMITS)
        assert below.result.bound is not None
        assert below.result.bound <= optimum
        fleet = fleet_of(above.problem, candidates, above.result)
        assert fleet is not None
        plan = Adoption(question, candidates, LIMITS).cheapest([moved(fleet, coarse.members(question, groups))], 0)
        assert plan is not None
        assert plan.result.objective == above.result.objective
        assert (plan.result.objective or 0) >= optimum
        assert verify(question, plan.plan).ok
        if count == 9:
            assert below.result.bound == plan.result.objective == optimum


@pytest.mark.parametrize("seed", range(6))
def test_a_point_solved_over_few_periods_first_is_solved_right(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    question = resolved(many_hours(seed))
    whole = solve_fully(question, build_candidates(question), LIMITS).result
    monkeypatch.setattr(point, "LARGE", 0)
    answer = solve_point(Task(question, LIMITS, 0, ()))
    assert answer.status == "optimal"
    assert answer.cost_usd is not None
    assert micro_usd(answer.cost_usd) == whole.objective
    near = solve_point(Task(question, SolverLimits(20.0, 0.2), 0, ()))
    assert near.cost_usd is not None
    assert near.bound <= (whole.objective or 0) <= micro_usd(near.cost_usd)
    assert near.gap is not None
    assert near.gap <= 0.2


def test_an_impossible_question_stays_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    question = resolved(many_hours(2, budgets={"horizon_usd": 1.0}))
    monkeypatch.setattr(point, "LARGE", 0)
    assert solve_point(Task(question, LIMITS, 0, ())).status == "infeasible"


def test_a_fleet_that_does_not_fit_is_not_taken() -> None:
    question = resolved(many_hours(3))
    candidates = build_candidates(question)
    solved = solve_fully(question, candidates, LIMITS)
    fleet = fleet_of(solved.problem, candidates, solved.result)
    assert fleet is not None
    assert Fleet.from_json(fleet.as_json()) == fleet
    adoption = Adoption(question, candidates, LIMITS)
    taken = adoption.cheapest([fleet], 0)
    assert taken is not None
    assert taken.plan.nodes == solved.plan.nodes
    # one node less, a node that is not offered, a cost below what is proven
    key, count = fleet.nodes[0]
    for wrong in (((key, count - 1), *fleet.nodes[1:]), ((("x", *key[1:]), 1), *fleet.nodes)):
        assert adoption.cheapest([Fleet(wrong, fleet.replicas, fleet.shares, ())], 0) is None
    assert adoption.cheapest([fleet], (solved.result.objective or 0) + 1) is None


def test_order_of_periods_keeps_a_question_whole() -> None:
    assert coarse.can_be_coarse(resolved(many_hours(0)))
    assert not coarse.can_be_coarse(resolved(many_hours(0, hours=5)))
    assert not coarse.can_be_coarse(resolved(many_hours(0, allow_unserved=True)))
