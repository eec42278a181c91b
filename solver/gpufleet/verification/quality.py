"""Which model a deployment runs, and for which classes it is good enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.plan import Deployment
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import AccuracyFloor, LLMServing, Profiled, RequestServing
    from gpufleet.verification.deployments import Capability
    from gpufleet.verification.violation import Findings


def card_of(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Training,
    deployment: Deployment,
    where: str,
    findings: Findings,
) -> ModelCard | None:
    """The model card that the deployment names, or the workload's own; None when the workload does not allow it."""
    allowed = {workload.model} if isinstance(workload, Training) else {workload.model, *workload.alternatives}
    name = deployment.model or workload.model
    message = f"{name} is not among the workload's models {', '.join(sorted(allowed))}"
    return resolved.models[name] if findings.check("model", where, name in allowed, message) else None


def check_no_model(deployment: Deployment, where: str, findings: Findings) -> None:
    """A profiled workload has no model card."""
    if deployment.model is not None:
        findings.check("model", where, False, f"model is {deployment.model}, but a profiled workload has none")


def missed_floors(
    workload: LLMServing | RequestServing | Profiled, accuracy: Mapping[str, float]
) -> dict[str, AccuracyFloor]:
    """Classes with a floor that these figures do not reach, each with the first such floor."""
    missed: dict[str, AccuracyFloor] = {}
    for group in workload.classes:
        for floor in group.accuracy:
            if floor.metric not in accuracy or accuracy[floor.metric] < floor.at_least:
                missed.setdefault(group.name, floor)
    return missed


def allowed_rates(
    workload: LLMServing | RequestServing | Profiled, rates: tuple[float, ...], missed: Mapping[str, AccuracyFloor]
) -> tuple[float, ...]:
    """The rates, 0 for classes that may not be served."""
    return tuple(0.0 if c.name in missed else rate for c, rate in zip(workload.classes, rates, strict=True))


def check_floor(capability: Capability, name: str, where: str, findings: Findings) -> bool:
    """What serves a class reaches the accuracy floors of the class."""
    floor = capability.missed.get(name)
    if floor is None:
        return True
    value = capability.accuracy.get(floor.metric)
    known = "unknown" if value is None else f"{value:g}"
    message = f"class {name} is routed to it, whose {floor.metric} is {known}; the class needs {floor.at_least:g}"
    excess = None if value is None else floor.at_least - value
    return findings.check("accuracy", where, False, message, excess, floor.metric)
