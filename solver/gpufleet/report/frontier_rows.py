"""Frontiers and budget sweeps as plain rows, for JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.frontier_words import cost_of, fleet_change, relaxed_words, service_word
from gpufleet.report.unserved_text import left_out, unserved_words

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.budget import BudgetPoint
    from gpufleet.whatif.frontier import Frontier
    from gpufleet.whatif.trade_off import TradeOff


def budget_row(resolved: ResolvedInstance, point: BudgetPoint) -> dict[str, Any]:
    """One budget: status, cost, service, what is given up and relaxed, and what more money brings."""
    step = point.next
    return {
        "status": point.plan.status,
        "objective_usd": cost_of(point.plan),
        "fleet": fleet_words(resolved, point.plan),
        "service": service_word(resolved, point.plan, point.full, point.relaxed),
        "unserved": left_out(resolved, point.plan),
        "relaxed": [asdict(found) for found in point.relaxed],
        "next": None
        if step is None
        else {
            "at": step.at,
            "extra_usd": step.extra_usd,
            "gains": [{"priority": priority, "less_unserved": gain} for priority, gain in step.gains],
            "per_usd": step.per_usd,
            "full_service": step.full,
            "proven": step.proven,
        },
    }


def frontier_json(resolved: ResolvedInstance, frontier: Frontier) -> dict[str, Any]:
    """The staircase with everything that is known of it."""
    return {
        "axis": frontier.axis,
        "complete": frontier.complete,
        "proven": frontier.proven,
        "reason": frontier.reason,
        "step": frontier.step,
        "whole_workloads": frontier.whole,
        "solves": frontier.solves,
        "seconds": round(frontier.seconds, 3),
        "points": [
            {
                "at": point.at,
                "objective_usd": cost_of(point.plan),
                "service": service_word(resolved, point.plan, point.full, point.relaxed),
                "proven": point.proven,
                "at_bound": point.at_bound,
                "levels": [
                    {"priority": level.priority, "unserved": level.unserved}
                    for level in (point.plan.certificate.service if point.plan.certificate else ())
                ],
                "unserved": left_out(resolved, point.plan),
                "relaxed": [asdict(found) for found in point.relaxed],
                "fleet": fleet_words(resolved, point.plan),
            }
            for point in frontier.points
        ],
    }


def frontier_table(resolved: ResolvedInstance, frontier: Frontier) -> list[dict[str, Any]]:
    """One flat row per breakpoint, for CSV; shares unserved have a column per workload."""
    rows = []
    before = None
    for point in frontier.points:
        shares = left_out(resolved, point.plan)
        rows.append(
            {
                frontier.axis: point.at,
                "cost_usd": cost_of(point.plan),
                "service": service_word(resolved, point.plan, point.full, point.relaxed),
                "proven": point.proven,
                **{f"unserved_{w.name}": shares.get(w.name, 0.0) for w in resolved.instance.workloads},
                "not_served": unserved_words(resolved, point.plan),
                "relaxed": "; ".join(map(relaxed_words, point.relaxed)),
                "change": fleet_change(resolved, before, point.plan),
                "fleet": fleet_words(resolved, point.plan),
            }
        )
        before = point.plan
    return rows


def trade_off_rows(resolved: ResolvedInstance, found: TradeOff) -> list[dict[str, Any]]:
    """One flat row per breakpoint of a trade-off between cost and something else."""
    rows = []
    before = None
    for point in found.points:
        rows.append(
            {
                found.axis: point.at,
                "cost_usd": cost_of(point.plan),
                "proven": point.proven,
                "change": fleet_change(resolved, before, point.plan),
                "fleet": fleet_words(resolved, point.plan),
            }
        )
        before = point.plan
    return rows


def trade_off_json(resolved: ResolvedInstance, found: TradeOff) -> dict[str, Any]:
    """The same with what is known of the whole."""
    return {
        "axis": found.axis,
        "unit": found.unit,
        "complete": found.complete,
        "proven": found.proven,
        "end": found.end,
        "resolution": found.resolution,
        "solves": found.solves,
        "seconds": round(found.seconds, 3),
        "points": trade_off_rows(resolved, found),
    }
