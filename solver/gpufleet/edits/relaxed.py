"""Requirements at the bounds to which they may be relaxed, and which of them a plan makes use of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gpufleet.edits.changes import redigest
from gpufleet.schema.workloads import Profiled, Training

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import AccuracyFloor, RequestClass, Workload


@dataclass(frozen=True)
class Relaxation:
    """A requirement that a plan does not keep as it stands, but as it may be relaxed."""

    workload: str
    requirement: str
    """E.g. `end_to_end p99 of class top-20`, `auc`, `deadline`."""
    required: float
    """The bound as it stands: ms, the metric, or days."""
    permitted: float
    """The bound to which it may be relaxed."""
    reached: float
    """The worst value in the plan."""
    unit: str
    """`ms`, `days`; empty for accuracy."""


def with_relaxed(resolved: ResolvedInstance) -> ResolvedInstance:
    """The instance with every bound that may be relaxed at its relaxed value; the same instance where none may."""
    workloads = tuple(_relaxed(workload) for workload in resolved.instance.workloads)
    if workloads == resolved.instance.workloads:
        return resolved
    return redigest(replace(resolved, instance=resolved.instance.model_copy(update={"workloads": workloads})))


def _relaxed(workload: Workload) -> Workload:
    changes: dict[str, Any] = {"accuracy": _floors(workload.accuracy)}
    if isinstance(workload, Training):
        if workload.relaxed_deadline_days is not None:
            changes |= {"deadline_days": workload.relaxed_deadline_days, "relaxed_deadline_days": None}
        return workload.model_copy(update=changes)
    changes["classes"] = tuple(
        group.model_copy(update={"accuracy": _floors(group.accuracy)}) for group in workload.classes
    )
    if not isinstance(workload, Profiled):
        changes["slo"] = tuple(
            bound
            if bound.relaxed_limit_ms is None
            else bound.model_copy(update={"limit_ms": bound.relaxed_limit_ms, "relaxed_limit_ms": None})
            for bound in workload.slo
        )
    return workload.model_copy(update=changes)


def _floors(floors: Sequence[AccuracyFloor]) -> tuple[AccuracyFloor, ...]:
    return tuple(
        floor
        if floor.relaxed_at_least is None
        else floor.model_copy(update={"at_least": floor.relaxed_at_least, "relaxed_at_least": None})
        for floor in floors
    )


def relaxations(resolved: ResolvedInstance, plan: Plan) -> tuple[Relaxation, ...]:
    """Every requirement of the instance (as it stands) that the plan keeps only as relaxed, with the worst value."""
    worst: dict[tuple[str, str], Relaxation] = {}
    for index, deployment in enumerate(plan.deployments):
        for found in _of_deployment(resolved, plan, index, deployment):
            key = (found.workload, found.requirement)
            known = worst.get(key)
            if known is None or abs(found.reached - found.required) > abs(known.reached - known.required):
                worst[key] = found
    return tuple(worst.values())


def _of_deployment(resolved: ResolvedInstance, plan: Plan, index: int, deployment: Deployment) -> Iterator[Relaxation]:
    workload = resolved.workloads[deployment.workload]
    figures = _accuracy(resolved, workload, deployment)
    yield from _missed(workload.name, "", workload.accuracy, figures)
    if isinstance(workload, Training):
        days, permitted = deployment.training_days, workload.relaxed_deadline_days
        if permitted is not None and days is not None and days > workload.deadline_days * (1 + SLACK):
            yield Relaxation(workload.name, "deadline", workload.deadline_days, permitted, days, "days")
        return
    served = [group for group in workload.classes if _serves(plan, index, workload.name, group)]
    for group in served:
        yield from _missed(workload.name, f" of class {group.name}", group.accuracy, figures)
    if isinstance(workload, Profiled):
        return
    names = {group.name for group in served}
    for bound in workload.slo:
        for figure in deployment.latency:
            same = (figure.metric, figure.percentile) == (bound.metric, bound.percentile)
            mine = same and figure.request_class in names and bound.holds_for(figure.request_class)
            if mine and bound.relaxed_limit_ms and figure.predicted_ms > bound.limit_ms * (1 + SLACK):
                what = f"{bound.metric} p{bound.percentile:g} of class {figure.request_class}"
                limits = (bound.limit_ms, bound.relaxed_limit_ms)
                yield Relaxation(workload.name, what, *limits, figure.predicted_ms, "ms")


SLACK = 1e-6
"""As the verifier's: latencies and days are floating-point figures."""


def _serves(plan: Plan, index: int, workload: str, group: RequestClass) -> bool:
    """Is some of the class routed to the deployment? Without routes, everything is."""
    routes = [route for route in plan.routing if route.workload == workload]
    return not routes or any(
        route.deployment == index and route.request_class == group.name and route.share for route in routes
    )


def _missed(
    workload: str, of: str, floors: Sequence[AccuracyFloor], figures: Mapping[str, float]
) -> Iterator[Relaxation]:
    for floor in floors:
        reached = figures.get(floor.metric)
        if floor.relaxed_at_least is not None and reached is not None and reached < floor.at_least:
            yield Relaxation(workload, floor.metric + of, floor.at_least, floor.relaxed_at_least, reached, "")


def _accuracy(resolved: ResolvedInstance, workload: Workload, deployment: Deployment) -> dict[str, float]:
    """Quality figures of what the deployment runs."""
    if isinstance(workload, Profiled):
        option = next(option for option in workload.options if option.name == deployment.option)
        return {figure.metric: figure.at_least for figure in option.accuracy}
    card = resolved.models[deployment.model or workload.model]
    variant = next(variant for variant in card.variants if variant.name == deployment.variant)
    return {figure.metric: figure.value for figure in variant.accuracy}
