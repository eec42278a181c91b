"""The difference of two plans for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import money, percent
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.whatif.diff import Change, Fact, PlanDiff


def diff_text(names: tuple[str, str], diff: PlanDiff) -> Iterator[RenderableType]:
    """From the first plan to the second: cost, nodes, bill, service, deployments, certificate."""
    yield Text(f"From {names[0]} to {names[1]}", style="bold")
    yield from _notes(diff)
    if diff.is_empty:
        yield Text("Fleet, deployments, service and cost are the same.")
    if diff.cost is not None and diff.cost.difference:
        yield Text(_total(diff.cost))
    yield from _section("Nodes", ("site", "node type", "offer", "term", "when"), diff.nodes, _count)
    yield from _section("Costs", ("USD over the horizon",), diff.costs, money)
    yield from _facts("Measures", diff.measures)
    yield from _section("Served", ("workload", "class", "when"), diff.served, percent)
    yield from _section("Replicas", ("workload", "site", "node type", "form", "when"), diff.deployments, _count)
    yield from _facts("Certificate", diff.certificate)


def _notes(diff: PlanDiff) -> Iterator[RenderableType]:
    """Whether they answer the same question."""
    if diff.instances[0] != diff.instances[1]:
        yield Text(f"Note: they are plans of different instances, {diff.instances[0]} and {diff.instances[1]}.")
    elif diff.same_question is False:
        yield Text(f"Note: both are plans of {diff.instances[0]}, but of different versions of it (digests differ).")
    elif diff.same_question is None:
        yield Text("Note: a plan has no certificate, so whether the questions are the same is not known.")


def _total(cost: Change) -> str:
    difference = cost.difference
    part = f" ({percent(abs(difference) / cost.before)})" if cost.before else ""
    words = "more" if difference > 0 else "less"
    return f"{money(cost.before)} to {money(cost.after)} USD: {money(abs(difference))} USD{part} {words}."


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _section(
    title: str, columns: tuple[str, ...], changes: Sequence[Change], word: Callable[[float], str]
) -> Iterator[RenderableType]:
    """A table of what changed; columns that say nothing are left out."""
    if not changes:
        return
    shown = [i for i in range(len(columns)) if any(change.what[i] for change in changes)]
    numeric = ("before", "after", "change")
    grid = table(*(columns[i] for i in shown), *numeric, numeric=numeric)
    for change in changes:
        sign = "+" if change.difference > 0 else "-"
        figures = (word(change.before), word(change.after), sign + word(abs(change.difference)))
        grid.add_row(*(change.what[i] for i in shown), *figures)
    yield Text()
    yield Text(title, style="bold")
    yield grid


def _facts(title: str, facts: Sequence[Fact]) -> Iterator[RenderableType]:
    if facts:
        grid = table("", "before", "after")
        for fact in facts:
            grid.add_row(fact.what, fact.before, fact.after)
        yield Text()
        yield Text(title, style="bold")
        yield grid
