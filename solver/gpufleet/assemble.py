"""From the values of the integer program back to a plan in the reader's terms."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet import __version__
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.problem.horizon import demand_factors, horizon_of, price_trends, throughput_factor
from gpufleet.problem.scaling import SHARE_UNITS
from gpufleet.problem.service import service_proofs, unserved_demand
from gpufleet.problem.workloads import class_names, demands
from gpufleet.schema.plan import (
    CashFlow,
    Certificate,
    CostLine,
    Deployment,
    Fallback,
    LatencyFigure,
    Plan,
    PlannedMeasure,
    PlannedNodes,
    Route,
    WorkloadCharge,
)
from gpufleet.schema.workloads import Profiled, Training
from gpufleet.units import usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.engine import EngineResult
    from gpufleet.performance.result import Estimate
    from gpufleet.problem.costs import Bill
    from gpufleet.problem.data import OfferData, OptionData, Problem, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


@dataclass(frozen=True)
class _Placed:
    """A deployment, the routes to it, and its load."""

    deployment: Deployment
    shares: dict[str, Fraction]
    """Class to the share of its rate."""
    part: int
    """Index of the workload's part in a period."""
    option: int
    """Index of the option in that part."""


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
    placed = list(_placed(resolved, candidates, problem, horizon, result)) if result.objective is not None else []
    taken = [(data, count) for data, count in zip(problem.offers, result.nodes, strict=bool(result.nodes)) if count]
    nodes = tuple(_nodes(resolved, horizon, data, count) for data, count in taken)
    return Plan(
        schema_version=1,
        instance=resolved.instance.uid,
        status=result.outcome,
        reason=reason,
        certificate=_certificate(resolved, problem, result, limits, nodes),
        nodes=nodes,
        measures=tuple(_measures(problem, result)),
        deployments=tuple(entry.deployment for entry in placed),
        routing=tuple(_routes(resolved, placed)),
        fallback_routing=tuple(_fallbacks(resolved, candidates, problem, horizon, result, placed)),
        unserved=tuple(unserved_demand(problem, result.unserved)),
        charges=tuple(_charges(problem, result)),
        costs=(*_node_lines(resolved, horizon, taken), *_measure_lines(resolved, problem, result)),
        cash_flow=tuple(_cash_flow([*((d.bill, count) for d, count in taken), *_taken_measures(problem, result)])),
        funnel=candidates.funnel,
        rejections=candidates.rejections.summaries(),
    )


def _nodes(resolved: ResolvedInstance, horizon: Horizon, data: OfferData, count: int) -> PlannedNodes:
    offer = resolved.offers[data.name]
    return PlannedNodes(
        offer=data.name,
        count=count,
        node_type=offer.node_type,
        site=offer.site,
        term=offer.term,
        unit_cost_usd=usd(data.cost),
        total_cost_usd=usd(data.cost * count),
        **_time(horizon, data),
    )


def _time(horizon: Horizon, data: OfferData) -> dict[str, str | None]:
    """When the nodes are there, in the plan's words; None = from the start, to the end, in all periods."""
    contract = data.contract
    assert contract is not None
    return {
        "period": None if contract.period is None else horizon.periods[contract.period].name,
        "first_stage": horizon.stage_names[contract.first],
        "last_stage": horizon.stage_names[contract.last],
    }


def _node_lines(resolved: ResolvedInstance, horizon: Horizon, taken: list[tuple[OfferData, int]]) -> Iterator[CostLine]:
    for data, count, line in ((d, n, line) for d, n in taken if d.bill is not None for line in d.bill.lines):
        yield CostLine(
            item=line.item,
            offer=data.name,
            quantity=count,
            unit_usd=usd(line.micro_usd),
            total_usd=usd(line.micro_usd * count),
            source=_source(resolved, data),
            **_time(horizon, data),
        )


def _measures(problem: Problem, result: EngineResult) -> Iterator[PlannedMeasure]:
    for data, taken in zip(problem.measures, result.measures, strict=bool(result.measures)):
        yield PlannedMeasure(measure=data.name, taken=bool(taken), cost_usd=usd(data.cost))


def _taken_measures(problem: Problem, result: EngineResult) -> Iterator[tuple[Bill, int]]:
    for data, taken in zip(problem.measures, result.measures, strict=bool(result.measures)):
        if taken:
            yield data.bill, 1


def _measure_lines(resolved: ResolvedInstance, problem: Problem, result: EngineResult) -> Iterator[CostLine]:
    for data, source, taken in zip(
        problem.measures, resolved.instance.measures, result.measures, strict=bool(result.measures)
    ):
        if taken and data.cost:
            cost = usd(data.cost)
            dated = f"{source.source} (as of {source.as_of})" if source.as_of else source.source
            yield CostLine(item="measure", offer=data.name, quantity=1, unit_usd=cost, total_usd=cost, source=dated)


def _cash_flow(taken: list[tuple[Bill | None, int]]) -> Iterator[CashFlow]:
    """Payments for everything taken, added up by year and item."""
    sums: dict[tuple[int, str], int] = {}
    for bill, count in taken:
        assert bill is not None
        for year, item, micro in bill.payments:
            sums[year, item] = sums.get((year, item), 0) + micro * count
    for year, item in sorted(sums):
        yield CashFlow(year=year, item=item, usd=usd(sums[year, item]))


def _source(resolved: ResolvedInstance, data: OfferData) -> str:
    """Where the price comes from, as of when, volume discount, trends, and whether it is assumed."""
    offer = resolved.offers[data.name]
    dated = f"{offer.source} (as of {offer.as_of})" if offer.as_of else offer.source
    dated += f"; volume discount {float(data.discount):.4g}" if data.discount else ""
    assert data.contract is not None
    if data.contract.first:
        for trend in price_trends(resolved, offer):
            dated += f"; {trend.price_change_per_year:+.4g} a year ({trend.source})"
    return f"{dated}; assumed" if offer.assumed else dated


def _placed(
    resolved: ResolvedInstance, candidates: Candidates, problem: Problem, horizon: Horizon, result: EngineResult
) -> Iterator[_Placed]:
    for w, data in enumerate(problem.workloads):
        options = candidates.options[data.name]
        total = sum(o.capacity * n for o, n in zip(data.options, result.replicas[w], strict=True))
        for k, (row, count) in enumerate(zip(data.options, result.replicas[w], strict=True)):
            if count:
                option = options[row.key]
                routed = result.shares[w][k] if data.routed else None
                shares = _shares(data, row, count, total, routed, result.unserved[w])
                yield _Placed(_deployment(resolved, horizon, data, option, count, shares), shares, w, k)


def _shares(
    data: WorkloadData, row: OptionData, count: int, total: int, routed: dict[int, int] | None, unserved: dict[int, int]
) -> dict[str, Fraction]:
    """Shares that the deployment serves: as routed, or in proportion to capacity, of what is served at all."""
    if routed is None:
        served = 1 - Fraction(unserved.get(0, 0), data.unserved_units or 1)
        return {data.classes[0]: served * Fraction(row.capacity * count, total)} if data.classes and served else {}
    return {data.classes[c]: Fraction(units, SHARE_UNITS) for c, units in routed.items() if units}


def _deployment(
    resolved: ResolvedInstance,
    horizon: Horizon,
    data: WorkloadData,
    option: Option,
    count: int,
    shares: dict[str, Fraction],
) -> Deployment:
    workload = resolved.workloads[data.name]
    now = horizon.periods[data.period]
    faster = throughput_factor(resolved, option.node_type, horizon.stages[now.stage].start)
    factors = tuple(f / faster for f in demand_factors(resolved.instance, horizon, workload, data.period))
    load = _load(workload, option, count, shares, factors)
    bare = Deployment(
        workload=workload.name,
        site=option.site,
        node_type=option.node_type,
        replicas=count,
        period=now.name,
        stage=now.stage_name,
        model=option.model,
        variant=option.variant,
        option=option.profile,
        parallelism=option.parallelism,
        batch=option.batch,
        accelerators=option.accelerators,
        spot=option.spot,
        measures=option.measures,
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
        "training_days": _days(workload, option, figures),
        "bottleneck": str(figures.bottleneck[0]),
        "provenance": figures.provenance,
    }


def _days(workload: Workload, option: Option, figures: Estimate) -> float | None:
    """Days to train with the option's measures and interruptions."""
    if not isinstance(workload, Training):
        return None
    alone = float(figures.training_days[0])
    return alone / float(option.speed)


def _routes(resolved: ResolvedInstance, placed: list[_Placed]) -> Iterator[Route]:
    """Who serves what; a training run is not routed."""
    for index, entry in enumerate(placed):
        workload = entry.deployment.workload
        if not isinstance(resolved.workloads[workload], Training):
            for name, share in entry.shares.items():
                yield Route(workload=workload, request_class=name, deployment=index, share=float(share))


def _fallbacks(
    resolved: ResolvedInstance,
    candidates: Candidates,
    problem: Problem,
    horizon: Horizon,
    result: EngineResult,
    placed: list[_Placed],
) -> Iterator[Fallback]:
    """For every workload that must survive it, and every site at which it runs: who serves what without that site."""
    for w, data in enumerate(problem.workloads):
        group = [(index, entry) for index, entry in enumerate(placed) if entry.part == w]
        sites = sorted({entry.deployment.site for _, entry in group})
        for lost in sites if data.survives_site_loss and data.demand else ():
            left = [(index, entry) for index, entry in group if entry.deployment.site != lost]
            total = sum(data.options[entry.option].capacity * entry.deployment.replicas for _, entry in left)
            workload, now = resolved.workloads[data.name], horizon.periods[data.period]
            factors = demand_factors(resolved.instance, horizon, workload, data.period)
            routes, loads = [], [0.0]
            for index, entry in left:
                routed = result.fallbacks[w][lost][entry.option] if data.routed else None
                row, count = data.options[entry.option], entry.deployment.replicas
                shares = _shares(data, row, count, total, routed, result.unserved[w])
                option = candidates.options[data.name][row.key]
                faster = throughput_factor(resolved, option.node_type, horizon.stages[now.stage].start)
                loads.append(_load(workload, option, count, shares, tuple(factor / faster for factor in factors)))
                routes += [
                    Route(workload=data.name, request_class=name, deployment=index, share=float(share))
                    for name, share in shares.items()
                ]
            yield Fallback(
                workload=data.name,
                lost_site=lost,
                period=now.name,
                stage=now.stage_name,
                routing=tuple(routes),
                utilisation=max(loads),
            )


def _charges(problem: Problem, result: EngineResult) -> Iterator[WorkloadCharge]:
    """What each workload with a cap of its own is charged."""
    if result.objective is not None:
        for row in {row.workload: row for row in problem.charges}.values():
            charge = sum(amount * result.replicas[w][k] for w, k, amount in row.coefficients)
            yield WorkloadCharge(workload=row.workload, charge_usd=usd(charge))


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
        service=service_proofs(problem, result.unserved, [(level.value, level.bound) for level in result.service]),
        share_unit=1 / SHARE_UNITS if any(workload.routed for workload in problem.workloads) else None,
        tie_break=result.tie_break,
    )
