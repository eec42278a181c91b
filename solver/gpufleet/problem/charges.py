"""What workloads are charged for the accelerators that they occupy, and their caps on it.

Nodes are shared, so a workload has no bill of its own; a cap on it needs an internal charge rate. An accelerator is
charged at the hourly cost of the dearest offer of its pool, over the hours in which a replica holds it, rounded up to a
micro-dollar. So no workload pays less for having come first, a workload within its cap is within it whatever offer its
nodes come from, and idle or spare accelerators are charged to nobody.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.problem.data import ChargeRow
from gpufleet.problem.scaling import check_int64
from gpufleet.units import HOURS_PER_DAY, INT64_MAX, MICRO_USD_PER_USD, exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.problem.data import OfferData, PeriodData, Pool, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.instance import BudgetCaps
    from gpufleet.schema.resolved import ResolvedInstance


def charge_rows(
    resolved: ResolvedInstance,
    pools: tuple[Pool, ...],
    offers: tuple[OfferData, ...],
    workloads: Sequence[WorkloadData],
    horizon: Horizon,
) -> tuple[ChargeRow, ...]:
    """Every cap on a workload as a row over its replicas in all periods."""
    rows = []
    for name, caps in resolved.instance.budgets.workloads.items():
        parts = [(w, part) for w, part in enumerate(workloads) if part.name == name]
        coefficients = []
        for w, part in parts:
            for k, option in enumerate(part.options):
                charge = option.accelerators * accelerator_charge(
                    pools, offers, horizon.periods, option.pool, part.period
                )
                coefficients.append((w, k, charge))
        check_int64((charge * workloads[w].options[k].most for w, k, charge in coefficients), f"the charge of {name}")
        rows += [ChargeRow(name, cap, tuple(coefficients), limit) for cap, limit in _limits(resolved, caps)]
    return tuple(rows)


def accelerator_charge(
    pools: tuple[Pool, ...], offers: tuple[OfferData, ...], periods: tuple[PeriodData, ...], pool: int, period: int
) -> int:
    """Micro-USD for one accelerator of a pool over a period's hours, at the dearest price of a node that is there."""
    base = pools[pool].partition_of
    sold = pool if base is None else base
    hourly = [
        Fraction(offer.cost) / sum((p.hours for t, p in enumerate(periods) if offer.there(t)), Fraction(0))
        for offer in offers
        if offer.pool == sold and offer.there(period) and offer.most
    ]
    return math.ceil(max(hourly, default=Fraction(0)) * periods[period].hours / pools[pool].accelerators_per_node)


def _limits(resolved: ResolvedInstance, caps: BudgetCaps) -> Iterator[tuple[str, int]]:
    """Caps in micro-USD over the horizon, rounded down."""
    days = resolved.instance.hours / HOURS_PER_DAY
    for cap, value in (("usd_per_day", caps.usd_per_day), ("horizon_usd", caps.horizon_usd)):
        if value is not None:
            limit = exact(value) * (days if cap == "usd_per_day" else 1) * MICRO_USD_PER_USD
            yield cap, min(math.floor(limit), INT64_MAX)
