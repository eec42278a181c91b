"""The explanation of an answer as text: what stands in the way and what would help, or what the cost hangs on."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import figure, money, percent, span
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.edits.requirement import Requirement
    from gpufleet.explain.binding import Binding, Bindings
    from gpufleet.explain.conflict import Conflict
    from gpufleet.explain.explanation import Explanation
    from gpufleet.explain.repairs import Repair
    from gpufleet.explain.rivals import Rival
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

MOST_RIVALS = 6
"""Accelerators with a line of their own; the others are named together."""

MOST_NAMED = 3
"""Requirements of a kind that are named where they only bind together."""


def explanation_text(explained: Explanation) -> Iterator[RenderableType]:
    """Title and status, then all that explains them."""
    plan, resolved = explained.plan, explained.resolved
    yield Text(resolved.instance.title, style="bold")
    yield Text(f"{plan.status}: {plan.reason or _answer(resolved, plan)}", style="green" if plan.nodes else "bold red")
    if plan.status == "infeasible":
        yield from _why_not(explained)
    if explained.bindings is not None:
        yield from _bindings(resolved, plan, explained.bindings)
    if explained.rivals:
        yield from _rivals(resolved, plan, explained.rivals)


def _answer(resolved: ResolvedInstance, plan: Plan) -> str:
    return f"{_cost(resolved, plan)}: {fleet_words(resolved, plan)}"


def _cost(resolved: ResolvedInstance, plan: Plan | None) -> str:
    """`36,354.00 USD (99.60 USD a day)`, with what is not proven."""
    cost = None if plan is None or plan.certificate is None else plan.certificate.objective_usd
    if plan is None or cost is None:
        return "cost not known within the time limit"
    day = money(cost / float(resolved.instance.hours) * 24)
    at_most = "" if plan.status == "optimal" else "at most "
    return f"{at_most}{money(cost)} USD ({day} USD a day)"


def _section(title: str) -> RenderableType:
    return Padding(Text(title, style="bold"), (1, 0, 0, 0))


def _item(text: str | Text) -> RenderableType:
    """A paragraph with a hanging indent, as a table row, so that long lines keep it."""
    grid = table("", "")
    grid.show_header = False
    grid.add_row("-", text)
    return grid


# --------------------------------------------------------------------------------------------- infeasible


def _why_not(explained: Explanation) -> Iterator[RenderableType]:
    resolved, conflict = explained.resolved, explained.conflict
    if conflict is None:
        yield _section("Why")
        yield Text("Not found out within the time limit; give more with --time-limit.")
        return
    yield _section("What cannot hold together")
    yield from (_item(words) for words in requirement_lines(resolved, conflict.requirements))
    yield Text(_proof(conflict))
    if explained.repairs:
        yield _section("What would help: each change alone, and what the cheapest plan then costs")
        yield from (_item(_repair(resolved, repair)) for repair in explained.repairs)
    yield from _not_enough(explained)


def requirement_lines(resolved: ResolvedInstance, found: Iterable[Requirement]) -> Iterator[str]:
    """`file:line: requirement`, as `requirement_words`."""
    return (f"{place(resolved, group[0])}{_words(group)}" for group in _grouped(resolved, found))


def requirement_words(resolved: ResolvedInstance, found: Iterable[Requirement]) -> Iterator[str]:
    """Each requirement; stock that one line of the file gives to several offers is named once."""
    return (_words(group) for group in _grouped(resolved, found))


def _grouped(resolved: ResolvedInstance, found: Iterable[Requirement]) -> Iterable[list[Requirement]]:
    groups: dict[object, list[Requirement]] = {}
    for number, known in enumerate(found):
        line = resolved.line_of(known.loc)
        together = known.kind == "stock" and line is not None
        groups.setdefault((line, known.value) if together else number, []).append(known)
    return groups.values()


def _words(group: Sequence[Requirement]) -> str:
    if len(group) == 1:
        return group[0].words
    names = ", ".join(str(known.loc[1]) for known in group)
    return f"stock of {group[0].value:g} nodes each of {names}"


def place(resolved: ResolvedInstance, requirement: Requirement) -> str:
    """`bank-assistant.yaml:59: `; nothing for instances built in code."""
    line = resolved.line_of(requirement.loc)
    return "" if line is None else f"{PurePath(resolved.path).name}:{line}: "


def _proof(conflict: Conflict) -> str:
    if len(conflict.requirements) == 1 and conflict.irreducible:
        return "No plan keeps this, whatever else holds (proven)."
    if conflict.smallest:
        return (
            "No plan keeps all of these, whatever else holds; without any one of them there is a plan for the others. "
            "No smaller set stands in the way (proven)."
        )
    if conflict.irreducible:
        return (
            "No plan keeps all of these, whatever else holds; without any one of them there is a plan for the others "
            "(proven). There may be a smaller set beside it."
        )
    return "No plan keeps all of these (proven). Time ran out before it was known which of them are needed for that."


def _repair(resolved: ResolvedInstance, repair: Repair) -> Text:
    known = repair.requirement
    now = "" if repair.value is None else f" (now {known.value:,.12g})"
    unproven = "" if repair.least else "; a smaller change may do, too"
    fleet = (
        "" if repair.plan is None or not repair.plan.nodes else f", {fleet_words(resolved, repair.plan, terms=False)}"
    )
    return Text.assemble((f"{repair.words}{now}", "bold"), f": {_cost(resolved, repair.plan)}{fleet}{unproven}")


def _not_enough(explained: Explanation) -> Iterator[RenderableType]:
    """Members of the conflict whose change alone leaves another conflict, and what would do together."""
    conflict, helping = explained.conflict, {repair.requirement.loc for repair in explained.repairs}
    assert conflict is not None
    others = [known for known in conflict.requirements if known.loc not in helping]
    if others and conflict.irreducible:
        words = "; ".join(requirement_words(explained.resolved, others))
        yield Padding(Text(f"Not enough alone, because more stands in the way: {words}."), (1, 0, 0, 0))
    if explained.together is not None:
        yield _section("What would help together")
        yield from (_item(known.lifting) for known in explained.together.requirements)
        yield Text(f"The cheapest plan then: {_cost(explained.resolved, explained.together.plan)}.")


# ----------------------------------------------------------------------------------------------- feasible


def _bindings(resolved: ResolvedInstance, plan: Plan, bindings: Bindings) -> Iterator[RenderableType]:
    hours = float(resolved.instance.hours)
    yield _section("What the requirements cost: each one alone, against the cheapest plan without it")
    for binding in bindings.found:
        known = binding.requirements[0]
        words = f"{place(resolved, known)}{known.words}"
        yield _item(Text.assemble((words, "bold"), f": {_price(binding, hours)}"))
    for binding in bindings.together:
        words = f"{len(binding.requirements)} together: {_short_list(binding.requirements)}"
        yield _item(Text.assemble((words, "bold"), f": {_price(binding, hours)}"))
    if bindings.complete:
        others = "No other requirement costs" if bindings.found or bindings.together else "No requirement costs"
        yield Text(f"{others} anything by itself (proven).")
    elif plan.status != "optimal":
        yield Text("The plan is not proven to be the cheapest, so others may cost something too.")
    elif bindings.found or bindings.together:
        yield Text("Others may cost something too: not all were proven not to within the time limit.")
    else:
        yield Text(
            "None was settled within the time limit: give more (--time-limit), or price a group of them with "
            "gpufleet whatif FILE --without GROUP."
        )


def _price(binding: Binding, hours: float) -> str:
    if binding.price_usd is None:
        return "without it less stays unserved"
    least = "" if binding.proven else "at least "
    day = money(binding.price_usd / hours * 24)
    return f"{least}{money(binding.price_usd)} USD over {span(hours)} ({day} USD a day)"


def _short_list(found: Sequence[Requirement]) -> str:
    """A few of them; each has a line of its own in the file."""
    more = len(found) - MOST_NAMED
    words = "; ".join(known.words for known in found[:MOST_NAMED])
    return f"{words}; and {more} more of the kind" if more > 0 else words


def _rivals(resolved: ResolvedInstance, plan: Plan, rivals: Sequence[Rival]) -> Iterator[RenderableType]:
    yield _section("Why not another accelerator: the cheapest plan with it alone")
    shown = rivals[:MOST_RIVALS]
    yield from (_item(_rival(resolved, plan, rival)) for rival in shown)
    dearer = [rival.accelerator for rival in rivals[MOST_RIVALS:] if rival.extra_usd is not None]
    without = [rival.accelerator for rival in rivals[MOST_RIVALS:] if rival.extra_usd is None]
    if dearer:
        yield _item(f"dearer still: {', '.join(dearer)}")
    if without:
        yield _item(f"no plan with it alone: {', '.join(without)}")


def _rival(resolved: ResolvedInstance, plan: Plan, rival: Rival) -> Text:
    name = (f"{rival.accelerator}: ", "bold")
    if rival.extra_usd is None:
        return Text.assemble(name, _why_none(rival))
    cost = plan.certificate.objective_usd if plan.certificate is not None else None
    share = f" ({percent(rival.extra_usd / cost)})" if cost else ""
    ours = sum(nodes.count for nodes in plan.nodes)
    at_most = "" if rival.plan is not None and rival.plan.status == "optimal" else "at most "
    beyond = ", beyond the budget" if rival.over_budget else ""
    words = f"{at_most}{money(rival.extra_usd)} USD{share} more{beyond}, {rival.nodes} instead of {ours} nodes"
    return Text.assemble(name, words, _level(resolved, rival))


def _level(resolved: ResolvedInstance, rival: Rival) -> str:
    """At what price it would be level."""
    if rival.level_factor is None:
        return ""
    if rival.level_usd_per_hour is None or rival.offer is None:
        return f"; level at {percent(rival.level_factor)} of its prices"
    now = resolved.offers[rival.offer].usd_per_hour or 0.0
    return f"; level at {rival.level_usd_per_hour:.4g} instead of {now:.4g} USD/h a node"


def _why_none(rival: Rival) -> str:
    if rival.plan is None:
        return "not looked at within the time limit"
    if rival.plan.status == "unknown":
        return "no plan found within the time limit"
    if not rival.homeless:
        return "no plan within stock, budgets and the other rules"
    row, whose = rival.nearest, " and ".join(rival.homeless)
    reason = f"no deployment option for {whose}"
    if row is None:
        return reason
    if isinstance(row.limit, str) or isinstance(row.actual, str):
        return f"{reason}; {row.rule}: {figure(row.actual)}"
    return f"{reason}; {row.rule}: {figure(row.actual)} {row.unit} at best, the limit is {figure(row.limit)}"
