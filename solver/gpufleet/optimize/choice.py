"""Which engine and back end solves a model, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gpufleet.interruption import Stopped, aside
from gpufleet.optimize.backends.interface import BackendResult
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.limits import left

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from gpufleet.optimize.backends.interface import Backend, SolverLimits
    from gpufleet.optimize.backends.registry import BackendName
    from gpufleet.optimize.decomposition.solver import Decomposition
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.optimize.monitor import Monitor
    from gpufleet.optimize.periods.solver import Periods
    from gpufleet.optimize.routed.solver import Routed
    from gpufleet.problem.data import Problem, WorkloadData

BackendChoice = Literal["auto", "cpsat", "pulp", "highs", "scip"]
EngineChoice = Literal["auto", "whole", "decomposition"]
ROUTED_LIMIT = 400
"""Routing shares beyond which linear programming beats the whole model in CP-SAT (measured, docs/benchmarks.md)."""
MOST_CLASSES, MANY_SHARES = 30, 100_000
"""Classes of one workload beyond which the whole model in HiGHS is quicker than the engine for routed services, and
routing shares from which it is not: HiGHS finds no good plan in minutes there (measured at 14,000 and 150,000)."""
FIRST_EFFORT = 2.0
"""Deterministic time (about seconds) that CP-SAT may take on a whole model before something else goes on. Rates that
have no small common denominator make routing hard for it, however few the shares are."""
HIGHS_GOES_ON = "CP-SAT found no proof in its share of the time: a solver based on linear programming goes on"
PIECES_GO_ON = "CP-SAT found no proof of the whole model in its share of the time: decomposition goes on"
MERGING = "periods that are alike bound the cost together, and every period is planned alone"
STOPPED_AT_ONCE = "stopped before a solver was ready"
MERGING_SHARE = 0.7
"""Of the time, for merging periods, before a whole model goes on."""
MERGED_AT_ONCE = 5_000
"""Variables over all periods from which merging comes before CP-SAT has the whole model."""
MERGED_PERIODS = 3
"""Fewest periods that are merged."""
PIECES_FROM = 1_000
"""Replica counts of workloads that are not routed, from which decomposition is quicker than the whole model."""


@dataclass(frozen=True)
class Approach:
    """What the caller asked for."""

    backend: BackendChoice = "auto"
    engine: EngineChoice = "auto"
    executor: Executor | None = None
    """Where decomposition sends its tasks; None = threads of its own."""
    certify: bool = False
    """Also work out prices that prove a bound where a whole model was solved."""


class Nobody:
    """Stands where a search was stopped before any solver was ready."""

    name = "none"

    def version(self) -> str:
        """`none`."""
        return self.name

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Nothing is known."""
        del model, limits, hint, monitor
        return BackendResult("unknown", None, None, 0)


@dataclass(frozen=True)
class Answer:
    """The result that holds, whose it is, and why that one was asked."""

    solver: Backend
    result: BackendResult
    reason: str

    @property
    def engine(self) -> str:
        """In words, for the certificate."""
        name = self.solver.name
        return name if name in ("none", "decomposition", "routed", "periods") else f"whole model, {name}"


@dataclass(frozen=True)
class _Stage:
    """One solver of a series: each goes on from what the ones before it know."""

    name: BackendName | Literal["decomposition", "routed", "periods"]
    reason: str
    effort: float | None = None
    """Deterministic time that it may take, where another one goes on."""
    share: float = 1.0
    """Of the time that is left."""


def answer(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables | None,
    limits: SolverLimits,
    approach: Approach,
    hint: list[int] | None = None,
    monitor: Monitor | None = None,
) -> Answer:
    """Solve the model; where the first solver gets stuck, others go on from what it found.

    `variables` are those of the model if it asks for the cost of the problem, in any fleet that serves it; None if it
    asks for something else, or has rows of its own.
    """
    started = time.monotonic()
    best: Answer | None = None
    for stage in _stages(problem, model, approach, merging=variables is not None):
        rest = left(limits, started)
        if best is not None and (rest.seconds <= 0 or (monitor is not None and monitor.stopped)):
            break
        effort = limits.effort if stage.effort is None else stage.effort
        seconds = rest.seconds if limits.deterministic else stage.share * rest.seconds
        try:
            solver = _solver(stage, problem, variables, approach, known=best is not None)
            found = solver.solve(model, replace(rest, seconds=seconds, effort=effort), hint, monitor)
        except Stopped:
            break
        now = Answer(solver, found, stage.reason)
        best = now if best is None else _better(best, now)
        if is_settled(best.result, limits):
            break
        hint = best.result.values or hint
    return Answer(Nobody(), BackendResult("unknown", None, None, 0), STOPPED_AT_ONCE) if best is None else best


def _stages(problem: Problem, model: LinearModel, approach: Approach, *, merging: bool = True) -> list[_Stage]:
    """Who is asked, one after the other."""
    merged = [_Stage("periods", MERGING, share=MERGING_SHARE)] if merging and _merges(problem, approach) else []
    pieces = _pieces(problem, approach)
    if pieces is not None:
        return [*merged, _Stage("decomposition", pieces)]
    routed = _routed(problem, approach)
    if routed is not None:
        return [_Stage("routed", routed)]
    name, reason = _choose(problem, approach.backend)
    if name != "cpsat":
        return [*merged, _Stage(name, reason)]
    whole = _Stage("cpsat", reason)
    followers = _followers(problem, approach)
    if not merged and not followers:
        return [whole]
    after = [*merged, *(followers or [whole])]
    if merged and len(model.variables) > MERGED_AT_ONCE:
        return after
    return [replace(whole, effort=FIRST_EFFORT), *after]


def _solver(
    stage: _Stage, problem: Problem, variables: FleetVariables | None, approach: Approach, *, known: bool
) -> Backend:
    """The solver of a stage; `known`: its hint is what another one found."""
    if stage.name == "decomposition":
        return aside(_decomposition)(approach.executor)
    if stage.name == "routed":
        return aside(_routed_engine)()
    if stage.name == "periods":
        assert variables is not None
        return aside(_periods)(problem, variables)
    if stage.name == "highs" and known:
        from gpufleet.optimize.backends.mathopt_highs import MathOptHighs

        return MathOptHighs(starts_at_hint=True)
    name = stage.name
    return aside(lambda: backend(name))


def _decomposition() -> type[Decomposition]:
    """The engine, imported and compiled; see `interruption.aside`."""
    from gpufleet.optimize.bounds.knapsack import compiled
    from gpufleet.optimize.decomposition.solver import Decomposition

    compiled()
    return Decomposition


def _routed_engine() -> type[Routed]:
    from gpufleet.optimize.bounds.knapsack import compiled
    from gpufleet.optimize.routed.solver import Routed

    compiled()
    return Routed


def _periods() -> type[Periods]:
    from gpufleet.optimize.periods.solver import Periods

    return Periods


def is_settled(result: BackendResult, limits: SolverLimits) -> bool:
    """Proven, or within the gap asked for."""
    if result.outcome in ("optimal", "infeasible"):
        return True
    if result.objective is None or result.bound is None:
        return False
    return result.objective - result.bound <= limits.relative_gap * result.objective


def is_off_the_clock(
    problem: Problem,
    model: LinearModel,
    limits: SolverLimits,
    approach: Approach,
    result: BackendResult,
    *,
    unproven: bool,
) -> bool:
    """CP-SAT alone has limits that do not hang on the clock; whatever else ran must have come to its end."""
    if [stage.name for stage in _stages(problem, model, approach)] == ["cpsat"]:
        return True
    return is_settled(result, limits) and not unproven


def _better(first: Answer, second: Answer) -> Answer:
    """The answer with the better plan, beside the better of the two bounds."""
    if second.result.outcome == "infeasible":
        return second
    ours, theirs = first.result.objective, second.result.objective
    if ours is not None and (theirs is None or ours < theirs):
        return replace(first, result=_bounded(first.result, second.result))
    return replace(second, result=_bounded(second.result, first.result))


def _bounded(result: BackendResult, other: BackendResult) -> BackendResult:
    """A result beside the better of its own bound and another's."""
    prices = result.prices or other.prices
    if result.objective is None or other.bound is None or other.bound <= (result.bound or 0):
        return replace(result, prices=prices)
    if other.bound >= result.objective:
        return replace(result, outcome="optimal", bound=result.objective, prices=prices)
    return replace(result, bound=other.bound, prices=prices)


def _pieces(problem: Problem, approach: Approach) -> str | None:
    """Why decomposition is asked at once; None where it is not."""
    if problem.robust is not None:
        return None
    if approach.engine == "decomposition":
        return "asked for"
    if approach.engine == "whole" or approach.backend != "auto" or _shares(problem) > ROUTED_LIMIT:
        return None
    counts = _counts(problem)
    if counts < PIECES_FROM:
        return None
    return f"{counts:,} replica counts of {_covering(problem):,} workloads and periods, which prices separate"


def _routed(problem: Problem, approach: Approach) -> str | None:
    """Why the engine for routed services is asked; None where it is not: over several periods or for the loss of a
    site, under budgets and other limits, where the counts hang together in ways that prices of single options do not
    see, and for many classes up to `MANY_SHARES`, HiGHS stays quicker (measured, docs/decisions.md)."""
    if approach.engine != "auto" or approach.backend != "auto" or len(problem.periods) > 1:
        return None
    if problem.limits or problem.moves is not None or problem.robust is not None:
        return None
    shares = _shares(problem)
    if shares < MANY_SHARES and any(len(workload.classes) > MOST_CLASSES for workload in problem.workloads):
        return None
    if shares <= ROUTED_LIMIT or any(workload.survives_site_loss for workload in problem.workloads):
        return None
    return f"{shares:,} routing shares: prices rule options out, branch and bound decides between the others"


def _merges(problem: Problem, approach: Approach) -> bool:
    """Are there periods to merge, each small enough for one model, and is the cost what is looked for?"""
    if approach.engine != "auto" or approach.backend != "auto" or problem.service:
        return False
    if problem.robust is not None or problem.moves is not None or problem.signatures is not None:
        return False  # merged periods know nothing of these
    return len(problem.periods) >= MERGED_PERIODS and _counts(problem) < PIECES_FROM * len(problem.periods)


def _followers(problem: Problem, approach: Approach) -> list[_Stage]:
    """What goes on after CP-SAT; nothing where it goes on itself."""
    if approach.backend != "auto":
        return []
    if any(workload.routed for workload in problem.workloads) or problem.robust is not None:
        return [_Stage("highs", HIGHS_GOES_ON)]
    if approach.engine == "auto" and _covering(problem) > 1:
        return [_Stage("decomposition", PIECES_GO_ON)]
    return []


def _choose(problem: Problem, choice: BackendChoice) -> tuple[BackendName, str]:
    """Back end for the whole model, and the reason for it."""
    if choice != "auto":
        return choice, "asked for"
    shares = _shares(problem)
    if shares > ROUTED_LIMIT:
        return "highs", f"{shares:,} routing shares: a solver based on linear programming, with integer node counts"
    return (
        "cpsat",
        f"{shares:,} routing shares: small enough for one exact model" if shares else "one exact integer model",
    )


def _covering(problem: Problem) -> int:
    """Workloads that are not routed, in every period."""
    return sum(not workload.routed for workload in problem.workloads)


def _counts(problem: Problem) -> int:
    """Replica counts of workloads that are not routed."""
    return sum(len(workload.options) for workload in problem.workloads if not workload.routed)


def _shares(problem: Problem) -> int:
    """Routing shares, those of scenarios included."""
    scenarios = problem.robust.scenarios if problem.robust is not None else ()
    again = sum(load is not None for s in scenarios for part in s.parts for loads in part.loads for load in loads)
    return again + sum(_routing_shares(problem, workload) for workload in problem.workloads)


def _routing_shares(problem: Problem, workload: WorkloadData) -> int:
    """Shares of a workload; once more for the loss of each site, over the options elsewhere."""
    shares = sum(len(option.loads) for option in workload.options)
    sites = {problem.pools[option.pool].site for option in workload.options} if workload.survives_site_loss else set()
    return shares * max(len(sites), 1)
