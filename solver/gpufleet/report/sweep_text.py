"""A budget sweep as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def sweep_text(resolved: ResolvedInstance, cap: str, points: Sequence[tuple[float, Plan]]) -> RenderableType:
    """One row per cap: status, cost per day, fleet."""
    grid = table(cap, "status", "USD/day", "fleet", numeric=(cap, "USD/day"))
    days = float(resolved.instance.hours / 24)
    for value, plan in points:
        cost = plan.certificate.objective_usd if plan.certificate else None
        per_day = "" if cost is None else money(cost / days)
        style = None if plan.nodes else "red"
        grid.add_row(money(value), plan.status, per_day, fleet_words(resolved, plan), style=style)
    return grid
