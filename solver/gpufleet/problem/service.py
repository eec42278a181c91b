"""Demand that may stay unserved: in which units, and how much each of them counts."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.problem.data import ServiceLevel
from gpufleet.problem.horizon import demand_factors
from gpufleet.problem.scaling import EXACT_LIMIT, SHARE_UNITS
from gpufleet.problem.workloads import demands
from gpufleet.schema.plan import ServiceProof, UnservedDemand
from gpufleet.schema.workloads import Training
from gpufleet.units import SECONDS_PER_HOUR, exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpufleet.problem.data import Problem, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload

ROUNDED_SERVICE = 10**12
"""Whole numbers that a level is rounded to when its figures have no small common denominator."""
Counted = tuple[int, int, Fraction]
"""(part, position of the class, what one unit counts)."""


def with_unserved(data: WorkloadData, workload: Workload) -> WorkloadData:
    """The part of a workload with the units in which its demand may stay unserved."""
    units = 1 if isinstance(workload, Training) else SHARE_UNITS
    if not data.demand:
        return data
    covering = not data.routed and data.spot_limit is not None
    return replace(_with_exact_spot_limit(data, workload) if covering else data, unserved_units=units)


def _with_exact_spot_limit(data: WorkloadData, workload: Workload) -> WorkloadData:
    """In units so small that the limit is a whole number: rounded up to whole replicas, say, it would be too much for a
    part of the demand."""
    rest = 1 - exact(workload.max_spot_share)
    factor = (rest * data.demand).denominator
    options = tuple(
        replace(option, capacity=option.capacity * factor, restart=option.restart * factor) for option in data.options
    )
    demand = data.demand * factor
    return replace(data, options=options, demand=demand, spot_limit=int(rest * demand))


def service_levels(
    resolved: ResolvedInstance, workloads: Sequence[WorkloadData], horizon: Horizon
) -> tuple[ServiceLevel, ...]:
    """One level per priority, the highest first; none where all demand must be served."""
    if not resolved.instance.allow_unserved:
        return ()
    levels: dict[int, list[Counted]] = {}
    for workload in resolved.instance.workloads:
        amounts = list(_amounts(resolved, workload, workloads, horizon))
        worth = _worth(workload, amounts)
        for w, c, amount in amounts:
            units = workloads[w].unserved_units
            assert units is not None
            levels.setdefault(workload.priority, []).append((w, c, worth(amount) / units))
    return tuple(_level(priority, levels[priority], workloads) for priority in sorted(levels, reverse=True))


def _worth(workload: Workload, amounts: Sequence[Counted]) -> Callable[[Fraction], Fraction]:
    """What an amount (requests/s x hours; of a run, hours) that stays unserved counts: its weighted share of all, or
    its value in USD."""
    if workload.value_usd is None:
        total = sum((amount for _, _, amount in amounts), Fraction(0))
        return lambda amount: exact(workload.unserved_weight) * amount / total
    value = exact(workload.value_usd)
    if isinstance(workload, Training):
        return lambda _: value
    return lambda amount: value * amount * SECONDS_PER_HOUR


def _amounts(
    resolved: ResolvedInstance, workload: Workload, workloads: Sequence[WorkloadData], horizon: Horizon
) -> Iterator[Counted]:
    """Requests of every class in every period, in requests/s x hours; a run counts by the hours of its stage."""
    runs = set()
    for w, part in enumerate(workloads):
        if part.name != workload.name or part.unserved_units is None:
            continue
        now = horizon.periods[part.period]
        if isinstance(workload, Training):
            if now.stage not in runs:
                yield w, 0, sum((p.hours for p in horizon.periods if p.stage == now.stage), Fraction(0))
            runs.add(now.stage)
            continue
        factors = demand_factors(resolved.instance, horizon, workload, part.period)
        rates = (rate * factor for rate, factor in zip(demands(workload), factors, strict=True))
        for c, rate in enumerate(rate for rate in rates if rate):
            yield w, c, rate * now.hours


def _level(priority: int, counted: list[Counted], workloads: Sequence[WorkloadData]) -> ServiceLevel:
    """Whole numbers: by a common denominator if it is small, else to a millionth of a millionth of all there is."""
    whole = sum((value * (workloads[w].unserved_units or 0) for w, _, value in counted), Fraction(0))
    factor = Fraction(math.lcm(*(value.denominator for _, _, value in counted)))
    if factor * whole > EXACT_LIMIT:
        factor = ROUNDED_SERVICE / whole
    rows = [(w, c, max(1, round(value * factor))) for w, c, value in counted]
    divisor = math.gcd(*(value for _, _, value in rows))
    coefficients = tuple((w, c, value // divisor) for w, c, value in rows)
    return ServiceLevel(priority, coefficients, tuple(value for _, _, value in counted), divisor / factor)


def unserved_demand(problem: Problem, unserved: Sequence[dict[int, int]]) -> Iterator[UnservedDemand]:
    """What is not served, in the plan's words, from the units by workload and class; a run once for its stage."""
    seen = set()
    for data, left in zip(problem.workloads, unserved, strict=bool(unserved)):
        now = problem.periods[data.period]
        for c, units in left.items() if data.run is None or data.run not in seen else ():
            if units:
                yield UnservedDemand(
                    workload=data.name,
                    request_class=data.classes[c] if data.run is None else "run",
                    period=now.name if data.run is None else None,
                    stage=now.stage_name,
                    share=units / (data.unserved_units or 1),
                )
        seen.add(data.run)


def service_proofs(
    problem: Problem, unserved: Sequence[dict[int, int]], levels: Sequence[tuple[int, int]]
) -> tuple[ServiceProof, ...]:
    """What stays unserved by priority, exactly; with the bound, from (value, bound) in whole units of each level."""
    return tuple(
        _proof(level, unserved, value, bound)
        for level, (value, bound) in zip(problem.service, levels, strict=bool(levels))
    )


def _proof(level: ServiceLevel, unserved: Sequence[dict[int, int]], value: int, bound: int) -> ServiceProof:
    places = zip(level.coefficients, level.counts, strict=True)
    left = sum((count * unserved[w][c] for (w, c, _), count in places), Fraction(0))
    least = left if bound == value else min(left, bound * level.unit)
    return ServiceProof(priority=level.priority, unserved=float(left), bound=float(least))
