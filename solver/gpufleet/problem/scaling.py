"""Rates to integers: capacity down, demand up.

Where a common denominator of all figures is small, scaling is exact and nothing is rounded. Otherwise demand becomes
about 10^9 units, so one unit is 1e-9 of the demand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.errors import Int64OverflowError
from gpufleet.units import INT64_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

EXACT_LIMIT = 10**11
"""Largest scaled demand for which an exact common denominator is used."""
ROUNDED_DEMAND = 10**9
"""Scaled demand when figures must be rounded."""
SHARE_UNITS = 10_080
"""Routing shares are multiples of 1/10,080, which halves, thirds, ... up to tenths all divide."""


@dataclass(frozen=True)
class Scaled:
    """Integer figures, and what rounding lost."""

    values: tuple[int, ...]
    demand: int
    worst_relative_loss: float
    """Largest share by which a positive value was rounded down."""


def scale_covering(rates: Sequence[Fraction], demand: Fraction) -> Scaled:
    """Integers (r_k), D with sum r_k n_k >= D implying sum rates_k n_k >= demand, and nearly the converse.

    Rates above the demand are cut to it: one replica then covers everything, and a larger rate says no more.
    """
    cut = [min(rate, demand) for rate in rates]
    factor: int | Fraction = math.lcm(demand.denominator, *(rate.denominator for rate in cut))
    if factor * demand > EXACT_LIMIT:
        factor = ROUNDED_DEMAND / demand
    values = tuple(math.floor(rate * factor) for rate in cut)
    losses = [float(1 - value / (rate * factor)) for value, rate in zip(values, cut, strict=True) if rate]
    return _reduced(Scaled(values, math.ceil(demand * factor), max(losses, default=0.0)))


def _reduced(scaled: Scaled) -> Scaled:
    """Divide by the greatest common divisor, which changes nothing but the size of the numbers."""
    divisor = math.gcd(scaled.demand, *scaled.values)
    values = tuple(value // divisor for value in scaled.values)
    return Scaled(values, scaled.demand // divisor, scaled.worst_relative_loss)


@dataclass(frozen=True)
class ScaledLoads:
    """One routing row: sum_c loads_c x_c <= capacity n, with x_c counted in share units."""

    loads: tuple[int | None, ...]
    """Load of one share unit per class, rounded up; None = the option cannot serve the class."""
    capacity: int
    """What one replica carries."""
    worst_relative_loss: float


def scale_loads(rates: Sequence[Fraction], demands: Sequence[Fraction]) -> ScaledLoads:
    """Loads of one share unit per class on one option, as integers over a common capacity.

    A replica that sustains `rate` requests/s of a class carries demand/rate of it; one share unit is 1/10,080 of that.
    """
    units = [demand / rate / SHARE_UNITS if rate else None for rate, demand in zip(rates, demands, strict=True)]
    known = [unit for unit in units if unit is not None]
    capacity = math.lcm(*(unit.denominator for unit in known)) if known else 1
    if capacity > EXACT_LIMIT:
        capacity = SHARE_UNITS * 10**6
    loads = tuple(None if unit is None else math.ceil(unit * capacity) for unit in units)
    losses = [(math.ceil(u * capacity) - u * capacity) * SHARE_UNITS / capacity for u in known]
    divisor = math.gcd(capacity, *(load for load in loads if load))
    shrunk = tuple(None if load is None else load // divisor for load in loads)
    return ScaledLoads(shrunk, capacity // divisor, float(max(losses, default=0)))


def check_int64(values: Iterable[int], what: str) -> None:
    """Refuse sums that could leave the signed 64-bit range of the solvers."""
    total = sum(abs(value) for value in values)
    if total > INT64_MAX:
        raise Int64OverflowError(
            f"{what} can reach {total:.3g}, beyond the signed 64-bit range; shorten the horizon or state stock and "
            "demand in coarser units"
        )
