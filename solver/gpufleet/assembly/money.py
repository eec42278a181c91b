"""Nodes, measures and what they cost: line by line, year by year, workload by workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.problem.horizon import price_trends
from gpufleet.schema.plan import CashFlow, CostLine, PlannedMeasure, PlannedNodes, WorkloadCharge
from gpufleet.units import usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.results import EngineResult
    from gpufleet.problem.costs import Bill
    from gpufleet.problem.data import OfferData, Problem
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.resolved import ResolvedInstance


def nodes(resolved: ResolvedInstance, horizon: Horizon, data: OfferData, count: int) -> PlannedNodes:
    offer = resolved.offers[data.name]
    return PlannedNodes(
        offer=data.name,
        count=count,
        node_type=offer.node_type,
        site=offer.site,
        term=offer.term,
        unit_cost_usd=usd(data.cost),
        total_cost_usd=usd(data.cost * count),
        **_time(horizon, data),
    )


def _time(horizon: Horizon, data: OfferData) -> dict[str, str | None]:
    """When the nodes are there, in the plan's words; None = from the start, to the end, in all periods."""
    contract = data.contract
    assert contract is not None
    return {
        "period": None if contract.period is None else horizon.periods[contract.period].name,
        "first_stage": horizon.stage_names[contract.first],
        "last_stage": horizon.stage_names[contract.last],
    }


def node_lines(resolved: ResolvedInstance, horizon: Horizon, taken: list[tuple[OfferData, int]]) -> Iterator[CostLine]:
    for data, count, line in ((d, n, line) for d, n in taken if d.bill is not None for line in d.bill.lines):
        yield CostLine(
            item=line.item,
            offer=data.name,
            quantity=count,
            unit_usd=usd(line.micro_usd),
            total_usd=usd(line.micro_usd * count),
            source=_electricity(resolved, data) if line.item == "energy" else _source(resolved, data),
            **_time(horizon, data),
        )


def measures(problem: Problem, result: EngineResult) -> Iterator[PlannedMeasure]:
    for data, taken in zip(problem.measures, result.measures, strict=bool(result.measures)):
        yield PlannedMeasure(measure=data.name, taken=bool(taken), cost_usd=usd(data.cost))


def taken_measures(problem: Problem, result: EngineResult) -> Iterator[tuple[Bill, int]]:
    for data, taken in zip(problem.measures, result.measures, strict=bool(result.measures)):
        if taken:
            yield data.bill, 1


def measure_lines(resolved: ResolvedInstance, problem: Problem, result: EngineResult) -> Iterator[CostLine]:
    for data, source, taken in zip(
        problem.measures, resolved.instance.measures, result.measures, strict=bool(result.measures)
    ):
        if taken and data.cost:
            cost = usd(data.cost)
            dated = f"{source.source} (as of {source.as_of})" if source.as_of else source.source
            yield CostLine(item="measure", offer=data.name, quantity=1, unit_usd=cost, total_usd=cost, source=dated)


def cash_flow(taken: list[tuple[Bill | None, int]]) -> Iterator[CashFlow]:
    """Payments for everything taken, added up by year and item."""
    sums: dict[tuple[int, str], int] = {}
    for bill, count in taken:
        assert bill is not None
        for year, item, micro in bill.payments:
            sums[year, item] = sums.get((year, item), 0) + micro * count
    for year, item in sorted(sums):
        yield CashFlow(year=year, item=item, usd=usd(sums[year, item]))


def _electricity(resolved: ResolvedInstance, data: OfferData) -> str:
    """What the energy of a node is paid for at: the site's figures."""
    offer = resolved.offers[data.name]
    site, node = resolved.sites[offer.site], resolved.node_types[offer.node_type]
    return f"electricity of {site.name}: {site.electricity_usd_per_kwh} USD/kWh, PUE {site.pue:g}, {node.power_kw:g} kW"


def _source(resolved: ResolvedInstance, data: OfferData) -> str:
    """Where the price comes from, as of when, volume discount, trends, and whether it is assumed."""
    offer = resolved.offers[data.name]
    dated = f"{offer.source} (as of {offer.as_of})" if offer.as_of else offer.source
    if resolved.overlay is not None and data.name in resolved.overlay.words:
        dated += f"; {resolved.overlay.words[data.name]}"
    dated += f"; volume discount {float(data.discount):.4g}" if data.discount else ""
    assert data.contract is not None
    if data.contract.first:
        for trend in price_trends(resolved, offer):
            dated += f"; {trend.price_change_per_year:+.4g} a year ({trend.source})"
    return f"{dated}; assumed" if offer.assumed else dated


def charges(problem: Problem, result: EngineResult) -> Iterator[WorkloadCharge]:
    """What each workload with a cap of its own is charged."""
    if result.objective is not None:
        for row in {row.workload: row for row in problem.charges}.values():
            charge = sum(amount * result.replicas[w][k] for w, k, amount in row.coefficients)
            yield WorkloadCharge(workload=row.workload, charge_usd=usd(charge))
