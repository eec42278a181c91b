"""Rules on money: unit costs, cost lines, payments and the objective, recomputed from prices."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.schema.plan import CostLine
from gpufleet.units import exact
from gpufleet.verification.budgets import Spent, check_budgets
from gpufleet.verification.contracts import orders_of
from gpufleet.verification.payments import ASSET_ITEMS, FORGONE, measure_payments, node_payments, price_share
from gpufleet.verification.settings import check_measures, taken_measures

if TYPE_CHECKING:
    from gpufleet.schema.instance import Measure
    from gpufleet.schema.plan import Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings

Entry = tuple[str, str | None, str | None, str | None, bool]
"""(offer or measure, first stage, last stage, period, is it a measure): what a cost line is about."""


def _micro(amount: Fraction) -> Decimal:
    """To the nearest millionth of a dollar, halves up."""
    return Decimal(math.floor(amount * 10**6 + Fraction(1, 2))) / 10**6


def _entry(nodes: PlannedNodes | CostLine) -> Entry:
    bought = isinstance(nodes, CostLine) and nodes.item == "measure"
    return (nodes.offer, nodes.first_stage, nodes.last_stage, nodes.period, bought)


def node_bill(resolved: ResolvedInstance, nodes: PlannedNodes, ordered: int) -> dict[str, Decimal]:
    """Cost lines in USD, at present value, of one node when this many are ordered together."""
    rate = exact(resolved.instance.discount_rate_per_year)
    whole = resolved.instance.commitments == "term"
    bill: defaultdict[str, Fraction] = defaultdict(Fraction)
    for year, item, amount in node_payments(resolved, nodes, ordered):
        if item == "committed" and not whole:
            continue
        line = {"committed": "rent"}.get(item, "write-off" if item in ASSET_ITEMS else item)
        bill[line] += amount / (1 + rate) ** year
    return {item: _micro(amount) for item, amount in bill.items()}


def measure_cost(resolved: ResolvedInstance, measure: Measure) -> Decimal:
    """Cost of a measure over the horizon, at present value, USD."""
    rate = exact(resolved.instance.discount_rate_per_year)
    payments = measure_payments(resolved, measure)
    return _micro(sum((amount / (1 + rate) ** year for year, _, amount in payments), Fraction(0)))


def node_price(resolved: ResolvedInstance, nodes: PlannedNodes, ordered: int) -> Decimal:
    """Purchase price of one node in USD, when this many are ordered together; 0 where nothing is bought."""
    offer = resolved.offers[nodes.offer]
    return _micro(exact(offer.capex_usd or 0) * price_share(resolved, nodes, ordered))


def check_money(resolved: ResolvedInstance, plan: Plan, known: tuple[PlannedNodes, ...], findings: Findings) -> Decimal:
    """Check every figure of money in the plan; returns the cost over the horizon, USD."""
    orders = orders_of(known)
    sizes = [orders[nodes.offer, nodes.first_stage, nodes.period] for nodes in known]
    prices = [node_price(resolved, nodes, size) for nodes, size in zip(known, sizes, strict=True)]
    bills = {_entry(nodes): node_bill(resolved, nodes, size) for nodes, size in zip(known, sizes, strict=True)}
    taken: Counter[Entry] = Counter()
    for nodes in known:
        taken[_entry(nodes)] += nodes.count
        unit = sum(bills[_entry(nodes)].values(), Decimal(0))
        _check_amount(findings, nodes.offer, "unit_cost_usd", nodes.unit_cost_usd, unit)
        _check_amount(findings, nodes.offer, "total_cost_usd", nodes.total_cost_usd, nodes.count * unit)
    total = sum((count * sum(bills[entry].values(), Decimal(0)) for entry, count in taken.items()), Decimal(0))
    measures = {measure.name: measure_cost(resolved, measure) for measure in resolved.instance.measures}
    check_measures(resolved, plan, measures, findings)
    for name in taken_measures(plan) & measures.keys():
        taken[name, None, None, None, True] = 1
        bills[name, None, None, None, True] = {"measure": measures[name]}
        total += measures[name]
    if plan.costs:
        _check_lines(plan, taken, bills, total, findings)
    if plan.cash_flow:
        _check_cash_flow(resolved, plan, known, sizes, findings)
    spent = [
        Spent(nodes, nodes.count * sum(bills[_entry(nodes)].values(), Decimal(0)), nodes.count * price)
        for nodes, price in zip(known, prices, strict=True)
    ]
    bought = [measure for measure in resolved.instance.measures if measure.name in taken_measures(plan)]
    once = sum((_micro(exact(measure.cost_usd)) for measure in bought), Decimal(0))
    check_budgets(resolved, spent, sum((measures[m.name] for m in bought), Decimal(0)), once, findings)
    return total


def _check_amount(findings: Findings, where: str, what: str, said: float | None, is_: Decimal) -> None:
    if said is not None:
        difference = said - float(is_)
        message = f"{what} is {said:.6f} in the plan and {is_:.6f} by the instance's prices"
        findings.check("cost", where, difference == 0, message, abs(difference), "USD")


def _check_lines(
    plan: Plan,
    counts: Counter[Entry],
    bills: dict[Entry, dict[str, Decimal]],
    total: Decimal,
    findings: Findings,
) -> None:
    """Each line is quantity x unit at the right price, none is missing, and together they are the total."""
    for line in plan.costs:
        where = f"cost line {line.item} of {line.offer}"
        right = bills.get(_entry(line), {}).get(line.item)
        if findings.check("cost", where, right is not None, "the fleet has no such cost"):
            assert right is not None
            _check_amount(findings, where, "unit_usd", line.unit_usd, right)
            _check_amount(findings, where, "total_usd", line.total_usd, line.quantity * right)
            message = f"bills {line.quantity} nodes, the plan takes {counts[_entry(line)]}"
            findings.check("cost", where, line.quantity == counts[_entry(line)], message)
    added = sum(
        (line.quantity * bills.get(_entry(line), {}).get(line.item, Decimal(0)) for line in plan.costs), Decimal(0)
    )
    message = f"cost lines add up to {added:.6f} USD, the fleet costs {total:.6f} USD"
    findings.check("cost", "costs", added == total, message, float(abs(added - total)), "USD")


def _check_cash_flow(
    resolved: ResolvedInstance, plan: Plan, known: tuple[PlannedNodes, ...], sizes: list[int], findings: Findings
) -> None:
    """Payments by year and item are those of the nodes taken, none is missing."""
    right: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
    paid = [(nodes.count, node_payments(resolved, nodes, size)) for nodes, size in zip(known, sizes, strict=True)]
    bought = [measure for measure in resolved.instance.measures if measure.name in taken_measures(plan)]
    for count, payments in (*paid, *((1, measure_payments(resolved, measure)) for measure in bought)):
        each: defaultdict[tuple[int, str], Fraction] = defaultdict(Fraction)
        for year, item, amount in payments:
            each[year, item] += amount
        for key, amount in each.items():
            right[key] += count * _micro(amount)
    times = Counter((flow.year, flow.item) for flow in plan.cash_flow)
    said = {(flow.year, flow.item): flow.usd for flow in plan.cash_flow}
    for (year, item), count in times.items():
        findings.check("cash_flow", f"year {year} {item}", count == 1, f"the plan states it {count} times")
    for year, item in sorted({*said, *right} - {key for key in right if key[1] == FORGONE}):
        is_, says = right.get((year, item), Decimal(0)), said.get((year, item), 0.0)
        message = f"{item} of year {year} is {says:.6f} in the plan and {is_:.6f} by the instance's prices"
        findings.check("cash_flow", f"year {year} {item}", says == float(is_), message, abs(says - float(is_)), "USD")
