"""Rules on training runs that stop and go on: one replica at a time, in allowed periods, done by the deadline, less
what every start loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.verification.restarts import form_of, left_after_start, starts_of
from gpufleet.verification.slices import slices_of, speed_of
from gpufleet.verification.unserved import unserved_share
from gpufleet.verification.violation import TOLERANCE

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Training
    from gpufleet.verification.deployments import Capability
    from gpufleet.verification.slices import Slice
    from gpufleet.verification.violation import Findings


def check_run_over_periods(
    resolved: ResolvedInstance, workload: Training, plan: Plan, group: list[Capability], findings: Findings
) -> None:
    """In every stage that needs it, the run gets done."""
    slices = slices_of(resolved)
    for stage in dict.fromkeys(now.stage for now in slices):
        if workload.stages is None or stage in workload.stages:
            inside = [now for now in slices if now.stage == stage]
            _check_stage(resolved, workload, plan, group, inside, findings)


def _check_stage(
    resolved: ResolvedInstance,
    workload: Training,
    plan: Plan,
    group: list[Capability],
    inside: list[Slice],
    findings: Findings,
) -> None:
    """A period is this share of any deadline's time; an option gets that share of deadline / training days done."""
    total = sum(now.hours for now in inside)
    begun = {(now, form_of(entry)) for now, entry in starts_of(workload, plan, inside)}
    done = elsewhere = 0.0
    for now in inside:
        running = [c for c in group if now.runs(plan.deployments[c.index]) and plan.deployments[c.index].replicas]
        replicas = sum(plan.deployments[c.index].replicas for c in running)
        where = workload.name + now.label
        message = f"{replicas} replicas of one run at a time; a second one does not train it faster"
        findings.check("runs", where, replicas <= 1, message, replicas - 1, "replicas")
        allowed = workload.periods is None or now.name in workload.periods
        findings.check("period", where, allowed or not running, "the run is not allowed in this period")
        for capability in running:
            days = capability.training_days
            speed = speed_of(resolved, plan.deployments[capability.index].node_type, now)
            part = speed * float(now.hours / total) * workload.deadline_days / days
            if (now, form_of(plan.deployments[capability.index])) in begun:
                part *= left_after_start(resolved, workload, now.name)
            done += part
            elsewhere += part if plan.deployments[capability.index].spot is None else 0.0
    where = workload.name if inside[0].stage is None else f"{workload.name} in {inside[0].stage}"
    starts = f", with {len(begun)} starts a cycle" if workload.restart_minutes else ""
    if unserved_share(plan, workload.name, "run", inside[0]):
        return  # it holds nothing then, see `unserved`
    message = f"{done:.6g} of the run is done within its deadline of {workload.deadline_days:g} days{starts}"
    findings.check("demand", where, done >= 1 - TOLERANCE, message, 1 - done, "runs")
    if elsewhere < done and workload.max_spot_share < 1:
        short = 1 - workload.max_spot_share - elsewhere
        message = (
            f"{elsewhere:.6g} of the run is done without spot nodes, max_spot_share is {workload.max_spot_share:g}"
        )
        findings.check("spot", where, short <= TOLERANCE, message, short, "runs")
