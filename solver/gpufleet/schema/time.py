"""Time: periods that come again and again, stages one after the other, and what changes between them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from gpufleet.schema.base import Name, NonNegative, Positive, PositiveCount, Record, Sourced
from gpufleet.schema.offers import Term

Change = Annotated[float, Field(gt=-1, le=10, strict=True)]
"""Relative change per year; -0.15 = 15 % less each year."""


class Period(Record):
    """A slice of the horizon with its own demand, that comes again and again: an hour of the typical day, say.

    On-demand and spot nodes are rented period by period; every other node is there in all of them.
    """

    name: Name
    """Unique name, e.g. `weekday-14h`."""
    hours: Positive
    """Hours of the horizon that it stands for."""
    demand_factor: NonNegative = 1.0
    """Factor on every workload's rates."""
    occurrences: PositiveCount | None = None
    """How often it comes in the horizon, e.g. 365 for an hour of the typical day; needed where a training run that may
    use it has `restart_minutes`. Each period follows the one before it in the file, the first one the last."""


class Stage(Record):
    """A part of the horizon, a year or a month: nodes are bought, sold and reserved at its start."""

    name: Name
    """Unique name, e.g. `2027`."""
    days: Positive
    """How long it lasts, days."""
    demand_factor: NonNegative = 1.0
    """Factor on every workload's rates."""


class Trend(Sourced):
    """How prices and throughput of some accelerators change with the years: a stated assumption.

    A node bought, reserved or rented at the start of a stage costs its price times (1 + change)^years, with the years
    since the start of the horizon, rounded to a millionth.
    """

    families: tuple[Name, ...] | None = None
    """Accelerator families; empty = all."""
    accelerators: tuple[Name, ...] | None = None
    """Accelerators; empty = all."""
    terms: tuple[Term, ...] | None = None
    """Terms whose price changes; empty = all."""
    price_change_per_year: Change = 0.0
    """Relative change of purchase prices and rents per year."""
    throughput_change_per_year: Annotated[float, Field(ge=0, le=10, strict=True)] = 0.0
    """Relative gain in throughput per year, by better software."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.price_change_per_year and not self.throughput_change_per_year:
            raise ValueError("the trend changes nothing; give price_change_per_year or throughput_change_per_year")
        if self.terms is not None and self.throughput_change_per_year:
            raise ValueError("throughput does not depend on terms; state two trends, one for prices with terms")
        return self
