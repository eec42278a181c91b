"""Break-even prices, months and demand, on paper."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import instance, node, offer, option, profiled, resolved, site
from gpufleet import solve
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import ended_for_good, with_horizon, with_price
from gpufleet.errors import InputError
from gpufleet.schema.instance import Budgets, FleetRules
from gpufleet.schema.time import Period
from gpufleet.whatif.accelerator_hours import accelerator_hours
from gpufleet.whatif.breakeven import break_even_prices
from gpufleet.whatif.flips import Flips, Span, flips_over_demand, flips_over_months

if TYPE_CHECKING:
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.breakeven import PriceBreak

ONE = option("one", rates={"all": 3.0})
FOUR = option("four", "n4", 4, rates={"all": 12.0})


def question(*offers: Offer, rate: float = 12.0, **changes: Any) -> ResolvedInstance:
    """12 requests/s; one accelerator carries 3, a node of four 12."""
    return resolved(instance([profiled([ONE, FOUR], rate)], offers, **changes))


def only(asked: ResolvedInstance, name: str, **options: Any) -> PriceBreak:
    return break_even_prices(asked, [name], **options).breaks[0]


# ------------------------------------------------------------------------------------------------- prices


def test_four_small_nodes_or_a_large_one() -> None:
    """Four nodes for 1 USD against one for 5: the large one enters at 4.00, the small ones stay up to 1.25."""
    asked = question(offer("small"), offer("large", "n4", 5.0))
    large, small = only(asked, "large"), only(asked, "small")
    assert (large.is_in, large.in_at_usd, large.out_at_usd) == (False, 4.0, 4.01)
    assert large.change == pytest.approx(-0.2)
    assert (small.is_in, small.in_at_usd, small.out_at_usd) == (True, 1.25, 1.26)
    assert small.inside is not None
    assert small.outside is not None
    assert [nodes.offer for nodes in small.inside.nodes] == ["small"]
    assert [nodes.offer for nodes in small.outside.nodes] == ["large"]


def test_the_last_nodes_of_an_offer_decide_when_it_leaves() -> None:
    """13 requests/s: a large and a small one for 6, or five small ones. The second small one leaves at 1.25, the last
    one only at 5, when two large ones cost as much."""
    asked = question(offer("small"), offer("large", "n4", 5.0), rate=13.0)
    small = only(asked, "small")
    assert (small.in_at_usd, small.out_at_usd) == (5.0, 5.01)


def test_a_purchase_is_written_off_over_its_life() -> None:
    """An hour of a node of P USD over one year costs P / 8,760; four small ones cost 4 USD: P = 35,040."""
    bought = offer("large", "n4", None, term="purchase", capex_usd=50_000.0, life_years=1.0)
    found = only(question(offer("small"), bought), "large")
    assert found.unit == "capex_usd"
    assert (found.in_at_usd, found.out_at_usd) == (35_040.0, 35_040.01)


def test_the_grid_can_be_finer() -> None:
    """Three small ones (9 requests/s) for 0.3333 USD each against a large one for 1."""
    asked = question(offer("small", usd_per_hour=0.2), offer("large", "n4", 1.0), rate=9.0)
    assert only(asked, "small", step_usd=0.0001).in_at_usd == 0.3333
    assert only(asked, "small").in_at_usd == 0.33


@pytest.mark.parametrize("price", [0.0, 0.004])
def test_a_price_below_the_grid(price: float) -> None:
    """Four nodes against a large one for 0.02: out at a cent."""
    found = only(question(offer("small", usd_per_hour=price), offer("large", "n4", 0.02)), "small")
    assert (found.outcome, found.in_at_usd, found.out_at_usd) == ("found", price, 0.01)


@pytest.mark.parametrize(
    ("outcome", "offers", "name"),
    [
        ("needed", (offer("small"), offer("large", "n4", 5.0, stock=0)), "small"),
        ("never", (offer("free", usd_per_hour=None, term="owned", stock=4), offer("large", "n4", 5.0)), "large"),
        ("nothing_runs", (offer("small"), offer("other", "n2", 5.0)), "other"),
        ("no_fleet", (offer("small", stock=1), offer("large", "n4", 5.0, stock=0)), "small"),
    ],
)
def test_where_there_is_no_such_price(outcome: str, offers: tuple[Offer, ...], name: str) -> None:
    found = only(question(*offers), name)
    assert found.outcome == outcome
    assert found.in_at_usd is None


def test_idle_nodes_that_keep_a_share_have_a_price() -> None:
    """At most half of the accelerators here: a large node for 5 USD takes two idle pairs there, or one there for 20."""
    asked = question(
        offer("large", "n4", 5.0),
        offer("idle", "n2", 1.0, site="there"),
        offer("dear", "n4", 20.0, site="there"),
        sites=(site(), site("there")),
        rules=FleetRules(max_site_share={"here": 0.5}),
    )
    assert only(asked, "idle").in_at_usd == 7.5


def test_a_budget_ends_an_offer_before_its_line_does() -> None:
    """Without the small ones 12 USD; with them any price up to 3 costs less, but only 2.50 each is in the budget."""
    asked = question(offer("small"), offer("large", "n4", 10.0), budgets=Budgets(horizon_usd=10.0))
    found = only(asked, "small")
    assert (found.in_at_usd, found.out_at_usd) == (2.5, 2.51)
    poor = question(offer("small"), budgets=Budgets(horizon_usd=3.0))
    assert (only(poor, "small").is_in, only(poor, "small").in_at_usd) == (False, 0.75)


def test_offers_are_sorted_by_how_near_they_are_and_owned_ones_are_named() -> None:
    owned = offer("own", usd_per_hour=None, term="owned", stock=1)
    asked = question(offer("small"), offer("large", "n4", 9.0), offer("mid", "n4", 3.1), offer("odd", "n2"), owned)
    found = break_even_prices(asked)
    assert found.without_price == ("own",)
    assert [one.offer for one in found.breaks][-1] == "odd"
    known = [abs(one.change) for one in found.breaks if one.change is not None]
    assert known == sorted(known)
    with pytest.raises(InputError, match="no offer 'smal'; its offers are large, mid, odd, own, small"):
        break_even_prices(asked, ["smal"])


def test_a_price_of_owned_nodes_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="owned"):
        with_price(question(offer("own", usd_per_hour=None, term="owned", stock=1)), "own", 1.0)


# -------------------------------------------------------------------------------------- rent, reserve or buy


def rent_or_buy(**changes: Any) -> ResolvedInstance:
    """One node: 3 USD/h on demand, or bought for 30,000 USD, written off over 5 years, sold at half of its book value,
    at 0.50 USD/h to run.

    After m months it was used for 730 m hours and its book value is 30,000 (1 - m / 60). For good, owning costs
    30,000 - 15,000 (1 - m / 60) + 365 m = 15,000 + 615 m, renting 2,190 m: they meet at m = 15,000 / 1,575 = 9.52.
    """
    sold = {"life_years": 5.0, "resale_fraction": 0.5, "running_usd_per_hour": 0.5}
    bought = offer("buy", usd_per_hour=None, term="purchase", capex_usd=30_000.0, **sold)
    return question(offer("rent", usd_per_hour=3.0), bought, rate=3.0, horizon_days=365.0, **changes)


def mixes(found: Flips) -> list[tuple[float, float, list[str]]]:
    return [(float(s.first.value), float(s.last.value), sorted(s.first.mix or ["none"])) for s in found.segments]


def test_rent_or_buy_by_the_months() -> None:
    found = flips_over_months(rent_or_buy(), Span.parse("3:24", whole=True), for_good=True)
    assert mixes(found) == [(3, 9, ["A on_demand"]), (10, 24, ["A purchase"])]
    costs = {float(point.value): point.cost_usd for point in found.points}
    assert costs[9] == 9 * 2190
    assert costs[12] == 15_000 + 12 * 615
    assert all(point.proven for point in found.points)


def test_as_the_instance_counts_a_node_keeps_its_book_value() -> None:
    """730 h cost 500 + 365 owned and 2,190 rented, however many of them."""
    found = flips_over_months(rent_or_buy(), Span.parse("1:12", whole=True))
    assert mixes(found) == [(1, 12, ["A purchase"])]
    assert found.points[0].cost_usd == 865.0


def test_a_reservation_pays_from_the_month_in_which_it_is_used_enough() -> None:
    """2 USD/h for 8,760 h are 17,520; on demand a month is 2,190, so that 8 months cost as much, and the first name has
    it; two terms, from 13 months on, cost as much as 16."""
    offers = (offer("rent", usd_per_hour=3.0), offer("reserve", usd_per_hour=2.0, term="reserved_1y"))
    found = flips_over_months(question(*offers, rate=3.0), Span.parse("7:17", whole=True), for_good=True)
    assert mixes(found) == [
        (7, 8, ["A on_demand"]),
        (9, 12, ["A reserved_1y"]),
        (13, 16, ["A on_demand"]),
        (17, 17, ["A reserved_1y"]),
    ]


@pytest.mark.parametrize("months", range(1, 61, 7))
def test_ended_for_good_is_exact_for_every_month(months: int) -> None:
    asked = rent_or_buy()
    bought = replace(asked, offers={"buy": asked.offers["buy"]})
    plan = solve(ended_for_good(with_horizon(bought, 730 * months)))
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == pytest.approx(15_000 + 615 * months, abs=2e-6)
    assert sum(flow.usd for flow in plan.cash_flow if flow.item == "purchase") == 30_000.0


def test_a_horizon_cannot_be_moved_where_it_is_cut_into_parts_or_nodes_would_die() -> None:
    day = (Period(name="night", hours=8.0), Period(name="day", hours=16.0))
    cut = question(offer("small"), horizon_days=1.0, periods=day)
    with pytest.raises(InputError, match=r"--horizon-months: the instance has periods.*--demand"):
        flips_over_months(cut, Span.parse("1:3", whole=True))
    with pytest.raises(InputError, match=r"nodes of buy last 5 years; ask for at most 60 months"):
        flips_over_months(rent_or_buy(), Span.parse("12:61", whole=True), for_good=True)


def test_the_mix_over_demand() -> None:
    """Small nodes for 1 USD, a large one for 2.50: beyond 6 requests/s the large one, beyond 12 one of each."""
    asked = question(offer("small", term="reserved_1y"), offer("large", "n4", 2.5), rate=3.0)
    found = flips_over_demand(asked, Span.parse("1:5:0.5", whole=False))
    assert mixes(found) == [
        (1, 2, ["A reserved_1y"]),
        (2.01, 4, ["A on_demand"]),
        (4.01, 5, ["A on_demand", "A reserved_1y"]),
    ]


def test_where_demand_is_too_much_there_is_no_plan() -> None:
    found = flips_over_demand(question(offer("small", stock=2), rate=3.0), Span.parse("1:3:1", whole=False))
    assert [segment.first.mix is None for segment in found.segments] == [False, True]
    assert float(found.segments[1].first.value) == 2.01


@pytest.mark.parametrize(
    ("text", "whole", "says"),
    [
        ("3", True, "no range"),
        ("3:x", True, "no range"),
        ("0:3", True, "above 0"),
        ("5:3", True, "the larger last"),
        ("1:2.5", True, "whole months"),
        ("1:5:0.001", False, "4,001 points; at most 200"),
        ("1:2:0", False, "above 0"),
        ("nan:2", False, "no range"),
    ],
)
def test_ranges_that_make_no_sense(text: str, whole: bool, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Span.parse(text, whole=whole)


def test_the_last_point_belongs_to_a_range() -> None:
    assert [float(value) for value in Span.parse("1:2:0.4", whole=False).values] == [1.0, 1.4, 1.8, 2.0]


# ------------------------------------------------------------------------------------------ accelerator-hours


def test_accelerator_hours_of_a_day() -> None:
    """By day (16 h) 12 requests/s, by night a quarter: one large node reserved, of which by night one accelerator of
    four is held. Of 96 accelerator-hours 64 + 8 are held, all at full load; 2 USD/h over 4 are 0.50, and 0.6667 for
    those at work. An on-demand accelerator costs 0.80: reserved pays from 62.5 % of the hours."""
    day = (Period(name="night", hours=8.0, demand_factor=0.25), Period(name="day", hours=16.0))
    large = option("quarter", "n4", 1, rates={"all": 3.0})
    offers = (offer("large", "n4", 2.0, term="reserved_1y"), offer("rent", "n4", 3.2), offer("old", "n8", 1.0))
    asked = resolved(
        instance(
            [profiled([large], 12.0)], offers, horizon_days=1.0, periods=day, node_types=(node("n4", 4), node("n8", 8))
        )
    )
    rows = {row.offer: row for row in accelerator_hours(asked, build_candidates(asked), solve(asked))}
    taken = rows["large"]
    assert taken.usd_per_hour == pytest.approx(0.5)
    assert taken.accelerator_hours == 96.0
    assert taken.held == taken.worked == pytest.approx(0.75)
    assert taken.usd_per_worked_hour == pytest.approx(2 / 3)
    assert taken.pays_from == pytest.approx(0.625)
    assert rows["rent"].usd_per_hour == pytest.approx(0.8)
    assert rows["rent"].held is None
    assert rows["rent"].pays_from is None
    assert rows["old"].usd_per_hour == pytest.approx(0.125)
