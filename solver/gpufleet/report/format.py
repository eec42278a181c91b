"""How figures are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def money(amount: float) -> str:
    """Dollars with cents and thousands separators; more decimals only below a dollar.

    >>> money(130916.56256), money(0.0042)
    ('130,916.56', '0.0042')
    """
    return f"{amount:,.2f}" if abs(amount) >= 1 or amount == 0 else f"{amount:,.4g}"


def price(amount: float) -> str:
    """A price as it was written: at least cents, up to a millionth of a dollar.

    >>> price(0.8), price(10.49264), price(46000)
    ('0.80', '10.49264', '46,000.00')
    """
    whole, _, part = f"{amount:,.6f}".rstrip("0").partition(".")
    return f"{whole}.{part:0<2}"


def span(hours: float) -> str:
    """A horizon in words: hours below a day, else days.

    >>> span(1), span(24), span(8760)
    ('1 hour', '1 day', '365 days')
    """
    value, unit = (hours, "hour") if hours < 24 else (hours / 24, "day")
    return f"{value:g} {unit}" if value == 1 else f"{value:g} {unit}s"


def percent(fraction: float) -> str:
    """A fraction as percent, with as many digits as matter.

    >>> percent(0.7091), percent(0.000123)
    ('70.9 %', '0.0123 %')
    """
    return f"{fraction * 100:.1f} %" if fraction >= 0.01 or fraction == 0 else f"{fraction * 100:.3g} %"


def figure(value: float | str) -> str:
    """A limit or actual value: four significant digits, thousands separated."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def span_of_counts(counts: Sequence[int]) -> str:
    """One number where all are equal, else the smallest and the largest: `1-3`."""
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)}-{max(counts)}"
