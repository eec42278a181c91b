"""What one node costs, computed by hand for every term."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import instance, node, offer, option, profiled, resolved, site
from gpufleet import solve
from gpufleet.problem.contracts import contracts
from gpufleet.problem.costs import bill_of, purchase_price
from gpufleet.problem.horizon import horizon_of
from gpufleet.units import exact, micro_usd, usd
from gpufleet.verification.money import _micro

YEAR = Fraction(8760)
DOLLAR = 10**6
ANY = profiled([option("any", rates={"all": 1.0})])


def bill(
    hours: int | Fraction = YEAR, *, power_kw: float | None = 2.0, place: dict[str, Any] | None = None, **changes: Any
):
    """Lines in micro-USD of one node over so many hours."""
    taken = offer(**changes)
    horizon = horizon_of(instance([ANY], [taken], horizon_hours=float(hours)))
    (contract,) = contracts(taken, horizon)
    lines = bill_of(taken, node(power_kw=power_kw), site(**(place or {})), contract, horizon).lines
    return {line.item: line.micro_usd for line in lines}


@pytest.mark.parametrize("term", ["on_demand", "reserved_1y", "reserved_3y"])
def test_rent_is_price_times_hours_and_includes_energy(term: str) -> None:
    place = {"electricity_usd_per_kwh": 0.2, "pue": 1.5}
    assert bill(100, place=place, usd_per_hour=1.23, term=term) == {"rent": 123 * DOLLAR}


def test_purchase() -> None:
    """Half a year: (100,000 - 10 %) over 5 years = 18,000 a year; 4 % maintenance; 0.10 USD/h; 2 kW x 1.5 x 0.12."""
    lines = bill(
        4380,
        place={"electricity_usd_per_kwh": 0.12, "pue": 1.5},
        usd_per_hour=None,
        term="purchase",
        capex_usd=100_000.0,
        life_years=5.0,
        residual_fraction=0.1,
        maintenance_fraction_per_year=0.04,
        running_usd_per_hour=0.1,
    )
    assert lines == {
        "write-off": 9_000 * DOLLAR,
        "maintenance": 2_000 * DOLLAR,
        "running": 438 * DOLLAR,
        "energy": 1_576_800_000,  # 2 kW x 1.5 x 4380 h = 13,140 kWh; x 0.12 = 1,576.80
    }


def test_owned_nodes_cost_running_and_energy_only() -> None:
    place = {"electricity_usd_per_kwh": 0.25, "pue": 1.2}
    lines = bill(10, place=place, usd_per_hour=None, term="owned", stock=1, running_usd_per_hour=0.5)
    assert lines == {"running": 5 * DOLLAR, "energy": 6 * DOLLAR}  # 2 kW x 1.2 x 10 h x 0.25


def test_nothing_is_billed_where_nothing_is_paid() -> None:
    assert bill(place={"electricity_usd_per_kwh": 0.0}, usd_per_hour=None, term="owned", stock=1) == {}
    assert bill(usd_per_hour=0.0) == {}


def test_every_line_is_rounded_once_halves_up() -> None:
    assert bill(1, usd_per_hour=0.0000015) == {"rent": 2}
    assert bill(1, usd_per_hour=0.0000014) == {"rent": 1}
    assert bill(3, usd_per_hour=0.0000005) == {"rent": 2}


def test_capex_is_the_purchase_price() -> None:
    assert purchase_price(offer()) == 0
    bought = offer(usd_per_hour=None, term="purchase", capex_usd=123.456789, life_years=1.0)
    assert micro_usd(purchase_price(bought)) == 123_456_789


def test_horizons_in_days_and_hours_agree() -> None:
    workload, offers = profiled([option("k", rates={"all": 1.0})], 5.0), [offer(usd_per_hour=0.7)]
    in_days = solve(resolved(instance([workload], offers, horizon_days=2.5)))
    in_hours = solve(resolved(instance([workload], offers, horizon_hours=60.0)))
    assert in_days.certificate is not None
    assert in_hours.certificate is not None
    assert in_days.certificate.objective_usd == in_hours.certificate.objective_usd == 210.0  # 5 x 0.70 x 60


def test_a_mixed_bill_adds_up_in_the_plan() -> None:
    """9 requests/s at 3 per node: 1 owned (energy 0.30), 1 bought (1 + 0.30), 1 rented at 2 USD."""
    offers = [
        offer("own", usd_per_hour=None, term="owned", stock=1),
        offer("buy", usd_per_hour=None, term="purchase", capex_usd=8760.0, life_years=1.0, stock=1),
        offer("rent", usd_per_hour=2.0),
    ]
    place = site(electricity_usd_per_kwh=0.2, pue=1.5)
    plan = solve(resolved(instance([profiled([option("k", rates={"all": 3.0})], 9.0)], offers, sites=(place,))))
    assert {(line.item, line.offer): line.total_usd for line in plan.costs} == {
        ("energy", "own"): 0.3,
        ("write-off", "buy"): 1.0,
        ("energy", "buy"): 0.3,
        ("rent", "rent"): 2.0,
    }
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == 3.6


# ----------------------------------------------------------------------------------------------- whole money


@given(st.fractions(min_value=0, max_value=10**9, max_denominator=10**9))
def test_micro_dollars_are_nearest_with_halves_up(amount: Fraction) -> None:
    scaled = micro_usd(amount)
    assert abs(amount * DOLLAR - scaled) <= Fraction(1, 2)
    assert scaled == math.floor(amount * DOLLAR + Fraction(1, 2))


@given(st.fractions(min_value=0, max_value=10**9, max_denominator=10**9))
def test_the_verifier_rounds_money_the_same_way_by_other_means(amount: Fraction) -> None:
    assert _micro(amount) * DOLLAR == micro_usd(amount)


@given(st.integers(0, 2**33 * DOLLAR))
def test_dollars_survive_being_written_as_a_float(micro: int) -> None:
    assert micro_usd(exact(usd(micro))) == micro


@given(st.decimals(min_value=0, max_value=10**6, places=4))
def test_written_decimals_are_taken_at_their_word(amount: Any) -> None:
    assert exact(float(amount)) == Fraction(str(amount))
