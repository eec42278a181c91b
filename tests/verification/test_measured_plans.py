"""The verifier on plans that rest on measurements: they hold, and broken ones are found out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from builders import edited
from gpufleet import solve, verify
from gpufleet.edits.changes import redigest
from gpufleet.schema.workloads import SLO
from measured import LM, asked, chat, profiles, row

if TYPE_CHECKING:
    from gpufleet import Plan, ResolvedInstance
    from gpufleet.schema.measurements import Profiles

ROWS = [row(8, 4.0, ttft_p99_ms=40.0), row(32, 8.0, ttft_p99_ms=80.0)]
TTFT = SLO(metric="ttft", percentile=95.0, limit_ms=60.0)
"""Half way: 6 requests/s at concurrency 20."""


@pytest.fixture(scope="module")
def whole() -> tuple[ResolvedInstance, Plan]:
    question = asked(chat((TTFT,)), profiles(ROWS, "only"))
    return question, solve(question)


def test_the_plan_holds_and_says_where_its_rates_come_from(whole: tuple[ResolvedInstance, Plan]) -> None:
    """10 requests/s take two replicas of 6: one node of 2 for 1.9 USD."""
    question, plan = whole
    assert {(entry.offer, entry.count) for entry in plan.nodes} == {("o2", 1)}
    (deployment,) = plan.deployments
    assert (deployment.replicas, deployment.batch, deployment.provenance) == (2, 32, "interpolated")
    assert deployment.evidence == "engine 1.0 (own.csv:2-3)"
    assert deployment.utilisation == pytest.approx(10 / 12)
    report = verify(question, plan)
    assert report.ok, report.violations


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"provenance": "measured"}, "figures"),
        ({"provenance": "modelled"}, "figures"),
        ({"evidence": "engine 2.0 (own.csv:2-3)"}, "figures"),
        ({"batch": 4}, "class"),
        ({"batch": 8}, "capacity"),
        ({"replicas": 1}, "capacity"),
    ],
)
def test_a_broken_deployment_is_found_out(
    whole: tuple[ResolvedInstance, Plan], changes: dict[str, Any], rule: str
) -> None:
    question, plan = whole
    broken = edited(plan, deployments=(edited(plan.deployments[0], **changes),))
    assert rule in verify(question, broken).broken_rules


def _with(question: ResolvedInstance, measured: Profiles) -> ResolvedInstance:
    return redigest(replace(question, profiles=measured))


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([ROWS[0], edited(ROWS[1], requests_per_s=5.0)], "capacity"),
        ([ROWS[0], edited(ROWS[1], ttft_p99_ms=400.0)], "capacity"),
        ([edited(ROWS[0], ttft_p99_ms=70.0), ROWS[1]], "class"),
        ([edited(ROWS[0], tensor=2)], "measured"),
        ([*ROWS, row(64, 9.0, ttft_p99_ms=90.0)], "figures"),
    ],
)
def test_a_plan_for_other_measurements_is_found_out(
    whole: tuple[ResolvedInstance, Plan], rows: list[Any], rule: str
) -> None:
    question, plan = whole
    report = verify(_with(question, profiles(rows, "only")), plan)
    assert rule in report.broken_rules
    assert "digest" in report.broken_rules


def test_memory_counts_where_a_class_is_modelled() -> None:
    """What was measured of one class alone does not prove that the model's figures for the other can be had."""
    large = LM.model_copy(update={"parameters": 9e9})
    measured = asked(chat(), profiles([row(8, 20.0)]), models=(large,))
    plan = solve(measured)
    assert verify(measured, plan).ok
    both = asked(chat(sizes=((100, 50), (900, 50))), profiles([row(8, 20.0)], "model"), models=(large,))
    assert "memory" in verify(both, plan).broken_rules
