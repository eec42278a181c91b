"""Rounding goes one way only: capacity never up, demand and loads never down; small denominators lose nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import Int64OverflowError, solve
from gpufleet.confirming import confirm
from gpufleet.problem.scaling import (
    EXACT_LIMIT,
    ROUNDED_DEMAND,
    SHARE_UNITS,
    check_int64,
    scale_covering,
    scale_loads,
)
from gpufleet.schema.instance import Budgets
from gpufleet.units import INT64_MAX
from gpufleet.verification.run import verify

figures = st.fractions(min_value=0, max_value=10**6, max_denominator=10**12)
positive = figures.filter(bool)
small = st.fractions(min_value=0, max_value=1000, max_denominator=20)
small_positive = small.filter(bool)
counts = st.lists(st.integers(0, 50), min_size=4, max_size=4)


@given(st.lists(figures, min_size=4, max_size=4), positive, counts)
def test_what_covers_in_integers_covers_in_fractions(rates: list[Fraction], demand: Fraction, n: list[int]) -> None:
    scaled = scale_covering(rates, demand)
    if sum(value * count for value, count in zip(scaled.values, n, strict=True)) >= scaled.demand:
        assert sum(rate * count for rate, count in zip(rates, n, strict=True)) >= demand


@given(st.lists(figures, min_size=1, max_size=6), positive)
def test_capacity_never_goes_up_nor_demand_down(rates: list[Fraction], demand: Fraction) -> None:
    scaled = scale_covering(rates, demand)
    for rate, value in zip(rates, scaled.values, strict=True):
        assert Fraction(value, scaled.demand) <= rate / demand
        assert value <= scaled.demand, "one replica covers everything at most"
        assert (value > 0) <= (rate > 0)


@given(st.lists(figures, min_size=1, max_size=6), positive)
def test_the_loss_is_the_one_that_is_reported(rates: list[Fraction], demand: Fraction) -> None:
    scaled = scale_covering(rates, demand)
    for rate, value in zip(rates, scaled.values, strict=True):
        if rate:
            lost = 1 - Fraction(value, scaled.demand) / min(rate / demand, 1)
            assert float(lost) <= scaled.worst_relative_loss + 2 / ROUNDED_DEMAND
            assert lost * min(rate / demand, 1) <= Fraction(2, ROUNDED_DEMAND)


@given(st.lists(small, min_size=4, max_size=4), small_positive, counts)
def test_small_denominators_scale_exactly(rates: list[Fraction], demand: Fraction, n: list[int]) -> None:
    """The integer row then says the same as the row in fractions, both ways."""
    scaled = scale_covering(rates, demand)
    assert scaled.worst_relative_loss == 0
    in_integers = sum(value * count for value, count in zip(scaled.values, n, strict=True)) >= scaled.demand
    assert in_integers == (sum(rate * count for rate, count in zip(rates, n, strict=True)) >= demand)
    for rate, value in zip(rates, scaled.values, strict=True):
        assert Fraction(value, scaled.demand) == min(rate / demand, 1), "figures can be read back"


def test_a_covering_example() -> None:
    """2.5 and 0.75 requests/s for 4: in quarters 10, 3 and 16."""
    scaled = scale_covering([Fraction(5, 2), Fraction(3, 4)], Fraction(4))
    assert (scaled.values, scaled.demand, scaled.worst_relative_loss) == ((10, 3), 16, 0)
    assert scale_covering([Fraction(9)], Fraction(4)).values == (1,)
    assert scale_covering([Fraction(9), Fraction(2)], Fraction(4)).values == (2, 1)


def test_coarse_figures_become_a_billion_units() -> None:
    third = Fraction(1, 3) + Fraction(1, 10**13)
    scaled = scale_covering([third], Fraction(1))
    assert scaled.demand == ROUNDED_DEMAND
    assert scaled.values == (333_333_333,)
    assert 0 < scaled.worst_relative_loss < 2e-9


# --------------------------------------------------------------------------------------------------- routing


@given(st.lists(figures, min_size=3, max_size=3), st.lists(positive, min_size=3, max_size=3))
def test_loads_never_go_down(rates: list[Fraction], demands: list[Fraction]) -> None:
    scaled = scale_loads(rates, demands)
    for rate, demand, load in zip(rates, demands, scaled.loads, strict=True):
        if not rate:
            assert load is None
        else:
            assert load is not None
            assert Fraction(load * SHARE_UNITS, scaled.capacity) >= demand / rate
            over = Fraction(load * SHARE_UNITS, scaled.capacity) - demand / rate
            assert float(over) <= scaled.worst_relative_loss * (1 + 1e-12)


@given(st.lists(small, min_size=2, max_size=2), st.lists(small_positive, min_size=2, max_size=2))
def test_small_loads_are_exact(rates: list[Fraction], demands: list[Fraction]) -> None:
    scaled = scale_loads(rates, demands)
    if scaled.capacity <= EXACT_LIMIT and scaled.worst_relative_loss == 0:
        for rate, demand, load in zip(rates, demands, scaled.loads, strict=True):
            assert load is None or Fraction(load * SHARE_UNITS, scaled.capacity) == demand / rate


def test_a_routing_example() -> None:
    """1 of 2 requests/s of one class is half a replica, 3 of 9 of the other a third: 3 and 2 of 6 per whole class."""
    scaled = scale_loads([Fraction(2), Fraction(9), Fraction(0)], [Fraction(1), Fraction(3), Fraction(5)])
    assert scaled.loads == (3, 2, None)
    assert scaled.capacity == 6 * SHARE_UNITS
    assert scaled.worst_relative_loss == 0


def test_share_units_divide_by_everything_up_to_ten() -> None:
    assert all(SHARE_UNITS % parts == 0 for parts in range(1, 11))


# ----------------------------------------------------------------------------------------------------- int64


def test_sums_beyond_64_bits_are_refused() -> None:
    check_int64([INT64_MAX], "a sum")
    check_int64([INT64_MAX - 5, -5], "a sum")
    with pytest.raises(Int64OverflowError, match="a sum can reach"):
        check_int64([INT64_MAX, 1], "a sum")
    with pytest.raises(Int64OverflowError):
        check_int64([INT64_MAX, -1], "a sum")


def test_a_fleet_of_ten_trillion_dollars_is_refused() -> None:
    question = instance([profiled([option("k", rates={"all": 1.0})], 1e9)], [offer(usd_per_hour=1e4)])
    with pytest.raises(Int64OverflowError, match="cost"):
        solve(resolved(question))


def test_a_cap_far_below_what_offers_could_cost_is_kept() -> None:
    """Ten thousand nodes for a billion dollars each leave the range in micro-USD, in cents they do not."""
    bought = {"usd_per_hour": None, "term": "purchase", "life_years": 1e6}
    dear = offer("dear", capex_usd=2e9 + 0.01, **bought)
    offers = [offer(), offer("own", capex_usd=1e9 + 0.02, **bought), dear]
    question = instance([profiled([option("k", rates={"all": 1.0})], 1e4)], offers, budgets=Budgets(capex_usd=2.5e9))
    asked = resolved(question)
    plan = solve(asked, certify=True)
    assert {node.offer: node.count for node in plan.nodes} == {"own": 2, "o1": 9_998}
    assert verify(asked, plan).ok
    assert plan.certificate is not None
    assert confirm(asked, plan).bound_usd == plan.certificate.objective_usd
    finer = edited(dear, capex_usd=2e9 + 0.000001)
    with pytest.raises(Int64OverflowError, match="budget capex_usd can reach"):
        solve(resolved(edited(question, offers=(*offers[:2], finer))))


def test_more_replicas_than_can_be_counted_are_refused_not_called_infeasible() -> None:
    question = instance([profiled([option("k", rates={"all": 1e-3})], 1.23456789e12)], [offer()])
    with pytest.raises(Int64OverflowError, match="1,000,000,000 replicas"):
        solve(resolved(question))


def test_loads_beyond_64_bits_are_refused() -> None:
    rates = {"a": 1.23456789e-7, "b": 3.45678912e-7}
    question = instance([profiled([option("k", rates=rates)], {"a": 9e9, "b": 8e9})], [offer(usd_per_hour=0.0)])
    with pytest.raises(Int64OverflowError):
        solve(resolved(question))
