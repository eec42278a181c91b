"""A budget sweep as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.format import money
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def fleet_words(plan: Plan) -> str:
    """The fleet in a line, e.g. `2x dgx-h100 purchase, 1x aws-g5.xlarge on_demand`."""
    return ", ".join(f"{nodes.count}x {nodes.node_type} {nodes.term}" for nodes in plan.nodes)


def sweep_text(resolved: ResolvedInstance, cap: str, points: Sequence[tuple[float, Plan]]) -> RenderableType:
    """One row per cap: status, cost per day, fleet."""
    grid = table(cap, "status", "USD/day", "fleet", numeric=(cap, "USD/day"))
    days = float(resolved.instance.hours / 24)
    for value, plan in points:
        cost = plan.certificate.objective_usd if plan.certificate else None
        per_day = "" if cost is None else money(cost / days)
        style = None if plan.nodes else "red"
        grid.add_row(money(value), plan.status, per_day, fleet_words(plan), style=style)
    return grid
