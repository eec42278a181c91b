"""Chooses how to solve, solves, and says how far from optimal the answer can be."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gpufleet.errors import MissingBackendError
from gpufleet.optimize.backends.registry import BackendName, backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.formulation.tie_break import add_forms, secondary_objectives, unused
from gpufleet.optimize.formulation.unserved import nothing_served, service_objectives
from gpufleet.optimize.reduction import without_fixed

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import Backend, BackendResult, Outcome, SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.optimize.monitor import Monitor
    from gpufleet.problem.data import Problem, WorkloadData

BackendChoice = Literal["auto", "cpsat", "pulp", "highs", "scip"]
EngineChoice = Literal["auto", "whole", "decomposition"]
ROUTED_LIMIT = 400
"""Routing shares beyond which linear programming beats the whole model in CP-SAT (measured, docs/benchmarks.md)."""
ROUTED_EFFORT = 2.0
"""Deterministic time (about seconds) that CP-SAT may take on a routed model; then HiGHS goes on. Rates that have no
small common denominator make routing hard for CP-SAT, however few the shares are."""
HIGHS_GOES_ON = "CP-SAT found no proof in its share of the time: a solver based on linear programming goes on"
TIE_BREAK_LIMIT = 5_000
"""Variables beyond which ties are left as the solver decides them."""
TIE_BREAK_EFFORT = 2.0
"""Deterministic time (about seconds) that each step of the tie-break may take."""
TIDY_EFFORT = 1.0
"""The same for using fewer deployment options where ties are left as they are."""


@dataclass(frozen=True)
class LevelResult:
    """How much stays unserved at one priority, in whole units of the level."""

    value: int
    bound: int
    """Proven: not less is possible once the higher priorities are served as they are."""


@dataclass(frozen=True)
class EngineResult:
    """Values of the integer program, by meaning."""

    outcome: Outcome
    objective: int | None
    """Micro-USD."""
    bound: int | None
    """Proven lower bound, micro-USD."""
    nodes: tuple[int, ...]
    """By offer."""
    replicas: tuple[tuple[int, ...], ...]
    """By workload and option."""
    shares: tuple[tuple[dict[int, int], ...], ...]
    """By workload and option: class position to share units."""
    fallbacks: tuple[dict[str, tuple[dict[int, int], ...]], ...]
    """By workload and lost site, as `shares`; empty where nothing is routed or no site may be lost."""
    measures: tuple[int, ...]
    """0 or 1, by measure."""
    unserved: tuple[dict[int, int], ...]
    """By workload: class position to units unserved; empty where everything must be served."""
    service: tuple[LevelResult, ...]
    """What stays unserved by priority, the highest first."""
    engine: str
    reason: str
    solver: str
    tie_break: str
    stopped: bool = False
    """The search was asked to stop before it was through."""
    deterministic: bool = False
    """Nothing hung on the clock, and the back end repeats itself with any number of workers."""


def run(
    problem: Problem,
    limits: SolverLimits,
    choice: BackendChoice = "auto",
    engine: EngineChoice = "auto",
    monitor: Monitor | None = None,
) -> EngineResult:
    """Solve to proven optimality if the limits allow it; asked to stop by the monitor, return the best so far."""
    if engine == "decomposition":
        raise MissingBackendError("the engine decomposition is not there yet; use engine whole, or auto")
    return _run_whole(problem, limits, choice, monitor)


def _run_whole(problem: Problem, limits: SolverLimits, choice: BackendChoice, monitor: Monitor | None) -> EngineResult:
    """The whole model in one back end."""
    started = time.monotonic()
    _begin(monitor, "model", about_cost=False)
    model, variables = build_model(problem)
    if monitor is not None:
        monitor.report(monitor.phase, columns=len(model.variables))
    served = _serve(problem, model, variables, limits, choice, monitor)
    left = _left(limits, started)
    _begin(monitor, "cost")
    if served is None or served.result.values is not None:
        found = _solve(problem, model, left, choice, served.result.values if served is not None else None, monitor)
        solver, result, reason = found if served is None else _no_worse(model, served, found)
    else:
        solver, result, reason = served.solver, served.result, served.reason
    if monitor is not None:
        monitor.report(monitor.phase, objective=result.objective, bound=result.bound)
    values, tie_break = result.values, "none"
    stopped = monitor is not None and monitor.stopped and not _is_settled(result, limits)
    if values is not None:
        left = _left(limits, started)
        values, tie_break = _break_ties(problem, model, variables, values, left, result.outcome, monitor)
    levels = _levels(model, problem, variables, served, values)
    unproven = result.outcome == "optimal" and any(level.value > level.bound for level in levels)
    return EngineResult(
        outcome="feasible" if unproven else result.outcome,
        objective=result.objective,
        bound=result.bound,
        service=levels,
        engine=f"whole model, {solver.name}",
        reason=reason,
        solver=solver.version(),
        tie_break=tie_break,
        stopped=stopped or (unproven and monitor is not None and monitor.stopped),
        deterministic=limits.deterministic
        and not (monitor is not None and monitor.stopped)
        and _is_off_the_clock(problem, limits, choice, result, unproven),
        **_by_meaning(variables, values),
    )


def _left(limits: SolverLimits, started: float) -> SolverLimits:
    """What is left of the time; deterministic limits hold for each step anew, because the clock must not matter."""
    if limits.deterministic:
        return limits
    return replace(limits, seconds=limits.seconds - (time.monotonic() - started))


def _begin(monitor: Monitor | None, phase: str, *, about_cost: bool = True, keep: bool = False) -> None:
    if monitor is not None:
        monitor.restart(phase, about_cost=about_cost, keep=keep)


def _is_off_the_clock(
    problem: Problem, limits: SolverLimits, choice: BackendChoice, result: BackendResult, unproven: bool
) -> bool:
    """CP-SAT alone has limits that do not hang on the clock; whatever else ran must have come to its end."""
    if _choose(problem, choice)[0] == "cpsat" and (choice == "cpsat" or not _is_routed(problem)):
        return True
    return _is_settled(result, limits) and not unproven


def _is_routed(problem: Problem) -> bool:
    return any(workload.routed for workload in problem.workloads)


@dataclass(frozen=True)
class _Served:
    """What was found when as little as possible was left unserved, before the cost."""

    solver: Backend
    result: BackendResult
    """Of the last level that was solved; without values there is no plan at all, or none was found."""
    reason: str
    bounds: tuple[int, ...]
    """Proven lower bounds, by level."""


def _serve(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables,
    limits: SolverLimits,
    choice: BackendChoice,
    monitor: Monitor | None,
) -> _Served | None:
    """Leave as little unserved as possible, priority by priority, and hold it; None where all must be served.

    Service is not traded for speed: a gap that is asked for is one of the cost.
    """
    started, cost = time.monotonic(), model.objective
    found: _Served | None = None
    for number, coefficients in enumerate(service_objectives(problem, variables)):
        model.objective = coefficients
        _begin(monitor, f"unserved, priority {problem.service[number].priority}", about_cost=False)
        left = replace(_left(limits, started), relative_gap=0.0)
        hint = None if found is None else found.result.values
        solver, result, reason = _solve(problem, model, left, choice, hint, monitor)
        bounds = found.bounds if found is not None else ()
        known = nothing_served(model, variables) if hint is None else hint
        if result.outcome == "unknown" and known is not None:
            result = replace(result, outcome="feasible", values=known)  # out of time: what is known still holds
        found = _Served(solver, result, reason, (*bounds, result.bound or 0))
        if result.values is None:
            break
        most = model.value(coefficients, result.values)
        model.add_row("unserved", f"level_{number}", coefficients.items(), upper=most)
    model.objective = cost
    return found


def _no_worse(
    model: LinearModel, served: _Served, found: tuple[Backend, BackendResult, str]
) -> tuple[Backend, BackendResult, str]:
    """The answer on cost; where time ran out before there was one, the plan that serves as much, whatever it costs."""
    solver, result, reason = found
    if result.values is not None or served.result.values is None:
        return found
    cost = model.value(model.objective, served.result.values)
    return solver, replace(result, outcome="feasible", values=served.result.values, objective=cost), reason


def _levels(
    model: LinearModel,
    problem: Problem,
    variables: FleetVariables,
    served: _Served | None,
    values: list[int] | None,
) -> tuple[LevelResult, ...]:
    """What the final plan leaves unserved at each level, beside the bound."""
    if served is None or values is None:
        return ()
    sums = [model.value(coefficients, values) for coefficients in service_objectives(problem, variables)]
    return tuple(LevelResult(value, min(bound, value)) for value, bound in zip(sums, served.bounds, strict=True))


def _solve(
    problem: Problem,
    model: LinearModel,
    limits: SolverLimits,
    choice: BackendChoice,
    hint: list[int] | None = None,
    monitor: Monitor | None = None,
) -> tuple[Backend, BackendResult, str]:
    """The back end whose answer holds, the answer, and the reason; a second one goes on where CP-SAT gets stuck."""
    started = time.monotonic()
    name, reason = _choose(problem, choice)
    solver = backend(name)
    if choice != "auto" or name != "cpsat" or not _is_routed(problem):
        return solver, solver.solve(model, limits, hint, monitor), reason
    first = solver.solve(model, replace(limits, effort=ROUTED_EFFORT), hint, monitor)
    left = _left(limits, started)
    if _is_settled(first, limits) or left.seconds <= 0 or (monitor is not None and monitor.stopped):
        return solver, first, reason
    second = backend("highs")
    result = second.solve(model, left, None, monitor)
    if result.outcome == "infeasible":
        return second, result, HIGHS_GOES_ON
    if first.objective is not None and (result.objective is None or first.objective < result.objective):
        return solver, _bounded(first, result.bound), reason
    return second, result, HIGHS_GOES_ON


def _bounded(result: BackendResult, bound: int | None) -> BackendResult:
    """A plan beside the better of two bounds."""
    if result.objective is None or bound is None or bound <= (result.bound or 0):
        return result
    if bound >= result.objective:
        return replace(result, outcome="optimal", bound=result.objective)
    return replace(result, bound=bound)


def _is_settled(result: BackendResult, limits: SolverLimits) -> bool:
    """Proven, or within the gap asked for."""
    if result.outcome in ("optimal", "infeasible"):
        return True
    if result.objective is None or result.bound is None:
        return False
    return result.objective - result.bound <= limits.relative_gap * result.objective


def _choose(problem: Problem, choice: BackendChoice) -> tuple[BackendName, str]:
    """Back end and the reason for it."""
    if choice != "auto":
        return choice, "asked for"
    shares = sum(_routing_shares(problem, workload) for workload in problem.workloads)
    if shares > ROUTED_LIMIT:
        return "highs", f"{shares:,} routing shares: a solver based on linear programming, with integer node counts"
    return (
        "cpsat",
        f"{shares:,} routing shares: small enough for one exact model" if shares else "one exact integer model",
    )


def _routing_shares(problem: Problem, workload: WorkloadData) -> int:
    """Shares of a workload; once more for the loss of each site, over the options elsewhere."""
    shares = sum(len(option.loads) for option in workload.options)
    sites = {problem.pools[option.pool].site for option in workload.options} if workload.survives_site_loss else set()
    return shares * max(len(sites), 1)


def _by_meaning(variables: FleetVariables, values: list[int] | None) -> dict[str, tuple]:  # type: ignore[type-arg]
    if values is None:
        return {"nodes": (), "replicas": (), "shares": (), "fallbacks": (), "measures": (), "unserved": ()}
    return {
        "nodes": tuple(values[y] for y in variables.nodes),
        "measures": tuple(values[z] for z in variables.measures),
        "unserved": tuple({c: values[d] for c, d in row.items()} for row in variables.unserved),
        "replicas": tuple(tuple(values[n] for n in row) for row in variables.replicas),
        "shares": tuple(_shares_by_meaning(row, values) for row in variables.shares),
        "fallbacks": tuple(
            {lost: _shares_by_meaning(row, values) for lost, row in by_site.items()} for by_site in variables.fallbacks
        ),
    }


def _shares_by_meaning(row: tuple[dict[int, int], ...], values: list[int]) -> tuple[dict[int, int], ...]:
    return tuple({c: values[x] for c, x in option.items()} for option in row)


def _break_ties(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables,
    values: list[int],
    limits: SolverLimits,
    outcome: Outcome,
    monitor: Monitor | None = None,
) -> tuple[list[int], str]:
    """Among equally cheap plans, the one with fewer nodes, then less power, then by name."""
    _begin(monitor, "ties", about_cost=False, keep=True)
    if outcome != "optimal":
        return _tidied(problem, model, variables, values, limits, "none: the cost is not proven optimal", monitor)
    if len(model.variables) > TIE_BREAK_LIMIT:
        reason = f"by the solver: more than {TIE_BREAK_LIMIT:,} variables"
        return _tidied(problem, model, variables, values, limits, reason, monitor)
    exact = backend("cpsat")
    started = time.monotonic()
    cost = model.objective
    model.add_row("tie_break", "tie_cost", cost.items(), upper=model.value(cost, values))
    values = list(values)
    forms = add_forms(model, problem, variables, values)
    for what, coefficients in secondary_objectives(problem, variables, forms):
        model.objective = coefficients
        _begin(monitor, f"ties: {what}", about_cost=False, keep=True)
        left = replace(_left(limits, started), relative_gap=0.0, effort=TIE_BREAK_EFFORT)
        result = exact.solve(model, left, values, monitor) if left.seconds > 0 else None
        if result is None or result.values is None or result.outcome != "optimal":
            if monitor is not None and monitor.stopped:
                return values, f"by the solver from here on: {what}, because the search was stopped"
            return values, f"by the solver from here on: {what}, which took too long to settle"
        values = result.values
        model.add_row("tie_break", f"tie_{what}", coefficients.items(), upper=model.value(coefficients, values))
    return values, "fewest nodes, then least power, then names; proven"


def _tidied(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables,
    values: list[int],
    limits: SolverLimits,
    why: str,
    monitor: Monitor | None = None,
) -> tuple[list[int], str]:
    """The same fleet over several periods with fewer changes: fewest of the deployment options that it uses anyway."""
    if monitor is not None and monitor.stopped:
        return values, why
    forms = add_forms(model, problem, variables, values := list(values))
    if not forms or limits.seconds <= 0:
        return values, why
    model.objective = dict.fromkeys(forms, 1)
    small, kept = without_fixed(model, unused(problem, variables, values))
    hint = [values[index] for index in kept]
    result = backend("cpsat").solve(small, replace(limits, relative_gap=0.0, effort=TIDY_EFFORT), hint, monitor)
    if result.values is None:
        return values, why
    for index, position in kept.items():
        values[index] = result.values[position]
    return values, f"{why}; on this fleet, few of the deployment options that it used"
