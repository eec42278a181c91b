"""What other budgets would buy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.format import percent
from gpufleet.report.procurement.content import Block, Chart, Column, Paragraph, Section, Steps, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.content import Value
    from gpufleet.report.procurement.material import Material
    from gpufleet.schema.curve import BudgetCurve, CurvePoint

BUDGETS = {"usd_per_day": "USD a day", "horizon_usd": "USD over the horizon", "capex_usd": "USD for purchases"}
"""Caps in words, by the last part of their path."""
MOST_LINES = 6
"""Workloads that have a line each."""


def curves(material: Material) -> Section | None:
    """The section; None where no curve was given."""
    if not material.curves:
        return None
    blocks = [block for curve in material.curves for block in _blocks(material, curve)]
    return Section("budget", "What other budgets would buy", tuple(blocks))


def _blocks(material: Material, curve: BudgetCurve) -> Iterator[Block]:
    points = [point for point in curve.points if point.cost_usd is not None]
    count = len(curve.points)
    whole = "no point between these serves more or costs less" if curve.complete else "other points may lie between"
    yield Paragraph(f"From {curve.source}, {count} {'point' if count == 1 else 'points'}: {whole}.", "muted")
    if len(points) > 1:
        yield _chart(material, curve, points)
    yield _table(curve)


def _chart(material: Material, curve: BudgetCurve, points: list[CurvePoint]) -> Chart:
    at = [point.at for point in points]
    if curve.trade_off:
        days = material.hours / 24
        lines = {"cost": [(point.cost_usd or 0.0) / days for point in points]}
        title, words = f"Cost over {curve.axis}", "Cost of full service at each value, and where it changes."
        axis = f"{curve.axis}, {curve.unit}" if curve.unit and curve.unit != curve.axis else curve.axis
        return Chart(title, words, Steps(tuple(at), lines, axis, "USD a day", complete=curve.complete))
    lines, words = _served(material, points)
    title = f"Service over a budget, {_cap(curve)}"
    if curve.complete:
        at.append(at[-1] * 1.06 or 1.0)
        lines = {name: [*values, values[-1]] for name, values in lines.items()}
    mark = {"usd_per_day": material.cost_usd / material.hours * 24, "horizon_usd": material.cost_usd}.get(curve.axis)
    marked = None if mark is None or not material.decided else (mark, "this plan")
    drawing = Steps(tuple(at), lines, f"budget, {_cap(curve)}", "served, %", marked, complete=curve.complete)
    return Chart(title, words, drawing)


def _cap(curve: BudgetCurve) -> str:
    """`sites.cloud.usd_per_day`: USD a day, sites.cloud."""
    part, _, field = curve.axis.rpartition(".")
    words = BUDGETS.get(field, field)
    return f"{words}, {part}" if part else words


def _served(material: Material, points: list[CurvePoint]) -> tuple[dict[str, list[float]], str]:
    """A line per workload; where there are too many, the mean."""
    names = list(material.resolved.workloads)
    shares = {name: [100 * (1 - point.unserved.get(name, 0.0)) for point in points] for name in names}
    if len(names) <= MOST_LINES:
        return shares, "Share of each workload's requests (or runs) that the cheapest fleet within a budget serves."
    mean = [sum(values[n] for values in shares.values()) / len(names) for n in range(len(points))]
    return {"mean": mean}, f"Share that is served within a budget, the mean over {len(names)} workloads."


def _table(curve: BudgetCurve) -> Table:
    columns = [Column(curve.axis if curve.trade_off else _cap(curve), "number"), Column("USD in all", "usd")]
    columns += [] if curve.trade_off else [Column("Service"), Column("Not served")]
    columns += [Column("Fleet"), Column("Proven")]
    rows: list[tuple[Value, ...]] = []
    for point in curve.points:
        service = () if curve.trade_off else (point.service, _unserved(point))
        proven = "not stated" if point.proven is None else "yes" if point.proven else "no"
        fleet = point.fleet or ("no plan" if point.cost_usd is None else "none")
        rows.append((point.at, point.cost_usd, *service, fleet, proven))
    return Table(f"What each {'value' if curve.trade_off else 'budget'} buys", tuple(columns), tuple(rows))


def _unserved(point: CurvePoint) -> str:
    words = [f"{percent(share)} of {name}" if share < 1 else f"all of {name}" for name, share in point.unserved.items()]
    return ", ".join(words)
