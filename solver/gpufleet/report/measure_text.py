"""What measures are worth: a table, then from what volume on each of them pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.format import money, span
from gpufleet.report.plan_text import table
from gpufleet.whatif.measures import cost_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.measures import MeasureValue, VolumePoint

JUMPS = "Fleets are whole nodes, so values jump: between the volumes looked at, the answer can differ."
NUMBERS = ("without", "for nothing", "value", "cost")


def measure_text(resolved: ResolvedInstance, values: Sequence[MeasureValue]) -> Iterator[RenderableType]:
    """One row per measure at today's volume, then one sentence on its volume."""
    yield Text(resolved.instance.title, style="bold")
    horizon = span(float(resolved.instance.hours))
    legend = "the cheapest plan without the measure and with it for nothing, the difference, and what the measure costs"
    yield Text(f"USD over {horizon}: {legend}", style="dim")
    grid = table("measure", *NUMBERS, "today", numeric=NUMBERS)
    for value in values:
        today = value.today
        costs = (cost_of(today.without), cost_of(today.free), today.value_usd, value.cost_usd)
        grid.add_row(label(value), *("" if usd is None else money(usd) for usd in costs), verdict(today))
    yield Padding(grid, (1, 0, 1, 0))
    for value in values:
        yield Text(volume_words(value))
    yield Text(JUMPS, style="dim")


def label(value: MeasureValue) -> str:
    """The measure's name, or that it is all of them."""
    return value.measures[0] if len(value.measures) == 1 else f"all {len(value.measures)} together"


def verdict(point: VolumePoint) -> str:
    """In two or three words."""
    if point.pays is None:
        return "no plan" if point.free.status == "infeasible" else "not known"
    words = "needed" if point.needed else "pays" if point.pays else "does not pay"
    return words if point.proven else f"{words}, not proven"


def volume_words(value: MeasureValue) -> str:
    """From what volume on it pays, in a sentence, and what of that is not proven."""
    names = ", ".join(value.workloads)
    subject = f"{label(value)} ({names}): " if len(value.measures) == 1 else f"{label(value)}: "
    return subject + _threshold(value) + _end(value) + _doubts(value)


def _threshold(value: MeasureValue) -> str:
    if not value.known:
        return f"no answer at today's volume ({_why(value.today)})."
    least, most = value.known[0].factor, value.known[-1].factor
    if value.pays_from is None:
        return f"does not pay up to {times(most)} today's volume."
    if value.does_not_pay_at is None:
        return f"pays at every volume looked at, from {times(least)} to {times(most)} today's."
    pays, fails = times(value.pays_from), times(value.does_not_pay_at)
    return f"pays from about {pays} today's volume on (at {fails} it does not)."


def _end(value: MeasureValue) -> str:
    """Where the search came to an end before its time."""
    lost = [point for point in value.points if point.pays is None and point.factor != 1]
    return "".join(f" At {times(point.factor)} there is no answer ({_why(point)})." for point in lost)


def _doubts(value: MeasureValue) -> str:
    doubts = ", ".join(times(point.factor) for point in value.known if not point.proven)
    return f" Not proven optimal within the time limit at {doubts}." if doubts else ""


def _why(point: VolumePoint) -> str:
    plan: Plan = point.without if cost_of(point.without) is None and point.free.status != "infeasible" else point.free
    return f"{plan.status}: {plan.reason}"


def times(factor: float) -> str:
    """A factor in three digits.

    >>> times(1.414), times(64.0), times(1 / 64)
    ('1.41 times', '64 times', '0.0156 times')
    """
    return f"{factor:.3g} times"
