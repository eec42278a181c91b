"""Workloads to integer data, period by period."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.errors import Int64OverflowError
from gpufleet.problem.data import OptionData, WorkloadData
from gpufleet.problem.scaling import ROUNDED_DEMAND, SHARE_UNITS, scale_covering, scale_loads
from gpufleet.schema.workloads import Training
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from gpufleet.candidates.option import Option
    from gpufleet.problem.data import PeriodData
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.workloads import Workload


def demands(workload: Workload) -> tuple[Fraction, ...]:
    """Rates to sustain per class, requests/s; a training workload is one run."""
    if isinstance(workload, Training):
        return (exact(1),)
    return tuple(exact(group.requests_per_s) for group in workload.classes)


def class_names(workload: Workload) -> tuple[str, ...]:
    """Names of the request classes; a training workload has one, `run`."""
    return ("run",) if isinstance(workload, Training) else tuple(group.name for group in workload.classes)


def demand_factors(instance: Instance, workload: Workload, period: int) -> tuple[Fraction, ...]:
    """Factor on the rate of each class in a period: its own, else the workload's, else the period's.

    1 where the instance has no periods.
    """
    if isinstance(workload, Training) or not instance.periods:
        return tuple(exact(1) for _ in class_names(workload))
    here = instance.periods[period]
    usual = workload.demand_factors.get(here.name, here.demand_factor)
    return tuple(exact(group.demand_factors.get(here.name, usual)) for group in workload.classes)


def parts(
    instance: Instance,
    workload: Workload,
    options: tuple[Option, ...],
    periods: tuple[PeriodData, ...],
    pools: dict[tuple[str, str], int],
) -> Iterator[tuple[WorkloadData, float]]:
    """The workload in each period, with the largest relative loss by rounding."""
    if isinstance(workload, Training) and len(periods) > 1:
        yield from _run(workload, options, periods, pools)
        return
    for t in range(len(periods)):
        factors = demand_factors(instance, workload, t)
        wanted = tuple(demand * factor for demand, factor in zip(demands(workload), factors, strict=True))
        if any(wanted):
            yield _in_period(workload, options, wanted, t, pools)
        elif workload.min_replicas:
            data, loss = _in_period(workload, options, demands(workload), t, pools)
            yield replace(data, demand=0, classes=(), routed=False), loss


def _in_period(
    workload: Workload,
    options: tuple[Option, ...],
    wanted: tuple[Fraction, ...],
    period: int,
    pools: dict[tuple[str, str], int],
) -> tuple[WorkloadData, float]:
    asked = [position for position, demand in enumerate(wanted) if demand]
    names = class_names(workload)
    if len(asked) == 1:
        rows, demand, loss = _covering(options, wanted[asked[0]], asked[0], pools)
    else:
        rows, loss = _routed(options, [wanted[i] for i in asked], asked, pools)
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
    )
    return data, loss


def _run(
    workload: Training, options: tuple[Option, ...], periods: tuple[PeriodData, ...], pools: dict[tuple[str, str], int]
) -> Iterator[tuple[WorkloadData, float]]:
    """A training run as parts: a period is this share of any deadline's time, so it does that share of the work."""
    total = sum((period.hours for period in periods), exact(0))
    open_ = [t for t, period in enumerate(periods) if workload.periods is None or period.name in workload.periods]
    progress = [option.rates[0] * periods[t].hours / total for t in open_ for option in options]
    scaled = scale_covering(progress, exact(1))
    for number, t in enumerate(open_):
        capacities = scaled.values[number * len(options) : (number + 1) * len(options)]
        rows = tuple(
            OptionData(key, pools[option.site, option.node_type], option.accelerators, capacity, (), 1)
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
            run=workload.name,
        )
        yield data, scaled.worst_relative_loss


def _covering(
    options: tuple[Option, ...], demand: Fraction, position: int, pools: dict[tuple[str, str], int]
) -> tuple[list[OptionData], int, float]:
    scaled = scale_covering([option.rates[position] for option in options], demand)
    if any(option.rates[position] for option in options) and not any(scaled.values):
        message = f"{options[0].workload} takes more than {ROUNDED_DEMAND:,} replicas of every option; check its rates"
        raise Int64OverflowError(message)
    rows = [
        OptionData(
            key, pools[option.site, option.node_type], option.accelerators, capacity, (), -(-scaled.demand // capacity)
        )
        for key, (option, capacity) in enumerate(zip(options, scaled.values, strict=True))
        if capacity
    ]
    return rows, scaled.demand, scaled.worst_relative_loss


def _routed(
    options: tuple[Option, ...], wanted: list[Fraction], asked: list[int], pools: dict[tuple[str, str], int]
) -> tuple[list[OptionData], float]:
    rows, losses = [], [0.0]
    for key, option in enumerate(options):
        scaled = scale_loads([option.rates[i] for i in asked], wanted)
        total = sum(load * SHARE_UNITS for load in scaled.loads if load is not None)
        if any(load is not None for load in scaled.loads):
            most = -(-total // scaled.capacity)
            pool = pools[option.site, option.node_type]
            rows.append(OptionData(key, pool, option.accelerators, scaled.capacity, scaled.loads, most))
            losses.append(scaled.worst_relative_loss)
    return rows, max(losses)
