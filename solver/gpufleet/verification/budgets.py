"""Rules on budgets: per day, over the horizon, purchase prices; in all, per site and per stage."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from gpufleet.schema.instance import BudgetCaps
    from gpufleet.schema.plan import PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings


@dataclass(frozen=True)
class Spent:
    """What an entry of the plan costs."""

    nodes: PlannedNodes
    usd: Decimal
    """Over the horizon, at present value."""
    capex_usd: Decimal


def check_budgets(
    resolved: ResolvedInstance, spent: Sequence[Spent], measures: Decimal, once: Decimal, findings: Findings
) -> None:
    """Every cap of the instance against what is spent under it; measures (cost, and paid at once) are at no site."""
    budgets = resolved.instance.budgets
    _check_caps(resolved, "budget", budgets, spent, findings, measures, once)
    for site, caps in budgets.sites.items():
        there = [entry for entry in spent if resolved.offers[entry.nodes.offer].site == site]
        _check_caps(resolved, f"budget of {site}", caps, there, findings)
    first = resolved.instance.stages[0].name if resolved.instance.stages else None
    for stage, limit in budgets.stages.items():
        bought = (once if stage == first else Decimal(0)) + sum(
            (entry.capex_usd for entry in spent if (entry.nodes.first_stage or first) == stage), Decimal(0)
        )
        _check_cap(f"budget of {stage}", "capex_usd", exact(str(bought)), limit.capex_usd, findings)


def _check_caps(
    resolved: ResolvedInstance,
    where: str,
    caps: BudgetCaps,
    spent: Sequence[Spent],
    findings: Findings,
    measures: Decimal = Decimal(0),
    once: Decimal = Decimal(0),
) -> None:
    cost = exact(str(sum((entry.usd for entry in spent), measures)))
    capex = exact(str(sum((entry.capex_usd for entry in spent), once)))
    per_day = cost / (resolved.instance.hours / 24)
    for name, cap, amount in (
        ("usd_per_day", caps.usd_per_day, per_day),
        ("horizon_usd", caps.horizon_usd, cost),
        ("capex_usd", caps.capex_usd, capex),
    ):
        if cap is not None:
            _check_cap(where, name, amount, cap, findings)


def _check_cap(where: str, name: str, spent: Fraction, cap: float, findings: Findings) -> None:
    over = spent - exact(cap)
    message = f"{name} is {float(spent):.6f}, the cap is {cap:g}"
    findings.check("budget", f"{where} {name}", over <= 0, message, float(over), "USD")
