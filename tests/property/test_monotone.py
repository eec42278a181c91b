"""What must hold however the numbers fall: more demand never costs less, more freedom never costs more."""

from __future__ import annotations

import itertools
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_instances import random_instance
from seeds import part, sample

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import Plan, solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem

if TYPE_CHECKING:
    from gpufleet.schema.instance import Instance

seeds = st.integers(0, 10**9)
EXAMPLES = part(120)
NEVER = float("inf")


def cost(question: Instance) -> float:
    """Cheapest cost in micro-USD; infinite when there is none. Without breaking ties, for speed."""
    asked = resolved(question)
    problem = build_problem(asked, build_candidates(asked))
    if not all(workload.options for workload in problem.workloads):
        return NEVER
    result = backend("cpsat").solve(build_model(problem)[0], SolverLimits(60))
    assert result.outcome in ("optimal", "infeasible")
    return NEVER if result.objective is None else result.objective


def question_of(seed: int) -> Instance:
    return random_instance(Random(seed))


@settings(max_examples=EXAMPLES)
@given(seeds, st.integers(1, 40))
def test_more_demand_never_costs_less(seed: int, more: int) -> None:
    question = question_of(seed)
    workloads = []
    for workload in question.workloads:
        classes = [
            edited(group, requests_per_s=float(Fraction(str(group.requests_per_s)) * (10 + more) / 10))
            for group in workload.classes
        ]
        workloads.append(edited(workload, classes=tuple(classes)))
    assert cost(edited(question, workloads=tuple(workloads))) >= cost(question)


@settings(max_examples=EXAMPLES)
@given(seeds, st.integers(1, 3))
def test_more_stock_never_costs_more(seed: int, more: int) -> None:
    question = question_of(seed)
    offers = tuple(
        taken if taken.stock is None else edited(taken, stock=taken.stock + more) for taken in question.offers
    )
    assert cost(edited(question, offers=offers)) <= cost(question)


@settings(max_examples=EXAMPLES)
@given(seeds)
def test_lifted_limits_never_cost_more(seed: int) -> None:
    question = question_of(seed)
    tight = cost(question)
    for field in ("budgets", "rules"):
        question = edited(question, **{field: type(getattr(question, field))()})
        loose = cost(question)
        assert loose <= tight
        tight = loose
    sites = tuple(edited(place, power_cap_kw=None, rack_units=None) for place in question.sites)
    assert cost(edited(question, sites=sites)) <= tight


@settings(max_examples=EXAMPLES)
@given(seeds, st.integers(0, 20))
def test_a_higher_budget_never_costs_more(seed: int, tenths: int) -> None:
    question = edited(question_of(seed), budgets=type(question_of(seed).budgets)())
    free = cost(question)
    if free == NEVER:
        return
    capped = [
        cost(edited(question, budgets={"horizon_usd": float(Fraction(int(free), 10**6) * factor / 10)}))
        for factor in (tenths, tenths + 1)
    ]
    assert capped[1] <= capped[0]
    assert capped[0] == (free if tenths >= 10 else NEVER) or free == 0


@settings(max_examples=EXAMPLES)
@given(seeds, st.sampled_from(["n1", "n2", "n4"]), st.integers(0, 300))
def test_one_more_offer_never_costs_more(seed: int, node_type: str, cents: int) -> None:
    question = question_of(seed)
    more = (*question.offers, offer("more", node_type, cents / 100))
    assert cost(edited(question, offers=more)) <= cost(question)


@settings(max_examples=EXAMPLES)
@given(seeds, st.integers(2, 9))
def test_prices_times_a_whole_number_cost_that_many_times_as_much(seed: int, factor: int) -> None:
    """For rented nodes, whose cost is price x hours without rounding here; budgets are lifted."""
    question = question_of(seed)
    rented = tuple(taken for taken in question.offers if taken.usd_per_hour is not None)
    if not rented:
        return
    used = {taken.node_type for taken in rented}
    if not all(any(o.node_type in used for o in workload.options) for workload in question.workloads):
        return
    plain = edited(question, offers=rented, budgets=type(question.budgets)())
    dear = tuple(edited(taken, usd_per_hour=float(Fraction(str(taken.usd_per_hour)) * factor)) for taken in rented)
    assert cost(edited(plain, offers=dear)) == cost(plain) * factor


@settings(max_examples=EXAMPLES)
@given(seeds)
def test_a_dominated_option_changes_nothing(seed: int) -> None:
    """The same size on the same nodes, at half the rates: under another name it changes no cost and no plan."""
    question = question_of(seed)
    workloads = []
    for workload in question.workloads:
        first = workload.options[0]
        worse = edited(first, name="worse", rates={name: rate / 2 for name, rate in first.rates.items()})
        workloads.append(edited(workload, options=(*workload.options, worse)))
    changed = edited(question, workloads=tuple(workloads))
    before, after = solve(resolved(question)), solve(resolved(changed))
    assert (before.nodes, before.deployments, before.costs) == (after.nodes, after.deployments, after.costs)


# ------------------------------------------------------------------------------------- the same, every time


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_plans_are_the_same_byte_for_byte(start: int) -> None:
    for seed in sample(range(start, start + 20)):
        first, second = solve(resolved(question_of(seed))), solve(resolved(question_of(seed)))
        assert first.model_dump_json() == second.model_dump_json()


def test_plans_survive_json() -> None:
    for seed in sample(range(60)):
        asked = resolved(question_of(seed))
        plan = solve(asked)
        back = Plan.model_validate_json(plan.model_dump_json())
        assert back == plan
        assert back.model_dump_json() == plan.model_dump_json()
        assert verify(asked, back).ok


def test_the_order_of_the_file_does_not_change_the_fleet() -> None:
    for seed in sample(range(60)):
        question = question_of(seed)
        turned = edited(question, offers=question.offers[::-1], sites=question.sites[::-1])
        assert solve(resolved(question)).nodes == solve(resolved(turned)).nodes


# -------------------------------------------------------------------------------------------------- ties


def test_of_equally_cheap_fleets_the_one_with_fewer_nodes_is_taken() -> None:
    """4 single nodes at 1 USD or one node of 4 at 4 USD."""
    workload = profiled([option("one", rates={"all": 1.0}), option("four", "n4", 4, rates={"all": 4.0})], 4.0)
    for offers in itertools.permutations([offer("a"), offer("b", "n4", 4.0)]):
        plan = solve(resolved(instance([workload], offers)))
        assert [(taken.offer, taken.count) for taken in plan.nodes] == [("b", 1)]


def test_then_the_one_that_draws_less_power_then_by_name() -> None:
    workload = profiled([option("k1", rates={"all": 1.0}), option("k2", "n2", 2, rates={"all": 1.0})], 1.0)
    question = instance([workload], [offer("a", "n2"), offer("z")])
    thrifty = tuple(edited(kind, power_kw=0.5) if kind.name == "n1" else kind for kind in question.node_types)
    assert [taken.offer for taken in solve(resolved(edited(question, node_types=thrifty))).nodes] == ["z"]
    assert [taken.offer for taken in solve(resolved(question)).nodes] == ["a"]
    certificate = solve(resolved(question)).certificate
    assert certificate is not None
    assert certificate.tie_break.endswith("proven")
