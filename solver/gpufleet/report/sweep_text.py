"""A budget sweep as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money
from gpufleet.report.plan_text import table
from gpufleet.report.unserved_text import unserved_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def sweep_text(resolved: ResolvedInstance, cap: str, points: Sequence[tuple[float, Plan]]) -> RenderableType:
    """One row per cap: status, cost per day, fleet, and what is given up where demand may stay unserved."""
    gives_up = resolved.instance.allow_unserved
    grid = table(cap, "status", "USD/day", *(("not served",) if gives_up else ()), "fleet", numeric=(cap, "USD/day"))
    days = float(resolved.instance.hours / 24)
    for value, plan in points:
        cost = plan.certificate.objective_usd if plan.certificate else None
        per_day = "" if cost is None else money(cost / days)
        style = None if plan.nodes else "red"
        lost = (unserved_words(resolved, plan) if cost is not None else "",) if gives_up else ()
        grid.add_row(money(value), plan.status, per_day, *lost, fleet_words(resolved, plan), style=style)
    return grid
