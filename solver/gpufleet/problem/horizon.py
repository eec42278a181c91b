"""The horizon as stages one after the other, each holding the same periods, and what money and demand do over it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from gpufleet.problem.data import PeriodData
from gpufleet.schema.workloads import Training
from gpufleet.units import HOURS_PER_DAY, HOURS_PER_YEAR, exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.time import Trend
    from gpufleet.schema.workloads import Workload

FACTOR_DIGITS = 6
"""Growth and trends are powers, rounded so that they are short decimal numbers."""


@dataclass(frozen=True)
class Span:
    """A stretch of time, hours from the start of the horizon."""

    start: Fraction
    end: Fraction

    def by_year(self) -> Iterator[tuple[int, Fraction]]:
        """(year of the horizon from 0, hours of the stretch that lie in it)."""
        year = math.floor(self.start / HOURS_PER_YEAR)
        while year * HOURS_PER_YEAR < self.end:
            first, last = year * HOURS_PER_YEAR, (year + 1) * HOURS_PER_YEAR
            yield year, min(self.end, Fraction(last)) - max(self.start, Fraction(first))
            year += 1


@dataclass(frozen=True)
class Horizon:
    """Stages, periods, and how money is counted over them."""

    stages: tuple[Span, ...]
    stage_names: tuple[str | None, ...]
    periods: tuple[PeriodData, ...]
    """Stage by stage, each with all periods in file order."""
    shares: tuple[Fraction, ...]
    """Share of a stage's hours that each period takes."""
    rate: Fraction = Fraction(0)
    """Discount rate per year."""
    commitments: Literal["horizon", "term"] = "horizon"

    @property
    def end(self) -> Fraction:
        """Hours of the horizon."""
        return self.stages[-1].end

    @property
    def whole(self) -> Span:
        """From the start to the end."""
        return Span(Fraction(0), self.end)

    def present(self, year: int) -> Fraction:
        """Present value of a dollar in this year of the horizon."""
        return (1 + self.rate) ** -year

    def index(self, stage: int, period: int) -> int:
        """Position in `periods`."""
        return stage * len(self.shares) + period


def horizon_of(instance: Instance) -> Horizon:
    """The horizon of an instance; without stages or periods it has one of them, without a name."""
    names: tuple[str | None, ...] = tuple(stage.name for stage in instance.stages) or (None,)
    stages = _spans(instance)
    shares = tuple(exact(period.hours) / instance.hours for period in instance.periods) or (Fraction(1),)
    labels: tuple[str | None, ...] = tuple(period.name for period in instance.periods) or (None,)
    periods = tuple(
        PeriodData(label, (span.end - span.start) * share, stage, name)
        for stage, (span, name) in enumerate(zip(stages, names, strict=True))
        for label, share in zip(labels, shares, strict=True)
    )
    rate = exact(instance.discount_rate_per_year)
    return Horizon(stages, names, periods, shares, rate, instance.commitments)


def _spans(instance: Instance) -> tuple[Span, ...]:
    lengths = [exact(stage.days) * HOURS_PER_DAY for stage in instance.stages] or [instance.hours]
    ends = [sum(lengths[: count + 1], Fraction(0)) for count in range(len(lengths))]
    return tuple(Span(end - length, end) for end, length in zip(ends, lengths, strict=True))


def compound(change_per_year: float, start: Fraction) -> Fraction:
    """(1 + change)^years after so many hours, rounded to a millionth."""
    years = float(start / HOURS_PER_YEAR)
    return exact(round((1 + change_per_year) ** years, FACTOR_DIGITS)) if change_per_year else Fraction(1)


def demand_factors(instance: Instance, horizon: Horizon, workload: Workload, period: int) -> tuple[Fraction, ...]:
    """Factor on the rate of each class in a period of a stage: growth, the stage's factor, the period's.

    The period's is that of the class, else of the workload, else of the period. A training run has one, 1: its work is
    stated by itself.
    """
    if isinstance(workload, Training):
        return (Fraction(1),)
    data = horizon.periods[period]
    factor = compound(workload.growth_per_year, horizon.stages[data.stage].start)
    if data.stage_name is not None:
        stage = instance.stages[data.stage]
        factor *= exact(workload.stage_factors.get(stage.name, stage.demand_factor))
    if data.name is None:
        return (factor,) * len(workload.classes)
    here = instance.periods[period % len(horizon.shares)]
    usual = workload.demand_factors.get(here.name, here.demand_factor)
    return tuple(factor * exact(group.demand_factors.get(here.name, usual)) for group in workload.classes)


def price_factor(resolved: ResolvedInstance, offer: Offer, start: Fraction) -> Fraction:
    """What trends make of the price of an offer by then."""
    factors = (compound(trend.price_change_per_year, start) for trend in price_trends(resolved, offer))
    return math.prod(factors, start=Fraction(1))


def throughput_factor(resolved: ResolvedInstance, node_type: str, start: Fraction) -> Fraction:
    """What trends make of the throughput of a node type by then."""
    factors = (compound(trend.throughput_change_per_year, start) for trend in _trends(resolved, node_type))
    return math.prod(factors, start=Fraction(1))


def price_trends(resolved: ResolvedInstance, offer: Offer) -> Iterator[Trend]:
    """The trends that change the price of an offer."""
    for trend in _trends(resolved, offer.node_type):
        if trend.price_change_per_year and _is_in(offer.term, trend.terms):
            yield trend


def _trends(resolved: ResolvedInstance, node_type: str) -> Iterator[Trend]:
    unit = resolved.accelerator_of(node_type)
    for trend in resolved.instance.trends:
        if _is_in(unit.family, trend.families) and _is_in(unit.name, trend.accelerators):
            yield trend


def _is_in(value: str, allowed: tuple[str, ...] | None) -> bool:
    return allowed is None or value in allowed
