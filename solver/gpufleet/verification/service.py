"""Rules on service: every class is served but for what the plan says is not, no replica carries more than it
sustains, latencies hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpufleet.schema.workloads import Profiled, Training
from gpufleet.verification.confidence import check_latency_intervals
from gpufleet.verification.deployments import figures_of
from gpufleet.verification.quality import check_floor
from gpufleet.verification.runs import check_run_over_periods
from gpufleet.verification.slices import factor_of, slices_of, speed_of
from gpufleet.verification.unserved import is_left_out, unserved_share
from gpufleet.verification.violation import TOLERANCE, place_of

if TYPE_CHECKING:
    from gpufleet.performance.estimate import Estimate
    from gpufleet.schema.plan import Deployment, Plan, Route
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import LLMServing, RequestServing, Workload
    from gpufleet.verification.deployments import Capability, FiguresKey
    from gpufleet.verification.slices import Slice
    from gpufleet.verification.violation import Findings

Shares = dict[tuple[int, str], float]
"""(deployment, class) to the share of the class's rate that it serves."""


@dataclass(frozen=True)
class _Said:
    """What a plan says of one workload, so that no rule searches the whole plan for it."""

    capabilities: list[Capability] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)


def check_service(
    resolved: ResolvedInstance, plan: Plan, capabilities: list[Capability], findings: Findings
) -> dict[int, float]:
    """Check demand, routing and replica counts in every period; returns the highest utilisation per deployment."""
    said = _by_workload(plan, capabilities)
    _check_routes_exist(resolved, plan, findings)
    utilisation: dict[int, float] = {}
    slices = slices_of(resolved)
    for workload in resolved.instance.workloads:
        mine = said[workload.name]
        group = mine.capabilities
        if isinstance(workload, Training) and resolved.instance.periods:
            check_run_over_periods(resolved, workload, plan, group, findings)
            utilisation |= dict.fromkeys((capability.index for capability in group), 1.0)
            continue
        for now in slices:
            for index, load in _check_now(resolved, workload, plan, mine, now, findings).items():
                utilisation[index] = max(load, utilisation.get(index, 0.0))
    return utilisation


def _by_workload(plan: Plan, capabilities: list[Capability]) -> defaultdict[str, _Said]:
    said: defaultdict[str, _Said] = defaultdict(_Said)
    for capability in capabilities:
        said[capability.workload.name].capabilities.append(capability)
    for deployment in plan.deployments:
        said[deployment.workload].deployments.append(deployment)
    for route in plan.routing:
        said[route.workload].routes.append(route)
    return said


def _check_now(
    resolved: ResolvedInstance,
    workload: Workload,
    plan: Plan,
    mine: _Said,
    now: Slice,
    findings: Findings,
) -> dict[int, float]:
    """One workload in one period; returns the utilisation of what runs then."""
    running = [capability for capability in mine.capabilities if now.runs(plan.deployments[capability.index])]
    _check_replicas(resolved, workload, plan, mine, now, findings)
    if isinstance(workload, Training):
        done = not unserved_share(plan, workload.name, "run", now)
        if done and (workload.stages is None or now.stage in workload.stages):
            _check_run(workload, plan, running, now, findings)
            steady = [c for c in running if plan.deployments[c.index].spot is None]
            if len(steady) < len(running) and workload.max_spot_share < 1:
                message = f"it runs on spot nodes alone, its max_spot_share is {workload.max_spot_share:g}"
                findings.check("spot", workload.name + now.label, bool(steady), message)
        return dict.fromkeys((capability.index for capability in running), 1.0)
    running = [at_speed(resolved, plan, capability, now) for capability in running]
    rates = {c.name: c.requests_per_s * factor_of(resolved, workload, c, now) for c in workload.classes}
    return _check_classes(workload, plan, mine.routes, running, rates, now, findings)


def _check_routes_exist(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    for index, route in enumerate(plan.routing):
        where = f"routing[{index}]"
        inside = route.deployment < len(plan.deployments)
        findings.check("routing", where, inside, f"there is no deployment {route.deployment}")
        if inside:
            owner = plan.deployments[route.deployment].workload
            message = f"deployment {route.deployment} belongs to {owner}, not to {route.workload}"
            findings.check("routing", where, owner == route.workload, message)
        workload = resolved.workloads.get(route.workload)
        classes = [] if workload is None or isinstance(workload, Training) else [c.name for c in workload.classes]
        findings.check(
            "routing", where, route.request_class in classes, f"{route.workload} has no class {route.request_class}"
        )


def _check_replicas(
    resolved: ResolvedInstance, workload: Workload, plan: Plan, mine: _Said, now: Slice, findings: Findings
) -> None:
    """Fewest and most replicas; one that is left out altogether needs none."""
    where = workload.name + now.label
    running = [d for d in mine.deployments if now.runs(d)]
    count = sum(deployment.replicas for deployment in running)
    if workload.min_replicas and not is_left_out(resolved, workload, plan):
        message = f"{count} replicas, at least {workload.min_replicas} are required"
        missing = workload.min_replicas - count
        findings.check("replicas", where, missing <= 0, message, missing, "replicas")
    if workload.max_replicas is not None:
        message = f"{count} replicas, at most {workload.max_replicas} are allowed"
        extra = count - workload.max_replicas
        findings.check("replicas", where, extra <= 0, message, extra, "replicas")


def at_speed(resolved: ResolvedInstance, plan: Plan, capability: Capability, now: Slice) -> Capability:
    """The capability at a time, by the trends of its accelerator."""
    speed = speed_of(resolved, plan.deployments[capability.index].node_type, now)
    return capability if speed == 1 else replace(capability, rates=tuple(rate * speed for rate in capability.rates))


def _check_run(workload: Training, plan: Plan, group: list[Capability], now: Slice, findings: Findings) -> None:
    runs = sum(plan.deployments[capability.index].replicas * capability.rates[0] for capability in group)
    message = "no replica finishes the training by its deadline"
    findings.check("demand", workload.name + now.label, runs >= 1, message, 1 - runs, "runs")


def _check_classes(
    workload: LLMServing | RequestServing | Profiled,
    plan: Plan,
    routes: list[Route],
    group: list[Capability],
    rates: dict[str, float],
    now: Slice,
    findings: Findings,
) -> dict[int, float]:
    names = list(rates)
    shares = _shares(workload.name, names, plan, routes, group, now)
    for name in names:
        if rates[name]:
            served = sum(share for (_, request_class), share in shares.items() if request_class == name)
            left = unserved_share(plan, workload.name, name, now)
            message = f"class {name}: {served:.6%} of its {rates[name]:g} requests/s are routed"
            message += f", {left:.6%} are said to stay unserved" if left else ""
            gap = abs(1 - left - served)
            whole = gap <= 10 * TOLERANCE
            findings.check("demand", workload.name + now.label, whole, message, gap * rates[name], "requests/s")
    _check_spot(workload, names, rates, shares, plan, group, now, findings)
    return {capability.index: _check_load(names, rates, shares, plan, capability, findings) for capability in group}


def _check_spot(
    workload: LLMServing | RequestServing | Profiled,
    names: list[str],
    rates: dict[str, float],
    shares: Shares,
    plan: Plan,
    group: list[Capability],
    now: Slice,
    findings: Findings,
) -> None:
    """Without spot nodes, enough of what is served still is: of a single class by capacity, of several as routed."""
    spots = {c.index for c in group if plan.deployments[c.index].spot is not None}
    if workload.max_spot_share == 1 or not spots:
        return
    asked = [name for name in names if rates[name]]
    for name in asked:
        position = names.index(name)
        served = 1 - unserved_share(plan, workload.name, name, now)
        if served <= 0:
            continue
        if len(asked) == 1:
            able = sum(plan.deployments[c.index].replicas * c.rates[position] for c in group if c.index not in spots)
            dependent = 1 - able / (rates[name] * served)
        else:
            dependent = sum(shares.get((index, name), 0.0) for index in spots) / served
        over = dependent - workload.max_spot_share
        message = f"{dependent:.6%} of class {name} depend on spot nodes, at most {workload.max_spot_share:.6%} may"
        findings.check("spot", workload.name + now.label, over <= TOLERANCE, message, over, "of its rate")


def _shares(
    workload: str, names: list[str], plan: Plan, routes: list[Route], group: list[Capability], now: Slice
) -> Shares:
    """Shares as the plan states them, or in proportion to capacity where it states none for the workload; what is said
    to be unserved is nobody's."""
    shares: defaultdict[tuple[int, str], float] = defaultdict(float)
    running = {capability.index for capability in group}
    stated = [route for route in routes if route.deployment in running]
    for route in stated:
        shares[route.deployment, route.request_class] += route.share
    if not stated:
        for position, name in enumerate(names):
            capacity = {c.index: plan.deployments[c.index].replicas * c.rates[position] for c in group}
            total = sum(capacity.values())
            served = 1 - unserved_share(plan, workload, name, now)
            for index, own in capacity.items():
                if own:
                    shares[index, name] = served * own / total
    return dict(shares)


def _check_load(
    names: list[str], rates: dict[str, float], shares: Shares, plan: Plan, capability: Capability, findings: Findings
) -> float:
    """Load of one deployment over what it sustains; more than 1 is a violation."""
    index = capability.index
    deployment = plan.deployments[index]
    where = place_of(index, deployment)
    load = 0.0
    for position, name in enumerate(names):
        asked = shares.get((index, name), 0.0) * rates[name]
        able = deployment.replicas * capability.rates[position]
        if asked and not check_floor(capability, name, where, findings):
            continue
        if asked and findings.check("class", where, able > 0, f"class {name} is routed to it, but it cannot serve it"):
            load += asked / able
    message = f"carries {load:.6g} times what its {deployment.replicas} replicas sustain"
    findings.check("capacity", where, load <= 1 + TOLERANCE, message, load - 1, "of its capacity")
    return load


def check_latencies(
    resolved: ResolvedInstance,
    plan: Plan,
    capabilities: list[Capability],
    utilisation: dict[int, float],
    findings: Findings,
) -> dict[int, tuple[tuple[str, str, float, float, float], ...]]:
    """Latency percentiles at the planned load against the SLOs, for the classes that a deployment serves."""
    figures = {}
    known: dict[FiguresKey, Estimate] = {}
    for capability in capabilities:
        workload, variant = capability.workload, capability.variant
        card = capability.card
        if isinstance(workload, Training | Profiled) or variant is None or card is None:
            continue
        deployment = plan.deployments[capability.index]
        load = min(utilisation.get(capability.index, 0.0), 1.0)
        loaded = figures_of(resolved, workload, card, variant, deployment, known, load)
        check_latency_intervals(workload, loaded, capability.index, deployment, findings)
        at_load = loaded.latency_ms[0]
        where = place_of(capability.index, deployment)
        rows: list[tuple[str, str, float, float, float]] = []
        for s, slo in enumerate(workload.slo):
            for c, group in enumerate(workload.classes):
                if slo.holds_for(group.name) and (capability.rates[c] or len(workload.classes) == 1):
                    value = float(at_load[s, c])
                    rows.append((slo.metric, group.name, slo.percentile, value, slo.limit_ms))
                    named = f"{slo.metric} p{slo.percentile:g} of class {group.name}"
                    message = f"{named} is {value:.4g} ms, the limit {slo.limit_ms:g} ms"
                    holds = value <= slo.limit_ms * (1 + 1e-6)
                    findings.check("latency", where, holds, message, value - slo.limit_ms, "ms")
        figures[capability.index] = tuple(rows)
    return figures
