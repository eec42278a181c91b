"""Rule on budgets of single workloads: what they are charged for occupied accelerators, recomputed from prices."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.units import exact
from gpufleet.verification.contracts import stays
from gpufleet.verification.money import node_bill
from gpufleet.verification.slices import pool_of, slices_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.offers import Offer
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.slices import PoolName, Slice
    from gpufleet.verification.violation import Findings

RULE = "workload_budget"
_MICRO = Decimal("0.000001")


def check_charges(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """Every capped workload stays within its caps, and what the plan says that it is charged is right."""
    charged = {name: charge_of(resolved, plan, name) for name in resolved.instance.budgets.workloads}
    days = resolved.instance.hours / 24
    for name, caps in resolved.instance.budgets.workloads.items():
        for cap, most, spent in (
            ("usd_per_day", caps.usd_per_day, exact(str(charged[name])) / days),
            ("horizon_usd", caps.horizon_usd, exact(str(charged[name]))),
        ):
            if most is not None:
                over = spent - exact(most)
                message = f"{cap} charged is {float(spent):.6f}, the cap is {most:g}"
                findings.check(RULE, f"budget of {name} {cap}", over <= 0, message, float(over), "USD")
    for entry in plan.charges:
        where = f"charge of {entry.workload}"
        if findings.check("charges", where, entry.workload in charged, "the workload has no budget of its own"):
            right = float(charged[entry.workload])
            message = f"charge_usd is {entry.charge_usd:.6f} in the plan and {right:.6f} by the instance's prices"
            off = abs(entry.charge_usd - right)
            findings.check("charges", where, off == 0, message, off, "USD")


def charge_of(resolved: ResolvedInstance, plan: Plan, name: str) -> Decimal:
    """What a workload is charged over the horizon, USD."""
    total = Decimal(0)
    for now in slices_of(resolved):
        for entry in plan.deployments:
            if entry.workload == name and entry.node_type in resolved.node_types and now.runs(entry):
                occupied = entry.replicas * entry.parallelism.accelerators
                total += occupied * _accelerator_charge(resolved, pool_of(entry), now)
    return total


def _accelerator_charge(resolved: ResolvedInstance, pool: PoolName, now: Slice) -> Decimal:
    """One accelerator of the pool over the period: its part of the dearest node, up to the next micro-dollar, USD."""
    site, node_type, spot = pool
    sold = (site, resolved.node_types[node_type].partition_of or node_type, spot)
    hourly = [
        price
        for offer in resolved.offers.values()
        if (offer.site, offer.node_type, offer.name if offer.term == "spot" else "") == sold
        for price in _hourly_prices(resolved, offer, now)
    ]
    amount = max(hourly, default=Fraction(0)) * now.hours / resolved.node_types[pool[1]].accelerators
    return math.ceil(amount * 10**6) * _MICRO


def _hourly_prices(resolved: ResolvedInstance, offer: Offer, now: Slice) -> Iterator[Fraction]:
    """What a node costs an hour for every possible stay and order size at which its price changes."""
    smallest = max(offer.min_order, 1)
    sizes = {smallest, *(step.from_count for step in offer.price_steps)}
    possible = [count for count in sizes if count >= smallest and (offer.stock is None or count <= offer.stock)]
    for stay in stays(resolved, offer):
        if now.nodes((stay,)):
            hours = sum(slot.hours for slot in slices_of(resolved) if slot.nodes((stay,)))
            for count in possible:
                bill = node_bill(resolved, stay, count)
                yield exact(str(sum(bill.values(), Decimal(0)))) / hours
