"""Limits as rows: exact where figures are written with few decimals, never looser than written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from builders import instance, node, offer, option, profiled, resolved, site
from gpufleet import solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.problem.build import build_problem
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Quota
from gpufleet.units import INT64_MAX

if TYPE_CHECKING:
    from gpufleet.problem.data import LimitRow, Problem

WORKLOAD = profiled([option("k", rates={"all": 3.0}), option("k4", "n4", 4, rates={"all": 12.0})], 30.0)
OFFERS = (offer("a"), offer("b", "n4", 3.5), offer("c", site="there"))


def problem(**changes: Any) -> Problem:
    sites = (site(**changes.pop("here", {})), site("there", provider="P"))
    asked = resolved(instance([WORKLOAD], OFFERS, sites=sites, **changes))
    return build_problem(asked, build_candidates(asked))


def row(**changes: Any) -> LimitRow:
    (limit,) = problem(**changes).limits
    return limit


def by_name(limit: LimitRow) -> dict[str, int]:
    return {"abc"[index]: weight for index, weight in limit.coefficients}


def test_no_limits_no_rows() -> None:
    assert problem().limits == ()


def test_budgets() -> None:
    day = row(budgets=Budgets(usd_per_day=24.0))
    assert (day.family, day.limit) == ("budget", 1_000_000), "one hour of a day at 24 USD"
    assert by_name(day) == {"a": 1_000_000, "b": 3_500_000, "c": 1_000_000}
    there = row(budgets=Budgets(sites={"there": BudgetCaps(horizon_usd=2.5)}))
    assert (by_name(there), there.limit) == ({"c": 1_000_000}, 2_500_000)
    assert by_name(row(budgets=Budgets(capex_usd=5.0))) == {}


def test_power_and_racks_are_exact() -> None:
    types = (node("n1", power_kw=0.3333, rack_units=0.5), node("n4", 4, power_kw=1.25, rack_units=2.0))
    power = row(here={"power_cap_kw": 1.0}, node_types=types)
    assert (by_name(power), power.limit) == ({"a": 3333, "b": 12500}, 10000)
    racks = row(here={"rack_units": 7.25}, node_types=types)
    assert (by_name(racks), racks.limit) == ({"a": 2, "b": 8}, 29)


def test_finer_figures_go_up_and_their_cap_down() -> None:
    types = (node("n1", power_kw=0.33333333), node("n4", 4, power_kw=1.0))
    power = row(here={"power_cap_kw": 1.99999999}, node_types=types)
    assert (by_name(power), power.limit) == ({"a": 333_334, "b": 1_000_000}, 1_999_999)


def test_quota_counts_accelerators_of_one_provider() -> None:
    quota = row(rules=FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=7),)))
    assert (quota.family, by_name(quota), quota.limit) == ("quota", {"c": 1}, 7)


def test_stock_bounds_the_nodes() -> None:
    question = resolved(instance([WORKLOAD], [offer(stock=2), offer("b", "n4", 3.5)]))
    offers = build_problem(question, build_candidates(question)).offers
    assert offers[1].name == "o1"
    assert offers[1].most == 2
    assert offers[0].most >= 3, "30 requests/s take three nodes of n4"


@pytest.mark.parametrize("cap", [1e12, 1e15, 1e18])
def test_a_budget_beyond_all_numbers_binds_nothing(cap: float) -> None:
    asked = resolved(instance([WORKLOAD], OFFERS[:2], budgets=Budgets(horizon_usd=cap, usd_per_day=cap)))
    rows = build_problem(asked, build_candidates(asked)).limits
    assert all(limit.limit <= INT64_MAX for limit in rows)
    plan = solve(asked)
    assert plan.status == "optimal"
    assert verify(asked, plan).ok


@pytest.mark.parametrize(("cap", "status"), [(0.9999, "optimal"), (0.9998, "infeasible")])
def test_power_is_used_to_the_last_watt(cap: float, status: str) -> None:
    workload = profiled([option("k", rates={"all": 3.0})], 9.0)
    question = instance([workload], [offer()], sites=(site(power_cap_kw=cap),), node_types=(node(power_kw=0.3333),))
    assert solve(resolved(question)).status == status
