"""What runs where, at what load, with the figures of the performance model, and who serves what."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.performance.calibration import Efficiency
from gpufleet.performance.estimate import Configurations, at_level, estimate
from gpufleet.performance.uncertainty import MEASURED
from gpufleet.problem.horizon import demand_factors, throughput_factor
from gpufleet.problem.scaling import SHARE_UNITS
from gpufleet.problem.workloads import class_names, demands
from gpufleet.schema.plan import Deployment, LatencyFigure, Route
from gpufleet.schema.workloads import Profiled, Training, engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.optimize.results import EngineResult
    from gpufleet.performance.result import Estimate
    from gpufleet.problem.data import OptionData, Problem, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


@dataclass(frozen=True)
class Placed:
    """A deployment, the routes to it, and its load."""

    deployment: Deployment
    shares: dict[str, Fraction]
    """Class to the share of its rate."""
    part: int
    """Index of the workload's part in a period."""
    option: int
    """Index of the option in that part."""


def placed(
    resolved: ResolvedInstance, candidates: Candidates, problem: Problem, horizon: Horizon, result: EngineResult
) -> Iterator[Placed]:
    known: dict[tuple[int, float], dict[str, object]] = {}
    for w, data in enumerate(problem.workloads):
        options = candidates.options[data.name]
        wanted = wanted_in(resolved, horizon, data)
        total = sum(o.capacity * n for o, n in zip(data.options, result.replicas[w], strict=True))
        for k, (row, count) in enumerate(zip(data.options, result.replicas[w], strict=True)):
            if count:
                option = options[row.key]
                routed = result.shares[w][k] if data.routed else None
                shares = shares_of(data, row, count, total, routed, result.unserved[w])
                yield Placed(_deployment(resolved, horizon, data, option, count, shares, wanted, known), shares, w, k)


def shares_of(
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
    wanted: dict[str, Fraction],
    known: dict[tuple[int, float], dict[str, object]],
) -> Deployment:
    """`known` keeps what the performance model says: a plan has the same deployment in many periods."""
    workload = resolved.workloads[data.name]
    now = horizon.periods[data.period]
    faster = throughput_factor(resolved, option.node_type, horizon.stages[now.stage].start)
    load = load_of(workload, option, count, shares, wanted, faster)
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
        figures: dict[str, object] = {"bottleneck": "profile", "provenance": "measured", "evidence": profile.source}
        figures |= {"rate_low": MEASURED.low, "rate_high": MEASURED.high}
        return bare.model_copy(update={"precision": profile.precision, **figures})
    key = (id(option), load)  # options live as long as the candidates
    if key not in known:
        known[key] = _figures(resolved, workload, option, load)
    return bare.model_copy(update=known[key])


def wanted_in(resolved: ResolvedInstance, horizon: Horizon, data: WorkloadData) -> dict[str, Fraction]:
    """Rate of each class in the period of a part of a workload, requests/s."""
    workload = resolved.workloads[data.name]
    factors = demand_factors(resolved.instance, horizon, workload, data.period)
    rates = (demand * factor for demand, factor in zip(demands(workload), factors, strict=True))
    return dict(zip(class_names(workload), rates, strict=True))


def load_of(
    workload: Workload,
    option: Option,
    count: int,
    shares: dict[str, Fraction],
    wanted: dict[str, Fraction],
    faster: Fraction,
) -> float:
    """Load over what the replicas sustain, which software makes so much faster; a training run always takes its
    replica whole."""
    if isinstance(workload, Training):
        return 1.0
    able = dict(zip(wanted, option.rates, strict=True))
    load = sum((share * wanted[name] / (able[name] * count) for name, share in shares.items()), Fraction(0))
    return float(load / faster)


def _figures(resolved: ResolvedInstance, workload: Workload, option: Option, load: float) -> dict[str, object]:
    """What the performance model says about the deployment at its load."""
    assert not isinstance(workload, Profiled)
    card = resolved.models[option.model or workload.model]
    variant = next(variant for variant in card.variants if variant.name == option.variant)
    performance = resolved.instance.performance
    found = estimate(
        workload,
        card,
        variant,
        resolved.accelerator_of(option.node_type),
        resolved.node_types[option.node_type],
        Configurations.of([(option.parallelism, option.batch)]),
        min(load, 1.0),
        efficiency=Efficiency.of(resolved.calibration),
        engine=engine_of(workload),
        profiles=resolved.profiles,
        performance=performance,
    )
    figures = at_level(found, performance)
    slos = () if isinstance(workload, Training) else workload.slo
    latency = tuple(
        LatencyFigure(
            metric=slo.metric,
            request_class=name,
            percentile=slo.percentile,
            predicted_ms=float(figures.latency_ms[0, s, c]),
            limit_ms=slo.limit_ms,
            low=float(figures.latency_low[0, s, c]),
            high=float(figures.latency_high[0, s, c]),
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
        "provenance": str(figures.provenance[0]),
        "evidence": str(figures.evidence[0]),
        "rate_low": float(figures.rate_low.min()),
        "rate_high": float(figures.rate_high.max()),
    }


def _days(workload: Workload, option: Option, figures: Estimate) -> float | None:
    """Days to train with the option's measures and interruptions."""
    if not isinstance(workload, Training):
        return None
    alone = float(figures.training_days[0])
    return alone / float(option.speed)


def routes(resolved: ResolvedInstance, placed: list[Placed]) -> Iterator[Route]:
    """Who serves what; a training run is not routed."""
    for index, entry in enumerate(placed):
        workload = entry.deployment.workload
        if not isinstance(resolved.workloads[workload], Training):
            for name, share in entry.shares.items():
                yield Route(workload=workload, request_class=name, deployment=index, share=float(share))
