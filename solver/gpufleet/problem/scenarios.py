"""Scenarios in whole numbers: what replicas carry, what is asked, and which nodes are down."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.performance.calibration import Efficiency
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.performance.uncertainty import MEASURED
from gpufleet.problem.data import ScenarioData, ScenarioLimit, ScenarioPart
from gpufleet.problem.horizon import demand_factors, throughput_factor
from gpufleet.problem.scaling import SHARE_UNITS, scale_covering, scale_loads
from gpufleet.problem.workloads import class_names, demands
from gpufleet.scenarios.draws import Draws, factor
from gpufleet.schema.workloads import Profiled, Training, engine_of
from gpufleet.units import HOURS_PER_MONTH, exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.problem.data import Pool, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.problem.offers import Reserve
    from gpufleet.scenarios.draws import Bools, Floats
    from gpufleet.scenarios.settings import ScenarioSettings
    from gpufleet.schema.resolved import ResolvedInstance

FACTOR_DIGITS = 9
"""Decimals of a drawn factor that count; factors on rates are rounded down, factors on demand up."""


@dataclass(frozen=True)
class Interval:
    """What is known of an option's rates."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    """By class."""
    measured: bool
    days: float | None
    """Days to train, at the option's speed; None when serving."""


@dataclass(frozen=True)
class ScenarioRows:
    """Which scenarios of a sample the program looks at."""

    settings: ScenarioSettings
    numbers: tuple[int, ...]
    """Positions in the sample."""
    must: frozenset[int]
    """Those of them that must be met, whatever else is."""
    most_violated: int
    reserve: Reserve
    """Nodes that can be of use."""

    def data(
        self,
        resolved: ResolvedInstance,
        candidates: Candidates,
        pools: tuple[Pool, ...],
        workloads: Sequence[WorkloadData],
        horizon: Horizon,
    ) -> ScenarioLimit:
        """In whole numbers."""
        draws = Draws(self.settings)
        known = {name: [interval_of(resolved, o) for o in options] for name, options in candidates.options.items()}
        moments = draws.moments([float(period.hours) for period in horizon.periods])
        growth, gone = draws.demand(), failures(resolved, pools, draws, self.reserve.reach)
        rows = []
        for s in self.numbers:
            period = int(moments[s])
            parts = [
                _part(resolved, candidates, horizon, draws, known, (w, workload), s, float(growth[s]))
                for w, workload in enumerate(workloads)
                if workload.period == period and workload.demand
            ]
            down = tuple((p, tuple(int(j) for j in columns[s].nonzero()[0])) for p, columns in gone.items())
            present = tuple((p, nodes) for p, nodes in down if nodes)
            rows.append(ScenarioData(s, period, tuple(parts), present, s not in self.must))
        return ScenarioLimit(tuple(rows), self.most_violated)


def failures(resolved: ResolvedInstance, pools: Sequence[Pool], draws: Draws, reach: int) -> dict[int, Bools]:
    """(samples, reach) by index of a pool of nodes: is the node down?"""
    found = {}
    for p, pool in enumerate(pools):
        if pool.partition_of is None:
            there = 1.0
            if pool.spot is not None:
                offer = resolved.offers[pool.spot]
                lost = (offer.interruptions_per_month or 0.0) * offer.hours_lost_per_interruption / HOURS_PER_MONTH
                there = max(0.0, 1.0 - lost)
            name = (pool.site, pool.node_type, pool.spot or "")
            found[p] = draws.failures(name, reach, draws.settings.availability * there)
    return found


def interval_of(resolved: ResolvedInstance, option: Option) -> Interval:
    """How far the rates of an option may be off."""
    workload = resolved.workloads[option.workload]
    width = len(option.rates)
    if isinstance(workload, Profiled):
        return Interval((MEASURED.low,) * width, (MEASURED.high,) * width, True, None)
    card = resolved.models[option.model or workload.model]
    variant = next(variant for variant in card.variants if variant.name == option.variant)
    figures = estimate(
        workload,
        card,
        variant,
        resolved.accelerator_of(option.node_type),
        resolved.node_types[option.node_type],
        Configurations.of([(option.parallelism, option.batch)]),
        efficiency=Efficiency.of(resolved.calibration),
        engine=engine_of(workload),
        profiles=resolved.profiles,
    )
    days = float(figures.training_days[0]) / float(option.speed) if isinstance(workload, Training) else None
    measured = str(figures.provenance[0]) in ("measured", "interpolated")
    return Interval(
        tuple(float(low) for low in figures.rate_low[0]),
        tuple(float(high) for high in figures.rate_high[0]),
        measured,
        days,
    )


def rates_at(
    resolved: ResolvedInstance, option: Option, known: Interval, draws: Draws, s: int, stage_start: Fraction
) -> tuple[Fraction, ...]:
    """Requests/s of each class in a scenario, rounded down; a training run: the run done within its deadline. What
    interruptions cost on average is taken out, because they are drawn."""
    workload, accelerator = resolved.workloads[option.workload], resolved.accelerator_of(option.node_type).name
    error = draws.error(accelerator, workload.kind, measured=known.measured)[s]
    faster = throughput_factor(resolved, option.node_type, stage_start) / _share_left(resolved, option)
    rates: Sequence[Fraction] = option.rates
    if isinstance(workload, Training):
        assert known.days is not None
        rates = (exact(workload.deadline_days) / exact(known.days),)
    factors = (factor(error, low, high) for low, high in zip(known.low, known.high, strict=True))
    return tuple(rate * faster * _down(float(f)) for rate, f in zip(rates, factors, strict=True))


def _share_left(resolved: ResolvedInstance, option: Option) -> Fraction:
    """Share of its time that interruptions leave to a replica on spot nodes."""
    if option.spot is None:
        return Fraction(1)
    offer = resolved.offers[option.spot]
    nodes = -(-option.accelerators // resolved.node_types[option.node_type].accelerators)
    lost = exact(offer.interruptions_per_month or 0) * exact(offer.hours_lost_per_interruption) / HOURS_PER_MONTH
    return 1 - nodes * lost


def _down(value: float) -> Fraction:
    return Fraction(int(value * 10**FACTOR_DIGITS), 10**FACTOR_DIGITS)


def _up(value: float) -> Fraction:
    return Fraction(-int(-value * 10**FACTOR_DIGITS // 1), 10**FACTOR_DIGITS)


def _part(
    resolved: ResolvedInstance,
    candidates: Candidates,
    horizon: Horizon,
    draws: Draws,
    known: dict[str, list[Interval]],
    place: tuple[int, WorkloadData],
    s: int,
    growth: float,
) -> ScenarioPart:
    """A workload in a scenario."""
    w, data = place
    workload, start = resolved.workloads[data.name], horizon.stages[horizon.periods[data.period].stage].start
    options = candidates.options[data.name]
    rates = [rates_at(resolved, options[row.key], known[data.name][row.key], draws, s, start) for row in data.options]
    if isinstance(workload, Training):
        in_time = tuple(int(rate[0] >= 1) for rate in rates)
        return ScenarioPart(w, 1, in_time, ((),) * len(rates), in_time)
    factors = demand_factors(resolved.instance, horizon, workload, data.period)
    wanted = [rate * f * _up(growth) for rate, f in zip(demands(workload), factors, strict=True)]
    asked = [c for c, name in enumerate(class_names(workload)) if name in data.classes]
    if data.routed:
        return ScenarioPart(
            w, SHARE_UNITS, *_routed([[r[c] for c in asked] for r in rates], [wanted[c] for c in asked])
        )
    return _covering(w, [rate[asked[0]] for rate in rates], wanted[asked[0]])


def _covering(w: int, rates: list[Fraction], demand: Fraction) -> ScenarioPart:
    scaled = scale_covering(rates, demand)
    most = tuple(-(-scaled.demand // value) if value else 0 for value in scaled.values)
    return ScenarioPart(w, scaled.demand, scaled.values, ((),) * len(rates), most)


def _routed(
    rates: list[list[Fraction]], wanted: list[Fraction]
) -> tuple[tuple[int, ...], tuple[tuple[int | None, ...], ...], tuple[int, ...]]:
    """(capacities, loads, most replicas)"""
    rows = [scale_loads(mine, wanted) for mine in rates]
    totals = [sum(load * SHARE_UNITS for load in row.loads if load is not None) for row in rows]
    serves = [any(load is not None for load in row.loads) for row in rows]
    capacities = tuple(row.capacity if able else 0 for row, able in zip(rows, serves, strict=True))
    most = tuple(-(-total // row.capacity) for total, row in zip(totals, rows, strict=True))
    return capacities, tuple(row.loads for row in rows), most


def hardness(resolved: ResolvedInstance, candidates: Candidates, draws: Draws) -> Iterator[tuple[Floats, bool]]:
    """(column, larger is harder) of all that makes one scenario harder than another, but for failed nodes."""
    yield draws.demand(), True
    keys = {
        (resolved.accelerator_of(option.node_type).name, resolved.workloads[name].kind, known.measured)
        for name, options in candidates.options.items()
        for option in options
        for known in (interval_of(resolved, option),)
    }
    for accelerator, kind, measured in sorted(keys):
        yield draws.error(accelerator, kind, measured=measured), False
