"""What changes against the fleet of today, what it saves, and when it has paid for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import money, percent
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.migration import Moves
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def moves_text(
    resolved: ResolvedInstance, plan: Plan, today_usd: float, broken: Sequence[str] = ()
) -> Iterator[RenderableType]:
    """Changes as a table and the balance. `today_usd`: what the fleet of today costs over the horizon at the prices of
    the instance; `broken`: rules that it does not keep."""
    if plan.moves is None or plan.certificate is None or plan.certificate.fleet_usd is None:
        return
    yield Text("Changes of today's fleet", style="bold cyan")
    if plan.moves.nodes or plan.moves.uses:
        yield _changes(resolved, plan.moves)
    else:
        yield Text("nothing changes")
    yield from map(Text, _balance(resolved, plan, today_usd, broken))


def _changes(resolved: ResolvedInstance, moves: Moves) -> RenderableType:
    grid = table("what", "where", "today", "then", "change", numeric=("today", "then", "change"))
    for node in moves.nodes:
        offer = resolved.offers.get(node.offer)
        words = ("no longer offered", "") if offer is None else (f"{offer.node_type} {offer.term}", offer.site)
        name = node.offer if offer is None else words[0]
        place = words[0] if offer is None else words[1]
        grid.add_row(f"nodes {name}", place, *_counts(node.before, node.after))
    for use in moves.uses:
        where = f"{use.node_type} at {use.site}{', spot' if use.spot else ''}"
        grid.add_row(f"accelerators of {use.workload}", where, *_counts(use.before, use.after))
    return grid


def _counts(before: int, after: int) -> tuple[str, str, str]:
    return str(before), str(after), f"{after - before:+d}"


def _balance(resolved: ResolvedInstance, plan: Plan, today_usd: float, broken: Sequence[str]) -> Iterator[str]:
    assert plan.moves is not None
    assert plan.certificate is not None
    assert plan.certificate.fleet_usd is not None
    fleet, changes, days = plan.certificate.fleet_usd, plan.moves.cost_usd, float(resolved.instance.hours) / 24
    keeps = f"; it breaks {', '.join(broken)}" if broken else ""
    yield f"Today's fleet costs {money(today_usd)} USD over the horizon at these prices{keeps}."
    gross = today_usd - fleet
    if not plan.moves.nodes:
        return
    if gross <= 0:
        yield f"The new one costs {money(-gross)} USD more, and {money(changes)} USD of changes."
        return
    net = gross - changes
    word = f"saves {money(net)} USD" if net >= 0 else f"costs {money(-net)} USD more"
    yield (
        f"The new one saves {money(gross)} USD ({percent(gross / today_usd)}); with {money(changes)} USD of changes it "
        f"{word} over the horizon."
    )
    yield f"The changes have paid for themselves after {changes / (gross / days):.3g} days."
