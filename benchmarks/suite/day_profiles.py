"""Day profiles: workloads whose demand changes by the hour, over nodes that are reserved for the year or rented by the
hour. Offers of half the number of node types, on both terms."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

from suite import estates

if TYPE_CHECKING:
    from suite.files import Fields

RESERVED = 0.6
"""Price of a reservation over that of renting, about."""


def generated(name: str, workloads: int, offers: int, hours: int, seed: int = 1) -> Fields:
    """A day of `hours` hours. Every workload has a peak at an hour of its own and a night of 10 to 60 % of it."""
    dice = Random(f"{seed}/day/{workloads}/{offers}/{hours}")
    estate = estates.generated(name, workloads, offers // 2, seed)
    fields = estates.converted(estate)
    names = [f"h{hour:02d}" for hour in range(hours)]
    fields["title"] = f"{workloads} workloads over {offers} offers and {hours} hours, costs in USD a day"
    fields["origin"] = f"{estate.origin}; demand by the hour"
    fields["horizon_hours"] = hours
    fields["periods"] = [{"name": hour, "hours": 1} for hour in names]
    fields["offers"] = [offer for pool in fields["offers"] for offer in _terms(dice, pool)]
    for workload in fields["workloads"]:
        workload["demand_factors"] = _day(dice, names)
    return fields


def _terms(dice: Random, rented: Fields) -> list[Fields]:
    reserved = rented | {"name": f"{rented['name']}-reserved", "term": "reserved_1y"}
    reserved["usd_per_hour"] = round(rented["usd_per_hour"] * RESERVED * dice.uniform(0.85, 1.15), 2)
    return [rented, reserved]


def _day(dice: Random, names: list[str]) -> dict[str, float]:
    """Factors on the peak: a cosine over the day, lifted to the level of the night, with some noise."""
    peak, night = dice.randrange(len(names)), dice.uniform(0.1, 0.6)
    waves = [(1 + math.cos(2 * math.pi * (hour - peak) / len(names))) / 2 for hour in range(len(names))]
    return {
        name: round(min(1.0, (night + (1 - night) * wave) * dice.uniform(0.9, 1.1)), 2)
        for name, wave in zip(names, waves, strict=True)
    }
