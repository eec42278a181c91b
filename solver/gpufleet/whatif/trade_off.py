"""Cost against something else: every value at which the cheapest plan changes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.whatif.axes import Axis
from gpufleet.whatif.bounds import Tightening
from gpufleet.whatif.resources import Resource

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class TradeOffPoint:
    """One breakpoint: the cheapest plan here."""

    at: float
    """The value on the axis, in its unit."""
    plan: Plan
    question: ResolvedInstance
    """What the plan was verified against."""
    proven: bool


@dataclass(frozen=True)
class TradeOff:
    """Cost over another axis, the cheapest plan first."""

    axis: str
    """As asked for, e.g. `latency:chat:ttft`."""
    words: str
    """What it is, in words."""
    unit: str
    points: tuple[TradeOffPoint, ...]
    solves: int
    """Integer programs solved."""
    seconds: float
    resolution: float
    """Relative precision of the values on the axis; 0 = exact."""
    end: str
    """Why there are no more points."""
    complete: bool
    """Is it proven that there are none between these, or beyond the last inside the range?"""

    @property
    def proven(self) -> bool:
        """Is every plan proven cheapest?"""
        return all(point.proven for point in self.points)


def trade_off(
    resolved: ResolvedInstance,
    over: str,
    *,
    start: float | None = None,
    stop: float | None = None,
    time_limit_s: float = 60.0,
) -> TradeOff:
    """The staircase of cost over `latency:WORKLOAD[:METRIC]`, `accuracy:WORKLOAD[:METRIC]`, `deadline:WORKLOAD`,
    `energy`, `co2` or `vendors`, between two values of the axis, the cheapest plan first.

    Bounds go from their loose end (without `start` and `stop`, the bound of the instance) to where no plan is left;
    energy, CO2 and vendors from what the cheapest plan takes to the least with which there is a plan. `time_limit_s`
    holds for each integer program.

    Raises ValueError for an axis that does not exist, InputError where the instance lacks what it is about.
    """
    began = time.monotonic()
    axis, limits = Axis.parse(over), SolverLimits(time_limit_s)
    bound = axis.kind in ("latency", "accuracy", "deadline")
    search: Tightening | Resource = Tightening(resolved, axis, limits) if bound else Resource(resolved, axis, limits)
    points = tuple(TradeOffPoint(*point) for point in search.points(start, stop))
    ordered = tuple(sorted(points, key=lambda point: point.plan.certificate.objective_usd or 0.0))  # type: ignore[union-attr]
    seconds = time.monotonic() - began
    return TradeOff(
        over,
        search.words,
        search.unit,
        ordered,
        search.solves,
        seconds,
        search.resolution,
        search.end,
        search.complete,
    )
