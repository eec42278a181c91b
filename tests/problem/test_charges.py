"""The internal charge rate: the dearest price of the pool, rounded up, whatever the fleet is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from builders import instance, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.problem.build import build_problem
from gpufleet.schema.instance import BudgetCaps, Budgets, Period
from gpufleet.schema.offers import PriceStep
from gpufleet.units import INT64_MAX

if TYPE_CHECKING:
    from gpufleet.problem.data import ChargeRow
    from gpufleet.schema.instance import Instance

DAYS = (Period(name="night", hours=8.0, demand_factor=0.5), Period(name="day", hours=16.0))


def question(offers: tuple[Any, ...], accelerators: int = 1, cap: float = 1e6, **changes: Any) -> Instance:
    node_type = offers[0].node_type
    work = profiled([option("k", node_type, accelerators, rates={"all": 3.0})], 6.0)
    return instance([work], offers, budgets=Budgets(workloads={"w": BudgetCaps(horizon_usd=cap)}), **changes)


def rows(asked: Instance) -> tuple[ChargeRow, ...]:
    whole = resolved(asked)
    return build_problem(whole, build_candidates(whole)).charges


def charges(asked: Instance) -> list[int]:
    (row,) = rows(asked)
    return [charge for _, _, charge in row.coefficients]


def test_without_budgets_of_workloads_there_are_no_rows() -> None:
    assert rows(instance([profiled([option("k", rates={"all": 3.0})])], (offer(),))) == ()


@pytest.mark.parametrize(
    ("offers", "right"),
    [
        ((offer(usd_per_hour=1.5),), 1_500_000),
        ((offer(usd_per_hour=1.5), offer("d", "n1", 4.0)), 4_000_000),
        # what is not for sale sets no price
        ((offer(usd_per_hour=1.5), offer("d", "n1", 4.0, stock=0)), 1_500_000),
        # a discount is reached or not; the price without it is the dearer one
        ((offer(price_steps=(PriceStep(from_count=2, discount_fraction=0.5),)),), 1_000_000),
        # an order of one cannot be placed, so only the discounted price can be paid
        ((offer(min_order=2, price_steps=(PriceStep(from_count=2, discount_fraction=0.5),)),), 500_000),
        # a seventh of a dollar an hour: 142,857.14 micro-dollars a node, rounded once, then up per accelerator
        ((offer("o8", "n8", 1.0),), 125_000),
        ((offer("o8", "n8", 0.000001),), 1),
        ((offer("p", usd_per_hour=None, term="purchase", capex_usd=8760.0, life_years=1.0),), 1_000_000),
        ((offer("own", usd_per_hour=None, term="owned", stock=3),), 0),
    ],
)
def test_the_dearest_price_that_can_be_paid(offers: tuple[Any, ...], right: int) -> None:
    assert charges(question(offers)) == [right]


def test_a_replica_is_charged_for_all_its_accelerators_and_hours() -> None:
    """A node of 4 for 2 USD/h: 0.50 an accelerator; two of them, for 8 hours and for 16."""
    asked = question((offer("o4", "n4", 2.0),), 2, horizon_days=1.0, periods=DAYS)
    assert charges(asked) == [8_000_000, 16_000_000]
    # a node that is there always costs the same an hour
    reserved = question((offer("o4", "n4", 2.0, term="reserved_1y"),), 2, horizon_days=1.0, periods=DAYS)
    assert charges(reserved) == [8_000_000, 16_000_000]


@pytest.mark.parametrize("term", ["on_demand", "reserved_1y"])
def test_the_plan_states_the_charge_and_the_verifier_finds_the_same(term: str) -> None:
    """Night 1 replica, day 2: 2 x 8 / 2 + 2 x 2 x 16 / 2 accelerator-hours at 0.333333 USD or a little more."""
    asked = resolved(question((offer("o3", "n4", 1.333333, term=term),), 2, horizon_days=1.0, periods=DAYS))
    plan = solve(asked)
    (charge,) = plan.charges
    assert charge.charge_usd == pytest.approx((2 * 8 + 4 * 16) * 1.333333 / 4, abs=1e-4)
    assert charge.charge_usd >= (2 * 8 + 4 * 16) * 1.333333 / 4
    assert verify(asked, plan).ok


def test_caps_beyond_64_bits_cap_nothing() -> None:
    (row,) = rows(question((offer(),), cap=1e15))
    assert row.limit == INT64_MAX
