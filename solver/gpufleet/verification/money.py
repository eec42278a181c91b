"""Rules on money: unit costs, cost lines, budgets, and the objective, recomputed from prices."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from gpufleet.units import exact
from gpufleet.verification.slices import hours_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from gpufleet.schema.instance import BudgetCaps
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.plan import Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings

Order = tuple[str, str | None]
"""(offer, period); a volume discount looks at the size of one order."""
_CENT_OF_CENT = Decimal("0.000001")


def _micro(amount: Fraction) -> Decimal:
    """To the nearest millionth of a dollar, halves up."""
    whole = Decimal(amount.numerator) / Decimal(amount.denominator)
    return whole.quantize(_CENT_OF_CENT, ROUND_HALF_UP)


def _discount(offer: Offer, count: int) -> Fraction:
    """The discount of the largest volume step that the order reaches."""
    reached = [step.discount_fraction for step in offer.price_steps if count >= step.from_count]
    return exact(reached[-1]) if reached else exact(0)


def node_bill(resolved: ResolvedInstance, name: str, period: str | None, count: int) -> dict[str, Decimal]:
    """Cost lines in USD of one node over the horizon, or over a period, when this many are taken on the offer."""
    offer = resolved.offers[name]
    hours = hours_of(resolved, period)
    paid = 1 - _discount(offer, count)
    if offer.term not in ("owned", "purchase"):
        assert offer.usd_per_hour is not None
        return {"rent": _micro(exact(offer.usd_per_hour) * hours * paid)}
    bill: dict[str, Fraction] = {"running": exact(offer.running_usd_per_hour) * hours}
    if offer.capex_usd is not None and offer.life_years is not None:
        price, years = exact(offer.capex_usd) * paid, hours / (365 * 24)
        bill["write-off"] = (price - price * exact(offer.residual_fraction)) / exact(offer.life_years) * years
        bill["maintenance"] = price * exact(offer.maintenance_fraction_per_year) * years
    site, node = resolved.sites[offer.site], resolved.node_types[offer.node_type]
    if site.electricity_usd_per_kwh is not None and node.power_kw is not None:
        kilowatt_hours = exact(node.power_kw) * exact(site.pue) * hours
        bill["energy"] = kilowatt_hours * exact(site.electricity_usd_per_kwh)
    return {item: _micro(amount) for item, amount in bill.items()}


def node_price(resolved: ResolvedInstance, name: str, count: int) -> Decimal:
    """Purchase price of one node in USD, when this many are taken on the offer; 0 where nothing is bought."""
    offer = resolved.offers[name]
    return _micro(exact(offer.capex_usd or 0) * (1 - _discount(offer, count)))


def _taken(nodes: Iterable[PlannedNodes]) -> Counter[Order]:
    """Nodes per offer and period."""
    taken: Counter[Order] = Counter()
    for entry in nodes:
        taken[entry.offer, entry.period] += entry.count
    return taken


def check_money(resolved: ResolvedInstance, plan: Plan, known: tuple[PlannedNodes, ...], findings: Findings) -> Decimal:
    """Check every figure of money in the plan; returns the cost over the horizon, USD."""
    taken = _taken(known)
    bills = {order: node_bill(resolved, *order, count) for order, count in taken.items()}
    total = sum((count * sum(bills[order].values(), Decimal(0)) for order, count in taken.items()), Decimal(0))
    for nodes in known:
        unit = sum(bills[nodes.offer, nodes.period].values(), Decimal(0))
        _check_amount(findings, nodes.offer, "unit_cost_usd", nodes.unit_cost_usd, unit)
        _check_amount(findings, nodes.offer, "total_cost_usd", nodes.total_cost_usd, nodes.count * unit)
    if plan.costs:
        _check_lines(plan, taken, bills, total, findings)
    _check_budgets(resolved, known, bills, findings)
    return total


def _check_amount(findings: Findings, where: str, what: str, said: float | None, is_: Decimal) -> None:
    if said is not None:
        difference = said - float(is_)
        message = f"{what} is {said:.6f} in the plan and {is_:.6f} by the instance's prices"
        findings.check("cost", where, difference == 0, message, abs(difference), "USD")


def _check_lines(
    plan: Plan,
    counts: Counter[Order],
    bills: dict[Order, dict[str, Decimal]],
    total: Decimal,
    findings: Findings,
) -> None:
    """Each line is quantity x unit at the right price, none is missing, and together they are the total."""
    for line in plan.costs:
        where = f"cost line {line.item} of {line.offer}"
        order = (line.offer, line.period)
        right = bills.get(order, {}).get(line.item)
        if findings.check("cost", where, right is not None, "the fleet has no such cost"):
            assert right is not None
            _check_amount(findings, where, "unit_usd", line.unit_usd, right)
            _check_amount(findings, where, "total_usd", line.total_usd, line.quantity * right)
            message = f"bills {line.quantity} nodes, the plan takes {counts[order]}"
            findings.check("cost", where, line.quantity == counts[order], message)
    added = sum(
        (line.quantity * bills.get((line.offer, line.period), {}).get(line.item, Decimal(0)) for line in plan.costs),
        Decimal(0),
    )
    message = f"cost lines add up to {added:.6f} USD, the fleet costs {total:.6f} USD"
    findings.check("cost", "costs", added == total, message, float(abs(added - total)), "USD")


def _check_budgets(
    resolved: ResolvedInstance,
    known: tuple[PlannedNodes, ...],
    bills: dict[Order, dict[str, Decimal]],
    findings: Findings,
) -> None:
    budgets = resolved.instance.budgets
    _check_caps(resolved, "budget", budgets, known, bills, findings)
    for site, caps in budgets.sites.items():
        there = tuple(nodes for nodes in known if resolved.offers[nodes.offer].site == site)
        _check_caps(resolved, f"budget of {site}", caps, there, bills, findings)


def _check_caps(
    resolved: ResolvedInstance,
    where: str,
    caps: BudgetCaps,
    nodes: Iterable[PlannedNodes],
    bills: dict[Order, dict[str, Decimal]],
    findings: Findings,
) -> None:
    taken = _taken(nodes)
    cost = exact(str(sum((count * sum(bills[order].values()) for order, count in taken.items()), Decimal(0))))
    prices = (count * node_price(resolved, offer, count) for (offer, _), count in taken.items())
    capex = exact(str(sum(prices, Decimal(0))))
    per_day = cost / (resolved.instance.hours / 24)
    for name, cap, spent in (
        ("usd_per_day", caps.usd_per_day, per_day),
        ("horizon_usd", caps.horizon_usd, cost),
        ("capex_usd", caps.capex_usd, capex),
    ):
        if cap is not None:
            over = spent - exact(cap)
            message = f"{name} is {float(spent):.6f}, the cap is {cap:g}"
            findings.check("budget", f"{where} {name}", over <= 0, message, float(over), "USD")
