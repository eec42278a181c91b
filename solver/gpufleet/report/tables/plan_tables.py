"""Every part of a plan as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.schedule_rows import schedule_rows
from gpufleet.report.tables.columns import Column, cells_of, columns_of
from gpufleet.report.tables.table import Table
from gpufleet.schema.elimination import FunnelStep, Rejected
from gpufleet.schema.migration import Moves, NodeMove, UseMove
from gpufleet.schema.plan import (
    CashFlow,
    Certificate,
    CostLine,
    Deployment,
    Fallback,
    LatencyFigure,
    Plan,
    PlannedMeasure,
    PlannedNodes,
    PriceOfCaution,
    Route,
    ServiceProof,
    UnservedDemand,
    WorkloadCharge,
)
from gpufleet.schema.prices import PlannedPrice, PriceWarning
from gpufleet.schema.robust import RobustClaim
from gpufleet.schema.schedule import ScheduleRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.schema.base import Record
    from gpufleet.schema.resolved import ResolvedInstance

DEPLOYMENT = Column("deployment", "integer", "Position in the table deployments, counted from 0.", required=True)
LABEL = Column("parallelism", "string", "How one replica is spread, in short: tp4-pp2, say.", required=True)
ROW = Column("row", "string", "Row of the integer program, as docs/formulation.md names it.", required=True)
NUMERATOR = Column(
    "numerator", "string", "Its price times the certificate's prices_denominator; a whole number of any size."
)
NOT_IN_TABLES = "the tree of cases of the certificate's bound, which `gpufleet verify --bound` reads from the plan file"


def plan_tables(resolved: ResolvedInstance, plan: Plan) -> tuple[Table, ...]:
    """All that a plan says, as tidy tables; those without rows keep their columns, so that readers can rely on them.

    Left out is the tree of cases in the certificate (text for `verify --bound`, not a table).
    """
    return (*_plan(resolved, plan), *_fleet(plan), *_running(resolved, plan), *_money(plan), *_proof(plan))


def _table(name: str, about: str, record: type[Record], rows: Iterable[Record]) -> Table:
    return Table(name, about, tuple(columns_of(record)), tuple(cells_of(row) for row in rows))


def _single(name: str, about: str, record: type[Record], row: Record | None) -> Table:
    return _table(name, about, record, () if row is None else (row,))


def _plan(resolved: ResolvedInstance, plan: Plan) -> Iterator[Table]:
    title = Column("title", "string", "Title of the instance.", required=True)
    days = Column("horizon_days", "number", "Length of the planning horizon, days.", required=True)
    columns = tuple(
        c for c in columns_of(Plan) if not c.name.startswith(("certificate_", "caution_", "moves_", "robust_"))
    )
    cells = {name: value for name, value in cells_of(plan).items() if name in {column.name for column in columns}}
    cells |= {"title": resolved.instance.title, "horizon_days": float(resolved.instance.hours) / 24}
    yield Table("plan", "The plan in one row.", (*columns, title, days), (cells,), key=("instance",))


def _fleet(plan: Plan) -> Iterator[Table]:
    yield _table("nodes", "The fleet: nodes by offer and time.", PlannedNodes, plan.nodes)
    yield _table("measures", "Measures, and whether they are taken.", PlannedMeasure, plan.measures)
    moves = plan.moves
    yield _single("moves", "What changing the fleet of today costs.", Moves, moves)
    yield _table("node_moves", "Offers of which nodes come or go.", NodeMove, moves.nodes if moves else ())
    yield _table("use_moves", "Workloads that grow in a pool.", UseMove, moves.uses if moves else ())


def _running(resolved: ResolvedInstance, plan: Plan) -> Iterator[Table]:
    places = [{"deployment": place} for place in range(len(plan.deployments))]
    numbered = list(zip(places, plan.deployments, strict=True))
    yield Table(
        "deployments",
        "What runs where: replicas of one form in one period.",
        (DEPLOYMENT, *columns_of(Deployment), LABEL),
        tuple(place | cells_of(entry) | {"parallelism": entry.parallelism.label} for place, entry in numbered),
        key=("deployment",),
    )
    yield Table(
        "latencies",
        "Predicted latencies beside their limits.",
        (DEPLOYMENT, *columns_of(LatencyFigure)),
        tuple(place | cells_of(figure) for place, entry in numbered for figure in entry.latency),
        refers={"deployment": "deployments"},
    )
    yield _routes("routing", "Which deployment serves which share of a class.", (), [({}, plan.routing)])
    yield _routes(
        "fallback_routing",
        "The same after the loss of a site.",
        tuple(column for column in columns_of(Fallback) if column.name != "workload"),
        [(cells_of(entry), entry.routing) for entry in plan.fallback_routing],
    )
    yield _table("unserved", "Demand that is not served.", UnservedDemand, plan.unserved)
    rows = schedule_rows(resolved, plan) if plan.nodes else ()
    yield _table("schedule", "Nodes, partitions and replicas in every period of every stage.", ScheduleRow, rows)


def _routes(
    name: str, about: str, more: tuple[Column, ...], groups: list[tuple[dict[str, object], tuple[Route, ...]]]
) -> Table:
    columns = tuple(DEPLOYMENT if column.name == "deployment" else column for column in columns_of(Route))
    rows = tuple(cells | cells_of(route) for cells, routes in groups for route in routes)
    return Table(name, about, (*columns, *more), rows, refers={"deployment": "deployments"})


def _money(plan: Plan) -> Iterator[Table]:
    yield _table("costs", "The bill over the horizon, line by line.", CostLine, plan.costs)
    yield _table("offer_prices", "Where the prices come from, listed and paid.", PlannedPrice, plan.offer_prices)
    yield _table("price_warnings", "Prices to ask for again.", PriceWarning, plan.price_warnings)
    yield _table("cash_flow", "Payments by year and item, not discounted.", CashFlow, plan.cash_flow)
    yield _table("charges", "What workloads with budgets of their own are charged.", WorkloadCharge, plan.charges)


def _proof(plan: Plan) -> Iterator[Table]:
    found = plan.certificate
    yield _certificate(found)
    versions, dates = (found.versions, found.price_dates) if found else ({}, {})
    yield _pairs("versions", "What the plan was made with.", ("software", "version"), versions)
    yield _pairs("price_dates", "The day on which each price held.", ("offer", "as_of"), dates)
    yield _table(
        "service", "How little had to stay unserved, by priority.", ServiceProof, found.service if found else ()
    )
    prices = found.prices.rows if found is not None and found.prices is not None else {}
    cells: tuple[dict[str, object], ...] = tuple({"row": row, "numerator": str(n)} for row, n in prices.items())
    yield Table("bound_prices", "Prices of rows that prove the bound.", (ROW, NUMERATOR), cells, key=("row",))
    yield _single("caution", "The price of counting on 90 % confidence.", PriceOfCaution, plan.caution)
    yield _single("robust", "The scenarios that the plan was bought for.", RobustClaim, plan.robust)
    yield _table("funnel", "What each rule eliminated.", FunnelStep, plan.funnel)
    yield _table("rejections", "Eliminated candidates by workload, rule, pool and variant.", Rejected, plan.rejections)


def _certificate(found: Certificate | None) -> Table:
    """The tree of cases is no table."""
    columns = tuple(
        c for c in columns_of(Certificate) if not c.name.startswith("prices_tree_") and c.name != "prices_unserved"
    )
    kept = {column.name for column in columns}
    rows = () if found is None else ({name: cell for name, cell in cells_of(found).items() if name in kept},)
    return Table("certificate", "What was proven about the plan.", columns, rows)


def _pairs(name: str, about: str, names: tuple[str, str], found: dict[str, str]) -> Table:
    first, second = names
    columns = (
        Column(first, "string", f"{about} By {first}.", required=True),
        Column(second, "string", about, required=True),
    )
    rows: tuple[dict[str, object], ...] = tuple({first: key, second: value} for key, value in found.items())
    return Table(name, about, columns, rows, key=(first,))
