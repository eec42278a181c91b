"""Plans that a person writes: nodes and deployments are enough, everything else is worked out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from verified_cases import CASES, REFERENCE, case

from builders import edited
from gpufleet import Plan, load_instance, load_plan, verify
from gpufleet.schema.plan import Deployment, PlannedNodes

if TYPE_CHECKING:
    from gpufleet import Report

BRIEFS = CASES[1:]


def bare(plan: Plan) -> Plan:
    """The same fleet as a person would write it."""
    deployments = tuple(
        Deployment(
            **{
                name: getattr(deployment, name)
                for name in ("workload", "site", "node_type", "replicas", "variant", "option", "parallelism", "batch")
            }
        )
        for deployment in plan.deployments
    )
    nodes = tuple(PlannedNodes(offer=taken.offer, count=taken.count) for taken in plan.nodes)
    return Plan(schema_version=1, instance=plan.instance, nodes=nodes, deployments=deployments)


def of_brief(name: str) -> Report:
    asked = load_instance(REFERENCE / f"{name}.yaml")
    return verify(asked, load_plan(REFERENCE / f"{name}.brief-plan.yaml"))


@pytest.mark.parametrize("name", BRIEFS)
def test_a_fleet_alone_is_enough(name: str) -> None:
    whole = case(name)
    report = verify(whole.asked, bare(whole.plan))
    assert report.ok, report.violations
    assert whole.plan.certificate is not None
    assert report.cost_usd == whole.plan.certificate.objective_usd


def test_without_routing_requests_follow_capacity() -> None:
    """The plan of `profiled` needs its split: by capacity, 3 of 11 parts of a would go to the small replica.

    The large one then takes 6 x 8/11 / 8 + 2/4 = 6/11 + 1/2 of itself, which is more than it sustains.
    """
    whole = case("profiled")
    report = verify(whole.asked, bare(whole.plan))
    assert report.broken_rules == ("capacity",)
    assert report.violations[0].excess == pytest.approx(6 / 11 + 1 / 2 - 1)
    split = edited(bare(whole.plan), routing=whole.plan.routing)
    assert verify(whole.asked, split).ok


@pytest.mark.parametrize("name", BRIEFS)
def test_the_fleets_of_the_brief_keep_every_rule(name: str) -> None:
    report = of_brief(name)
    assert report.ok, report.violations
    assert {"offer", "stock", "packing", "privacy", "demand", "memory"} <= set(report.checked)


def test_case_1_trains_in_about_ten_days() -> None:
    assert 9 <= of_brief("medical-imaging").training_days[0] <= 11


def test_case_2_costs_about_482_dollars_a_day_within_50_ms() -> None:
    report = of_brief("ecommerce-recommender")
    assert report.cost_usd_per_day == pytest.approx(482, abs=0.5)
    assert 0.85 <= report.utilisation[0] <= 1
    assert all(value <= limit == 50 for *_, value, limit in report.latency_ms[0])


def test_case_3_answers_within_two_seconds_for_320_dollars_a_day() -> None:
    report = of_brief("bank-assistant")
    assert len(report.latency_ms[0]) == 3
    assert all(value <= limit == 2000 for *_, value, limit in report.latency_ms[0])
    assert report.cost_usd_per_day == pytest.approx(320, abs=0.5)
    assert report.training_days[1] <= 0.5


def test_no_brief_plan_is_cheaper_than_the_optimum() -> None:
    for name in BRIEFS:
        optimum = case(name).plan.certificate
        assert optimum is not None
        assert optimum.objective_usd is not None
        assert of_brief(name).cost_usd >= optimum.objective_usd, name


def test_an_empty_plan_breaks_what_was_asked_for() -> None:
    whole = case("profiled")
    report = verify(whole.asked, Plan(schema_version=1, instance="profiled"))
    assert {"demand", "replicas"} == set(report.broken_rules)
    assert report.cost_usd == 0


def test_a_status_without_a_certificate_proves_nothing() -> None:
    whole = case("medical-imaging")
    report = verify(whole.asked, edited(bare(whole.plan), status="optimal"))
    assert report.broken_rules == ("certificate",)


def test_a_plan_that_there_is_none_is_checked_for_its_claims_alone() -> None:
    asked = case("profiled").asked
    none = Plan(schema_version=1, instance="profiled", status="infeasible", reason="no room")
    assert verify(asked, none).ok
    assert verify(asked, edited(none, instance="another")).broken_rules == ("instance",)
    fleet = case("profiled").plan.nodes
    assert verify(asked, edited(none, nodes=fleet)).broken_rules == ("status",)
    priced = edited(none, certificate=case("profiled").plan.certificate)
    assert verify(asked, priced).broken_rules == ("certificate",)


def test_violations_read_as_sentences() -> None:
    whole = case("profiled").with_nodes(0, count=5)
    texts = [str(violation) for violation in verify(whole.asked, whole.plan).violations]
    assert "stock: buy: 5 nodes taken, 3 in stock" in texts


def test_brief_plans_are_those_of_the_instances() -> None:
    for name in BRIEFS:
        asked = load_instance(REFERENCE / f"{name}.yaml")
        assert asked.instance.baseline_plan == f"{name}.brief-plan.yaml"
        assert (Path(REFERENCE) / asked.instance.baseline_plan).is_file()
