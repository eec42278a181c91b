"""Fleets over years and parts of years against enumeration: bought, owned, reserved and rented nodes that come and go.

One workload, and one option of one accelerator per node type, so a stage is served when the accelerators that are
there carry its demand. All counts within stock of all contracts are enumerated offer by offer; offers are then joined
through what they carry in each stage and what they are bought for. Money is worked out here, from docs/formulation.md.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from seeds import part, sample

from builders import accelerator, instance, node, offer, option, profiled, resolved, site
from gpufleet import solve, verify
from gpufleet.schema.instance import Budgets, StageCaps
from gpufleet.schema.offers import PriceStep
from gpufleet.schema.time import Stage, Trend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

NODES = {"n1": (1, "A", 3), "n2": (2, "A", 2), "nb": (1, "B", 4)}
"""Accelerators per node, which ones, and what each of them carries, requests/s."""
YEAR = Fraction(8760)
TERMS = ("purchase", "purchase", "purchase", "owned", "reserved_1y", "reserved_3y", "on_demand", "on_demand")
BOUND = {"reserved_1y": YEAR, "reserved_3y": 3 * YEAR}


# ------------------------------------------------------------------------------------------------- questions


@cache
def question(seed: int) -> ResolvedInstance:
    dice = Random(seed)
    stages = tuple(
        Stage(name=f"s{n}", days=dice.choice((91.25, 182.5, 365.0, 365.0, 547.5)), demand_factor=factor)
        for n, factor in enumerate(dice.choice(((1.0, 1.0), (1.0, 0.5), (1.0, 1.0, 2.0), (1.0, 1.0, 0.0), (1.0, 0, 1))))
    )
    offers = [_offer(dice, f"o{f}", stages[0].days / 365) for f in range(dice.randint(1, 3))]
    used = sorted({taken.node_type for taken in offers})
    options = [option(f"k-{kind}", kind, rates={"all": float(NODES[kind][2])}) for kind in used]
    changes: dict[str, Any] = {"growth_per_year": dice.choice((0.0, 0.5, 1.0, -0.3))}
    if dice.random() < 0.3:
        changes["stage_factors"] = {f"s{dice.randrange(len(stages))}": dice.choice((0.5, 1.5))}
    work = profiled(options, dice.randint(1, 14), **changes)
    return resolved(
        instance(
            [work],
            offers,
            horizon_days=sum(stage.days for stage in stages),
            stages=stages,
            sites=(site(electricity_usd_per_kwh=dice.choice((0.0, 0.13)), pue=1.25),),
            accelerators=(accelerator("A"), accelerator("B", family="New")),
            node_types=tuple(node(name, size, unit) for name, (size, unit, _) in NODES.items()),
            trends=_trends(dice),
            budgets=_budgets(dice, stages),
            discount_rate_per_year=dice.choice((0.0, 0.0, 0.05, 0.1)),
            commitments=dice.choice(("horizon", "term")),
        )
    )


def _offer(dice: Random, name: str, first_years: float) -> Offer:
    term, kind = dice.choice(TERMS), dice.choice(sorted(NODES))
    stock = dice.randint(1, 3)
    price = dice.randint(50, 200) / 100 * NODES[kind][0]
    changes: dict[str, Any] = {"stock": stock, "term": term}
    if term != "owned" and dice.random() < 0.3:
        changes["min_order"] = dice.randint(1, stock)
    if term != "owned" and dice.random() < 0.2:
        changes["price_steps"] = (PriceStep(from_count=2, discount_fraction=0.3),)
    if term in ("on_demand", "reserved_1y", "reserved_3y"):
        cheaper = {"on_demand": 1.0, "reserved_1y": 0.7, "reserved_3y": 0.4}[term]
        return offer(name, kind, round(price * cheaper, 4), **changes)
    years = dice.choice((0.5, 1.0, 1.5, 2.0, 3.0, 5.0))
    worth = round(price * 8760 * dice.choice((0.5, 1.0, 2.0)), 2)
    changes |= {
        "residual_fraction": dice.choice((0.0, 0.1, 0.3)),
        "resale_fraction": dice.choice((0.0, 0.5, 0.8, 1.0)),
        "running_usd_per_hour": dice.choice((0.0, 0.05)),
    }
    if term == "owned":
        left = {"life_years": max(years, first_years), "resale_usd": dice.choice((None, worth))}
        return offer(name, kind, None, **changes, **left)
    kept = {"maintenance_fraction_per_year": dice.choice((0.0, 0.08))}
    return offer(name, kind, None, **changes, capex_usd=worth, life_years=years, **kept)


def _trends(dice: Random) -> tuple[Trend, ...]:
    prices = Trend(source="test", price_change_per_year=dice.choice((-0.4, -0.15, 0.3)))
    rents = Trend(source="test", terms=("on_demand",), price_change_per_year=-0.2)
    faster = Trend(source="test", families=("New",), throughput_change_per_year=0.25)
    return tuple(trend for trend in (prices, rents, faster) if dice.random() < 0.4)


def _budgets(dice: Random, stages: tuple[Stage, ...]) -> Budgets:
    caps: dict[str, Any] = {}
    if dice.random() < 0.25:
        capped = dice.sample([stage.name for stage in stages], dice.randint(1, 2))
        caps["stages"] = {name: StageCaps(capex_usd=dice.choice((0.0, 15_000.0, 30_000.0))) for name in capped}
    if dice.random() < 0.1:
        caps["horizon_usd"] = dice.choice((10_000.0, 40_000.0))
    return Budgets(**caps)


# ----------------------------------------------------------------------------------------------- enumeration


class Stay(NamedTuple):
    """A contract: first and last stage."""

    first: int
    last: int


def fraction(value: float | int | None) -> Fraction:
    return Fraction(str(value or 0))


def micro(amount: Fraction) -> int:
    return math.floor(amount * 10**6 + Fraction(1, 2))


def bounds(asked: Instance) -> list[Fraction]:
    """Hours at which stages begin, and the end of the horizon."""
    clocks = [Fraction(0)]
    for stage in asked.stages:
        clocks.append(clocks[-1] + 24 * fraction(stage.days))
    return clocks


def power(change: float, hours: Fraction) -> Fraction:
    return fraction(round((1 + change) ** float(hours / YEAR), 6))


def stays(taken: Offer, clocks: list[Fraction]) -> Iterator[Stay]:
    count = len(clocks) - 1
    for first in range(count if taken.term != "owned" else 1):
        if taken.term == "on_demand":
            yield Stay(first, first)
        elif taken.term in BOUND:
            until = _bound(taken.term, clocks, first)
            yield Stay(first, max(last for last in range(first, count) if clocks[last + 1] <= until))
        else:
            life = fraction(taken.life_years) * YEAR
            fits = (last for last in range(first, count) if last == first or clocks[last + 1] - clocks[first] <= life)
            yield from (Stay(first, last) for last in fits)


def _bound(term: str, clocks: list[Fraction], first: int) -> Fraction:
    """Until when a reservation binds: whole terms, as many as its first stage takes."""
    times = max(1, math.ceil((clocks[first + 1] - clocks[first]) / BOUND[term]))
    return clocks[first] + times * BOUND[term]


class Money:
    """Prices of one question."""

    def __init__(self, asked: ResolvedInstance) -> None:
        self.asked, self.whole = asked, asked.instance
        self.clocks = bounds(self.whole)
        self.rate = fraction(self.whole.discount_rate_per_year)

    def worth(self, usd: Fraction, at: Fraction) -> Fraction:
        return usd / (1 + self.rate) ** math.floor(at / YEAR)

    def hourly(self, usd: Fraction, start: Fraction, end: Fraction) -> Fraction:
        """Paid evenly from start to end, each year's part discounted by itself."""
        cuts = [start, *(year * YEAR for year in range(40) if start < year * YEAR < end), end]
        return sum((self.worth(usd * (b - a), a) for a, b in pairwise(cuts)), Fraction(0))

    def price_factor(self, taken: Offer, at: Fraction) -> Fraction:
        factor, unit = Fraction(1), self.asked.accelerator_of(taken.node_type)
        for trend in self.whole.trends:
            if (trend.terms is None or taken.term in trend.terms) and unit.family in (trend.families or (unit.family,)):
                factor *= power(trend.price_change_per_year, at)
        return factor

    def price(self, taken: Offer, stay: Stay, ordered: int) -> Fraction:
        """Purchase price, or rent per hour."""
        listed = fraction(taken.usd_per_hour if taken.usd_per_hour is not None else taken.capex_usd)
        off = sum(fraction(step.discount_fraction) for step in taken.price_steps if step.from_count <= ordered)
        return listed * (1 - off) * self.price_factor(taken, self.clocks[stay.first])

    def cost(self, taken: Offer, stay: Stay, ordered: int) -> int:
        """Micro-USD of one node, every line to nearest."""
        start, end, price = self.clocks[stay.first], self.clocks[stay.last + 1], self.price(taken, stay, ordered)
        if taken.term == "on_demand":
            return micro(self.hourly(price, start, end))
        if taken.term in BOUND:
            until = _bound(taken.term, self.clocks, stay.first)
            paid = until if self.whole.commitments == "term" else min(until, self.clocks[-1])
            return micro(self.hourly(price, start, paid))
        kept = price * fraction(taken.maintenance_fraction_per_year) / YEAR
        energy = Fraction(5, 4) * fraction(self.whole.sites[0].electricity_usd_per_kwh)
        running = fraction(taken.running_usd_per_hour)
        lines = [
            self.written_off(taken, stay, price),
            *(self.hourly(rate, start, end) for rate in (kept, energy, running)),
        ]
        return sum(micro(line) for line in lines)

    def written_off(self, taken: Offer, stay: Stay, price: Fraction) -> Fraction:
        """Bought (or not sold) at the start and at the end of each life, sold or left at the end."""
        value = price if taken.term == "purchase" else fraction(taken.resale_usd)
        start, end, life = self.clocks[stay.first], self.clocks[stay.last + 1], fraction(taken.life_years) * YEAR
        total, age = self.worth(value, start), end - start
        scrap = value * fraction(taken.residual_fraction)
        while age > life:
            start, age = start + life, age - life
            total += self.worth(value - scrap, start)
        left = value - (value - scrap) * age / life
        if end < self.clocks[-1] and age < life:
            left *= fraction(taken.resale_fraction)
        return total - self.worth(left, end)


def combinations(money: Money, taken: Offer) -> dict[tuple[tuple[int, ...], tuple[int, ...]], int]:
    """(nodes there by stage, spent on purchases by capped stage) of all that one offer allows, to the least cost."""
    every, stages = list(stays(taken, money.clocks)), range(len(money.clocks) - 1)
    capped = [stage.name in money.whole.budgets.stages and taken.term == "purchase" for stage in money.whole.stages]
    stock = taken.stock or 0
    sizes = range(1, stock + 1)
    costs = [[0, *(money.cost(taken, stay, size) for size in sizes)] for stay in every]
    prices = [[0, *(micro(money.price(taken, stay, size)) for size in sizes)] for stay in every]
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    for counts in product(range(stock + 1), repeat=len(every)):
        there, orders, spent = [0] * len(stages), [0] * len(stages), [0] * len(stages)
        for n, stay in zip(counts, every, strict=True):
            orders[stay.first] += n
            for s in range(stay.first, stay.last + 1):
                there[s] += n
        if max(there) > stock or any(0 < size < taken.min_order for size in orders):
            continue
        for n, stay, price in zip(counts, every, prices, strict=True):
            spent[stay.first] += n * price[orders[stay.first]] if n and capped[stay.first] else 0
        cost = sum(n * unit[orders[stay.first]] for n, stay, unit in zip(counts, every, costs, strict=True) if n)
        key = (tuple(there), tuple(spent))
        found[key] = min(found.get(key, cost), cost)
    return found


def cheapest(asked: ResolvedInstance) -> int | None:
    """Micro-USD."""
    money, whole = Money(asked), asked.instance
    stages = range(len(whole.stages))
    wanted = _demands(money)
    caps = [whole.budgets.stages.get(stage.name) for stage in whole.stages]
    limits = [None if cap is None else math.floor(fraction(cap.capex_usd) * 10**6) for cap in caps]
    best = {((Fraction(0),) * len(stages), (0,) * len(stages)): 0}
    for taken in asked.offers.values():
        able = _able(money, taken)
        joined: dict[tuple[tuple[Fraction, ...], tuple[int, ...]], int] = {}
        for (there, bought), cost in combinations(money, taken).items():
            gain = [there[s] * able[s] for s in stages]
            for (carried, spent), before in best.items():
                paid = tuple(a + b for a, b in zip(spent, bought, strict=True))
                if all(limit is None or limit >= usd for usd, limit in zip(paid, limits, strict=True)):
                    now = tuple(min(carried[s] + gain[s], wanted[s]) for s in stages)
                    joined[now, paid] = min(joined.get((now, paid), before + cost), before + cost)
        best = joined
    found = min((cost for (carried, _), cost in best.items() if carried == wanted), default=None)
    cap = whole.budgets.horizon_usd
    return None if found is None or (cap is not None and found > fraction(cap) * 10**6) else found


def _demands(money: Money) -> tuple[Fraction, ...]:
    work: Any = money.whole.workloads[0]
    return tuple(
        fraction(work.classes[0].requests_per_s)
        * power(work.growth_per_year, start)
        * fraction(work.stage_factors.get(stage.name, stage.demand_factor))
        for stage, start in zip(money.whole.stages, money.clocks, strict=False)
    )


def _able(money: Money, taken: Offer) -> list[Fraction]:
    """What one node carries in each stage."""
    size, unit, rate = NODES[taken.node_type]
    gains = [trend.throughput_change_per_year for trend in money.whole.trends if unit == "B"]
    return [
        size * rate * math.prod((power(gain, start) for gain in gains), start=Fraction(1)) for start in money.clocks
    ]


# ----------------------------------------------------------------------------------------------------- tests


@pytest.mark.parametrize("chunk", range(6))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * 30, (chunk + 1) * 30)):
        _compare(seed, "auto")


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(200, 230)):
        _compare(seed, backend)


def _compare(seed: int, backend: BackendChoice) -> Plan:
    asked, right = question(seed), _right(seed)
    plan = solve(asked, backend=backend)
    assert plan.status == ("infeasible" if right is None else "optimal"), f"seed {seed}"
    if right is not None:
        assert plan.certificate is not None
        assert plan.certificate.objective_usd == right / 10**6, f"seed {seed}"
        assert verify(asked, plan).ok, f"seed {seed}"
    return plan


@cache
def _right(seed: int) -> int | None:
    return cheapest(question(seed))


def test_the_random_questions_are_not_all_alike() -> None:
    seen: Counter[str] = Counter()
    for seed in sample(range(180)):
        seen["feasible" if _right(seed) is not None else "infeasible"] += 1
        seen.update({taken.term for taken in question(seed).offers.values()} if _right(seed) is not None else ())
    least = {
        "feasible": 80,
        "infeasible": 20,
        "purchase": 40,
        "owned": 15,
        "reserved_1y": 15,
        "reserved_3y": 15,
        "on_demand": 30,
    }
    assert {name: seen[name] for name, count in least.items() if seen[name] < part(count)} == {}


def test_the_discounted_cash_flow_is_the_objective() -> None:
    """Year by year; owned nodes that are kept cost the sale forgone, which is no payment and is added by hand.

    Payments are rounded per node, year and item (two a year at most for one line, and what is left), lines once more.
    """
    compared = 0
    for seed in sample(range(60)):
        asked, whole = question(seed), question(seed).instance
        plan = solve(asked)
        if plan.status == "infeasible":
            continue
        rate, years = fraction(whole.discount_rate_per_year), int(bounds(whole)[-1] // YEAR) + 1
        counted = (flow for flow in plan.cash_flow if flow.item != "committed" or whole.commitments == "term")
        value = sum((fraction(flow.usd) / (1 + rate) ** flow.year for flow in counted), Fraction(0))
        for nodes in plan.nodes:
            value += nodes.count * fraction(asked.offers[nodes.offer].resale_usd)
        assert plan.certificate is not None
        off = abs(value - fraction(plan.certificate.objective_usd))
        assert off <= Fraction(sum(line.quantity for line in plan.costs) * (years + 1), 10**6), f"seed {seed}"
        compared += 1
    assert compared >= part(30)
