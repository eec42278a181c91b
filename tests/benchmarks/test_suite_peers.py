"""Peers of the benchmark suite: their plans keep every rule of the verifier, and cost no less than the optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from suite import day_profiles, estates, joint, melange, routed, variants
from suite.peers import local_search, slices
from suite.peers.contracts import taken
from suite.peers.question import Offer, Pool, Question, read

from gpufleet import resolve, solve, verify
from gpufleet.schema.instance import Instance
from gpufleet.schema.plan import Plan

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance


def covering(seed: int) -> dict[str, Any]:
    return estates.converted(estates.generated("tiny", 5, 4, seed))


TINY = {
    "covering": covering(1),
    "another": covering(2),
    "stock": variants.stock_tight(covering(1), "tight"),
    "budget": variants.budget_tight(covering(1), "budget"),
    "power": variants.power_tight(covering(3), "power"),
    "routed": routed.converted(routed.generated("tiny", 3, 5)),
    "joint": joint.generated("tiny", 3, 3, 5),
    "day": day_profiles.generated("tiny", 4, 6, 3),
}


def resolved(fields: dict[str, Any]) -> ResolvedInstance:
    return resolve(Instance.model_validate(fields))


def cost(fields: dict[str, Any], plan: dict[str, Any] | None) -> float:
    """What a peer's plan costs by the verifier, which must find nothing wrong with it."""
    assert plan is not None
    report = verify(resolved(fields), Plan.model_validate(plan))
    assert report.ok, report.violations
    return report.cost_usd


@pytest.mark.parametrize("name", TINY)
def test_local_search_keeps_every_rule(name: str) -> None:
    found = cost(TINY[name], local_search.solve(read(TINY[name]), 0.2))
    assert found > 0


@pytest.mark.parametrize("name", ["routed", "stock"])
def test_local_search_is_between_the_optimum_and_the_greedy_pass(name: str) -> None:
    fields = TINY[name]
    best = solve(resolved(fields), backend="highs", time_limit_s=10)
    assert best.certificate is not None
    assert best.certificate.bound_usd is not None
    found = cost(fields, local_search.solve(read(fields), 0.2))
    assert best.certificate.bound_usd - 1e-6 <= found <= cost(fields, local_search.greedy(read(fields))) + 1e-6


def test_the_greedy_pass_is_the_same_every_time() -> None:
    question = read(TINY["covering"])
    assert local_search.greedy(question) == local_search.greedy(question)


def test_local_search_says_when_there_is_no_room() -> None:
    fields = covering(1)
    for offer in fields["offers"]:
        offer["stock"] = 0
    assert local_search.solve(read(fields), 0.1) is None


def test_slices_keep_every_rule_and_finer_ones_cost_no_more() -> None:
    fields = melange.generated("tiny")
    coarse, fine = (cost(fields, slices.solve(read(fields), 20, factor)) for factor in (1, 2))
    assert coarse >= fine > 0


def pool(*offers: Offer) -> Question:
    return Question("q", (("day", 12.0), ("night", 12.0)), (Pool("p", "s", 1, 0.0, offers),), (), None, None)


def test_nodes_of_every_hour_are_reserved_and_the_rest_rented() -> None:
    question = pool(Offer("hourly", 1.0, None, True), Offer("reserved", 0.6, None, False))
    found = taken(question, [[5], [2]])
    assert found is not None
    assert {key: count for key, count in found.items() if count} == {("reserved", None): 2, ("hourly", "day"): 3}


def test_a_reservation_that_is_cheap_enough_covers_the_peak() -> None:
    question = pool(Offer("hourly", 1.0, None, True), Offer("reserved", 0.4, None, False))
    found = taken(question, [[5], [2]])
    assert found is not None
    assert found["reserved", None] == 5


def test_stock_that_does_not_suffice_is_no_plan() -> None:
    assert taken(pool(Offer("hourly", 1.0, 4, True)), [[5], [2]]) is None
