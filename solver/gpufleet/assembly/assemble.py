"""The plan of an engine's result."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from gpufleet import __version__
from gpufleet.assembly import money
from gpufleet.assembly.deployments import placed, routes
from gpufleet.assembly.fallbacks import fallbacks
from gpufleet.assembly.moves import moves
from gpufleet.assembly.prices import planned_prices, warnings_in_plan
from gpufleet.problem.horizon import horizon_of
from gpufleet.problem.scaling import SHARE_UNITS
from gpufleet.problem.service import service_proofs, unserved_demand
from gpufleet.schema.bound import BoundPrices, BoundTree
from gpufleet.schema.plan import Certificate, Plan
from gpufleet.units import exact, micro_usd, usd

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.results import EngineResult
    from gpufleet.problem.data import Problem
    from gpufleet.schema.plan import PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance

LONGEST_NOTE = 4000
"""Characters of a note that a plan file takes."""


def assemble(
    resolved: ResolvedInstance,
    candidates: Candidates,
    problem: Problem,
    result: EngineResult,
    limits: SolverLimits,
    reason: str | None,
) -> Plan:
    """The plan of an engine's result; without a fleet when the engine found none."""
    horizon = horizon_of(resolved.instance)
    runs = list(placed(resolved, candidates, problem, horizon, result)) if result.objective is not None else []
    taken = [(data, count) for data, count in zip(problem.offers, result.nodes, strict=bool(result.nodes)) if count]
    bills = [*((data.bill, count) for data, count in taken), *money.taken_measures(problem, result)]
    nodes = tuple(money.nodes(resolved, horizon, data, count) for data, count in taken)
    return Plan(
        schema_version=1,
        instance=resolved.instance.uid,
        status=result.outcome,
        reason=reason,
        performance=resolved.instance.performance,
        note=_note(resolved),
        certificate=_certificate(resolved, problem, result, limits, nodes),
        nodes=nodes,
        measures=tuple(money.measures(problem, result)),
        deployments=tuple(entry.deployment for entry in runs),
        routing=tuple(routes(resolved, runs)),
        fallback_routing=tuple(fallbacks(resolved, candidates, problem, horizon, result, runs)),
        unserved=tuple(unserved_demand(problem, result.unserved)),
        moves=moves(problem, result),
        charges=tuple(money.charges(problem, result)),
        costs=(*money.node_lines(resolved, horizon, taken), *money.measure_lines(resolved, problem, result)),
        offer_prices=tuple(planned_prices(resolved, nodes)),
        overlay=None if resolved.overlay is None else resolved.overlay.record,
        price_warnings=tuple(warnings_in_plan(resolved, nodes)),
        cash_flow=tuple(money.cash_flow(bills)),
        funnel=candidates.funnel,
        rejections=candidates.rejections.summaries(),
    )


def unanswered(
    resolved: ResolvedInstance, limits: SolverLimits, reason: str, candidates: Candidates | None = None
) -> Plan:
    """The plan of a search that was stopped before a solver was asked: `unknown`, with no fleet and no bound."""
    certificate = Certificate(
        objective_usd=None,
        bound_usd=None,
        gap=None,
        engine="none",
        engine_reason="stopped before a solver was asked",
        versions=_versions("none"),
        seed=limits.seed,
        workers=limits.workers,
        instance_digest=resolved.digest,
        price_dates={},
        rounding_error_usd=0.0,
        capacity_rounding_relative=0.0,
        tie_break="none",
    )
    return Plan(
        schema_version=1,
        instance=resolved.instance.uid,
        status="unknown",
        reason=reason,
        performance=resolved.instance.performance,
        note=_note(resolved),
        certificate=certificate,
        funnel=() if candidates is None else candidates.funnel,
        rejections=() if candidates is None else candidates.rejections.summaries(),
    )


def _versions(solver: str) -> dict[str, str]:
    return {"gpufleet": __version__, "solver": solver, "python": platform.python_version()}


def _note(resolved: ResolvedInstance) -> str | None:
    """What the performance source does not cover."""
    if not resolved.profiles.gaps:
        return None
    text = f"not covered by {resolved.instance.performance_source}: {'; '.join(resolved.profiles.gaps)}"
    return text if len(text) <= LONGEST_NOTE else f"{text[: LONGEST_NOTE - 3]}..."


def _certificate(
    resolved: ResolvedInstance,
    problem: Problem,
    result: EngineResult,
    limits: SolverLimits,
    nodes: tuple[PlannedNodes, ...],
) -> Certificate:
    objective, bound = result.objective, result.bound
    gap = None if objective is None or bound is None else (objective - bound) / objective if objective else 0.0
    changed = moves(problem, result)
    fleet = None if changed is None or objective is None else usd(objective - micro_usd(exact(changed.cost_usd)))
    dates = {entry.offer: resolved.offers[entry.offer].as_of for entry in nodes}
    return Certificate(
        objective_usd=None if objective is None else usd(objective),
        fleet_usd=fleet,
        moves_usd=None if changed is None else changed.cost_usd,
        bound_usd=None if bound is None else usd(bound),
        gap=gap,
        engine=result.engine,
        engine_reason=result.reason,
        versions=_versions(result.solver),
        seed=limits.seed,
        workers=limits.workers,
        deterministic=result.deterministic,
        instance_digest=resolved.digest,
        price_dates={offer: str(date) if date else "not dated" for offer, date in dates.items()},
        rounding_error_usd=usd(5 * sum(entry.count for entry in nodes)),
        capacity_rounding_relative=problem.capacity_rounding_relative,
        service=service_proofs(problem, result.unserved, [(level.value, level.bound) for level in result.service]),
        share_unit=1 / SHARE_UNITS if any(workload.routed for workload in problem.workloads) else None,
        tie_break=result.tie_break,
        prices=_prices(result),
    )


def _prices(result: EngineResult) -> BoundPrices | None:
    """The prices behind the bound, if they were worked out."""
    proof = result.proof
    if proof is None:
        return None
    return BoundPrices(
        bound_usd=usd(max(proof.bound, 0)),
        denominator=proof.denominator,
        rows=proof.rows,
        unserved=tuple(level.value for level in result.service),
        tree=None if proof.tree is None else BoundTree(**vars(proof.tree)),
    )
