"""What `frontier --json` and `whatif --budget --json` write, as far as a report of it needs to know."""

from __future__ import annotations

from gpufleet.schema.base import Flag, Fraction01, NonNegative, Record, Text


class CurvePoint(Record):
    """One budget (or other bound), and what it buys."""

    at: float
    """The budget, in the unit of the axis."""
    cost_usd: NonNegative | None = None
    """Cost over the horizon, USD; empty = no plan."""
    service: Text = "full"
    """`full`, `relaxed`, `partial`, `none`; `-` without a plan."""
    proven: Flag | None = None
    """Is the point proven? Empty = the file does not say."""
    unserved: dict[str, Fraction01] = {}
    """Workloads of which something is not served, with the share of their requests."""
    fleet: str = ""
    """The fleet in a line."""


class BudgetCurve(Record):
    """A staircase of service over a budget, or of cost over something else."""

    axis: Text
    """The cap, as in `usd_per_day`, or what cost is drawn against."""
    unit: str = ""
    """Unit of the axis, where it is no budget."""
    trade_off: Flag = False
    """Everything is served at every point, and the cost is what changes."""
    complete: Flag = False
    """Is nothing known to be missing between the points?"""
    source: Text
    """The file that it was read from."""
    points: tuple[CurvePoint, ...]
    """By ascending value; at least one."""
