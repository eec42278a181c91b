"""Rules on the circumstances of a deployment: spot nodes and measures, and what they make of its throughput."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.units import exact

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from gpufleet.schema.instance import Measure
    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload
    from gpufleet.verification.violation import Findings


def speed_in_setting(
    resolved: ResolvedInstance,
    workload: Workload,
    deployment: Deployment,
    variant: str,
    taken: frozenset[str],
    where: str,
    findings: Findings,
) -> float:
    """Check what a deployment relies on; returns the factor on its throughput."""
    factor = _spot(resolved, workload, deployment, where, findings)
    known = {measure.name: measure for measure in resolved.instance.measures}
    for name in deployment.measures:
        if findings.check("measures", where, name in known, f"the instance has no measure {name}"):
            findings.check("measures", where, name in taken, f"it needs the measure {name}, which is not taken")
            helps = _is_for(resolved, known[name], deployment) and workload.name in known[name].workloads
            message = f"the measure {name} changes nothing for {workload.name} on {deployment.node_type}"
            if findings.check("measures", where, helps, message):
                factor *= exact(known[name].throughput_factor)
    unlocking = [m for m in known.values() if workload.name in m.workloads and variant in m.unlocks]
    message = f"{variant} can only be used with {' or '.join(m.name for m in unlocking)}, on its accelerators"
    if unlocking:
        there = {m.name for m in unlocking if _is_for(resolved, m, deployment)}
        findings.check("measures", where, bool(there & set(deployment.measures)), message)
    return float(factor)


def _is_for(resolved: ResolvedInstance, measure: Measure, deployment: Deployment) -> bool:
    """Does the measure hold on the accelerator of the deployment?"""
    accelerator = resolved.node_types[deployment.node_type].accelerator
    return measure.accelerators is None or accelerator in measure.accelerators


def _spot(
    resolved: ResolvedInstance, workload: Workload, deployment: Deployment, where: str, findings: Findings
) -> Fraction:
    """Share of the time that a replica on spot nodes has left; 1 elsewhere."""
    if deployment.spot is None:
        return exact(1)
    offer = resolved.offers.get(deployment.spot)
    matches = offer is not None and (offer.term, offer.site, offer.node_type) == (
        "spot",
        deployment.site,
        deployment.node_type,
    )
    message = f"{deployment.spot} is no spot offer for {deployment.node_type} at {deployment.site}"
    if not findings.check("spot", where, matches, message):
        return exact(0)
    assert offer is not None
    findings.check("spot", where, workload.max_spot_share > 0, "the workload may not use spot nodes")
    size = resolved.node_types[deployment.node_type].accelerators
    nodes = -(-deployment.parallelism.accelerators // size)
    lost = nodes * exact(offer.interruptions_per_month or 0) * exact(offer.hours_lost_per_interruption)
    return max(exact(0), 1 - lost / 730)


def taken_measures(plan: Plan) -> frozenset[str]:
    """Names of the measures that the plan takes."""
    return frozenset(entry.measure for entry in plan.measures if entry.taken)


def check_measures(resolved: ResolvedInstance, plan: Plan, costs: dict[str, Decimal], findings: Findings) -> None:
    """Measures of the plan exist, once, and cost what they cost."""
    names = [entry.measure for entry in plan.measures]
    for entry in plan.measures:
        known = entry.measure in costs
        findings.check("measures", entry.measure, known, "the instance has no measure of this name")
        findings.check("measures", entry.measure, names.count(entry.measure) == 1, "the plan names it more than once")
        if known and entry.cost_usd is not None:
            is_ = float(costs[entry.measure])
            message = f"cost_usd is {entry.cost_usd:.6f} in the plan and {is_:.6f} by the instance"
            findings.check("cost", entry.measure, entry.cost_usd == is_, message, abs(entry.cost_usd - is_), "USD")
