"""Plans with alternative models, class floors and shared services, broken one thing at a time.

The plan of `small-where-good-enough`: deployment 0 is the 70B model (int4: MMLU 82.35), which drafts and extracts a
little; deployment 1 is the 8B model (fp8: 69.26), which extracts. `shared-assistant`: one deployment per period.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from verified_cases import Case, changed

from builders import instance, offer, option, profiled, resolved
from gpufleet import load_instance, solve, verify
from gpufleet.schema.plan import Deployment, Plan, PlannedNodes, Route
from gpufleet.schema.workloads import SLO, AccuracyFloor

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.schema.workloads import RequestClass

ESTATE = Path(__file__).parents[2] / "instances" / "estate"
TWO, SHARED = "small-where-good-enough", "shared-assistant"


@cache
def case(name: str) -> Case:
    asked = load_instance(ESTATE / f"{name}.yaml")
    return Case(asked, solve(asked))


def route(c: Case, request_class: str, model: str) -> int:
    """Position of the route of a class to a model."""
    models = [deployment.model for deployment in c.plan.deployments]
    return next(
        i for i, r in enumerate(c.plan.routing) if r.request_class == request_class and models[r.deployment] == model
    )


def classes(c: Case, position: int, **changes: object) -> Case:
    """One class of the only workload changed."""
    group: tuple[RequestClass, ...] = c.asked.instance.workloads[0].classes  # type: ignore[union-attr]
    return c.with_workload(0, classes=changed(group, position, **changes))


def floor(at_least: float, metric: str = "mmlu") -> tuple[AccuracyFloor, ...]:
    return (AccuracyFloor(metric=metric, at_least=at_least),)


def extra_slo(c: Case, request_class: str) -> Case:
    """A bound that nothing can keep, for one class."""
    bound = SLO(metric="end_to_end", percentile=50.0, limit_ms=0.001, classes=(request_class,))
    return c.with_workload(0, slo=(*c.asked.instance.workloads[0].slo, bound))  # type: ignore[union-attr]


def test_the_plans_hold_before_they_are_broken() -> None:
    for name in (TWO, SHARED):
        report = verify(case(name).asked, case(name).plan)
        assert report.ok, report.violations
    models = [deployment.model for deployment in case(TWO).plan.deployments]
    assert models == ["llama-3.1-70b", "llama-3.1-8b"]
    assert route(case(TWO), "draft", "llama-3.1-70b") is not None


BROKEN: dict[str, tuple[str, Callable[[Case], Case], str, float | None]] = {
    "a model that is no alternative": (TWO, lambda c: c.with_deployment(1, model="qwen3-8b"), "model", None),
    "no longer an alternative": (TWO, lambda c: c.with_workload(0, alternatives=()), "model", None),
    "the large model in the small one's place": (
        TWO,
        lambda c: c.with_deployment(1, model=None, batch=512),
        "figures",
        None,
    ),
    "a variant that the small model lacks": (TWO, lambda c: c.with_deployment(1, variant="fp7"), "names", None),
    "the small model drafts": (
        TWO,
        lambda c: c.with_route(route(c, "draft", "llama-3.1-70b"), deployment=1),
        "accuracy",
        80 - 69.26,
    ),
    "floor of a class raised": (TWO, lambda c: classes(c, 0, accuracy=floor(70.0)), "accuracy", 70 - 69.26),
    "floor on an unknown metric": (TWO, lambda c: classes(c, 0, accuracy=floor(1.0, "arena")), "accuracy", None),
    "a bound that one class breaks": (TWO, lambda c: extra_slo(c, "draft"), "class", None),
    "demand of one class in one period": (
        SHARED,
        lambda c: classes(c, 3, demand_factors={"night": 9.0}),
        "capacity",
        None,
    ),
    "a member named for its service": (SHARED, lambda c: c.with_deployment(0, workload="chat"), "names", None),
    "route of a class by its old name": (SHARED, lambda c: c.with_route(0, request_class="turn"), "routing", None),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_break_is_found(name: str) -> None:
    base, change, rule, excess = BROKEN[name]
    broken = change(case(base))
    report = verify(broken.asked, broken.plan)
    found = [violation for violation in report.violations if violation.rule == rule]
    assert found, report.violations
    if excess is not None:
        assert found[0].excess == pytest.approx(excess)


def test_a_member_is_told_its_service() -> None:
    broken = case(SHARED).with_deployment(0, workload="chat")
    messages = [violation.message for violation in verify(broken.asked, broken.plan).violations]
    assert "the instance has no such workload; it is part of the shared service assistant" in messages


def test_a_bound_of_a_class_is_checked_for_that_class_alone() -> None:
    """Where nothing drafts, a bound on drafts says nothing."""
    broken = extra_slo(case(TWO), "draft")
    small = {v.where for v in verify(broken.asked, broken.plan).violations if v.rule in ("class", "latency")}
    assert all(where.startswith("deployments[0]") for where in small)


def by_hand(**changes: object) -> tuple[Case, Plan]:
    """Two measured options, of which `rough` misses the floor of class b; a plan without routes."""
    options = [
        option("rough", rates={"a": 4.0, "b": 4.0}, accuracy=floor(0.5, "q")),
        option("fine", rates={"a": 2.0, "b": 2.0}, accuracy=floor(0.9, "q")),
    ]
    workload = profiled(options, {"a": 4.0, "b": 2.0})
    workload = workload.model_copy(update={"classes": changed(workload.classes, 1, accuracy=floor(0.8, "q"))})
    plan = Plan(
        schema_version=1,
        instance="test",
        nodes=(PlannedNodes(offer="o1", count=2),),
        deployments=tuple(
            Deployment(workload="w", site="here", node_type="n1", replicas=1, option=name) for name in ("rough", "fine")
        ),
    )
    asked = resolved(instance([workload], [offer()]))
    return Case(asked, plan), plan.model_copy(update=changes)


def test_without_routes_a_class_goes_only_where_it_may() -> None:
    """All of b (2 of 2) goes to `fine`; of a, 4/6 to `rough` (2.67 of 4) and 2/6 to `fine`, which is then too much."""
    c, plan = by_hand()
    report = verify(c.asked, plan)
    assert report.utilisation[0] == pytest.approx(4 * 4 / 6 / 4)
    assert report.utilisation[1] == pytest.approx(1 + 4 * 2 / 6 / 2)
    assert report.broken_rules == ("capacity",)


def test_profiled_routes_keep_class_floors() -> None:
    """a whole on `rough` and b whole on `fine` holds; the other way round b misses its floor by 0.3."""
    c, plan = by_hand()
    right = [Route(workload="w", request_class=name, deployment=k, share=1.0) for k, name in enumerate("ab")]
    assert verify(c.asked, plan.model_copy(update={"routing": tuple(right)})).ok
    wrong = [Route(workload="w", request_class=name, deployment=1 - k, share=1.0) for k, name in enumerate("ab")]
    report = verify(c.asked, plan.model_copy(update={"routing": tuple(wrong)}))
    (missed,) = [violation for violation in report.violations if violation.rule == "accuracy"]
    assert missed.excess == pytest.approx(0.3)
    assert missed.where.startswith("deployments[0]")


def test_a_profiled_workload_has_no_model() -> None:
    c, plan = by_hand()
    broken = plan.model_copy(update={"deployments": changed(plan.deployments, 0, model="llama-3.1-8b")})
    assert "model" in verify(c.asked, broken).broken_rules
