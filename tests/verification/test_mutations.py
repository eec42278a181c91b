"""Plans that hold, broken one thing at a time: every break is found, by the right rule and by the right amount."""

from __future__ import annotations

import pytest
from plan_mutations import MUTATIONS, PROFILED, Mutation
from verified_cases import CASES, Case, case

from builders import edited
from gpufleet import verify
from gpufleet.schema.plan import PlannedNodes


@pytest.mark.parametrize("name", CASES)
def test_the_unbroken_plan_holds(name: str) -> None:
    whole = case(name)
    report = verify(whole.asked, whole.plan)
    assert report.ok, report.violations
    assert whole.plan.certificate is not None
    assert report.cost_usd == whole.plan.certificate.objective_usd
    assert min(report.checked.values()) > 0


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_broken_plan_is_found_out(mutation: Mutation) -> None:
    broken = mutation.change(case(mutation.base))
    report = verify(broken.asked, broken.plan)
    assert not report.ok
    assert mutation.rule in report.broken_rules, report.violations
    found = [violation for violation in report.violations if violation.rule == mutation.rule]
    assert all(violation.message and violation.where for violation in found)
    if mutation.excess is not None:
        amounts = [violation.excess for violation in found if violation.excess is not None]
        assert any(amount == pytest.approx(mutation.excess, rel=1e-6, abs=1e-9) for amount in amounts), found
    assert all(violation.excess is None or violation.excess > 0 for violation in report.violations), report.violations


def test_the_names_of_the_mutations_are_unique() -> None:
    assert len({str(mutation) for mutation in MUTATIONS}) == len(MUTATIONS) >= 40


def test_every_rule_that_is_checked_is_also_broken_by_some_mutation() -> None:
    checked = {rule for name in CASES for rule in verify(case(name).asked, case(name).plan).checked}
    assert checked <= {mutation.rule for mutation in MUTATIONS}


def test_a_harmless_change_is_not_found_out() -> None:
    """What is nobody's rule stays free: notes, and entries that take nothing."""
    whole = case(PROFILED)
    for same in (
        whole.with_plan(note="checked by hand"),
        whole.with_plan(nodes=(*whole.plan.nodes, PlannedNodes(offer="rent4", count=0))).with_certificate(
            price_dates={**price_dates(whole), "rent4": "not dated"}
        ),
        whole.with_plan(costs=whole.plan.costs[::-1]),
        whole.with_plan(routing=whole.plan.routing[::-1]),
        whole.with_plan(certificate=edited(whole.plan.certificate, seed=7)),
    ):
        assert verify(same.asked, same.plan).ok


def price_dates(whole: Case) -> dict[str, str]:
    assert whole.plan.certificate is not None
    return whole.plan.certificate.price_dates
