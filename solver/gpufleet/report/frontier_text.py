"""Frontiers as tables: one row per breakpoint, with the change of the fleet from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import figure, money, percent
from gpufleet.report.frontier_words import cost_of, fleet_change, given_up, relaxed_words, service_word
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.frontier import Frontier
    from gpufleet.whatif.trade_off import TradeOff


def frontier_text(resolved: ResolvedInstance, frontier: Frontier) -> Iterator[RenderableType]:
    """The staircase of service over a budget."""
    yield Text(resolved.instance.title, style="bold")
    field = frontier.axis.rpartition(".")[2]
    if field != frontier.axis:
        yield Text(f"service over budgets.{frontier.axis}", style="bold")
    days = float(resolved.instance.hours / 24)
    shows_cost = frontier.axis != "usd_per_day"
    grid = table(
        "from " + field, *(("USD/day",) if shows_cost else ()), "service", "not served", "change of the fleet",
        numeric=("from " + field, "USD/day"),
    )  # fmt: skip
    before = None
    for point in frontier.points:
        cost = cost_of(point.plan)
        word = service_word(resolved, point.plan, point.full, point.relaxed)
        grid.add_row(
            money(point.at),
            *((money((cost or 0.0) / days),) if shows_cost else ()),
            word if point.proven else f"{word} (not proven)",
            given_up(resolved, point.plan),
            fleet_change(resolved, before, point.plan),
        )
        before = point.plan
    yield grid
    for point in frontier.points:
        for found in point.relaxed:
            yield Text(f"{money(point.at)}: {relaxed_words(found)}", style="yellow")
    yield Text(_proof(frontier))


def _proof(frontier: Frontier) -> str:
    count = len(frontier.points)
    words = f"{count} breakpoint{'s' if count != 1 else ''}, {frontier.solves} integer programs."
    if not frontier.complete:
        return f"{words} Not complete: {frontier.reason}."
    if frontier.whole:
        words += " Workloads are served as a whole or not at all."
    between = f" Between them some priority improves by less than {percent(frontier.step)}." if frontier.step else ""
    if not frontier.proven:
        return f"{words} Points that say so are not proven.{between}"
    every = "Every one is exact" if frontier.step else "Complete and exact"
    return (
        f"{words} {every}: no smaller budget serves as much, none of the same size serves more, and all plans were "
        f"verified.{between}"
    )


def trade_off_text(resolved: ResolvedInstance, found: TradeOff) -> Iterator[RenderableType]:
    """The staircase of cost over something else."""
    yield Text(resolved.instance.title, style="bold")
    yield Text(f"cost over {found.words}", style="bold")
    days = float(resolved.instance.hours / 24)
    grid = table(found.unit, "USD/day", "change of the fleet", numeric=(found.unit, "USD/day"))
    before = None
    for point in found.points:
        proof = "" if point.proven else " (not proven)"
        cost = (cost_of(point.plan) or 0.0) / days
        at = f"{point.at:,.6g}" if point.at < 1e6 else f"{point.at:,.0f}"
        grid.add_row(at, money(cost), fleet_change(resolved, before, point.plan) + proof)
        before = point.plan
    yield grid
    yield Text(_end(found))


def _end(found: TradeOff) -> str:
    count = len(found.points)
    exact = f", to {figure(found.resolution * 100)} % of their values" if found.resolution else ", exactly"
    words = f"{count} breakpoint{'s' if count != 1 else ''}{exact}; {found.solves} integer programs. "
    words += "" if found.proven else "Points that say so are not proven. "
    return f"{words}The last one, because: {found.end}"
