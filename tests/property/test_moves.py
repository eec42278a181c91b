"""Starting from today's fleet: enumeration agrees, and prices of changes do what prices do."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from random import Random

import pytest
from brute_force import cheapest, micro
from random_instances import random_instance

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import ResolvedInstance, confirm, solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.migrating import starting_from
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.registry import backend as back_end
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem
from gpufleet.schema.migration import CurrentNodes, Migration
from gpufleet.schema.offers import PriceStep
from gpufleet.schema.plan import Plan
from gpufleet.schema.time import Period, Stage

LIMITS = SolverLimits(seconds=60)
ONE = option("one", rates={"all": 3.0})
FOUR = option("four", "n4", 4, rates={"all": 13.0})


@cache
def moved(seed: int) -> ResolvedInstance:
    """A tiny random instance with a random fleet of today, some of it no longer offered."""
    random = Random(seed)
    question = random_instance(Random(seed + 5_000), 2)
    names = [*(entry.name for entry in question.offers), "gone"]
    today = tuple(CurrentNodes(offer=name, count=random.randint(1, 4)) for name in names if random.random() < 0.6)
    price = random.choice((0.0, 0.05, 0.3, 1.7, 20.0))
    return resolved(edited(question, migration=Migration(usd_per_node=price, nodes=today)))


def test_back_ends_find_the_enumerated_optimum(backend: str) -> None:
    answers = set()
    for seed in range(40):
        asked, right = moved(seed), cheapest(moved(seed))
        problem = build_problem(asked, build_candidates(asked))
        if all(workload.options for workload in problem.workloads):
            result = back_end(backend).solve(build_model(problem)[0], LIMITS)
            assert result.objective == right, f"seed {seed}"
            answers.add(right is not None)
        else:
            assert right is None, f"seed {seed}"
    assert answers == {True, False}


def test_the_whole_chain_agrees_and_is_verified() -> None:
    changed = 0
    for seed in range(40, 80):
        asked, right = moved(seed), cheapest(moved(seed))
        plan = solve(asked)
        assert plan.certificate is not None
        cost = plan.certificate.objective_usd
        assert (None if cost is None else micro(Fraction(repr(cost)))) == right, f"seed {seed}"
        if cost is not None:
            report = verify(asked, plan)
            assert report.ok
            assert plan.certificate.moves_usd == report.moves_usd
            assert plan.certificate.fleet_usd == report.cost_usd
            changed += bool(report.moves_usd)
    assert changed >= 10


def ways(price: float, accelerator_price: float = 0.0) -> tuple[ResolvedInstance, Plan]:
    """20 requests/s with two nodes of 4 where one and three single ones are cheaper, at a price of changes."""
    asked = resolved(instance([profiled([ONE, FOUR], 20.0)], [offer(), offer("o4", "n4", 3.5)]))
    return starting_from(asked, today(), price, accelerator_price), solve(asked)


def today() -> Plan:
    asked = resolved(instance([profiled([FOUR], 20.0)], [offer("o4", "n4", 3.5)]))
    return solve(asked)


def total(asked: ResolvedInstance) -> float:
    plan = solve(asked)
    assert plan.status == "optimal"
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is not None
    return plan.certificate.objective_usd


def test_free_changes_give_the_optimum_and_dear_ones_keep_the_fleet() -> None:
    asked, best = ways(0.0)
    assert best.certificate is not None
    assert total(asked) == best.certificate.objective_usd
    for price in (1e3, 1e9):
        kept = solve(ways(price)[0])
        assert [(entry.offer, entry.count) for entry in kept.nodes] == [("o4", 2)]
        assert kept.moves is not None
        assert (kept.moves.cost_usd, kept.moves.nodes) == (0.0, ())


def test_the_cost_grows_with_the_price_up_to_that_of_today() -> None:
    costs = [total(ways(price, each)[0]) for price, each in ((0, 0), (0.05, 0), (0.1, 0.01), (0.12, 0.01), (5, 2))]
    assert all(less <= more for less, more in pairwise(costs))
    assert costs[0] < costs[-1] == 7.0  # two nodes of 4 at 3.50


def test_prices_prove_the_bound_with_moves_in_it() -> None:
    asked, _ = ways(0.1)
    plan = solve(asked, certify=True)
    found = confirm(asked, plan)
    assert found.cost_usd == plan.certificate.objective_usd if plan.certificate else False
    assert found.bound_usd is not None
    assert found.bound_usd <= (found.cost_usd or 0.0)


def test_decomposition_knows_moves() -> None:
    asked, _ = ways(0.1, 0.02)
    plan = solve(asked, engine="decomposition")
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == total(asked)


def test_nodes_rented_by_the_period_come_and_go() -> None:
    """Three of four nodes are rented for the day alone; that is no change, whatever changes cost."""
    periods = (Period(name="night", hours=8.0, demand_factor=0.25), Period(name="day", hours=16.0))
    asked = resolved(instance([profiled([ONE], 12.0)], [offer()], horizon_days=1.0, periods=periods))
    plan = solve(starting_from(asked, solve(asked), 1e6))
    assert plan.moves is not None
    assert plan.moves.cost_usd == 0.0
    assert plan.moves.nodes == ()


def test_the_first_stage_counts() -> None:
    """Nodes are bought for the second year too, when demand doubles; only those of the first year are changes."""
    stages = (Stage(name="one", days=365.0), Stage(name="two", days=365.0))
    bought = offer("buy", "n1", None, term="purchase", capex_usd=1000.0, life_years=5.0)
    work = profiled([ONE], 6.0, growth_per_year=1.0)
    asked = resolved(instance([work], [bought], horizon_days=730.0, stages=stages))
    plan = solve(starting_from(asked, Plan(schema_version=1, instance="test", nodes=()), 10.0))
    assert plan.moves is not None
    assert [(entry.before, entry.after) for entry in plan.moves.nodes] == [(0, 2)]
    assert plan.moves.cost_usd == 20.0
    assert verify(starting_from(asked, Plan(schema_version=1, instance="test"), 10.0), plan).ok


def test_today_counts_over_price_tiers_of_an_offer() -> None:
    steps = (PriceStep(from_count=3, discount_fraction=0.5),)
    asked = resolved(instance([profiled([ONE], 6.0)], [offer(price_steps=steps)]))
    kept = solve(starting_from(asked, Plan.model_validate(_nodes("o1", 2)), 0.1))
    assert kept.moves is not None
    # a third node halves the price of all: 1.50 + 0.10 of changes instead of 2
    assert [(entry.before, entry.after) for entry in kept.moves.nodes] == [(2, 3)]


def _nodes(name: str, count: int) -> dict[str, object]:
    return {"schema_version": 1, "instance": "test", "nodes": ({"offer": name, "count": count},)}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"cost_usd": 0.0}, "moves"),
        ({"nodes": ()}, "o4"),
        ({"uses": ()}, "w on n1 at here"),
    ],
)
def test_wrong_claims_are_found(change: dict[str, object], place: str) -> None:
    asked, _ = ways(0.05, 0.01)
    plan = solve(asked)
    assert plan.moves is not None
    assert plan.moves.cost_usd == pytest.approx(0.23)  # 4 nodes, 3 accelerators
    assert verify(asked, plan).ok
    broken = plan.model_copy(update={"moves": plan.moves.model_copy(update=change)})
    found = verify(asked, broken).violations
    assert ("moves", place) in {(violation.rule, violation.where) for violation in found}


def test_a_certificate_that_forgets_the_moves_is_found() -> None:
    asked, _ = ways(0.05)
    plan = solve(asked)
    assert plan.certificate is not None
    for name in ("fleet_usd", "moves_usd", "objective_usd"):
        wrong = plan.certificate.model_copy(update={name: 6.5 if name == "objective_usd" else 0.0})
        report = verify(asked, plan.model_copy(update={"certificate": wrong}))
        assert "certificate" in report.broken_rules, name
    elsewhere = resolved(edited(asked.instance, migration=None))
    assert "moves" in verify(elsewhere, plan).broken_rules
