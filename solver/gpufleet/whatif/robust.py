"""The cheapest fleet that keeps a limit on violations over a sample of scenarios.

The chance constraint is solved by cuts: the integer program looks at some scenarios and takes the others to be met, so
what it proves is a bound for all of them. The stress test, which shares nothing with the program, tries its plan in the
whole sample. Where too many scenarios are violated, some of those are added and the program is solved again.

A scenario is harder than another of the same period where demand is higher, no throughput is better and at least the
same nodes are down. Whoever violates a scenario violates all that are harder: one with more harder ones than may be
violated must be met, and needs no variable.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.assembly import unanswered
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_fields
from gpufleet.errors import InputError, InputProblem, VerificationError
from gpufleet.interruption import Stopped
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.problem.build import build_problem
from gpufleet.problem.horizon import horizon_of
from gpufleet.problem.offers import Reserve
from gpufleet.problem.scenarios import ScenarioRows, failures, hardness, interval_of
from gpufleet.scenarios.draws import Draws, factor
from gpufleet.scenarios.settings import ScenarioSettings
from gpufleet.schema.robust import RobustClaim
from gpufleet.schema.workloads import Training
from gpufleet.solving import STOPPED_EARLY, all_candidates, monitor_of, solve_candidates
from gpufleet.stressing.evaluate import outcomes
from gpufleet.stressing.statistics import share

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from gpufleet.candidates.option import Candidates
    from gpufleet.optimize.monitor import Monitor
    from gpufleet.optimize.progress import ProgressEvent
    from gpufleet.problem.data import Problem
    from gpufleet.scenarios.draws import Bools, Floats, Integers
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.evaluate import Outcomes

FRESH_SAMPLES = 2000
"""Scenarios for the rate outside the sample."""
FRESH_SEED = 1_000_003
"""Added to the seed for them."""
BEYOND = 5
"""Scenarios beyond the number that may be violated, in the first round."""
TIGHTER = (0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Parts of the deadline within which runs are looked for."""
MORE = 12
"""Scenarios added in each later round."""


@dataclass(frozen=True)
class _Sample:
    """All scenarios, and how hard they are."""

    columns: tuple[Floats, ...]
    """What is larger in a harder scenario."""
    period: Integers
    down: Bools
    """(samples, nodes of all pools)"""

    def harder(self, s: int) -> Bools:
        """(samples,) which scenarios are at least as hard as s?"""
        found = self.period == self.period[s]
        for column in self.columns:
            found = found & (column >= column[s])
        return np.asarray(found & ~np.any(self.down[s] & ~self.down, axis=1))


def solve_robust(
    resolved: ResolvedInstance,
    violations: float,
    settings: ScenarioSettings | None = None,
    *,
    time_limit_s: float = 60.0,
    seed: int = 0,
    progress: Callable[[ProgressEvent], None] | None = None,
    cancel: threading.Event | None = None,
) -> Plan:
    """The cheapest plan that violates at most this share of the scenarios of a sample.

    The plan keeps all rules as the instance states them, and `plan.robust` says what was kept beyond. Without a plan,
    `status` is `infeasible` or `unknown`, and `reason` says why. `progress` and `cancel` are those of `solve`; stopped
    before the limit on violations is kept, there is no plan, but a bound. Raises InputError where the instance asks for
    something that scenarios do not know.
    """
    started = time.monotonic()
    settings = settings or ScenarioSettings(samples=200)
    _refuse(resolved)
    monitor = monitor_of(progress, cancel)
    limits, most = SolverLimits(time_limit_s, seed=seed), math.floor(exact_share(violations) * settings.samples)
    try:
        usual = all_candidates(resolved, monitor)
    except Stopped:
        return unanswered(resolved, limits, STOPPED_EARLY)
    plain = solve_candidates(resolved, usual, limits, monitor=_round(monitor, 1))
    if not plain.nodes:
        return plain
    candidates = _with_faster_runs(resolved, usual)
    plan, sample = plain, _sample(resolved, candidates, settings)
    reserve = _reserve(resolved, candidates, settings)
    chosen: list[int] = []
    rounds, proven = 1, 0.0
    while True:
        plan, proven = _bounded(plan, proven)
        found = outcomes(resolved, plan, settings)
        if int(found.violated.sum()) <= most:
            return plan.model_copy(
                update={"robust": _claim(resolved, plan, plain, violations, settings, found, len(chosen), rounds)}
            )
        _check(plan, chosen, found, most)
        left = time_limit_s - (time.monotonic() - started)
        more = _next(found, chosen, most)
        if left <= 0 or (monitor is not None and monitor.stopped):
            why = "out of time" if left <= 0 else "stopped on request"
            return _given_up(plain, plan, most, int(found.violated.sum()), settings, why)
        chosen = sorted({*chosen, *more})
        must = frozenset(s for s in chosen if int(sample.harder(s).sum()) > most)
        rows = ScenarioRows(settings, _hardest(chosen, must, sample), must, most, reserve)
        rounds += 1
        inside = _round(monitor, rounds)
        plan = solve_candidates(resolved, candidates, replace(limits, seconds=left), monitor=inside, scenarios=rows)
        if not plan.nodes:
            return _without_plan(plan, most, settings, stopped=monitor is not None and monitor.stopped)


def _round(monitor: Monitor | None, number: int) -> Monitor | None:
    """What hears of one solve. Costs of rounds are bounds on each other, not better and better plans."""
    return None if monitor is None else monitor.at(f"round {number}: ")


def _bounded(plan: Plan, proven: float) -> tuple[Plan, float]:
    """The plan with the best bound so far: that of every round holds, since each looks at some of the scenarios."""
    assert plan.certificate is not None
    bound, cost = max(proven, plan.certificate.bound_usd or 0.0), plan.certificate.objective_usd
    assert cost is not None
    bound = min(bound, cost)
    certificate = plan.certificate.model_copy(
        update={"bound_usd": bound, "gap": (cost - bound) / cost if cost else 0.0}
    )
    status = "optimal" if bound == cost and not certificate.service else plan.status
    return plan.model_copy(update={"certificate": certificate, "status": status}), bound


def exact_share(violations: float) -> Fraction:
    """The share as it was written, so that 5 % of 200 are 10."""
    return Fraction(repr(violations))


def _refuse(resolved: ResolvedInstance) -> None:
    """Name what scenarios do not know yet."""
    instance = resolved.instance
    problems = []
    if instance.performance != "p50":
        problems.append(
            ("performance", "p90 and a limit on violations are two ways to be cautious; use performance p50")
        )
    if instance.allow_unserved:
        problems.append(
            ("allow_unserved", "a limit on violations is about serving everything; leave allow_unserved out")
        )
    for number, workload in enumerate(instance.workloads):
        if isinstance(workload, Training) and instance.periods:
            message = f"{workload.name} is trained over periods, which scenarios do not know yet; leave the periods out"
            problems.append((f"workloads[{number}]", f"{message}, or stress the plan instead (gpufleet stress)"))
    if problems:
        raise InputError([InputProblem(resolved.path, 0, field, message) for field, message in problems])


def _with_faster_runs(resolved: ResolvedInstance, candidates: Candidates) -> Candidates:
    """The candidates and, for training runs, those that tighter deadlines would leave: a run that is done earlier is no
    better by the estimates, so only the smallest in time is among the usual ones."""
    runs = [workload.name for workload in resolved.instance.workloads if isinstance(workload, Training)]
    options = {name: list(known) for name, known in candidates.options.items()}
    for part in TIGHTER if runs else ():
        workloads = tuple(
            known.model_copy(update={"deadline_days": known.deadline_days * part})
            if isinstance(known, Training)
            else known
            for known in resolved.instance.workloads
        )
        faster = build_candidates(with_fields(resolved, workloads=workloads))
        for name in runs:
            options[name] += [option for option in faster.options[name] if option not in options[name]]
    return replace(candidates, options={name: tuple(known) for name, known in options.items()})


def _sample(resolved: ResolvedInstance, candidates: Candidates, settings: ScenarioSettings) -> _Sample:
    draws = Draws(settings)
    columns = tuple(column if larger else -column for column, larger in hardness(resolved, candidates, draws))
    period = draws.moments([float(part.hours) for part in horizon_of(resolved.instance).periods])
    problem = build_problem(resolved, candidates)
    reach = _reach(problem, Fraction(1))
    gone = failures(resolved, problem.pools, draws, reach)
    return _Sample(columns, period, np.concatenate(list(gone.values()), axis=1))


def _reserve(resolved: ResolvedInstance, candidates: Candidates, settings: ScenarioSettings) -> Reserve:
    """Nodes that some scenario can need."""
    draws = Draws(settings)
    growth = float(draws.demand().max())
    least = 1.0
    for name, options in candidates.options.items():
        for option in options:
            known, accelerator = interval_of(resolved, option), resolved.accelerator_of(option.node_type).name
            error = draws.error(accelerator, resolved.workloads[name].kind, measured=known.measured)
            least = min(least, float(factor(error, min(known.low), 1.0).min()))
    problem = build_problem(resolved, candidates)
    factor_ = Fraction(math.ceil(1000 * max(growth, 1.0) / least), 1000)
    reach = _reach(problem, factor_)
    gone = failures(resolved, problem.pools, draws, reach)
    return Reserve(factor_, max(int(columns.sum(axis=1).max()) for columns in gone.values()), reach)


def _reach(problem: Problem, times: Fraction) -> int:
    """Nodes of a pool for which failures are drawn: twice as many as carry what is asked."""
    return 2 * math.ceil(max((offer.most for offer in problem.offers), default=0) * times) + 8


def _hardest(chosen: list[int], must: frozenset[int], sample: _Sample) -> tuple[int, ...]:
    """Without scenarios that must be met and have a harder one that must be met: they follow."""
    kept = []
    for s in chosen:
        above = [o for o in np.flatnonzero(sample.harder(s)) if int(o) in must and int(o) != s]
        if s not in must or not any(not sample.harder(int(o))[s] or int(o) < s for o in above):
            kept.append(s)
    return tuple(kept)


def _next(found: Outcomes, chosen: list[int], most: int) -> list[int]:
    """Violated scenarios to look at: at first the hardest, some more than may be violated; then those nearest to what
    the plan still meets, and the hardest of the rest."""
    unmet = found.mean_unmet
    open_ = [int(s) for s in np.argsort(-unmet, kind="stable") if found.violated[s] and int(s) not in set(chosen)]
    if not chosen:
        return open_[: most + BEYOND]
    beyond = max(0, most - sum(bool(found.violated[s]) for s in chosen))
    middle = open_[beyond : beyond + MORE // 2]
    return [*open_[: MORE // 2], *middle]


def _check(plan: Plan, chosen: list[int], found: Outcomes, most: int) -> None:
    """The stress test and the program agree on what the program looked at."""
    hits = sum(bool(found.violated[s]) for s in chosen)
    if hits > most:
        message = (
            f"the program takes the plan to violate at most {most} of the {len(chosen)} scenarios that it looked at"
        )
        raise VerificationError(f"{message}, the stress test counts {hits} ({plan.instance})")


def _claim(
    resolved: ResolvedInstance,
    plan: Plan,
    plain: Plan,
    violations: float,
    settings: ScenarioSettings,
    found: Outcomes,
    looked_at: int,
    rounds: int,
) -> RobustClaim:
    fresh = replace(settings, samples=FRESH_SAMPLES, seed=settings.seed + FRESH_SEED)
    outside = share(outcomes(resolved, plan, fresh).violated)
    assert plan.certificate is not None
    assert plain.certificate is not None
    ours, theirs = plan.certificate.objective_usd, plain.certificate.objective_usd
    assert ours is not None
    assert theirs is not None
    return RobustClaim(
        limit=violations,
        samples=settings.samples,
        seed=settings.seed,
        demand_low=settings.demand[0],
        demand_high=settings.demand[1],
        availability=settings.availability,
        violated=int(found.violated.sum()),
        looked_at=looked_at,
        rounds=rounds,
        plain_usd=min(ours, theirs),
        extra_usd=round(max(0.0, ours - theirs), 6),
        proven=plan.status == plain.status == "optimal",
        fresh_samples=fresh.samples,
        fresh_seed=fresh.seed,
        fresh_share=outside.value,
        fresh_low=outside.low,
        fresh_high=outside.high,
    )


def _without_plan(plan: Plan, most: int, settings: ScenarioSettings, *, stopped: bool) -> Plan:
    """No plan keeps the limit, or none was found."""
    limit = f"at most {most} of {settings.samples} scenarios may be violated"
    words = "no fleet keeps the limit" if plan.status == "infeasible" else "no fleet that keeps the limit was found"
    if stopped and plan.status != "infeasible":
        return plan.model_copy(update={"reason": f"stopped on request: {words} ({limit})"})
    reason = f"{words} ({limit}); allow more violations, or more stock, budget, power or kinds of nodes"
    return plan.model_copy(update={"reason": reason})


def _given_up(plain: Plan, plan: Plan, most: int, violated: int, settings: ScenarioSettings, why: str) -> Plan:
    """No more rounds: the last plan is too cheap to keep the limit, and its bound holds for those that do."""
    assert plan.certificate is not None
    empty = ("nodes", "measures", "deployments", "routing", "fallback_routing", "charges", "costs", "cash_flow")
    reason = (
        f"{why}: the last plan violates {violated} of {settings.samples} scenarios, {most} may be; that no fleet "
        "keeps the limit is not proven"
    )
    certificate = plan.certificate.model_copy(update={"objective_usd": None, "gap": None, "prices": None})
    update = {**dict.fromkeys(empty, ()), "moves": None, "status": "unknown", "reason": reason}
    return plain.model_copy(update={**update, "certificate": certificate})
