"""Rules on demand that a plan leaves unserved: it says so, the instance allows it, and the certificate adds it up.

That no less is possible cannot be checked from a plan; that what is served adds up with it is checked where service is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpufleet.schema.workloads import Training
from gpufleet.units import SECONDS_PER_HOUR
from gpufleet.verification.slices import check_times, factor_of, slices_of
from gpufleet.verification.violation import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Certificate, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload
    from gpufleet.verification.slices import Slice
    from gpufleet.verification.violation import Findings

RULE = "unserved"
SUM_TOLERANCE = 1e-6
"""Slack on the weighted shares of the certificate, which are sums of many floats here."""


def unserved_share(plan: Plan, workload: str, request_class: str, now: Slice) -> float:
    """Share of a class that the plan says is not served in a period."""
    mine = (e for e in plan.unserved if (e.workload, e.request_class) == (workload, request_class) and now.runs(e))
    return sum(entry.share for entry in mine)


def is_left_out(resolved: ResolvedInstance, workload: Workload, plan: Plan) -> bool:
    """Is nothing of a workload served, in any period?"""
    shares = [share for _, share in _asked(resolved, workload, plan)]
    return bool(shares) and min(shares) >= 1


def check_unserved(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """Every entry names what exists, and the instance allows it; shares add up to 1 at most."""
    for index, entry in enumerate(plan.unserved):
        where = f"unserved[{index}] ({entry.workload})"
        message = "the instance does not allow unserved demand (allow_unserved)"
        findings.check(RULE, where, resolved.instance.allow_unserved or not entry.share, message, entry.share)
        workload = resolved.workloads.get(entry.workload)
        known = workload is not None and entry.request_class in _classes(workload)
        findings.check(RULE, where, known, f"{entry.workload} has no class {entry.request_class}")
        check_times(resolved, where, {"period": entry.period, "stage": entry.stage}, findings)
        if isinstance(workload, Training):
            whole = entry.share in (0, 1) and entry.period is None
            findings.check(RULE, where, whole, "a training run is done or not done, over all periods of a stage")
    for name, request_class in dict.fromkeys((entry.workload, entry.request_class) for entry in plan.unserved):
        for now in slices_of(resolved):
            share = unserved_share(plan, name, request_class, now)
            message = f"{share:.6%} of class {request_class} are said to be unserved"
            findings.check(RULE, name + now.label, share <= 1 + TOLERANCE, message, share - 1)
    _check_undone_runs(resolved, plan, findings)


def check_service_proof(resolved: ResolvedInstance, plan: Plan, certificate: Certificate, findings: Findings) -> None:
    """The certificate has every priority, highest first, with what stays unserved there; optimal means proven."""
    if not (resolved.instance.allow_unserved or certificate.service):
        return
    levels = sorted({workload.priority for workload in resolved.instance.workloads}, reverse=True)
    said = [entry.priority for entry in certificate.service]
    findings.check(RULE, "certificate", said == levels, f"priorities are {said}, those of the workloads {levels}")
    for entry in certificate.service:
        where = f"priority {entry.priority}"
        mine = [w for w in resolved.instance.workloads if w.priority == entry.priority]
        left = sum(_worth(resolved, w, plan) for w in mine)
        same = math.isclose(entry.unserved, left, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE)
        message = f"unserved is {entry.unserved:.6g} in the certificate and {left:.6g} by the plan"
        findings.check(RULE, where, same, message, abs(entry.unserved - left))
        proven = entry.bound <= entry.unserved and (plan.status != "optimal" or entry.bound == entry.unserved)
        message = f"status is {plan.status}, unserved {entry.unserved:.6g}, but its bound {entry.bound:.6g}"
        findings.check("certificate", where, proven, message)


def _classes(workload: Workload) -> list[str]:
    return ["run"] if isinstance(workload, Training) else [group.name for group in workload.classes]


def _check_undone_runs(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """A run that is not done holds no accelerators."""
    for workload in resolved.instance.workloads:
        for now in slices_of(resolved) if isinstance(workload, Training) else ():
            running = sum(d.replicas for d in plan.deployments if d.workload == workload.name and now.runs(d))
            if running and unserved_share(plan, workload.name, "run", now):
                message = f"the run is not done, but has {running} replicas"
                findings.check(RULE, workload.name + now.label, False, message, running, "replicas")


def _asked(resolved: ResolvedInstance, workload: Workload, plan: Plan) -> Iterator[tuple[float, float]]:
    """(requests, or hours of a run, in a period; share of them that is unserved), wherever there is demand."""
    for now in slices_of(resolved):
        if isinstance(workload, Training):
            if workload.stages is None or now.stage in workload.stages:
                yield float(now.hours), unserved_share(plan, workload.name, "run", now)
            continue
        for group in workload.classes:
            amount = float(now.hours) * group.requests_per_s * factor_of(resolved, workload, group, now)
            if amount:
                yield amount, unserved_share(plan, workload.name, group.name, now)


def _worth(resolved: ResolvedInstance, workload: Workload, plan: Plan) -> float:
    """What counts of a workload as unserved: its value in USD, or the weighted share of its requests (or runs)."""
    if workload.value_usd is None:
        return workload.unserved_weight * unserved_of(resolved, workload, plan)
    lost = sum(amount * share for amount, share in _asked(resolved, workload, plan))
    if not isinstance(workload, Training):
        return workload.value_usd * SECONDS_PER_HOUR * lost
    needed = [now for now in slices_of(resolved) if workload.stages is None or now.stage in workload.stages]
    undone = {now.stage for now in needed if unserved_share(plan, workload.name, "run", now)}
    return workload.value_usd * len(undone)


def unserved_of(resolved: ResolvedInstance, workload: Workload, plan: Plan) -> float:
    """Share of a workload's requests (or runs) over the horizon that is not served."""
    rows = list(_asked(resolved, workload, plan))
    total = sum(amount for amount, _ in rows)
    return sum(amount * share for amount, share in rows) / total if total else 0.0
