"""Unit constants, and money as integers.

Hardware sheets count decimal gigabytes; so do we. Money inside the program is a whole number of micro-dollars
(1e-6 USD), so that cost lines add up exactly.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

BYTES_PER_GB: Final = 1_000_000_000
BYTES_PER_MIB: Final = 1 << 20
FLOPS_PER_TFLOP: Final = 1_000_000_000_000
SECONDS_PER_HOUR: Final = 3_600
MINUTES_PER_HOUR: Final = 60
SECONDS_PER_DAY: Final = 86_400
HOURS_PER_DAY: Final = 24
HOURS_PER_YEAR: Final = 8_760
HOURS_PER_MONTH: Final = 730
MS_PER_S: Final = 1_000
MICRO_USD_PER_USD: Final = 1_000_000
WATTS_PER_KW: Final = 1_000

INT64_MAX: Final = (1 << 63) - 1
_WHOLE: Final = 2.0**53


def exact(value: float | int | str) -> Fraction:
    """The decimal number a person wrote, as an exact fraction (0.1 is 1/10, not its binary neighbour)."""
    if not isinstance(value, float):
        return Fraction(value)
    # whole numbers below 2^53 are what they look like; reading their text would give the same, more slowly
    return Fraction(int(value)) if value.is_integer() and abs(value) < _WHOLE else Fraction(repr(value))


def micro_usd(amount: Fraction | float) -> int:
    """Dollars to whole micro-dollars, to nearest, halves up.

    >>> micro_usd(4.68)
    4680000
    """
    scaled = (amount if isinstance(amount, Fraction) else exact(amount)) * MICRO_USD_PER_USD
    return (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)


def usd(micro: int) -> float:
    """Whole micro-dollars to dollars (exact to 1e-6 below 2**33, some eight and a half billion dollars)."""
    return micro / MICRO_USD_PER_USD
