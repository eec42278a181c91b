"""Chooses how to solve, solves, and says how far from optimal the answer can be."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpufleet.interruption import Stopped
from gpufleet.optimize.choice import Answer, Approach, answer, is_off_the_clock, is_settled
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.formulation.moves import counted_moves
from gpufleet.optimize.formulation.unserved import nothing_served, service_objectives
from gpufleet.optimize.limits import begin, left
from gpufleet.optimize.results import EngineResult, LevelResult, Proof, by_meaning
from gpufleet.optimize.ties import break_ties

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import BackendResult, Outcome, SolverLimits
    from gpufleet.optimize.bounds.lagrangian import Prices
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.optimize.monitor import Monitor
    from gpufleet.problem.data import Problem


def run(
    problem: Problem, limits: SolverLimits, approach: Approach | None = None, monitor: Monitor | None = None
) -> EngineResult:
    """Solve to proven optimality if the limits allow it; asked to stop by the monitor, return the best so far.

    Raises Stopped where that is asked for before there is a model.
    """
    started = time.monotonic()
    approach = approach or Approach()
    begin(monitor, "model", about_cost=False)
    model, variables = build_model(problem)
    if monitor is not None:
        monitor.report(monitor.phase, columns=len(model.variables))
    served = _serve(problem, model, variables, limits, approach, monitor)
    begin(monitor, "cost")
    if served is None:
        found = answer(
            problem, model, variables, _but_for_proof(left(limits, started), approach, model), approach, None, monitor
        )
    elif served.answer.result.values is None:
        found = served.answer
    else:
        hint = served.answer.result.values
        rest = _but_for_proof(left(limits, started), approach, model)
        found = _no_worse(model, served, answer(problem, model, variables, rest, approach, hint, monitor))
    result = _without_slack(problem, model, variables, found.result)
    if monitor is not None:
        monitor.report(monitor.phase, objective=result.objective, bound=result.bound)
    stopped = monitor is not None and monitor.stopped and not is_settled(result, limits)
    proof = _proof(model, result, left(limits, started), approach, monitor, time.monotonic() - started)
    result = _proven(result, proof)
    values, tie_break = result.values, "none"
    if values is not None:
        values, tie_break = _settled(problem, model, variables, values, left(limits, started), result.outcome, monitor)
    levels = _levels(model, problem, variables, served, values)
    unproven = result.outcome == "optimal" and any(level.value > level.bound for level in levels)
    return EngineResult(
        outcome="feasible" if unproven else result.outcome,
        objective=result.objective,
        bound=result.bound,
        service=levels,
        engine=found.engine,
        reason=found.reason,
        solver=found.solver.version(),
        tie_break=tie_break,
        stopped=stopped or (unproven and monitor is not None and monitor.stopped),
        deterministic=limits.deterministic
        and not (monitor is not None and monitor.stopped)
        and (proof is None or proof.in_time)
        and is_off_the_clock(problem, model, limits, approach, result, unproven=unproven),
        proof=proof,
        **by_meaning(variables, values),
    )


def _settled(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables,
    values: list[int],
    limits: SolverLimits,
    outcome: Outcome,
    monitor: Monitor | None,
) -> tuple[list[int], str]:
    """Ties broken, unless the search is stopped."""
    try:
        return break_ties(problem, model, variables, values, limits, outcome, monitor)
    except Stopped:
        return values, "by the solver, because the search was stopped"


def _without_slack(
    problem: Problem, model: LinearModel, variables: FleetVariables, result: BackendResult
) -> BackendResult:
    """A result that was not proven may count more moves than it makes."""
    if problem.moves is None or result.values is None:
        return result
    values = counted_moves(problem, variables, result.values)
    return replace(result, values=values, objective=model.value(model.objective, values))


def _but_for_proof(limits: SolverLimits, approach: Approach, model: LinearModel) -> SolverLimits:
    """The time limit less what is kept for the certificate, where one is asked for."""
    if not _asks_for_cases(approach, model) or limits.deterministic:
        return limits
    return replace(limits, seconds=limits.seconds - min(MOST_TREE_S, TREE_SHARE * limits.seconds))


def _asks_for_cases(approach: Approach, model: LinearModel) -> bool:
    """Is a certificate asked for, of a model that cases can say something about?"""
    return approach.certify and len(model.variables) <= TREE_LIMIT


def _proof(
    model: LinearModel,
    result: BackendResult,
    limits: SolverLimits,
    approach: Approach,
    monitor: Monitor | None,
    took: float,
) -> Proof | None:
    """Prices that prove a bound, the engine's or worked out for the certificate; cases, where that leaves a gap."""
    stopped = monitor is not None and monitor.stopped and not is_settled(result, limits)
    prices = result.prices
    if prices is None and (not approach.certify or stopped or result.outcome in ("infeasible", "unknown")):
        return None
    if stopped:
        return _proof_at_hand(model, result)
    try:
        return _proof_worked_out(model, result, limits, approach, monitor, took)
    except Stopped:
        return _proof_at_hand(model, result)


def _proof_at_hand(model: LinearModel, result: BackendResult) -> Proof | None:
    """The engine's prices with what it knows that they prove: what takes no time."""
    if result.prices is None or result.price_bound is None:
        return None
    return Proof(result.price_bound, result.prices.denominator, _named(model, result.prices))


def _named(model: LinearModel, prices: Prices) -> dict[str, int]:
    """Prices by the names of their rows."""
    return {model.rows[row].name: value for row, value in sorted(prices.numerators.items())}


def _proof_worked_out(
    model: LinearModel,
    result: BackendResult,
    limits: SolverLimits,
    approach: Approach,
    monitor: Monitor | None,
    took: float,
) -> Proof | None:
    """The best prices at hand, with a tree of cases where it is asked for and prices leave a gap."""
    from gpufleet.optimize.bounds.lagrangian import lower_bound
    from gpufleet.optimize.bounds.matrix import matrix_of
    from gpufleet.optimize.decomposition.solver import prices_of
    from gpufleet.optimize.routed.relaxation import prices_with_cuts

    prices = result.prices
    seconds = max(limits.seconds, LEAST_PROOF_S)
    matrix = matrix_of(model)
    known = [prices_of(matrix, seconds) if prices is None else prices]
    if approach.certify and (prices is None or _asks_for_cases(approach, model)):
        known.append(prices_with_cuts(matrix, seconds))
    bounds = [(lower_bound(matrix, each), each) for each in known if each is not None]
    if not bounds or any(bound is None for bound, _ in bounds):  # no prices in time, or they prove that no plan exists
        return None
    bound, best = max(((bound or 0, each) for bound, each in bounds), key=lambda found: found[0])
    proof = Proof(bound, best.denominator, _named(model, best))
    is_close = result.objective is not None and result.objective - bound <= limits.relative_gap * result.objective
    if result.objective is None or is_close or not _asks_for_cases(approach, model):
        return proof
    tree_seconds = min(max(took, LEAST_TREE_S), MOST_TREE_S, seconds)
    return _with_cases(model, matrix, bounds[0][1], result.objective, tree_seconds, monitor, proof)


def _with_cases(
    model: LinearModel,
    matrix: Matrix,
    prices: Prices,
    cost: int,
    seconds: float,
    monitor: Monitor | None,
    proof: Proof,
) -> Proof:
    """The proof with a tree of cases, if one was found that proves more."""
    from gpufleet.optimize.bounds.written import written
    from gpufleet.optimize.decomposition.proof import prove

    begin(monitor, "certificate", about_cost=False, keep=True)
    try:
        found = prove(matrix, prices, cost, seconds, lambda: monitor is not None and monitor.stopped)
    except Stopped:
        return proof
    if found is None or found.bound <= proof.bound:
        return proof
    # a tree is written without its first prices, so that they must be those of the certificate
    first = Proof(min(found.bound, cost), prices.denominator, _named(model, prices))
    return replace(first, tree=written(model, found.tree), in_time=found.in_time)


def _proven(result: BackendResult, proof: Proof | None) -> BackendResult:
    """The result with what the proof adds to its bound."""
    if proof is None or result.objective is None or proof.bound <= (result.bound or 0):
        return result
    bound = min(proof.bound, result.objective)
    return replace(result, bound=bound, outcome="optimal" if bound == result.objective else result.outcome)


LEAST_TREE_S, MOST_TREE_S = 4.0, 10.0
"""Seconds for a tree of cases where prices leave a gap: as long as the solve took, within these and what is left."""
TREE_LIMIT = 2_500
"""Variables up to which it is tried: beyond, prices leave little, or splits raise nothing (measured)."""
TREE_SHARE = 0.3
"""Share of the time limit that is kept for it, where a certificate is asked for."""
LEAST_PROOF_S = 1.0
"""Seconds that prices for a certificate, and its tree, may take even when the time limit is reached."""


@dataclass(frozen=True)
class _Served:
    """What was found when as little as possible was left unserved, before the cost."""

    answer: Answer
    """Of the last level that was solved; without values there is no plan at all, or none was found."""
    bounds: tuple[int, ...]
    """Proven lower bounds, by level."""


def _serve(
    problem: Problem,
    model: LinearModel,
    variables: FleetVariables,
    limits: SolverLimits,
    approach: Approach,
    monitor: Monitor | None,
) -> _Served | None:
    """Leave as little unserved as possible, priority by priority, and hold it; None where all must be served.

    Service is not traded for speed: a gap that is asked for is one of the cost.
    """
    started, cost = time.monotonic(), model.objective
    found: _Served | None = None
    for number, coefficients in enumerate(service_objectives(problem, variables)):
        model.objective = coefficients
        begin(monitor, f"unserved, priority {problem.service[number].priority}", about_cost=False)
        rest = replace(left(limits, started), relative_gap=0.0)
        hint = None if found is None else found.answer.result.values
        level = answer(problem, model, variables, rest, approach, hint, monitor)
        result = level.result
        bounds = found.bounds if found is not None else ()
        known = nothing_served(model, variables) if hint is None else hint
        if result.outcome == "unknown" and known is not None:
            result = replace(result, outcome="feasible", values=known)  # out of time: what is known still holds
        found = _Served(replace(level, result=result), (*bounds, result.bound or 0))
        if result.values is None:
            break
        most = model.value(coefficients, result.values)
        model.add_row("unserved", f"level_{number}", coefficients.items(), upper=most)
    model.objective = cost
    return found


def _no_worse(model: LinearModel, served: _Served, found: Answer) -> Answer:
    """The answer on cost; where time ran out before there was one, the plan that serves as much, whatever it costs."""
    values = served.answer.result.values
    if found.result.values is not None or values is None:
        return found
    cost = model.value(model.objective, values)
    return replace(found, result=replace(found.result, outcome="feasible", values=values, objective=cost))


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
