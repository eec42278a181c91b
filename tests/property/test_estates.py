"""Whole small estates, with everything in combination: what must hold between answers, and of every plan.

"Infeasible" counts as infinite cost. Costs are compared without breaking ties, for speed.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from brute_force import fraction
from hypothesis import given, settings
from hypothesis import strategies as st
from random_estates import random_estate
from seeds import HALF, part, sample

from builders import edited, offer, resolved
from gpufleet import Plan, solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.registry import backend as back_end
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem
from gpufleet.schema.instance import Budgets, FleetRules, Measure
from gpufleet.schema.workloads import Redundancy, RequestServing, Training

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload

EXAMPLES = part(30)
NEVER = float("inf")

estates = st.integers(0, 10**9).map(lambda seed: random_estate(Random(seed)))


def cost(asked: Instance) -> float:
    """Micro-USD."""
    whole = resolved(asked)
    problem = build_problem(whole, build_candidates(whole))
    if not all(work.options or not work.demand for work in problem.workloads if work.run is None):
        return NEVER
    result = back_end("cpsat").solve(build_model(problem)[0], SolverLimits(60))
    assert result.outcome in ("optimal", "infeasible")
    return NEVER if result.objective is None else result.objective


@cache
def solved(seed: int) -> tuple[ResolvedInstance, Plan]:
    asked = resolved(random_estate(Random(seed)))
    return asked, solve(asked)


def with_workloads(asked: Instance, **changes: Any) -> Instance:
    """The same fields of all workloads replaced, so that members of a service stay alike."""
    return edited(asked, workloads=tuple(edited(work, **changes) for work in asked.workloads))


def scaled(value: float | None, factor: Fraction | int) -> float | None:
    return None if value is None else float(fraction(value) * factor)


# ---------------------------------------------------------------------------------------- between two answers


@settings(max_examples=EXAMPLES)
@given(estates, st.integers(1, 20))
def test_more_demand_never_costs_less(asked: Instance, tenths: int) -> None:
    factor = Fraction(10 + tenths, 10)

    def more(work: Workload) -> Workload:
        if isinstance(work, Training):
            return edited(work, samples=scaled(work.samples, factor))
        grown = [edited(group, requests_per_s=scaled(group.requests_per_s, factor)) for group in work.classes]
        return edited(work, classes=tuple(grown))

    assert cost(edited(asked, workloads=tuple(more(work) for work in asked.workloads))) >= cost(asked)


@settings(max_examples=EXAMPLES)
@given(estates)
def test_a_rule_less_never_costs_more(asked: Instance) -> None:
    whole = cost(asked)
    assert cost(edited(asked, rules=FleetRules())) <= whole
    assert cost(edited(asked, budgets=Budgets())) <= whole
    assert cost(with_workloads(asked, redundancy=Redundancy())) <= whole
    assert cost(with_workloads(asked, max_spot_share=1.0, min_replicas=0)) <= whole
    assert cost(edited(asked, sites=tuple(edited(place, power_cap_kw=None) for place in asked.sites))) <= whole
    assert cost(edited(asked, offers=tuple(edited(taken, min_order=0) for taken in asked.offers))) <= whole


@settings(max_examples=EXAMPLES)
@given(estates, st.integers(1, 3))
def test_more_stock_never_costs_more(asked: Instance, more: int) -> None:
    """Every offer has stock before; a first node in stock could be the dearest of its pool (see the next test)."""
    offers = tuple(o if o.stock is None else edited(o, stock=o.stock + more) for o in asked.offers)
    assert cost(edited(asked, offers=offers)) <= cost(asked)


@settings(max_examples=EXAMPLES)
@given(estates, st.sampled_from(["n1", "n2", "nb"]), st.sampled_from(["on_demand", "reserved_1y", "spot"]))
def test_one_more_offer_never_costs_more(asked: Instance, kind: str, term: str) -> None:
    """Not with a budget of a single workload: it is charged at the dearest price of its pool, taken or not."""
    lost = {"interruptions_per_month": 73.0} if term == "spot" else {}
    more = (*asked.offers, offer("more", kind, 0.9, term=term, **lost))
    free = edited(asked, budgets=edited(asked.budgets, workloads={}))
    assert cost(edited(free, offers=more)) <= cost(free)


@settings(max_examples=EXAMPLES)
@given(estates, st.integers(0, 20), st.sampled_from([1.5, 4.0]))
def test_one_more_measure_never_costs_more(asked: Instance, usd: int, factor: float) -> None:
    """One that speeds something up: a measure that unlocks an option also locks it for who does not take it."""
    gain = Measure(name="more", cost_usd=float(usd), workloads=("chat",), throughput_factor=factor, source="test")
    assert cost(edited(asked, measures=(*asked.measures, gain))) <= cost(asked)


@settings(max_examples=EXAMPLES)
@given(estates, st.integers(1, 30))
def test_a_higher_budget_never_costs_more(asked: Instance, tenths: int) -> None:
    assert cost(_with_caps(asked, Fraction(10 + tenths, 10))) <= cost(asked)


def _with_caps(asked: Instance, factor: Fraction | int) -> Instance:
    """All caps on money times a factor."""

    def raised(caps: Any) -> dict[str, float | None]:
        return {name: scaled(getattr(caps, name), factor) for name in ("usd_per_day", "horizon_usd", "capex_usd")}

    caps = asked.budgets
    single = {part: {n: raised(own) for n, own in getattr(caps, part).items()} for part in ("sites", "workloads")}
    return edited(asked, budgets={**raised(caps), **single})


@settings(max_examples=EXAMPLES)
@given(estates, st.sampled_from([1.25, 2.0, 8.0]))
def test_a_looser_latency_never_costs_more(asked: Instance, factor: float) -> None:
    eased = tuple(
        edited(work, slo=tuple(edited(bound, limit_ms=bound.limit_ms * factor) for bound in work.slo))
        if isinstance(work, RequestServing)
        else work
        for work in asked.workloads
    )
    assert cost(edited(asked, workloads=eased)) <= cost(asked)


@settings(max_examples=EXAMPLES)
@given(estates, st.integers(2, 9))
def test_prices_times_a_whole_number_cost_that_many_times_as_much(asked: Instance, factor: int) -> None:
    """Without interest, all lines are whole micro-dollars before, so nothing is rounded (see `random_estates`)."""
    prices = ("usd_per_hour", "capex_usd", "running_usd_per_hour", "resale_usd")
    plain = edited(asked, discount_rate_per_year=0.0)
    dear = edited(
        _with_caps(plain, factor),
        offers=tuple(edited(o, **{name: scaled(getattr(o, name), factor) for name in prices}) for o in asked.offers),
        sites=tuple(edited(p, electricity_usd_per_kwh=scaled(p.electricity_usd_per_kwh, factor)) for p in asked.sites),
        measures=tuple(edited(m, cost_usd=scaled(m.cost_usd, factor)) for m in asked.measures),
    )
    assert cost(dear) == cost(plain) * factor


@settings(max_examples=EXAMPLES)
@given(estates)
def test_the_order_of_the_file_does_not_change_the_cost(asked: Instance) -> None:
    turned = {name: getattr(asked, name)[::-1] for name in ("offers", "workloads", "sites", "measures", "node_types")}
    assert cost(edited(asked, **turned)) == cost(asked)


@settings(max_examples=EXAMPLES)
@given(estates, st.integers(1, 100))
def test_a_dominated_offer_changes_no_cost_and_no_fleet(asked: Instance, cents: int) -> None:
    """A dearer one beside `base`, which has stock without limit; last by name, so that ties fall as before.

    Not with a budget of a single workload, which is charged at the dearest price of the pool.
    """
    base = asked.offers[0]
    assert base.stock is None
    assert base.usd_per_hour is not None
    worse = edited(base, name="zz", usd_per_hour=scaled(base.usd_per_hour + cents / 100, 1))
    free = edited(asked, budgets=edited(asked.budgets, workloads={}))
    before, after = solve(resolved(free)), solve(resolved(edited(free, offers=(*asked.offers, worse))))
    assert after.status == before.status
    assert (after.nodes, after.measures, after.costs) == (before.nodes, before.measures, before.costs)


# ---------------------------------------------------------------------------------------------- of every plan


@pytest.mark.parametrize("chunk", range(4))
def test_every_plan_holds_adds_up_and_survives_json(chunk: int) -> None:
    for seed in sample(range(chunk * 15, (chunk + 1) * 15), HALF):
        asked, plan = solved(seed)
        assert plan.status in ("optimal", "infeasible"), f"seed {seed}"
        report = verify(asked, plan)
        assert report.ok, f"seed {seed}: {report.violations}"
        back = Plan.model_validate_json(plan.model_dump_json())
        assert back == plan, f"seed {seed}"
        assert verify(asked, back).ok, f"seed {seed}"
        if plan.status == "optimal":
            _adds_up(plan)


def _adds_up(plan: Plan) -> None:
    assert plan.certificate is not None
    lines = [(fraction(line.unit_usd), line.quantity, fraction(line.total_usd)) for line in plan.costs]
    assert all(unit * quantity == total for unit, quantity, total in lines)
    objective = fraction(plan.certificate.objective_usd)
    assert sum((total for *_, total in lines), Fraction(0)) == objective
    assert all(line.source for line in plan.costs)
    taken = sum((fraction(nodes.total_cost_usd) for nodes in plan.nodes), Fraction(0))
    bought = sum((fraction(entry.cost_usd) for entry in plan.measures if entry.taken), Fraction(0))
    assert taken + bought == objective


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(100, 120)):
        asked = resolved(random_estate(Random(seed)))
        plan, right = solve(asked, backend=backend), cost(asked.instance)
        assert plan.certificate is not None
        said = plan.certificate.objective_usd
        assert (NEVER if said is None else fraction(said) * 10**6) == right, f"seed {seed}"


def test_the_random_estates_are_not_all_alike() -> None:
    """Enough answers, and enough of everything in the plans."""
    seen: Counter[str] = Counter()
    for seed in sample(range(60), HALF):
        asked, plan = solved(seed)[0].instance, solved(seed)[1]
        seen[str(plan.status)] += 1
        seen.update({str(nodes.term) for nodes in plan.nodes})
        if plan.status == "optimal":
            seen.update({work.kind for work in asked.workloads})
            seen["stages"] += bool(asked.stages)
            seen["periods"] += bool(asked.periods)
            seen["measures"] += any(entry.taken for entry in plan.measures)
            seen["services"] += bool(solved(seed)[0].services)
            seen["fallbacks"] += bool(plan.fallback_routing)
            seen["charges"] += bool(plan.charges)
            seen["spare nodes"] += any(work.redundancy.spare_nodes for work in asked.workloads)
    least = dict.fromkeys(("request_serving", "training", "stages", "periods", "services", "spare nodes"), 10)
    least |= {"optimal": 35, "infeasible": 3, "on_demand": 20, "spot": 10, "reserved_1y": 5, "reserved_3y": 5}
    least |= {"purchase": 5, "owned": 5, "measures": 5, "fallbacks": 2, "charges": 5}
    assert {name: seen[name] for name, count in least.items() if seen[name] < part(count, HALF)} == {}
