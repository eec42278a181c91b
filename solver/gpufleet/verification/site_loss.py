"""Rule on the loss of a site: what runs elsewhere carries everything, routed as the plan says or by capacity."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from gpufleet.schema.workloads import Training
from gpufleet.verification.claims import CLAIM_TOLERANCE
from gpufleet.verification.service import at_speed
from gpufleet.verification.slices import check_times, factor_of, slices_of
from gpufleet.verification.unserved import unserved_share
from gpufleet.verification.violation import TOLERANCE, place_of

if TYPE_CHECKING:
    from gpufleet.schema.plan import Fallback, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import LLMServing, Profiled, RequestServing
    from gpufleet.verification.deployments import Capability
    from gpufleet.verification.slices import Slice
    from gpufleet.verification.violation import Findings

Shares = dict[tuple[int, str], float]
"""(deployment, class) to the share of the class's rate that it takes over."""
RULE = "site_loss"


def check_site_loss(resolved: ResolvedInstance, plan: Plan, capabilities: list[Capability], findings: Findings) -> None:
    """For every workload that must survive it, every period, and every site where it runs then."""
    for index, fallback in enumerate(plan.fallback_routing):
        _check_fallback(resolved, plan, index, fallback, findings)
    loads: dict[int, float] = {}
    for workload in resolved.instance.workloads:
        if isinstance(workload, Training) or not workload.redundancy.survive_site_loss:
            continue
        mine = [c for c in capabilities if c.workload.name == workload.name and plan.deployments[c.index].replicas]
        for now in slices_of(resolved):
            running = [at_speed(resolved, plan, c, now) for c in mine if now.runs(plan.deployments[c.index])]
            for site in sorted({plan.deployments[c.index].site for c in running}):
                left = [c for c in running if plan.deployments[c.index].site != site]
                load = _check_without(resolved, workload, plan, left, site, now, findings)
                for index in _stated(plan, workload.name, site, now):
                    loads[index] = max(load, loads.get(index, 0.0))
    _check_figures(plan, loads, findings)


def _check_fallback(resolved: ResolvedInstance, plan: Plan, index: int, fallback: Fallback, findings: Findings) -> None:
    """It is about a workload that must survive the loss of a site, and routes to its deployments elsewhere."""
    where = f"fallback_routing[{index}]"
    workload = resolved.workloads.get(fallback.workload)
    asks = workload is not None and workload.redundancy.survive_site_loss
    findings.check("routing", where, asks, f"{fallback.workload} need not survive the loss of a site")
    findings.check(
        "routing", where, fallback.lost_site in resolved.sites, f"the instance has no site {fallback.lost_site}"
    )
    check_times(resolved, where, {"period": fallback.period, "stage": fallback.stage}, findings)
    classes = [] if workload is None or isinstance(workload, Training) else [c.name for c in workload.classes]
    for route in fallback.routing:
        known = route.request_class in classes
        findings.check("routing", where, known, f"{fallback.workload} has no class {route.request_class}")
        entry = plan.deployments[route.deployment] if route.deployment < len(plan.deployments) else None
        if findings.check("routing", where, entry is not None, f"there is no deployment {route.deployment}"):
            assert entry is not None
            owners = {fallback.workload, route.workload, entry.workload}
            message = f"deployment {route.deployment} is of {entry.workload}, the route of {route.workload}"
            findings.check("routing", where, len(owners) == 1, message)
            message = f"deployment {route.deployment} is at {fallback.lost_site} itself"
            findings.check("routing", where, entry.site != fallback.lost_site, message)


def _stated(plan: Plan, workload: str, site: str, now: Slice) -> list[int]:
    """Positions of what the plan says about the loss of the site at that time."""
    return [
        index
        for index, fallback in enumerate(plan.fallback_routing)
        if (fallback.workload, fallback.lost_site) == (workload, site) and now.runs(fallback)
    ]


def _check_without(
    resolved: ResolvedInstance,
    workload: LLMServing | RequestServing | Profiled,
    plan: Plan,
    left: list[Capability],
    site: str,
    now: Slice,
    findings: Findings,
) -> float:
    """All that is served is taken over, and nobody carries more than it sustains; returns the highest load."""
    rates = {c.name: c.requests_per_s * factor_of(resolved, workload, c, now) for c in workload.classes}
    asked = {name: 1 - unserved_share(plan, workload.name, name, now) for name in rates}
    shares = _shares(plan, _stated(plan, workload.name, site, now), asked, left)
    for name, rate in rates.items():
        if rate:
            served = sum(share for (_, request_class), share in shares.items() if request_class == name)
            message = f"without {site}, {served:.6%} of the {rate:g} requests/s of class {name} are carried elsewhere"
            where = f"{workload.name} without {site}{now.label}"
            gap = abs(asked[name] - served)
            findings.check(RULE, where, gap <= 10 * TOLERANCE, message, gap * rate, "requests/s")
    return max((_check_load(rates, shares, plan, capability, site, now, findings) for capability in left), default=0.0)


def _shares(plan: Plan, stated: list[int], asked: dict[str, float], left: list[Capability]) -> Shares:
    """As stated, counting only what is left; in proportion to capacity where nothing is stated, for what is served."""
    shares: defaultdict[tuple[int, str], float] = defaultdict(float)
    able = {c.index: [plan.deployments[c.index].replicas * rate for rate in c.rates] for c in left}
    for index in stated:
        for route in plan.fallback_routing[index].routing:
            if route.deployment in able:
                shares[route.deployment, route.request_class] += route.share
    for position, (name, served) in enumerate(asked.items() if not stated else ()):
        total = sum(own[position] for own in able.values())
        for index, own in able.items():
            if own[position]:
                shares[index, name] = served * own[position] / total
    return dict(shares)


def _check_load(
    rates: dict[str, float],
    shares: Shares,
    plan: Plan,
    capability: Capability,
    site: str,
    now: Slice,
    findings: Findings,
) -> float:
    index = capability.index
    where, replicas = place_of(index, plan.deployments[index]) + now.label, plan.deployments[index].replicas
    load = 0.0
    for (name, rate), able in zip(rates.items(), capability.rates, strict=True):
        asked = shares.get((index, name), 0.0) * rate
        message = f"without {site}, class {name} is routed to it, but it cannot serve it"
        if asked and findings.check(RULE, where, able > 0, message):
            load += asked / (able * replicas)
    message = f"without {site}, it carries {load:.6g} times what its {replicas} replicas sustain"
    findings.check(RULE, where, load <= 1 + TOLERANCE, message, load - 1, "of its capacity")
    return load


def _check_figures(plan: Plan, loads: dict[int, float], findings: Findings) -> None:
    """The load that the plan states is the one found here; what is stated about a site without replicas is none."""
    for index, fallback in enumerate(plan.fallback_routing):
        if fallback.utilisation is not None:
            said, is_ = fallback.utilisation, loads.get(index, 0.0)
            same = math.isclose(said, is_, rel_tol=CLAIM_TOLERANCE, abs_tol=1e-6)
            message = f"utilisation is {said:.6g} in the plan and {is_:.6g} by the model"
            findings.check("figures", f"fallback_routing[{index}]", same, message, abs(said - is_))
