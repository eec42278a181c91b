"""Break-even prices, flips of the mix, and accelerator-hours, as tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money, percent, price
from gpufleet.report.plan_text import table
from gpufleet.schema.instance import Budgets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.accelerator_hours import AcceleratorHours
    from gpufleet.whatif.breakeven import PriceBreak, PriceBreaks
    from gpufleet.whatif.flips import FlipPoint, Flips, Segment

MOST_SENTENCES: Final = 5
"""So many offers have their fleets on both sides spelled out when all offers are asked about."""
MOST_FLIPS: Final = 8
"""So many flips have their fleets spelled out."""
UNITS: Final = {"usd_per_hour": "USD/h", "capex_usd": "USD a node"}


def price_breaks_text(
    resolved: ResolvedInstance, found: PriceBreaks, hours: Sequence[AcceleratorHours], spelled: int = MOST_SENTENCES
) -> Iterator[RenderableType]:
    """Accelerator-hours of the plan, then a table of break-even prices, then the fleets on both sides of some."""
    yield Text(resolved.instance.title, style="bold")
    yield Text(_answer(found.optimum, "The cheapest fleet costs", resolved))
    taken = [row for row in hours if row.accelerator_hours]
    if taken:
        yield _section("What an accelerator-hour costs")
        yield _hours_table(taken)
        yield from _hours_words(taken)
    yield _section("Price of a node at which an offer enters or leaves the cheapest fleet")
    yield _price_table([one for one in found.breaks if one.outcome != "nothing_runs"])
    yield Text(f"In up to a price: proven in there, and out {price(found.step_usd)} USD above. A tie counts as in.")
    settled = [one for one in found.breaks if one.outcome != "nothing_runs"]
    for one in settled[:spelled]:
        yield Padding(Text(_sentence(resolved, one)), (1, 0, 0, 0))
    idle = [one.offer for one in found.breaks if one.outcome == "nothing_runs"]
    if idle:
        yield Padding(Text(f"No workload can run on nodes of: {', '.join(idle)}."), (1, 0, 0, 0))
    if found.without_price:
        yield Padding(Text(f"Owned nodes have no price: {', '.join(found.without_price)}."), (1, 0, 0, 0))


def _section(title: str) -> RenderableType:
    return Padding(Text(title, style="bold"), (1, 0, 0, 0))


def _answer(plan: Plan, what: str, resolved: ResolvedInstance) -> str:
    cost = None if plan.certificate is None else plan.certificate.objective_usd
    if cost is None:
        return f"{what} (none: {plan.status}, {plan.reason})."
    proof = "" if plan.status == "optimal" else ", not proven"
    return f"{what} {money(cost)} USD{proof}: {fleet_words(resolved, plan) or 'nothing is taken'}."


def _hours_table(rows: Sequence[AcceleratorHours]) -> RenderableType:
    compared = any(row.pays_from is not None for row in rows)
    columns = ("USD/h", "held", "at work", "USD/h at work", *(("pays from",) if compared else ()))
    grid = table("offer", *columns, numeric=columns)
    for row in rows:
        at_work = row.usd_per_worked_hour
        cells = [f"{row.usd_per_hour:,.4f}", _share(row.held), _share(row.worked)]
        cells.append("" if at_work is None else f"{at_work:,.4f}")
        cells += [_pays_from(row)] if compared else []
        grid.add_row(row.offer, *cells)
    return grid


def _pays_from(row: AcceleratorHours) -> str:
    if row.pays_from is None:
        return ""
    return percent(row.pays_from) if row.pays_from <= 1 else "never"


def _share(value: float | None) -> str:
    return "" if value is None else percent(value)


def _hours_words(rows: Sequence[AcceleratorHours]) -> Iterator[RenderableType]:
    yield Text(
        "Held: accelerator-hours that replicas occupy. At work: the same times their load over what SLOs and "
        "max_utilisation allow."
    )
    if any(row.pays_from is not None for row in rows):
        yield Text(
            "Pays from: share of the hours from which it costs less than the cheapest on-demand offer of the same "
            "accelerator that a workload can use, paid for those hours alone."
        )


def _price_table(breaks: Sequence[PriceBreak]) -> RenderableType:
    grid = table("offer", "now", "unit", "today", "in up to", "change", numeric=("today", "in up to", "change"))
    for one in breaks:
        now = "open" if one.is_in is None else "in" if one.is_in else "out"
        unit = "USD/h" if one.unit == "usd_per_hour" else "USD"
        grid.add_row(one.offer, now, unit, price(one.price_usd), _in_up_to(one), _change(one))
    return grid


def _in_up_to(one: PriceBreak) -> str:
    words = {"needed": "any price", "never": "no price", "no_fleet": "no plan", "open": "not settled"}
    return words[one.outcome] if one.in_at_usd is None else price(one.in_at_usd)


def _change(one: PriceBreak) -> str:
    if one.change is None:
        return ""
    sign = "+" if one.change > 0 else "-"
    return f"{sign}{percent(abs(one.change))}"


def _sentence(resolved: ResolvedInstance, one: PriceBreak) -> str:
    """What happens at the break-even, with the fleets on both sides."""
    unit = UNITS[one.unit]
    if one.outcome == "needed":
        ends = "no price drives it out" if resolved.instance.budgets == Budgets() else "only a budget ends it"
        return f"{one.offer} is needed: without it no plan keeps the rules, so {ends}."
    if one.outcome == "no_fleet":
        return f"{one.offer}: no plan keeps the rules, with it or without."
    if one.outcome == "never" and one.out_at_usd is not None:
        return f"{one.offer} does not enter even at {price(one.out_at_usd)} {unit}."
    if one.in_at_usd is None or one.out_at_usd is None or one.inside is None or one.outside is None:
        return f"{one.offer} is not settled: a time limit was reached before a proof; ask with a longer one."
    moves = "stays up to" if one.is_in else "enters at"
    below = _answer(one.inside, f"At {price(one.in_at_usd)} the cheapest fleet costs", resolved)
    above = _answer(one.outside, f"From {price(one.out_at_usd)} on it does without, for", resolved)
    rest = " Caps on workloads follow prices, so there may be other break-evens." if one.one_of_several else ""
    open_ = " Not settled to the last step: a time limit was reached." if one.outcome == "open" else ""
    turns = f"{one.offer} {moves} {price(one.in_at_usd)} {unit} (today {price(one.price_usd)})."
    return f"{turns} {below} {above}{rest}{open_}"


def flips_text(resolved: ResolvedInstance, found: Flips) -> Iterator[RenderableType]:
    """One row per stretch with the same mix, then where it flips."""
    yield Text(resolved.instance.title, style="bold")
    what = "months" if found.moved == "horizon_months" else "x demand"
    grid = table(what, "USD from", "to", "cheapest mix", numeric=(what, "USD from", "to"))
    for segment in found.segments:
        style = None if segment.first.mix is not None else "red"
        grid.add_row(
            _stretch(segment), _cost(segment.first), _cost(segment.last), mix_words(segment.first), style=style
        )
    yield Padding(grid, (1, 0, 1, 0))
    turns = list(zip(found.segments, found.segments[1:], strict=False))
    for before, after in turns[:MOST_FLIPS]:
        yield Text(_flip(resolved, found, before.last, after.first))
    if not turns:
        yield Text("The mix does not change.")
    elif len(turns) > MOST_FLIPS:
        yield Text(f"The table has {len(turns) - MOST_FLIPS} more flips; --json has their fleets.")
    yield Text(_how(found))


def _stretch(segment: Segment) -> str:
    first, last = at(segment.first), at(segment.last)
    return first if first == last else f"{first}-{last}"


def at(point: FlipPoint) -> str:
    """A length or factor, as short as it is exact enough."""
    return f"{float(point.value):g}"


def _cost(point: FlipPoint) -> str:
    return "" if point.cost_usd is None else money(point.cost_usd)


def mix_words(point: FlipPoint) -> str:
    """The mix in a line, or why there is none."""
    if point.mix is None:
        return f"no plan: {point.plan.status}"
    return ", ".join(sorted(point.mix)) or "owned nodes alone"


def _flip(resolved: ResolvedInstance, found: Flips, before: FlipPoint, after: FlipPoint) -> str:
    unit = " months" if found.moved == "horizon_months" else " times today's demand"
    proof = "" if before.proven and after.proven else " (not proven)"
    return f"At {at(before)}{unit} {fleet_of(resolved, before)}; at {at(after)} {fleet_of(resolved, after)}{proof}."


def fleet_of(resolved: ResolvedInstance, point: FlipPoint) -> str:
    """The fleet in a line, or why there is none."""
    if point.mix is None:
        return f"there is no plan ({point.plan.status})"
    return fleet_words(resolved, point.plan) or "nothing is taken"


def _how(found: Flips) -> str:
    if found.moved == "demand":
        return (
            "Request rates are scaled, training runs stay. Flips are found to 0.01; a mix that comes and goes between "
            "two steps is not seen."
        )
    if found.for_good:
        return (
            "The need ends then: terms are paid to their end, nodes are sold for resale_fraction of their book value."
        )
    return (
        "Bought nodes keep their book value at the end, and money is counted as the instance says; --for-good asks "
        "what holds if the need ends then."
    )
