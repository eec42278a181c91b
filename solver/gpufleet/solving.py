"""The whole length of the house: instance, candidates, integer program, engine, plan, verification."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpufleet.assembly import assemble, unanswered
from gpufleet.candidates.class_floors import out_of_reach
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.errors import VerificationError
from gpufleet.interruption import Stopped, heeding
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.choice import Approach
from gpufleet.optimize.engine import run
from gpufleet.optimize.monitor import Monitor
from gpufleet.optimize.progress import in_usd
from gpufleet.optimize.results import EngineResult
from gpufleet.problem.build import build_problem
from gpufleet.problem.signatures import with_part_rules
from gpufleet.schema.plan import PriceOfCaution
from gpufleet.verification.run import verify

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from gpufleet.candidates.option import Candidates
    from gpufleet.optimize.choice import BackendChoice, EngineChoice
    from gpufleet.optimize.progress import ProgressEvent
    from gpufleet.problem.data import Problem, WorkloadData
    from gpufleet.problem.scenarios import ScenarioRows
    from gpufleet.problem.signatures import PartRules
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

logger = logging.getLogger(__name__)

CAUTION_LIMIT = 10_000
"""Deployment options over all periods beyond which an instance is not solved a second time for the price of caution."""
STOPPED_EARLY = "stopped on request before a plan was found; that none exists is not proven"
CAUTION_STOPPED = "not worked out, because the search was stopped"
NO_ENGINE = "none"
"""The certificate's engine where no solver was asked, because a workload or class has no option."""


def solve(
    resolved: ResolvedInstance,
    *,
    time_limit_s: float = 60.0,
    relative_gap: float = 0.0,
    workers: int = 1,
    seed: int = 0,
    backend: BackendChoice = "auto",
    engine: EngineChoice = "auto",
    deterministic: bool = False,
    price_of_caution: bool = True,
    certify: bool = False,
    executor: Executor | None = None,
    progress: Callable[[ProgressEvent], None] | None = None,
    cancel: threading.Event | None = None,
) -> Plan:
    """Find the cheapest plan, prove how far from optimal it can be, and verify it.

    Where the instance asks for `performance: p90`, it is solved at p50 too, within the same limits, and the plan says
    what caution costs; not with `price_of_caution` False, nor for large instances.

    Never raises for infeasibility or a time-out: see `plan.status` (`optimal`, `feasible`, `infeasible`, `unknown`),
    `plan.reason` and `plan.certificate`, whose bound is valid in every case. With `relative_gap` above 0 the search
    stops as soon as the gap is proven to be that small. One worker gives the same plan every time, as long as the time
    limit is not reached; with `deterministic`, so do several, and the time limit counts CP-SAT's deterministic time,
    about seconds, for each step of the search. `plan.certificate.deterministic` says whether that was kept.

    `engine` and `backend` say how the problem is taken apart and which solver works on it. Decomposition always puts
    prices into the certificate, from which anyone can recompute a bound (`confirm`); with `certify` whole models get
    them too. `executor` takes the tasks of decomposition; without one it has threads of its own.

    `progress` is called from threads of the search whenever something changed, but not much more than ten times a
    second; an exception of it is logged and changes nothing. Once `cancel` is set, from any thread, the search ends and
    the best plan so far is returned, with its gap; `plan.reason` says so. With either of them, interrupts from the
    keyboard are the caller's; otherwise CP-SAT takes one as a wish to stop.

    Raises InputError or Int64OverflowError for input that cannot be solved, MissingBackendError for a back end that
    is not there, VerificationError when the result fails the independent verifier (a bug in gpufleet).
    """
    started = time.monotonic()
    monitor = monitor_of(progress, cancel)
    limits = SolverLimits(time_limit_s, relative_gap, workers, seed, deterministic=deterministic)
    try:
        candidates = all_candidates(resolved, monitor)
    except Stopped:
        return unanswered(resolved, limits, STOPPED_EARLY)
    logger.info("candidates in %.2f s", time.monotonic() - started)
    approach = Approach(backend, engine, executor, certify)
    plan = solve_candidates(resolved, candidates, limits, approach, monitor)
    if resolved.instance.performance == "p50" or not price_of_caution or plan.status == "unknown":
        return plan
    size = _size(resolved, candidates)
    return plan.model_copy(update={"caution": _caution(resolved, plan, size, limits, approach, monitor)})


def all_candidates(resolved: ResolvedInstance, monitor: Monitor | None) -> Candidates:
    """All deployment options. Raises Stopped."""
    with heeding(None if monitor is None else monitor.event):
        return build_candidates(resolved)


def monitor_of(progress: Callable[[ProgressEvent], None] | None, cancel: threading.Event | None) -> Monitor | None:
    """The monitor of a solve that is watched; None where nobody listens and nobody can stop it."""
    if progress is None and cancel is None:
        return None
    monitor = Monitor(None if progress is None else in_usd(progress), cancel)
    monitor.restart("candidates", about_cost=False)
    return monitor


def _size(resolved: ResolvedInstance, candidates: Candidates) -> int:
    """Deployment options, counted in every period of every stage."""
    times = max(len(resolved.instance.periods), 1) * max(len(resolved.instance.stages), 1)
    return times * sum(len(options) for options in candidates.options.values())


def _caution(
    resolved: ResolvedInstance,
    plan: Plan,
    size: int,
    limits: SolverLimits,
    approach: Approach,
    monitor: Monitor | None,
) -> PriceOfCaution:
    """What the same instance costs at p50, and the difference."""
    if size > CAUTION_LIMIT:
        note = f"not worked out for {size:,} deployment options over all periods; solve with performance p50 to see it"
        return PriceOfCaution(note=note)
    if monitor is not None and monitor.stopped:
        return PriceOfCaution(note=CAUTION_STOPPED)
    # the digest is that of the question asked, and the second plan is not kept
    usual = replace(resolved, instance=resolved.instance.model_copy(update={"performance": "p50"}))
    inside = None if monitor is None else monitor.at("at p50: ")
    try:
        known = all_candidates(usual, inside)
    except Stopped:
        return PriceOfCaution(note=CAUTION_STOPPED)
    return price_of(plan, solve_candidates(usual, known, limits, replace(approach, certify=False), inside))


def price_of(plan: Plan, usual: Plan) -> PriceOfCaution:
    """The price of caution from the plans at p90 and at p50. What serves at p90 serves at p50 too, so a plan at p50
    that was not proven and is dearer counts as that of p90."""
    ours, theirs = plan.certificate, usual.certificate
    assert ours is not None
    assert theirs is not None
    if theirs.objective_usd is None:
        return PriceOfCaution(note=f"at p50 the instance is {usual.status}")
    if ours.objective_usd is None:
        return PriceOfCaution(p50_usd=theirs.objective_usd, note="only at p50 is there a plan")
    if [level.unserved for level in ours.service] != [level.unserved for level in theirs.service]:
        return PriceOfCaution(p50_usd=theirs.objective_usd, note="at p50 less stays unserved, so costs do not compare")
    least = min(ours.objective_usd, theirs.objective_usd)
    proven = plan.status == usual.status == "optimal"
    return PriceOfCaution(p50_usd=least, extra_usd=round(ours.objective_usd - least, 6), proven=proven)


def solve_candidates(
    resolved: ResolvedInstance,
    candidates: Candidates,
    limits: SolverLimits,
    approach: Approach | None = None,
    monitor: Monitor | None = None,
    parts: PartRules | None = None,
    scenarios: ScenarioRows | None = None,
) -> Plan:
    """As `solve`, from candidates that were enumerated before.

    Candidates depend on workloads, sites, offers and stock, not on prices, budgets or other limits: a sweep over those
    enumerates once. With `parts`, status and certificate are about the fleets that keep these rules alone; with
    `scenarios`, the fleet must meet those too, but for some of them.
    """
    try:
        return solve_fully(resolved, candidates, limits, approach, monitor, parts, scenarios).plan
    except Stopped:
        return unanswered(resolved, limits, STOPPED_EARLY, candidates)


@dataclass(frozen=True)
class Solved:
    """A plan with what it was made of, for who goes on from there."""

    plan: Plan
    problem: Problem
    result: EngineResult


def solve_fully(
    resolved: ResolvedInstance,
    candidates: Candidates,
    limits: SolverLimits,
    approach: Approach | None = None,
    monitor: Monitor | None = None,
    parts: PartRules | None = None,
    scenarios: ScenarioRows | None = None,
) -> Solved:
    """As `solve_candidates`, with the values behind the plan. Raises Stopped where a stop is asked for before there is
    a program to solve."""
    started = time.monotonic()
    with heeding(None if monitor is None else monitor.event):
        problem = build_problem(resolved, candidates, scenarios)
        if parts is not None:
            problem = with_part_rules(problem, parts)
        without = list(dict.fromkeys(hopeless(resolved, problem, candidates)))
        result = _nothing() if without and not problem.service else run(problem, limits, approach, monitor)
    logger.info("%s: %s in %.2f s", result.engine, result.outcome, time.monotonic() - started)
    plan = verified(resolved, candidates, problem, result, limits, _reason(problem, result, without, limits))
    return Solved(plan, problem, result)


def verified(
    resolved: ResolvedInstance,
    candidates: Candidates,
    problem: Problem,
    result: EngineResult,
    limits: SolverLimits,
    reason: str | None,
) -> Plan:
    """The plan of an engine's result. Raises VerificationError where it fails the independent verifier."""
    plan = assemble(resolved, candidates, problem, result, limits, reason)
    report = verify(resolved, plan)
    if not report.ok:
        found = "\n".join(str(violation) for violation in report.violations)
        raise VerificationError(f"the plan found for {resolved.instance.uid} fails verification:\n{found}")
    return plan


def hopeless(resolved: ResolvedInstance, problem: Problem, candidates: Candidates) -> Iterator[str]:
    """Workloads without any option, and classes that no option serves, in words."""
    for workload in problem.workloads:
        known = len(candidates.options[workload.name])
        if not known or not (workload.options or workload.classes):
            yield _why_homeless(workload.name, candidates)
            continue
        for position, name in enumerate(workload.classes):
            served = [option for option in workload.options if not option.loads or option.loads[position] is not None]
            if not served:
                yield _why_unserved(resolved, workload.name, name, known)
        if workload.survives_site_loss and workload.demand:
            yield from _tied_to_one_site(problem, workload)


def _tied_to_one_site(problem: Problem, workload: WorkloadData) -> Iterator[str]:
    """A workload that must survive the loss of any site, or one of its classes, can be served at one site alone."""
    places = [(problem.pools[option.pool].site, option) for option in workload.options]
    if len({site for site, _ in places}) == 1:
        yield (
            f"{workload.name} must survive the loss of a site, but all its {len(places)} deployment options are at "
            f"{places[0][0]}; offer nodes for it at a second site, or do without survive_site_loss"
        )
        return
    for position, name in enumerate(workload.classes if workload.routed else ()):
        sites = {site for site, option in places if option.loads[position] is not None}
        if len(sites) == 1:
            yield f"{workload.name} must survive the loss of a site, but class {name} is served at {sites.pop()} alone"


def _why_unserved(resolved: ResolvedInstance, workload: str, request_class: str, options: int) -> str:
    """A class that nothing serves, with the accuracy floor that is to blame, if one is."""
    floor = out_of_reach(resolved, resolved.workloads[workload], request_class)
    cause = f"; {floor}" if floor else ""
    return f"{workload}: none of its {options} deployment options serves class {request_class}{cause}"


def _nothing() -> EngineResult:
    """The result when nothing serves some workload or class: infeasible without asking a solver."""
    reason = "a workload or class has no deployment option"
    return EngineResult("infeasible", None, None, (), (), (), (), (), (), (), NO_ENGINE, reason, "none", "none")


def _reason(problem: Problem, result: EngineResult, without: list[str], limits: SolverLimits) -> str | None:
    """Why there is no plan, or no better one."""
    if without and problem.service:
        rest = _reason(problem, result, [], limits)
        return "; ".join([*without, *([] if rest is None else [rest])])
    if without:
        return "; ".join(without)
    if result.outcome == "infeasible":
        redundant = any(w.spare_nodes or w.survives_site_loss for w in problem.workloads)
        limiting = "stock, budgets, power, space, redundancy" if redundant else "stock, budgets, power, space"
        return f"every workload has options, but {limiting} and fleet rules together leave no plan"
    if result.stopped and result.outcome == "unknown":
        return STOPPED_EARLY
    if result.stopped:
        return "stopped on request before optimality was proven"
    if result.outcome == "unknown":
        return f"no plan found within {limits.seconds:g} s; that none exists is not proven"
    if result.outcome == "feasible":
        return "stopped before optimality was proven, by the time limit or the gap asked for"
    return None


def _why_homeless(name: str, candidates: Candidates) -> str:
    """The last rule that eliminated candidates of a workload, and how many."""
    steps = [step for step in candidates.funnel if step.workload == name and step.eliminated]
    if not steps:
        return f"{name}: no offer carries an accelerator that it could run on"
    counts = ", ".join(f"{step.rule} {step.eliminated:,}" for step in steps)
    return f"{name}: no deployment option is left; eliminated by {counts}"
