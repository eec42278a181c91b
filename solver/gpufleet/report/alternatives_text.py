"""Other fleets beside the optimum: a table, what each gives up and gains, and why there are not more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money, percent, span
from gpufleet.report.plan_text import table
from gpufleet.units import micro_usd, usd
from gpufleet.whatif.signatures import MEANING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.alternatives import Alternative, Alternatives, VendorShare
    from gpufleet.whatif.figures import FleetFigures


def alternatives_text(resolved: ResolvedInstance, found: Alternatives) -> Iterator[RenderableType]:
    """The optimum, the others, what they differ in, and how the list ends."""
    yield Text(resolved.instance.title, style="bold")
    if found.first is None:
        yield Text(f"{str(found.optimum.status).upper()}: {found.optimum.reason or 'no plan'}", style="bold red")
        return
    yield Text(_headline(resolved, found), style="green" if found.first.proven else "")
    yield Padding(_table(resolved, found), (1, 0, 1, 0))
    for number, other in enumerate(found.others, 1):
        yield Text(f"{number}: {_differences(found.first, other)}.")
    yield Text(_ending(found))
    if found.vendor_share is not None:
        yield Padding(
            Text(f"At most {percent(found.vendor_share.share)} of the accelerators from one vendor", "bold"),
            (1, 0, 0, 0),
        )
        yield from _vendor_share(resolved, found.first, found.vendor_share)


def _headline(resolved: ResolvedInstance, found: Alternatives) -> str:
    assert found.first is not None
    over = span(float(resolved.instance.hours))
    count = len(found.others)
    if found.ended == "no_optimum":
        return f"{money(found.first.figures.cost_usd)} USD over {over}, not proven optimal."
    none = "no other fleet found" if found.ended == "unproven" else "no other fleet"
    others = none if not count else "1 other fleet" if count == 1 else f"{count} other fleets"
    cost, margin = money(found.first.figures.cost_usd), percent(found.within)
    return f"{cost} USD over {over}, proven optimal; {others} within {margin}."


def _table(resolved: ResolvedInstance, found: Alternatives) -> RenderableType:
    numeric = ("USD total", "more", "nodes", "kW", "SLO slack")
    grid = table("", *numeric, "fleet", numeric=numeric)
    assert found.first is not None
    for name, fleet in [("optimum", found.first), *((str(n), other) for n, other in enumerate(found.others, 1))]:
        grid.add_row(name, *_cells(found.first.figures, fleet.figures), fleet_words(resolved, fleet.plan))
    return grid


def _cells(first: FleetFigures, own: FleetFigures) -> tuple[str, ...]:
    more = "" if own is first else _more(first.cost_usd, own.cost_usd)
    power = "" if own.power_kw is None else f"{own.power_kw:g}"
    slack = "" if own.slo_slack is None else percent(own.slo_slack)
    return money(own.cost_usd), more, str(own.nodes), power, slack


def _more(first: float, own: float) -> str:
    return f"{percent((own - first) / first)}" if first else ""


def _differences(first: Alternative, other: Alternative) -> str:
    """What it takes instead, and what that costs, gives up and gains."""
    ours, theirs = other.figures, first.figures
    dearer = usd(micro_usd(ours.cost_usd) - micro_usd(theirs.cost_usd))
    words = [_exchange(other.signature - first.signature, first.signature - other.signature)]
    words.append(f"{money(dearer)} USD more" if dearer else "at the same cost")
    words += [
        *_amount(ours.purchases_usd - theirs.purchases_usd, "{} USD of purchases", money),
        *_amount(ours.nodes - theirs.nodes, "{} node(s)", str),
        *_amount(ours.accelerators - theirs.accelerators, "{} accelerator(s)", str),
        *_power(ours, theirs),
        *_names("vendors", ours.vendors, theirs.vendors),
        *_names("sites", ours.sites, theirs.sites),
        *_names("terms", ours.terms, theirs.terms),
        *_slack(ours, theirs),
    ]
    return "; ".join(words)


def _exchange(taken: frozenset[str], dropped: frozenset[str]) -> str:
    """In words: what is taken, and instead of what."""
    if not taken:
        return f"does without {', '.join(sorted(dropped))}"
    instead = f" instead of {', '.join(sorted(dropped))}" if dropped else " as well"
    return f"takes {', '.join(sorted(taken))}{instead}"


def _amount(difference: float, words: str, write: object) -> Iterator[str]:
    if round(difference, 6):
        amount = words.format(write(abs(difference)))  # type: ignore[operator]
        plural = "s" if abs(difference) != 1 else ""
        yield f"{amount.replace('(s)', plural)} {'more' if difference > 0 else 'less'}"


def _power(ours: FleetFigures, theirs: FleetFigures) -> Iterator[str]:
    if ours.power_kw is not None and theirs.power_kw is not None:
        yield from _amount(ours.power_kw - theirs.power_kw, "{} kW", lambda kw: f"{kw:g}")


def _names(what: str, ours: tuple[str, ...], theirs: tuple[str, ...]) -> Iterator[str]:
    if ours != theirs:
        yield f"{what} {', '.join(ours)} instead of {', '.join(theirs)}"


def _slack(ours: FleetFigures, theirs: FleetFigures) -> Iterator[str]:
    if (
        ours.slo_slack is not None
        and theirs.slo_slack is not None
        and percent(ours.slo_slack) != percent(theirs.slo_slack)
    ):
        yield f"nearest SLO at {percent(ours.slo_slack)} slack instead of {percent(theirs.slo_slack)}"


def _ending(found: Alternatives) -> str:
    """Why the list ends here."""
    assert found.first is not None
    differ = MEANING[found.by]
    if found.ended == "margin":
        assert found.beyond is not None
        more = _more(found.first.figures.cost_usd, found.beyond.figures.cost_usd)
        none = "No other fleet" if not found.others else "No further fleet"
        costs = f"costs {more} more" if more else f"costs {money(found.beyond.figures.cost_usd)} USD"
        return (
            f"{none} with other {differ} within {percent(found.within)}, proven: the next {costs} "
            f"({', '.join(sorted(found.beyond.signature))})."
        )
    endings = {
        "number": "There may be more of them; ask with a larger -k.",
        "none": f"Proven: no {'further' if found.others else 'other'} fleet with other {differ} keeps the rules, "
        "except with nodes added that save nothing.",
        "less_service": "The next fleet serves less, so the list ends here.",
        "unproven": "The time limit was reached before the next fleet was proven cheapest; ask with a longer one.",
        "no_optimum": "The optimum is not proven within the time limit, so nothing can be said of others.",
    }
    return endings[found.ended]


def _vendor_share(resolved: ResolvedInstance, first: Alternative, asked: VendorShare) -> Iterator[RenderableType]:
    if asked.figures is None:
        yield Text(f"{str(asked.plan.status).upper()}: {asked.plan.reason}", style="bold red")
        return
    proof = "proven cheapest" if asked.plan.status == "optimal" else "not proven cheapest"
    dearer = usd(micro_usd(asked.figures.cost_usd) - micro_usd(first.figures.cost_usd))
    more = _more(first.figures.cost_usd, asked.figures.cost_usd)
    compared = f"{money(dearer)} USD ({more}) more than the optimum" if dearer else "as much as the optimum"
    yield Text(f"{money(asked.figures.cost_usd)} USD, {proof}: {compared}.")
    yield Text(fleet_words(resolved, asked.plan))
    for vendor in _idle(resolved, asked):
        yield Text(f"Nothing runs on {vendor}: they only keep the share, which counts idle accelerators too.")


def _idle(resolved: ResolvedInstance, asked: VendorShare) -> Iterator[str]:
    """Nodes on which nothing runs."""
    used = {
        (run.site, resolved.node_types[run.node_type].partition_of or run.node_type, run.spot)
        for run in asked.plan.deployments
    }
    for nodes in asked.plan.nodes:
        offer = resolved.offers[nodes.offer]
        if (offer.site, offer.node_type, nodes.offer if offer.term == "spot" else None) not in used:
            yield f"{nodes.count}x {offer.node_type}"
