"""What a series of budgets buys, as a table and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money
from gpufleet.report.frontier_words import cost_of, given_up, next_words, relaxed_words, service_word
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.budget import BudgetPoint


def budget_text(resolved: ResolvedInstance, cap: str, points: Sequence[BudgetPoint]) -> Iterator[RenderableType]:
    """One row per budget, then what is relaxed, and what the next dollars bring."""
    field = cap.rpartition(".")[2]
    if field != cap:
        yield Text(f"budgets.{cap}", style="bold")
    lost = any(point.plan.unserved for point in points)
    grid = table(
        field, "service", "USD/day", *(("not served",) if lost else ()), "fleet", numeric=(field, "service", "USD/day")
    )
    days = float(resolved.instance.hours / 24)
    for point in points:
        cost = cost_of(point.plan)
        word = service_word(resolved, point.plan, point.full, point.relaxed)
        word += "" if point.plan.status in ("optimal", "infeasible") else " (not proven)"
        grid.add_row(
            money(point.cap),
            str(point.plan.status) if cost is None else word,
            "" if cost is None else money(cost / days),
            *((given_up(resolved, point.plan),) if lost else ()),
            fleet_words(resolved, point.plan),
            style=None if point.full else "yellow" if cost is not None else "red",
        )
    yield grid
    yield from _relaxed(points)
    yield from _more(resolved, field, points)


def _relaxed(points: Sequence[BudgetPoint]) -> Iterator[RenderableType]:
    for point in points:
        for found in point.relaxed:
            yield Text(f"{money(point.cap)}: {relaxed_words(found)}", style="yellow")


def _more(resolved: ResolvedInstance, field: str, points: Sequence[BudgetPoint]) -> Iterator[RenderableType]:
    """The next step above every budget, each once."""
    words = {point.next.at: next_words(resolved, field, point.next) for point in points if point.next is not None}
    if words:
        yield Text("What more money brings", style="bold")
        grid = table(field, "from there on", numeric=(field,))
        for at, sentence in sorted(words.items()):
            grid.add_row(money(at), sentence)
        yield grid
