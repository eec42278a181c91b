"""Mutated plans over years, on spot nodes and with measures: every broken rule is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hand_cases import HAND_CASES

from builders import edited, resolved
from gpufleet import solve, verify
from gpufleet.schema.instance import Budgets

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def solved(name: str) -> tuple[ResolvedInstance, Plan]:
    asked = resolved(next(case for case in HAND_CASES if case.name == name).question)
    plan = solve(asked)
    assert verify(asked, plan).ok
    return asked, plan


def broken(asked: ResolvedInstance, plan: Plan) -> set[str]:
    return {violation.rule for violation in verify(asked, plan).violations}


def changed(plan: Plan, part: str, number: int = 0, **fields: Any) -> Plan:
    """One entry of a part of the plan edited."""
    entries = list(getattr(plan, part))
    entries[number] = entries[number].model_copy(update=fields)
    return plan.model_copy(update={part: tuple(entries)})


def entry_of(plan: Plan, **fields: Any) -> int:
    """Position of the first nodes with these fields."""
    return next(n for n, e in enumerate(plan.nodes) if all(getattr(e, f) == v for f, v in fields.items()))


@pytest.mark.parametrize(
    ("case", "entry", "fields", "rule"),
    [
        ("bought when needed", {"first_stage": "two"}, {"first_stage": "three"}, "stage"),
        ("bought when needed", {"first_stage": "one"}, {"first_stage": "two", "last_stage": "one"}, "stage"),
        ("bought when needed", {"first_stage": "one"}, {"last_stage": "one"}, "packing"),
        ("bought when needed", {"first_stage": "two"}, {"first_stage": "one"}, "cost"),
        ("bought when needed", {"first_stage": "two"}, {"count": 0}, "packing"),
        ("retired", {"term": "owned"}, {"last_stage": "two"}, "stage"),
        ("retired", {"term": "owned"}, {"first_stage": "two", "last_stage": "two"}, "stage"),
        ("retired", {"term": "on_demand"}, {"first_stage": "one"}, "stage"),
        ("reserved for the whole term", {"offer": "r1"}, {"first_stage": "one"}, "stage"),
        ("reserved for the whole term", {"offer": "r3"}, {"last_stage": "one"}, "stage"),
        ("quarters", {"first_stage": "q0"}, {"last_stage": "q2"}, "stage"),
        ("one to buy", {"offer": "p"}, {"count": 2}, "stock"),
        ("capex by the year", {"first_stage": "one"}, {"count": 2}, "budget"),
        ("one order for all years", {"offer": "p"}, {"count": 1}, "min_order"),
    ],
)
def test_nodes(case: str, entry: dict[str, Any], fields: dict[str, Any], rule: str) -> None:
    asked, plan = solved(case)
    assert rule in broken(asked, changed(plan, "nodes", entry_of(plan, **entry), **fields))


def test_deployments_run_in_stages_that_exist() -> None:
    asked, plan = solved("bought when needed")
    assert "stage" in broken(asked, changed(plan, "deployments", stage="three"))
    late = next(n for n, entry in enumerate(plan.deployments) if entry.stage == "two")
    assert "demand" in broken(asked, changed(plan, "deployments", late, stage="one"))
    assert "capacity" in broken(asked, changed(plan, "deployments", late, replicas=1))


def test_growth_is_due() -> None:
    """A plan that is enough for one year is too little for the next."""
    asked, plan = solved("faster software")
    slow = replace(asked, instance=edited(asked.instance, trends=()))
    assert "capacity" in broken(slow, plan)
    growing = edited(asked.instance.workloads[0], growth_per_year=2.0)
    more = replace(asked, instance=edited(asked.instance, workloads=(growing,)))
    assert "capacity" in broken(more, plan)


@pytest.mark.parametrize("case", ["discounted", "early sale", "quarters", "retired", "written off"])
def test_every_payment_is_checked(case: str) -> None:
    asked, plan = solved(case)
    assert plan.cash_flow
    for number, flow in enumerate(plan.cash_flow):
        assert broken(asked, changed(plan, "cash_flow", number, usd=flow.usd + 0.000001)) == {"cash_flow"}
        assert broken(asked, changed(plan, "cash_flow", number, year=flow.year + 7)) == {"cash_flow"}
        left = plan.cash_flow[:number] + plan.cash_flow[number + 1 :]
        if left:
            assert broken(asked, plan.model_copy(update={"cash_flow": left})) == {"cash_flow"}


def test_a_higher_interest_changes_the_bill() -> None:
    asked, plan = solved("discounted")
    assert "cost" in broken(replace(asked, instance=edited(asked.instance, discount_rate_per_year=0.11)), plan)


@pytest.mark.parametrize(
    ("case", "fields", "rule"),
    [
        ("cheap enough", {"spot": None}, "packing"),
        ("cheap enough", {"spot": "o1"}, "spot"),
        ("cheap enough", {"replicas": 5}, "capacity"),
        ("a third", {"replicas": 0}, "spot"),
        ("pays", {"measures": ()}, "capacity"),
        ("pays", {"measures": ("n",)}, "measures"),
        ("unlocks", {"measures": ()}, "measures"),
        ("does not pay", {"measures": ("m",)}, "measures"),
    ],
)
def test_settings(case: str, fields: dict[str, Any], rule: str) -> None:
    asked, plan = solved(case)
    assert rule in broken(asked, changed(plan, "deployments", **fields))


def test_a_spot_share_is_enforced() -> None:
    for case, most in (("cheap enough", 0.5), ("cheap enough", 0.0), ("half of each class", 0.4)):
        asked, plan = solved(case)
        careful = edited(asked.instance.workloads[0], max_spot_share=most)
        found = broken(replace(asked, instance=edited(asked.instance, workloads=(careful,))), plan)
        assert "spot" in found, case


def test_more_interruptions_take_more_nodes() -> None:
    asked, plan = solved("cheap enough")
    worse = edited(asked.offers["s"], interruptions_per_month=400.0)
    assert "capacity" in broken(replace(asked, offers={**asked.offers, "s": worse}), plan)


@pytest.mark.parametrize("fields", [{"measure": "x"}, {"taken": False}, {"cost_usd": 1.0}])
def test_measures_of_the_plan(fields: dict[str, Any]) -> None:
    asked, plan = solved("pays")
    found = broken(asked, changed(plan, "measures", **fields))
    assert found & {"measures", "cost"}


def test_a_measure_is_named_once_and_paid() -> None:
    asked, plan = solved("pays")
    assert "measures" in broken(asked, plan.model_copy(update={"measures": plan.measures * 2}))
    unpaid = tuple(line for line in plan.costs if line.item != "measure")
    assert "cost" in broken(asked, plan.model_copy(update={"costs": unpaid}))


def test_measures_count_in_budgets() -> None:
    asked, plan = solved("pays")
    for caps in ({"horizon_usd": 3.0}, {"capex_usd": 1.0}):
        capped = replace(asked, instance=edited(asked.instance, budgets=Budgets(**caps)))
        assert "budget" in broken(capped, plan)


def test_every_slice_is_served_by_what_runs_then() -> None:
    """Regression: routes of other slices were counted where nothing ran, so a period without any service passed."""
    for case, label in (("rented by the hour", "w in day"), ("bought when needed", "w in two")):
        asked, plan = solved(case)
        first = plan.model_copy(update={"deployments": plan.deployments[:1], "routing": plan.routing[:1]})
        found = [v for v in verify(asked, first).violations if v.rule == "demand"]
        assert [v.where for v in found] == [label], case


def test_a_payment_is_stated_once() -> None:
    """Regression: the same payment twice was read as one."""
    asked, plan = solved("discounted")
    for flow in plan.cash_flow:
        assert broken(asked, plan.model_copy(update={"cash_flow": (*plan.cash_flow, flow)})) == {"cash_flow"}


def test_a_measure_may_have_the_name_of_an_offer() -> None:
    """Regression: the verifier took the cost lines of one for those of the other."""
    asked = resolved(next(case for case in HAND_CASES if case.name == "pays").question)
    measure = edited(asked.instance.measures[0], name="o1")
    alike = resolved(edited(asked.instance, measures=(measure,)))
    plan = solve(alike)
    assert [(line.item, line.offer, line.total_usd) for line in plan.costs] == [
        ("rent", "o1", 2.0),
        ("measure", "o1", 1.5),
    ]
    for number in range(2):
        assert "cost" in broken(alike, changed(plan, "costs", number, item="energy"))


def test_a_measure_bought_several_times_a_year() -> None:
    """Regression: 4 x 33.3333333 USD are 133.333333 USD together, but 133.333332 if each is rounded first."""
    asked = resolved(next(case for case in HAND_CASES if case.name == "pays").question)
    measure = edited(asked.instance.measures[0], cost_usd=33.3333333, life_years=0.25)
    year = edited(asked.instance, measures=(measure,), horizon_hours=8760.0)
    flows = {flow.item: flow.usd for flow in solve(resolved(year)).cash_flow}
    assert flows["measure"] == 133.333333


def test_a_measure_unlocks_on_its_accelerators_alone() -> None:
    """Regression: a plan could use the option on any accelerator, which the candidates rightly exclude."""
    asked, plan = solved("unlocks")
    measure = edited(asked.instance.measures[0], accelerators=("other",))
    elsewhere = replace(asked, instance=edited(asked.instance, measures=(measure,)))
    assert "measures" in broken(elsewhere, plan)


def test_a_deployment_names_measures_that_concern_it() -> None:
    """Regression: a measure taken for other workloads or accelerators could stand beside any deployment."""
    asked, plan = solved("does not pay")
    aside = plan.model_copy(update={"measures": (plan.measures[0].model_copy(update={"taken": True}),)})
    for changes in ({"workloads": ("v",)}, {"accelerators": ("other",)}):
        other = edited(asked.instance.measures[0], **changes)
        others = replace(asked, instance=edited(asked.instance, measures=(other,)))
        said = changed(aside, "deployments", measures=("m",))
        assert "measures" in broken(others, said)
        assert "measures" not in broken(others, aside)
