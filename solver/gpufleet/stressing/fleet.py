"""A plan as a stress test sees it: what stands where, what runs on it, and what is asked, at every moment.

Throughputs are the estimates themselves (p50), whatever the instance counts on: errors are drawn around them. What
interruptions of spot nodes cost on average is taken out of the rates, because interruptions are drawn too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.edits.changes import with_fields
from gpufleet.errors import InputError, InputProblem
from gpufleet.performance.uncertainty import MEASURED
from gpufleet.scenarios.draws import factor
from gpufleet.schema.workloads import Training
from gpufleet.units import HOURS_PER_MONTH
from gpufleet.verification.deployments import check_deployments
from gpufleet.verification.fleet import check_fleet, check_packing
from gpufleet.verification.restarts import form_of, left_after_start, starts_of
from gpufleet.verification.service import at_speed
from gpufleet.verification.slices import factor_of, pool_of, pool_of_nodes, slices_of, speed_of
from gpufleet.verification.violation import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.scenarios.draws import Draws, Floats
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.deployments import Capability
    from gpufleet.verification.slices import PoolName, Slice

FormKey = tuple[object, ...]
BEARABLE = frozenset({"stock", "min_order", "power", "rack", "quota", "share", "node_types", "deadline", "privacy"})
"""Rules that a plan may break and still be something that serves; any other says that it cannot be what it says."""


@dataclass(frozen=True)
class Form:
    """Replicas of one kind: a deployment of the plan, whichever period it is for."""

    index: int
    """Position in `plan.deployments`."""
    workload: str
    pool: PoolName
    accelerators: int
    """Per replica."""
    rates: tuple[float, ...]
    """Requests/s of each class at the estimate; a training run: the run done within its deadline (1 = just in time)."""
    low: tuple[float, ...]
    """By class: multiple of the estimate below which 5 % of the truth is expected."""
    high: tuple[float, ...]
    """And above which 5 % are."""
    accelerator: str
    measured: bool

    def factors(self, kind: str, draws: Draws) -> Floats:
        """(samples, classes) multiples of the rates."""
        error = draws.error(self.accelerator, kind, measured=self.measured)
        return factor(error[:, None], np.array(self.low), np.array(self.high))


@dataclass(frozen=True)
class Moment:
    """A period of a stage."""

    now: Slice
    nodes: dict[PoolName, int]
    """Nodes that are there."""
    forms: tuple[Form, ...]
    """What the plan runs in this stage, in any of its periods, as fast as it is then; of runs, what runs now."""
    planned: tuple[int, ...]
    """Replicas that run now, by form."""
    routes: dict[tuple[int, str], float]
    """(form, class) to the share that the plan sends there; empty where it follows capacity."""
    demand: dict[str, tuple[float, ...]]
    """Requests/s by workload and class; a training run that is needed now: (1,)."""


@dataclass(frozen=True)
class Fleet:
    """All moments, with what is the same in all of them."""

    resolved: ResolvedInstance
    plan: Plan
    moments: tuple[Moment, ...]
    notes: tuple[str, ...]
    """Rules that the plan breaks."""


def fleet_of(resolved: ResolvedInstance, plan: Plan) -> Fleet:
    """Look a plan over. Raises InputError where it names what does not exist or cannot run."""
    usual = with_fields(resolved, performance="p50")
    findings = Findings()
    known = check_fleet(usual, plan, findings)
    check_packing(usual, plan, known, findings)
    capabilities = check_deployments(usual, plan, findings)
    broken = [violation for violation in findings.violations if violation.rule not in (*BEARABLE, "figures")]
    if not plan.nodes or broken:
        what = [str(violation) for violation in broken] or ["the plan has no nodes: there is nothing to stress"]
        raise InputError([InputProblem(resolved.path, 0, "plan", message) for message in what])
    moments = tuple(_moment(usual, plan, capabilities, now) for now in slices_of(usual))
    notes = (str(violation) for violation in findings.violations if violation.rule in BEARABLE)
    return Fleet(usual, plan, moments, tuple(dict.fromkeys(notes)))


def _moment(resolved: ResolvedInstance, plan: Plan, capabilities: Sequence[Capability], now: Slice) -> Moment:
    nodes: Counter[PoolName] = Counter()
    for entry in now.nodes(plan.nodes):
        nodes[pool_of_nodes(resolved, entry)] += entry.count
    forms: dict[FormKey, Form] = {}
    planned: Counter[FormKey] = Counter()
    keys: dict[int, FormKey] = {}
    for capability in capabilities:
        deployment = plan.deployments[capability.index]
        runs = now.runs(deployment)
        this_stage = deployment.stage in (None, now.stage)
        if not deployment.replicas or not (runs if isinstance(capability.workload, Training) else this_stage):
            continue
        key = keys[capability.index] = (deployment.workload, deployment.option, deployment.model, form_of(deployment))
        if key not in forms:
            forms[key] = _form(resolved, plan, capabilities, capability, now)
        planned[key] += deployment.replicas if runs else 0
    order = {key: number for number, key in enumerate(forms)}
    routes: Counter[tuple[int, str]] = Counter()
    for route in plan.routing:
        if route.deployment in keys and now.runs(plan.deployments[route.deployment]):
            routes[order[keys[route.deployment]], route.request_class] += route.share  # type: ignore[assignment]
    counts = tuple(planned[key] for key in forms)
    demand = dict(_demand(resolved, plan, now))
    return Moment(now, dict(nodes), tuple(forms.values()), counts, dict(routes), demand)


def _demand(resolved: ResolvedInstance, plan: Plan, now: Slice) -> Iterator[tuple[str, tuple[float, ...]]]:
    """A run that stops and goes on is asked for while the plan runs it; one that the plan never runs, always."""
    for workload in resolved.instance.workloads:
        if isinstance(workload, Training):
            needed = workload.stages is None or now.stage in workload.stages
            mine = [entry for entry in plan.deployments if entry.workload == workload.name and entry.replicas]
            pauses = any(entry.stage in (None, now.stage) for entry in mine) and not any(map(now.runs, mine))
            yield workload.name, (1.0 if needed and not pauses else 0.0,)
        else:
            rates = (c.requests_per_s * factor_of(resolved, workload, c, now) for c in workload.classes)
            yield workload.name, tuple(rates)


def _form(
    resolved: ResolvedInstance, plan: Plan, capabilities: Sequence[Capability], capability: Capability, now: Slice
) -> Form:
    deployment, workload = plan.deployments[capability.index], capability.workload
    figures = capability.estimate
    lows = (MEASURED.low,) if figures is None else tuple(float(low) for low in figures.rate_low[0])
    highs = (MEASURED.high,) if figures is None else tuple(float(high) for high in figures.rate_high[0])
    measured = figures is None or str(figures.provenance[0]) in ("measured", "interpolated")
    if isinstance(workload, Training):
        rates: tuple[float, ...] = (_progress(resolved, workload, plan, capabilities, capability.index, now),)
    else:
        rates = at_speed(resolved, plan, capability, now).rates
    there = 1.0 if deployment.spot is None else spot_presence(resolved.offers[deployment.spot])
    size = resolved.node_types[deployment.node_type].accelerators
    lost = -(-deployment.parallelism.accelerators // size) * (1.0 - there)
    width = len(rates)
    return Form(
        index=capability.index,
        workload=workload.name,
        pool=pool_of(deployment),
        accelerators=deployment.parallelism.accelerators,
        rates=tuple(rate / (1.0 - lost) if lost < 1.0 else 0.0 for rate in rates),
        low=lows * width if len(lows) < width else lows,
        high=highs * width if len(highs) < width else highs,
        accelerator=resolved.accelerator_of(deployment.node_type).name,
        measured=measured,
    )


def spot_presence(offer: Offer) -> float:
    """Share of its time that a spot node is not interrupted."""
    lost = (offer.interruptions_per_month or 0.0) * offer.hours_lost_per_interruption / HOURS_PER_MONTH
    return max(0.0, 1.0 - lost)


def _progress(
    resolved: ResolvedInstance, run: Training, plan: Plan, capabilities: Sequence[Capability], index: int, now: Slice
) -> float:
    """What the plan gets done of a run within its deadline: over all periods of the stage, less its starts, where it
    stops and goes on."""
    days = {capability.index: capability.training_days for capability in capabilities}
    inside = [moment for moment in slices_of(resolved) if moment.stage == now.stage]
    if not resolved.instance.periods:
        return speed_of(resolved, plan.deployments[index].node_type, now) * run.deadline_days / days[index]
    total = float(sum(moment.hours for moment in inside))
    begun = {(moment, form_of(entry)) for moment, entry in starts_of(run, plan, inside)}
    done = 0.0
    for moment in inside:
        for number, entry in enumerate(plan.deployments):
            if entry.workload == run.name and entry.replicas and moment.runs(entry):
                left = left_after_start(resolved, run, moment.name) if (moment, form_of(entry)) in begun else 1.0
                speed = speed_of(resolved, entry.node_type, moment) * run.deadline_days / days[number]
                done += float(moment.hours) / total * left * speed
    return done
