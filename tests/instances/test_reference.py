"""The three reference cases, solved to proven optimality, and what their answers must look like."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from builders import edited
from gpufleet import load_instance, solve, verify
from gpufleet.candidates.enumerate import build_candidates

if TYPE_CHECKING:
    from gpufleet import Plan, ResolvedInstance

FOLDER = Path(__file__).resolve().parents[2] / "instances"
CASES = ("medical-imaging", "ecommerce-recommender", "bank-assistant")
LARGE = ("regional-bank",)
"""Solved by the back end that suits it alone (test_regional_bank.py)."""
SMALL = sorted(
    path
    for folder in ("reference", "profiled", "estate")
    for path in (FOLDER / folder).glob("*.yaml")
    if not path.name.endswith("plan.yaml") and path.stem not in LARGE
)


@cache
def asked(name: str) -> ResolvedInstance:
    return load_instance(FOLDER / "reference" / f"{name}.yaml")


@cache
def solved(name: str) -> Plan:
    return solve(asked(name))


@cache
def read(path: Path) -> ResolvedInstance:
    return load_instance(path)


@cache
def solved_by_cpsat(path: Path) -> Plan:
    return solve(read(path), backend="cpsat")


@pytest.mark.parametrize("name", CASES)
def test_proven_optimal(name: str) -> None:
    plan = solved(name)
    assert plan.status == "optimal"
    assert plan.certificate is not None
    assert plan.certificate.gap == 0
    assert plan.certificate.bound_usd == plan.certificate.objective_usd
    assert plan.certificate.instance_digest == asked(name).digest
    assert plan.certificate.capacity_rounding_relative < 1e-5
    assert plan.certificate.tie_break.endswith("proven")
    assert verify(asked(name), plan).ok


@pytest.mark.parametrize("backend", ["cpsat", "pulp", "highs"], indirect=True)
@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_every_back_end_finds_the_same_objective(path: Path, backend: str) -> None:
    """Instance by instance, so that the figures of its options are worked out once."""
    by_cpsat = solved_by_cpsat(path)
    by_other = by_cpsat if backend == "cpsat" else solve(read(path), backend=backend)  # type: ignore[arg-type]
    assert by_cpsat.status == "optimal"
    assert by_cpsat.certificate is not None
    assert by_other.certificate is not None
    assert by_cpsat.status == by_other.status
    assert by_cpsat.certificate.objective_usd == by_other.certificate.objective_usd
    assert by_cpsat.nodes == by_other.nodes, "ties are broken the same way"


@pytest.mark.parametrize("name", CASES)
def test_solving_twice_gives_the_same_bytes(name: str) -> None:
    assert solve(asked(name)).model_dump_json() == solved(name).model_dump_json()


@pytest.mark.parametrize("name", ["medical-imaging", "bank-assistant"])
def test_private_data_never_meets_a_public_cloud(name: str) -> None:
    """Nor any option in the cloud, although cheap offers there are on the table."""
    question = asked(name)
    public = {site.name for site in question.instance.sites if site.kind == "public_cloud"}
    assert {offer.site for offer in question.offers.values()} & public
    plan = solved(name)
    assert not {taken.site for taken in plan.nodes} & public
    assert not {deployment.site for deployment in plan.deployments} & public
    options = [option for rows in build_candidates(question).options.values() for option in rows]
    assert not {option.site for option in options} & public
    assert any(row.rule == "privacy" and row.site in public for row in plan.rejections)


# ------------------------------------------------------------------------------------------------- case 1


def test_case_1_trains_in_time_with_enough_quality() -> None:
    (deployment,) = solved("medical-imaging").deployments
    assert deployment.training_days is not None
    assert deployment.training_days <= 14
    assert deployment.site == "hospital"


def test_case_1_under_an_fp32_rule_has_fp32_options_only() -> None:
    question = asked("medical-imaging")
    (workload,) = question.instance.workloads
    strict = edited(question.instance, workloads=(edited(workload, precisions=("fp32",), deadline_days=400.0),))
    question = replace(question, instance=strict)
    options = build_candidates(question).options["tumour-segmentation"]
    card = question.models["unet3d-15b"]
    exact = {variant.name for variant in card.variants if variant.precision == "fp32"}
    assert options
    assert {option.variant for option in options} <= exact
    plan = solve(question)
    assert plan.status == "optimal"
    assert {deployment.precision for deployment in plan.deployments} == {"fp32"}
    assert {row.rule for row in plan.rejections if row.variant not in exact} >= {"allowed_precision"}


def test_case_1_with_a_shorter_deadline_never_costs_less() -> None:
    costs = []
    for days in (30.0, 14.0, 7.0):
        question = asked("medical-imaging")
        (workload,) = question.instance.workloads
        changed = edited(question.instance, workloads=(edited(workload, deadline_days=days),))
        certificate = solve(replace(question, instance=changed)).certificate
        assert certificate is not None
        costs.append(float("inf") if certificate.objective_usd is None else certificate.objective_usd)
    assert costs == sorted(costs)
    assert costs[0] < costs[2]


# ------------------------------------------------------------------------------------------------- case 2


def test_case_2_on_t4_alone_is_about_the_fleet_of_the_brief() -> None:
    """The guide: 20 T4 with INT8 for 482 USD a day."""
    question = asked("ecommerce-recommender")
    t4 = {name for name, node in question.node_types.items() if node.accelerator == "T4"}
    offers = {name: offer for name, offer in question.offers.items() if offer.node_type in t4}
    plan = solve(replace(question, offers=offers))
    assert plan.status == "optimal"
    assert {deployment.precision for deployment in plan.deployments} == {"int8"}
    accelerators = sum(
        taken.count * question.node_types[question.offers[taken.offer].node_type].accelerators for taken in plan.nodes
    )
    assert 18 <= accelerators <= 22
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is not None
    assert plan.certificate.objective_usd / 365 < 500


def test_case_2_keeps_its_budget_and_its_latency() -> None:
    report = verify(asked("ecommerce-recommender"), solved("ecommerce-recommender"))
    assert report.cost_usd_per_day <= 500
    assert report.latency_ms
    assert all(value <= 50 for rows in report.latency_ms.values() for *_, value, _ in rows)


# ------------------------------------------------------------------------------------------------- case 3


def test_case_3_serves_and_trains_on_one_private_estate() -> None:
    plan = solved("bank-assistant")
    assert {deployment.workload for deployment in plan.deployments} == {"assistant", "fine-tuning"}
    assert {deployment.site for deployment in plan.deployments} == {"bank-cloud"}
    report = verify(asked("bank-assistant"), plan)
    assert all(value <= 2000 for rows in report.latency_ms.values() for *_, value, _ in rows)
    assert all(days <= 0.5 for days in report.training_days.values())


def test_case_3_keeps_two_replicas() -> None:
    serving = [entry for entry in solved("bank-assistant").deployments if entry.workload == "assistant"]
    assert sum(entry.replicas for entry in serving) >= 2
