"""From the values of the integer program back to a plan in the reader's terms."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet import __version__
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.problem.scaling import SHARE_UNITS
from gpufleet.problem.workloads import class_names, demand_factors, demands
from gpufleet.schema.plan import Certificate, CostLine, Deployment, LatencyFigure, Plan, PlannedNodes, Route
from gpufleet.schema.workloads import Profiled, Training
from gpufleet.units import usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.engine import EngineResult
    from gpufleet.problem.data import OptionData, Problem, WorkloadData
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


@dataclass(frozen=True)
class _Placed:
    """A deployment, the routes to it, and its load."""

    deployment: Deployment
    shares: dict[str, Fraction]
    """Class to the share of its rate."""


def assemble(
    resolved: ResolvedInstance,
    candidates: Candidates,
    problem: Problem,
    result: EngineResult,
    limits: SolverLimits,
    reason: str | None,
) -> Plan:
    """The plan of an engine's result; without a fleet when the engine found none."""
    placed = list(_placed(resolved, candidates, problem, result)) if result.objective is not None else []
    nodes = _nodes(resolved, problem, result)
    return Plan(
        schema_version=1,
        instance=resolved.instance.uid,
        status=result.outcome,
        reason=reason,
        certificate=_certificate(resolved, problem, result, limits, nodes),
        nodes=nodes,
        deployments=tuple(entry.deployment for entry in placed),
        routing=tuple(_routes(resolved, placed)),
        costs=tuple(_cost_lines(resolved, problem, result)),
        funnel=candidates.funnel,
        rejections=candidates.rejections.summaries(),
    )


def _nodes(resolved: ResolvedInstance, problem: Problem, result: EngineResult) -> tuple[PlannedNodes, ...]:
    rows = []
    for data, count in zip(problem.offers, result.nodes, strict=bool(result.nodes)):
        if count:
            offer = resolved.offers[data.name]
            rows.append(
                PlannedNodes(
                    offer=data.name,
                    count=count,
                    period=_period_name(problem, data.period),
                    node_type=offer.node_type,
                    site=offer.site,
                    term=offer.term,
                    unit_cost_usd=usd(data.cost),
                    total_cost_usd=usd(data.cost * count),
                )
            )
    return tuple(rows)


def _period_name(problem: Problem, period: int | None) -> str | None:
    return None if period is None else problem.periods[period].name


def _cost_lines(resolved: ResolvedInstance, problem: Problem, result: EngineResult) -> Iterator[CostLine]:
    for data, count in zip(problem.offers, result.nodes, strict=bool(result.nodes)):
        for line in data.lines if count else ():
            yield CostLine(
                item=line.item,
                offer=data.name,
                period=_period_name(problem, data.period),
                quantity=count,
                unit_usd=usd(line.micro_usd),
                total_usd=usd(line.micro_usd * count),
                source=_source(resolved.offers[data.name], data.discount),
            )


def _source(offer: Offer, discount: Fraction) -> str:
    """Where the price comes from, as of when, its volume discount, and whether it is assumed."""
    dated = f"{offer.source} (as of {offer.as_of})" if offer.as_of else offer.source
    dated += f"; volume discount {float(discount):.4g}" if discount else ""
    return f"{dated}; assumed" if offer.assumed else dated


def _placed(
    resolved: ResolvedInstance, candidates: Candidates, problem: Problem, result: EngineResult
) -> Iterator[_Placed]:
    for w, data in enumerate(problem.workloads):
        options = candidates.options[data.name]
        total = sum(o.capacity * n for o, n in zip(data.options, result.replicas[w], strict=True))
        for k, (row, count) in enumerate(zip(data.options, result.replicas[w], strict=True)):
            if count:
                option = options[row.key]
                routed = result.shares[w][k] if data.routed else None
                shares = _shares(data, row, count, total, routed)
                yield _Placed(_deployment(resolved, problem, data, option, count, shares), shares)


def _shares(
    data: WorkloadData, row: OptionData, count: int, total: int, routed: dict[int, int] | None
) -> dict[str, Fraction]:
    """Shares that the deployment serves: as routed, or in proportion to capacity."""
    if routed is None:
        return {data.classes[0]: Fraction(row.capacity * count, total)} if data.classes else {}
    return {data.classes[c]: Fraction(units, SHARE_UNITS) for c, units in routed.items() if units}


def _deployment(
    resolved: ResolvedInstance,
    problem: Problem,
    data: WorkloadData,
    option: Option,
    count: int,
    shares: dict[str, Fraction],
) -> Deployment:
    workload = resolved.workloads[data.name]
    factors = demand_factors(resolved.instance, workload, data.period)
    load = _load(workload, option, count, shares, factors)
    bare = Deployment(
        workload=workload.name,
        site=option.site,
        node_type=option.node_type,
        replicas=count,
        period=_period_name(problem, data.period),
        model=option.model,
        variant=option.variant,
        option=option.profile,
        parallelism=option.parallelism,
        batch=option.batch,
        accelerators=option.accelerators,
        utilisation=load,
    )
    if isinstance(workload, Profiled):
        profile = next(profile for profile in workload.options if profile.name == option.profile)
        return bare.model_copy(
            update={"precision": profile.precision, "bottleneck": "profile", "provenance": "measured"}
        )
    return bare.model_copy(update=_figures(resolved, workload, option, load))


def _load(
    workload: Workload, option: Option, count: int, shares: dict[str, Fraction], factors: tuple[Fraction, ...]
) -> float:
    """Load over what the replicas sustain; a training run always takes its replica whole."""
    if isinstance(workload, Training):
        return 1.0
    rates = (demand * factor for demand, factor in zip(demands(workload), factors, strict=True))
    wanted = dict(zip(class_names(workload), rates, strict=True))
    able = dict(zip(class_names(workload), option.rates, strict=True))
    return float(sum((share * wanted[name] / (able[name] * count) for name, share in shares.items()), Fraction(0)))


def _figures(resolved: ResolvedInstance, workload: Workload, option: Option, load: float) -> dict[str, object]:
    """What the performance model says about the deployment at its load."""
    assert not isinstance(workload, Profiled)
    card = resolved.models[option.model or workload.model]
    variant = next(variant for variant in card.variants if variant.name == option.variant)
    figures = estimate(
        workload,
        card,
        variant,
        resolved.accelerator_of(option.node_type),
        resolved.node_types[option.node_type],
        Configurations.of([(option.parallelism, option.batch)]),
        min(load, 1.0),
    )
    slos = () if isinstance(workload, Training) else workload.slo
    latency = tuple(
        LatencyFigure(
            metric=slo.metric,
            request_class=name,
            percentile=slo.percentile,
            predicted_ms=float(figures.latency_ms[0, s, c]),
            limit_ms=slo.limit_ms,
        )
        for s, slo in enumerate(slos)
        for c, name in enumerate(class_names(workload))
        if option.rates[c] and slo.holds_for(name)
    )
    return {
        "precision": variant.precision,
        "memory_gb": float(figures.memory_gb[0]),
        "memory_limit_gb": figures.memory_limit_gb,
        "latency": latency,
        "training_days": float(figures.training_days[0]) if isinstance(workload, Training) else None,
        "bottleneck": str(figures.bottleneck[0]),
        "provenance": figures.provenance,
    }


def _routes(resolved: ResolvedInstance, placed: list[_Placed]) -> Iterator[Route]:
    """Who serves what; a training run is not routed."""
    for index, entry in enumerate(placed):
        workload = entry.deployment.workload
        if not isinstance(resolved.workloads[workload], Training):
            for name, share in entry.shares.items():
                yield Route(workload=workload, request_class=name, deployment=index, share=float(share))


def _certificate(
    resolved: ResolvedInstance,
    problem: Problem,
    result: EngineResult,
    limits: SolverLimits,
    nodes: tuple[PlannedNodes, ...],
) -> Certificate:
    objective, bound = result.objective, result.bound
    gap = None if objective is None or bound is None else (objective - bound) / objective if objective else 0.0
    dates = {entry.offer: resolved.offers[entry.offer].as_of for entry in nodes}
    return Certificate(
        objective_usd=None if objective is None else usd(objective),
        bound_usd=None if bound is None else usd(bound),
        gap=gap,
        engine=result.engine,
        engine_reason=result.reason,
        versions={"gpufleet": __version__, "solver": result.solver, "python": platform.python_version()},
        seed=limits.seed,
        workers=limits.workers,
        instance_digest=resolved.digest,
        price_dates={offer: str(date) if date else "not dated" for offer, date in dates.items()},
        rounding_error_usd=usd(5 * sum(entry.count for entry in nodes)),
        capacity_rounding_relative=problem.capacity_rounding_relative,
        share_unit=1 / SHARE_UNITS if any(workload.routed for workload in problem.workloads) else None,
        tie_break=result.tie_break,
    )
