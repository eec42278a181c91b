"""Workloads to integer data, period by period."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.errors import Int64OverflowError
from gpufleet.interruption import look
from gpufleet.problem.data import OptionData, WorkloadData
from gpufleet.problem.horizon import demand_factors, throughput_factor
from gpufleet.problem.scaling import ROUNDED_DEMAND, SHARE_UNITS, scale_covering, scale_loads
from gpufleet.schema.workloads import Training
from gpufleet.units import MINUTES_PER_HOUR, exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Option
    from gpufleet.problem.data import PoolKey
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


def demands(workload: Workload) -> tuple[Fraction, ...]:
    """Rates to sustain per class, requests/s; a training workload is one run."""
    if isinstance(workload, Training):
        return (exact(1),)
    return tuple(exact(group.requests_per_s) for group in workload.classes)


def class_names(workload: Workload) -> tuple[str, ...]:
    """Names of the request classes; a training workload has one, `run`."""
    return ("run",) if isinstance(workload, Training) else tuple(group.name for group in workload.classes)


@dataclass(frozen=True)
class Index:
    """Positions of pools and measures in the problem."""

    pools: dict[PoolKey, int]
    measures: dict[str, int]

    def data(
        self, key: int, option: Option, capacity: int, most: int, loads: tuple[int | None, ...] = ()
    ) -> OptionData:
        """A deployment option in whole numbers."""
        pool = self.pools[option.site, option.node_type, option.spot]
        measures = tuple(self.measures[name] for name in option.measures)
        return OptionData(key, pool, option.accelerators, capacity, loads, most, measures)


def parts(
    resolved: ResolvedInstance,
    workload: Workload,
    options: tuple[Option, ...],
    horizon: Horizon,
    index: Index,
) -> Iterator[tuple[WorkloadData, float]]:
    """The workload in each period of each stage, with the largest relative loss by rounding."""
    for s, span in enumerate(horizon.stages):
        look()
        faster = tuple(_faster(option, throughput_factor(resolved, option.node_type, span.start)) for option in options)
        inside = range(horizon.index(s, 0), horizon.index(s + 1, 0))
        if isinstance(workload, Training):
            needed = workload.stages is None or horizon.stage_names[s] in workload.stages
            if needed and len(inside) > 1:
                yield from _run(resolved, workload, faster, horizon, inside, index)
            elif needed:
                yield _in_period(workload, faster, demands(workload), inside[0], index)
        else:
            for t in inside:
                look()
                factors = demand_factors(resolved.instance, horizon, workload, t)
                wanted = tuple(demand * factor for demand, factor in zip(demands(workload), factors, strict=True))
                yield from _served(workload, faster, wanted, t, index)


def _faster(option: Option, factor: Fraction) -> Option:
    return option if factor == 1 else replace(option, rates=tuple(rate * factor for rate in option.rates))


def _served(
    workload: Workload, options: tuple[Option, ...], wanted: tuple[Fraction, ...], period: int, index: Index
) -> Iterator[tuple[WorkloadData, float]]:
    """What must be served in one period; nothing at times without demand, unless replicas must stay."""
    if any(wanted):
        yield _in_period(workload, options, wanted, period, index)
    elif workload.min_replicas:
        data, loss = _in_period(workload, options, demands(workload), period, index)
        yield replace(data, demand=0, classes=(), routed=False, spot_limit=None), loss


def with_redundancy(data: WorkloadData, workload: Workload) -> WorkloadData:
    """The part of a workload with what may fail under it."""
    asked = workload.redundancy
    return replace(data, spare_nodes=asked.spare_nodes, survives_site_loss=asked.survive_site_loss)


def _in_period(
    workload: Workload,
    options: tuple[Option, ...],
    wanted: tuple[Fraction, ...],
    period: int,
    index: Index,
) -> tuple[WorkloadData, float]:
    asked = [position for position, demand in enumerate(wanted) if demand]
    names = class_names(workload)
    if len(asked) == 1:
        rows, demand, loss = _covering(options, wanted[asked[0]], asked[0], index)
    else:
        rows, loss = _routed(options, [wanted[i] for i in asked], asked, index)
        demand = SHARE_UNITS
    least = workload.min_replicas
    rows = [row if row.most >= least else replace(row, most=least) for row in rows]
    data = WorkloadData(
        name=workload.name,
        options=tuple(rows),
        demand=demand,
        classes=tuple(names[i] for i in asked),
        routed=len(asked) > 1,
        min_replicas=least,
        max_replicas=workload.max_replicas,
        period=period,
        spot_limit=_spot_limit(workload, demand, routed=len(asked) > 1),
    )
    return data, loss


def left_by_start(resolved: ResolvedInstance, workload: Training, horizon: Horizon, period: int) -> Fraction:
    """Share of a period's progress that is left where the run starts in each of its occurrences."""
    if not workload.restart_minutes:
        return Fraction(1)
    here = resolved.instance.periods[period % len(horizon.shares)]
    assert here.occurrences is not None, "checked when the instance is read"
    lost = here.occurrences * exact(workload.restart_minutes) / MINUTES_PER_HOUR / exact(here.hours)
    return max(1 - lost, Fraction(0))


def _run(
    resolved: ResolvedInstance,
    workload: Training,
    options: tuple[Option, ...],
    horizon: Horizon,
    inside: range,
    index: Index,
) -> Iterator[tuple[WorkloadData, float]]:
    """A training run as parts: a period is this share of any deadline's time, so it does that share of the work."""
    periods = horizon.periods
    open_ = [t for t in inside if workload.periods is None or periods[t].name in workload.periods]
    progress = [option.rates[0] * horizon.shares[t - inside[0]] for t in open_ for option in options]
    left = [left_by_start(resolved, workload, horizon, t) for t in open_ for _ in options]
    started = [full * part for full, part in zip(progress, left, strict=True)]
    scaled = scale_covering([*progress, *started], exact(1))
    stage = periods[inside[0]].stage_name
    for number, t in enumerate(open_):
        first = number * len(options)
        capacities = scaled.values[first : first + len(options)]
        after = scaled.values[len(progress) + first :]
        rows = tuple(
            replace(index.data(key, option, capacity, 1), restart=capacity - after[key])
            for key, (option, capacity) in enumerate(zip(options, capacities, strict=True))
            if capacity
        )
        data = WorkloadData(
            name=workload.name,
            options=rows,
            demand=scaled.demand,
            classes=(),
            routed=False,
            min_replicas=0,
            max_replicas=None,
            period=t,
            spot_limit=_spot_limit(workload, scaled.demand, routed=False),
            run=workload.name if stage is None else f"{workload.name} in {stage}",
        )
        yield data, scaled.worst_relative_loss


def _spot_limit(workload: Workload, demand: int, *, routed: bool) -> int | None:
    """Share units that may be on spot nodes, or the demand that options elsewhere must carry."""
    share = exact(workload.max_spot_share)
    if share == 1:
        return None
    return math.floor(share * demand) if routed else math.ceil((1 - share) * demand)


def _covering(
    options: tuple[Option, ...], demand: Fraction, position: int, index: Index
) -> tuple[list[OptionData], int, float]:
    scaled = scale_covering([option.rates[position] for option in options], demand)
    if any(option.rates[position] for option in options) and not any(scaled.values):
        message = f"{options[0].workload} takes more than {ROUNDED_DEMAND:,} replicas of every option; check its rates"
        raise Int64OverflowError(message)
    rows = [
        index.data(key, option, capacity, -(-scaled.demand // capacity))
        for key, (option, capacity) in enumerate(zip(options, scaled.values, strict=True))
        if capacity
    ]
    return rows, scaled.demand, scaled.worst_relative_loss


def _routed(
    options: tuple[Option, ...], wanted: list[Fraction], asked: list[int], index: Index
) -> tuple[list[OptionData], float]:
    rows, losses = [], [0.0]
    for key, option in enumerate(options):
        look()
        scaled = scale_loads([option.rates[i] for i in asked], wanted)
        total = sum(load * SHARE_UNITS for load in scaled.loads if load is not None)
        if any(load is not None for load in scaled.loads):
            rows.append(index.data(key, option, scaled.capacity, -(-total // scaled.capacity), scaled.loads))
            losses.append(scaled.worst_relative_loss)
    return rows, max(losses)
