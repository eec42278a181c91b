"""Buying with confidence: it never costs less, all engines agree on it, and enumeration finds the same fleets."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_estates import random_estate
from test_estates import cost

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.edits.changes import with_fields
from gpufleet.solving import price_of
from measured import asked, chat, profiles, row

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice

SURE = 0.95 ** (1.2815515655446004 / 1.6448536269514722)
"""Of a measured rate."""


@settings(max_examples=12)
@given(st.integers(0, 10**9))
def test_confidence_never_costs_less(seed: int) -> None:
    usual = random_estate(Random(seed))
    assert cost(edited(usual, performance="p90")) >= cost(usual)


@pytest.mark.parametrize("seed", [3, 5, 11])
def test_all_engines_agree(seed: int, backend: BackendChoice) -> None:
    """And the verifier, which has the quantiles from elsewhere, agrees with them."""
    question = resolved(edited(random_estate(Random(seed)), performance="p90"))
    plan, whole = (solve(question, backend=name, price_of_caution=False) for name in (backend, "cpsat"))
    assert plan.status == whole.status == "optimal"
    assert plan.certificate is not None
    assert whole.certificate is not None
    assert plan.certificate.objective_usd == whole.certificate.objective_usd
    assert verify(question, plan).ok


@pytest.mark.parametrize("seed", range(8))
def test_enumerated_fleets(seed: int) -> None:
    """Nodes of 1 (1 USD) and of 2 (1.9 USD) accelerators, an option on each: every mix by hand, the cheapest."""
    dice = Random(seed)
    rates, wanted = (dice.randint(2, 9), dice.randint(5, 20)), dice.randint(10, 40)
    forms = [
        option("one", "n1", rates={"all": float(rates[0])}),
        option("two", "n2", 2, rates={"all": float(rates[1])}),
    ]
    offers = (offer("o1", "n1", 1.0, stock=60), offer("o2", "n2", 1.9, stock=60))
    question = resolved(instance([profiled(forms, float(wanted))], offers, performance="p90"))
    plan = solve(question)
    mixes = ((ones, twos) for ones in range(60) for twos in range(30))
    least = min(
        Fraction(19, 10) * twos + ones for ones, twos in mixes if (ones * rates[0] + twos * rates[1]) * SURE >= wanted
    )
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == pytest.approx(float(least))
    assert verify(question, plan).ok


def test_a_measured_option_asks_less_caution_than_a_modelled_one() -> None:
    """The same rate at p50, once measured and once by the model, for 40 times what a replica does."""
    one = chat()
    model = replace(asked(one), calibration=asked(one).calibration.model_copy(update={"intervals": ()}))
    own = solve(model).deployments[0]
    rate = 10.0 / ((own.utilisation or 1.0) * own.replicas)
    demand = {"classes": (edited(one.classes[0], requests_per_s=40 * rate),)}
    only = profiles([row(float(own.batch), rate, tensor=own.parallelism.tensor)], "only")
    gaps = []
    for measured in (only, None):
        question = asked(edited(one, **demand), measured)
        plain = question.calibration.model_copy(update={"intervals": ()})
        plan = solve(with_fields(replace(question, calibration=plain), performance="p90"))
        assert plan.caution is not None
        assert plan.caution.p50_usd
        gaps.append((plan.caution.extra_usd or 0.0) / plan.caution.p50_usd)
    assert gaps[0] == pytest.approx(1 / SURE - 1, abs=0.03)
    assert gaps[1] == pytest.approx(1.3**1.2815516 - 1, abs=0.03)
    assert gaps[0] < gaps[1]


def test_the_price_of_caution_without_a_plan_at_p90() -> None:
    """4 requests/s on one node of 4: at p90 it is not enough, and there is no second."""
    work = profiled([option("one", rates={"all": 4.0})], 4.0)
    question = resolved(instance([work], [offer(stock=1)], performance="p90"))
    plan = solve(question)
    assert plan.status == "infeasible"
    assert plan.caution is not None
    assert (plan.caution.p50_usd, plan.caution.extra_usd, plan.caution.note) == (
        1.0,
        None,
        "only at p50 is there a plan",
    )


def test_the_price_of_caution_where_less_is_served() -> None:
    """10 requests/s on two nodes of 4: 2 of 10 stay unserved at p50, more at p90, for the same money."""
    work = profiled([option("one", rates={"all": 4.0})], 10.0)
    question = resolved(instance([work], [offer(stock=2)], performance="p90", allow_unserved=True))
    plan = solve(question)
    assert plan.caution is not None
    assert plan.caution.extra_usd is None
    assert plan.caution.note == "at p50 less stays unserved, so costs do not compare"
    assert solve(question, price_of_caution=False).caution is None


def test_a_dearer_plan_at_p50_that_was_not_proven_counts_as_that_of_p90() -> None:
    """What serves at p90 serves at p50."""
    work = profiled([option("one", rates={"all": 4.0})], 4.0)
    plan = solve(resolved(instance([work], [offer()])))
    assert plan.certificate is not None
    dearer = edited(plan, status="feasible", certificate=edited(plan.certificate, objective_usd=9.0, gap=8 / 9))
    assert price_of(plan, dearer).extra_usd == 0.0
    assert not price_of(plan, dearer).proven
