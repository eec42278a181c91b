"""The verifier on plans bought at p90: a plan made for p50 does not pass for one, however it is dressed up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import edited
from gpufleet import solve, verify
from gpufleet.edits.changes import with_fields
from gpufleet.schema.workloads import SLO
from gpufleet.verification.confidence import ninety_percent
from measured import asked, chat, profiles, row

if TYPE_CHECKING:
    from gpufleet import Plan, ResolvedInstance

ROWS = [row(8, 4.0, ttft_p99_ms=40.0), row(32, 8.0, ttft_p99_ms=80.0)]
"""Both nodes hold replicas of one accelerator; 15.5 requests/s are 1.94 of them at p50 and 2.02 at p90."""


def question(limit_ms: float = 100.0, rate: float = 15.5) -> ResolvedInstance:
    work = chat((SLO(metric="ttft", percentile=95.0, limit_ms=limit_ms),))
    work = edited(work, classes=(edited(work.classes[0], requests_per_s=rate),))
    return with_fields(asked(work, profiles(ROWS, "only")), performance="p90")


@pytest.fixture(scope="module")
def whole() -> tuple[ResolvedInstance, Plan]:
    known = question()
    return known, solve(known)


def dressed_up(known: ResolvedInstance) -> Plan:
    """The plan at p50 with the digest and the level of p90."""
    plan = solve(with_fields(known, performance="p50"))
    assert plan.certificate is not None
    return edited(plan, performance="p90", certificate=edited(plan.certificate, instance_digest=known.digest))


def test_the_plan_holds(whole: tuple[ResolvedInstance, Plan]) -> None:
    known, plan = whole
    assert plan.performance == "p90"
    assert sum(deployment.replicas for deployment in plan.deployments) == 3
    assert verify(known, plan).ok


def test_a_plan_for_p50_carries_too_much(whole: tuple[ResolvedInstance, Plan]) -> None:
    known, _ = whole
    report = verify(known, dressed_up(known))
    (over,) = [v for v in report.violations if v.rule == "capacity"]
    assert over.excess == pytest.approx(15.5 / 16 / 0.95 ** (1.2815516 / 1.6448536) - 1, rel=1e-5)
    assert "performance" not in report.broken_rules
    assert "performance" in verify(known, edited(dressed_up(known), performance="p50")).broken_rules


def test_a_plan_for_p50_is_too_slow() -> None:
    """80 ms at the last point keep 82 ms, but 80 x 1.05^0.7791 = 83.1 do not: one replica fewer is too slow as well."""
    known = question(82.0, 16.0)
    plan = dressed_up(known)
    report = verify(known, plan)
    assert {"capacity", "figures"} <= set(report.broken_rules)
    quiet = edited(plan, deployments=tuple(edited(d, latency=(), utilisation=None) for d in plan.deployments))
    assert "capacity" in verify(known, quiet).broken_rules


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"rate_low": 0.9}, "figures"),
        ({"rate_high": 1.1}, "figures"),
        ({"utilisation": 15.5 / 24}, "figures"),
    ],
)
def test_a_broken_deployment(whole: tuple[ResolvedInstance, Plan], changes: dict[str, Any], rule: str) -> None:
    known, plan = whole
    (deployment, *others) = plan.deployments
    assert rule in verify(known, edited(plan, deployments=(edited(deployment, **changes), *others))).broken_rules
    fewer = tuple(edited(entry, replicas=1) for entry in plan.deployments)
    assert "capacity" in verify(known, edited(plan, deployments=fewer)).broken_rules


@pytest.mark.parametrize("changes", [{"predicted_ms": 50.0}, {"low": 0.9}, {"high": 1.1}])
def test_a_broken_latency(whole: tuple[ResolvedInstance, Plan], changes: dict[str, float]) -> None:
    known, plan = whole
    (deployment, *others) = plan.deployments
    latency = (edited(deployment.latency[0], **changes),)
    broken = edited(plan, deployments=(edited(deployment, latency=latency), *others))
    assert "figures" in verify(known, broken).broken_rules


@pytest.mark.parametrize(
    "changes",
    [
        {"extra_usd": 0.0},
        {"p50_usd": None},
        {"p50_usd": 99.0, "extra_usd": -96.1},
    ],
)
def test_a_broken_price_of_caution(whole: tuple[ResolvedInstance, Plan], changes: dict[str, Any]) -> None:
    known, plan = whole
    assert plan.certificate is not None
    assert plan.caution is not None
    assert plan.certificate.objective_usd == 2.9
    assert plan.caution.extra_usd == pytest.approx(1.0)
    assert "caution" in verify(known, edited(plan, caution=edited(plan.caution, **changes))).broken_rules


def test_proven_prices_need_proven_plans(whole: tuple[ResolvedInstance, Plan]) -> None:
    known, plan = whole
    assert "caution" in verify(known, edited(plan, status="feasible")).broken_rules


def test_other_intervals_are_noticed() -> None:
    """A modelled plan, verified with a calibration that is less sure of itself: its rates are no longer reached."""
    known = with_fields(asked(chat()), performance="p90")
    sure = replace(known, calibration=known.calibration.model_copy(update={"intervals": ()}))
    plan = solve(sure)
    assert verify(sure, plan).ok
    low = {"domain": "llm_rate", "low": 0.2, "high": 3.0, "median_error": 0.1, "p90_error": 0.2, "rows": 9, "groups": 3}
    wider = type(known.calibration).model_validate({**known.calibration.model_dump(), "intervals": [low]})
    assert "figures" in verify(replace(known, calibration=wider), plan).broken_rules


def test_ninety_percent() -> None:
    assert ninety_percent(1.2, is_lower=True) == ninety_percent(0.8, is_lower=False) == 1.0
    assert ninety_percent(0.5, is_lower=True) * ninety_percent(2.0, is_lower=False) == pytest.approx(1.0)
    assert 0.5 < ninety_percent(0.5, is_lower=True) < 1.0
