"""Mutated plans over a night and a day: every broken rule is named with its period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hand_cases import HAND_CASES

from builders import resolved
from gpufleet import solve, verify

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def solved(name: str) -> tuple[ResolvedInstance, Plan]:
    asked = resolved(next(case for case in HAND_CASES if case.name == name).question)
    plan = solve(asked)
    assert verify(asked, plan).ok
    return asked, plan


def changed(plan: Plan, part: str, index: int, **fields: Any) -> Plan:
    """One entry of a part of the plan edited."""
    entries = list(getattr(plan, part))
    entries[index] = entries[index].model_copy(update=fields)
    return plan.model_copy(update={part: tuple(entries)})


@pytest.mark.parametrize(
    ("part", "fields", "rule", "where"),
    [
        ("nodes", {"count": 2}, "packing", "here/n1 in day"),
        ("nodes", {"period": "night"}, "packing", "here/n1 in day"),
        ("nodes", {"period": "dawn"}, "period", "o1"),
        ("nodes", {"unit_cost_usd": 15.0}, "cost", "o1"),
        ("deployments", {"replicas": 3}, "capacity", None),
        ("deployments", {"period": "night"}, "demand", "w in day"),
        ("deployments", {"period": "dusk"}, "period", None),
        ("costs", {"period": None}, "cost", "cost line rent of o1"),
        ("costs", {"period": "night"}, "cost", "cost line rent of o1"),
    ],
)
def test_base_and_burst(part: str, fields: dict[str, Any], rule: str, where: str | None) -> None:
    asked, plan = solved("base and burst")
    index = next(i for i, entry in enumerate(getattr(plan, part)) if entry.period == "day")
    report = verify(asked, changed(plan, part, index, **fields))
    found = [violation for violation in report.violations if violation.rule == rule]
    assert found, report.violations
    assert where is None or where in [violation.where for violation in found]


def test_reserved_nodes_are_not_taken_by_the_period() -> None:
    asked, plan = solved("base and burst")
    index = next(i for i, entry in enumerate(plan.nodes) if entry.offer == "r")
    report = verify(asked, changed(plan, "nodes", index, period="day"))
    assert ("period", "r") in [(violation.rule, violation.where) for violation in report.violations]


def test_stock_holds_in_each_period() -> None:
    asked, plan = solved("burst from a small stock")
    index = next(i for i, entry in enumerate(plan.nodes) if entry.period == "day")
    report = verify(asked, changed(plan, "nodes", index, count=4))
    found = [(violation.rule, violation.where, violation.excess) for violation in report.violations]
    assert ("stock", "o1 in day", 1) in found


def test_a_run_that_is_cut_short_is_not_done() -> None:
    asked, plan = solved("round the clock")
    report = verify(asked, plan.model_copy(update={"deployments": plan.deployments[:1]}))
    demand = next(violation for violation in report.violations if violation.rule == "demand")
    # a night is a third of the time; the run takes 0.9 of its deadline without a break
    assert demand.excess == pytest.approx(1 - 1 / 3 / 0.9)


def test_two_copies_of_a_run_do_not_train_it_faster() -> None:
    asked, plan = solved("by night")
    doubled = changed(plan, "deployments", 0, replicas=2)
    assert "runs" in verify(asked, doubled).broken_rules


def test_a_run_keeps_to_its_periods() -> None:
    asked, plan = solved("by night")
    run = asked.instance.workloads[-1].model_copy(update={"periods": ("day",)})
    other = resolved(asked.instance.model_copy(update={"workloads": (*asked.instance.workloads[:-1], run)}))
    found = [(violation.rule, violation.where) for violation in verify(other, plan).violations]
    assert ("period", "run in night") in found
