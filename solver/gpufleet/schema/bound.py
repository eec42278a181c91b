"""What a bound can be checked with: prices, and cases that need prices of their own."""

from __future__ import annotations

from gpufleet.schema.base import Count, Money, PositiveCount, Record


class BoundTree(Record):
    """Cases that together prove more than prices alone: each splits the plans in two, those with at most so much of
    something and those with more, until prices are enough. No plan is left out, whatever the cases are."""

    variables: tuple[str, ...]
    """Names of the variables of the integer program that are split."""
    rows: tuple[str, ...]
    """Names of the rows that have prices."""
    denominator: PositiveCount
    """Divides every price of `prices`."""
    prices: tuple[str, ...]
    """Sets of prices: position of the row in `rows` and numerator, again and again, separated by spaces."""
    nodes: str
    """The cases, separated by spaces: `3<=7` splits on the variable at position 3 in `variables`, at most 7 or more,
    and what follows is the first case and then the second; a number alone ends a case with that set of prices,
    counted from 1, and 0 = the certificate's own."""


class BoundPrices(Record):
    """Prices of the rows of the integer program. Whoever has the instance can work out from them, in whole numbers and
    without a solver, that no plan costs less: `gpufleet verify --bound`. Wrong prices only prove less."""

    bound_usd: Money
    """What they prove, with the cases of `tree`: no plan costs less."""
    denominator: PositiveCount
    """Divides every price."""
    rows: dict[str, int]
    """Row to price: what one unit more on its side would cost, in micro-USD, times the denominator; positive for
    lower sides, negative for upper ones. Rows without a price count as 0."""
    unserved: tuple[Count, ...] = ()
    """Where demand may stay unserved: the bound holds for plans that leave at most this much, by priority, in whole
    units of each level."""
    tree: BoundTree | None = None
    """Cases that prove `bound_usd`, where the prices alone prove less."""
