"""Spot nodes and measures against enumeration: every set of measures, with every fleet within stock.

With a set of measures taken, every replica uses all of them that concern it, since none makes it slower. A routed
workload has one option on one node type, with one spot offer at most: of two pools, how much of each class the first
one carries is a fractional knapsack. Its best split need not lie on the grid of 1/10,080, so the answer lies between
the optima without and with a unit per class and pool kept free; mostly these are the same.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import combinations, product
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from brute_force import fraction, micro
from seeds import part, sample

from builders import accelerator, instance, node, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.schema.instance import Budgets, FleetRules, Measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet import Plan
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Profiled, ProfiledOption

NODES = {"n1": (1, "A"), "n2": (2, "A"), "nb": (1, "B")}
"""Accelerators per node, and which ones."""
GRID = Fraction(1, 10_080)
Pool = tuple[str, str | None]
"""(node type, spot offer)"""
Usage = tuple[int, ...]
"""Accelerators by pool."""


class Place(NamedTuple):
    """An option on a pool, with what one replica carries of each class, requests/s."""

    pool: Pool
    accelerators: int
    rates: tuple[Fraction, ...]


# ------------------------------------------------------------------------------------------------- questions


@cache
def question(seed: int) -> ResolvedInstance:
    dice = Random(seed)
    kinds = dice.sample(sorted(NODES), dice.randint(1, 2))
    offers = [_steady(dice, "o", kinds[0]), _spot(dice, "s0", kinds[0])]
    if dice.random() < 0.5:
        offers.append(dice.choice((_steady, _spot))(dice, "s1", kinds[-1]))
    two_spots = sum(taken.term == "spot" and taken.node_type == kinds[0] for taken in offers) > 1
    used = sorted({taken.node_type for taken in offers})
    work = [
        _workload(dice, name, used if two_spots or dice.random() < 0.7 else [kinds[0]], two_spots)
        for name in ("v", "w")[: dice.choice((1, 1, 2))]
    ]
    return resolved(
        instance(
            work,
            offers,
            accelerators=(accelerator("A"), accelerator("B")),
            node_types=tuple(node(name, size, unit) for name, (size, unit) in NODES.items()),
            measures=tuple(_measure(dice, f"m{m}", work) for m in range(dice.choice((0, 1, 1, 2, 3)))),
            budgets=_budgets(dice),
            rules=FleetRules(max_spot_share=dice.choice((None, None, None, None, 0.25, 0.5))),
        )
    )


def _steady(dice: Random, name: str, kind: str) -> Offer:
    return offer(name, kind, dice.randint(50, 300) / 100 * NODES[kind][0], stock=dice.randint(2, 4))


def _spot(dice: Random, name: str, kind: str) -> Offer:
    lost = {"interruptions_per_month": dice.choice((0.0, 182.5, 365.0)), "hours_lost_per_interruption": 1.0}
    price = dice.randint(10, 120) / 100 * NODES[kind][0]
    return offer(name, kind, price, term="spot", stock=dice.randint(2, 4), **lost)


def _workload(dice: Random, name: str, kinds: list[str], two_spots: bool) -> Profiled:
    routed = len(kinds) == 1 and not two_spots and dice.random() < 0.7
    rates = ["a", "b"] if routed else ["all"]
    options = []
    for key in range(1 if routed else dice.randint(1, 2)):
        kind = dice.choice(kinds)
        size = dice.choice([1, NODES[kind][0], 2 * NODES[kind][0]])
        able = {c: float(dice.randint(1, 6)) for c in rates}
        options.append(option(f"k{key}", kind, size, rates=able))
    demands = {c: dice.choice((1.0, 2.0, 3.0, 4.0, 6.0)) if routed else dice.randint(1, 90) / 10 for c in rates}
    changes: dict[str, Any] = {"max_spot_share": dice.choice((1.0, 1.0, 0.75, 0.5, 0.25, 0.0))}
    if dice.random() < 0.15:
        changes["min_replicas"] = dice.randint(1, 3)
    if dice.random() < 0.15:
        changes["max_replicas"] = dice.randint(3, 4)
    return profiled(options, demands, name, **changes)


def _measure(dice: Random, name: str, work: list[Profiled]) -> Measure:
    mine = dice.sample([w.name for w in work], dice.randint(1, len(work)))
    known = sorted({o.name for w in work if w.name in mine for o in w.options})
    locked = tuple(dice.sample(known, 1)) if dice.random() < 0.4 else ()
    factor = dice.choice((1.5, 2.0, 3.0)) if not locked or dice.random() < 0.5 else 1.0
    units = dice.choice((None, None, ("A",), ("B",)))
    lasting: dict[str, Any] = {"cost_usd": dice.randint(0, 30) / 10}
    if dice.random() < 0.4:  # an hour of a life of 7, say, or two lives of 40 minutes
        lasting = {"cost_usd": dice.randint(0, 20) / 3, "life_years": dice.choice((7.0, 2 / 3)) / 8760}
    return Measure(
        name=name,
        workloads=tuple(mine),
        accelerators=units,
        throughput_factor=factor,
        unlocks=locked,
        source="t",
        **lasting,
    )


def _budgets(dice: Random) -> Budgets:
    caps: dict[str, float] = {}
    if dice.random() < 0.2:
        caps["horizon_usd"] = dice.randint(5, 60) / 10
    if dice.random() < 0.1:
        caps["usd_per_day"] = float(dice.randint(10, 150))
    if dice.random() < 0.2:
        caps["capex_usd"] = dice.randint(0, 40) / 10
    return Budgets(**caps)


# ----------------------------------------------------------------------------------------------- enumeration


def cheapest(asked: ResolvedInstance, slack: Fraction = Fraction(0)) -> int | None:
    """Micro-USD; with `slack`, so much of each class stays free on either pool of a routed workload."""
    whole = asked.instance
    best = None
    for count in range(len(whole.measures) + 1):
        for taken in combinations(whole.measures, count):
            found = _with_measures(asked, taken, slack)
            best = found if best is None or (found is not None and found < best) else best
    return best


def _with_measures(asked: ResolvedInstance, taken: tuple[Measure, ...], slack: Fraction) -> int | None:
    whole, offers = asked.instance, list(asked.offers.values())
    pools = sorted({_pool(o) for o in offers}, key=str)
    paid = sum(_measure_cost(measure) for measure in taken)
    capex = whole.budgets.capex_usd
    if capex is not None and sum(micro(fraction(m.cost_usd)) for m in taken) > fraction(capex) * 10**6:
        return None
    usages = [(0,) * len(pools)]
    for workload in whole.workloads:
        mine = set(_usages(asked, workload, taken, pools, slack))
        usages = _undominated({tuple(map(sum, zip(a, b, strict=True))) for a in usages for b in mine})
    for cost, counts in sorted(_fleets(asked, offers)):
        if _within_caps(asked, cost + paid):
            room = [0] * len(pools)
            for o, n in zip(offers, counts, strict=True):
                room[pools.index(_pool(o))] += n * NODES[o.node_type][0]
            if any(all(used <= there for used, there in zip(usage, room, strict=True)) for usage in usages):
                return cost + paid
    return None


def _pool(taken: Offer) -> Pool:
    return taken.node_type, taken.name if taken.term == "spot" else None


def _measure_cost(measure: Measure) -> int:
    """An hour's part of its life, or all of it."""
    lives = Fraction(1) if measure.life_years is None else 1 / (fraction(measure.life_years) * 8760)
    return micro(fraction(measure.cost_usd) * lives)


def _within_caps(asked: ResolvedInstance, cost: int) -> bool:
    caps = asked.instance.budgets
    hourly = None if caps.usd_per_day is None else fraction(caps.usd_per_day) / 24
    whole = None if caps.horizon_usd is None else fraction(caps.horizon_usd)
    return all(cap is None or cost <= cap * 10**6 for cap in (hourly, whole))


def _fleets(asked: ResolvedInstance, offers: list[Offer]) -> Iterator[tuple[int, tuple[int, ...]]]:
    share = asked.instance.rules.max_spot_share
    for counts in product(*(range((o.stock or 0) + 1) for o in offers)):
        owned = [(o, n * NODES[o.node_type][0]) for o, n in zip(offers, counts, strict=True)]
        on_spot = sum(n for o, n in owned if o.term == "spot")
        if share is None or on_spot <= fraction(share) * sum(n for _, n in owned):
            yield sum(n * micro(fraction(o.usd_per_hour)) for o, n in zip(offers, counts, strict=True)), counts


def _places(asked: ResolvedInstance, workload: Profiled, taken: tuple[Measure, ...], pools: list[Pool]) -> list[Place]:
    mine = [measure for measure in taken if workload.name in measure.workloads]
    every = [measure for measure in asked.instance.measures if workload.name in measure.workloads]
    found = []
    for form in workload.options:
        for pool in (pool for pool in pools if pool[0] == form.node_type):
            helping = [m for m in mine if m.accelerators is None or NODES[form.node_type][1] in m.accelerators]
            locked = any(form.name in m.unlocks for m in every)
            speed = _left(asked, form, pool) * math.prod(fraction(m.throughput_factor) for m in helping)
            banned = pool[1] is not None and workload.max_spot_share == 0
            if speed and not banned and (not locked or any(form.name in m.unlocks for m in helping)):
                rates = tuple(fraction(form.rates.get(group.name)) * speed for group in workload.classes)
                found.append(Place(pool, form.accelerators, rates))
    return found


def _left(asked: ResolvedInstance, form: ProfiledOption, pool: Pool) -> Fraction:
    """Share of the time that interruptions leave to a replica, each of whose nodes can be taken away."""
    if pool[1] is None:
        return Fraction(1)
    spot = asked.offers[pool[1]]
    nodes = math.ceil(form.accelerators / NODES[form.node_type][0])
    lost = nodes * fraction(spot.interruptions_per_month) * fraction(spot.hours_lost_per_interruption) / 730
    return max(Fraction(0), 1 - lost)


def _usages(
    asked: ResolvedInstance, workload: Profiled, taken: tuple[Measure, ...], pools: list[Pool], slack: Fraction
) -> Iterator[Usage]:
    """Accelerators per pool of every count of replicas that serves the workload."""
    places = _places(asked, workload, taken, pools)
    wanted = [fraction(group.requests_per_s) for group in workload.classes]
    least, most = workload.min_replicas, workload.max_replicas
    for counts in product(*(range(_most(asked, place, wanted, least) + 1) for place in places)):
        within = least <= sum(counts) and (most is None or sum(counts) <= most)
        if within and _serves(workload, places, counts, wanted, slack):
            usage = [0] * len(pools)
            for place, n in zip(places, counts, strict=True):
                usage[pools.index(place.pool)] += n * place.accelerators
            yield tuple(usage)


def _most(asked: ResolvedInstance, place: Place, wanted: list[Fraction], least: int) -> int:
    """Replicas that can be of use, as far as the stock of the pool has room for them (and one for slack)."""
    nodes = sum(o.stock or 0 for o in asked.offers.values() if _pool(o) == place.pool)
    useful = math.ceil(sum(_loads(place, wanted))) + 1
    return min(max(useful, least), nodes * NODES[place.pool[0]][0] // place.accelerators)


def _loads(place: Place, wanted: list[Fraction]) -> list[Fraction]:
    return [want / rate for want, rate in zip(wanted, place.rates, strict=True)]


def _serves(
    workload: Profiled, places: list[Place], counts: tuple[int, ...], wanted: list[Fraction], slack: Fraction
) -> bool:
    share = fraction(workload.max_spot_share)
    if len(wanted) == 1:
        able = [n * place.rates[0] for n, place in zip(counts, places, strict=True)]
        steady = sum(part for part, place in zip(able, places, strict=True) if place.pool[1] is None)
        return sum(able) >= wanted[0] and steady >= (1 - share) * wanted[0]
    on_spot = [(n, place) for n, place in zip(counts, places, strict=True) if place.pool[1] is not None]
    elsewhere = [(n, place) for n, place in zip(counts, places, strict=True) if place.pool[1] is None]
    assert len(on_spot) <= 1
    assert len(elsewhere) <= 1
    return _splits(on_spot, elsewhere, wanted, share, slack)


def _splits(
    on_spot: list[tuple[int, Place]],
    elsewhere: list[tuple[int, Place]],
    wanted: list[Fraction],
    share: Fraction,
    slack: Fraction,
) -> bool:
    """Spot replicas take what saves most elsewhere per load of their own, up to the share; the rest must fit there."""
    rest = [Fraction(1)] * len(wanted)
    if on_spot:
        count, place = on_spot[0]
        own = _loads(place, wanted)
        room = count - slack * sum(own)
        saved = _loads(elsewhere[0][1], wanted) if elsewhere else [Fraction(1)] * len(wanted)
        for c in sorted(range(len(wanted)), key=lambda c: own[c] / saved[c]):
            part = min(share, max(room, Fraction(0)) / own[c])
            room, rest[c] = room - part * own[c], 1 - part
    if not elsewhere:
        return not any(rest)
    count, place = elsewhere[0]
    loads = _loads(place, wanted)
    return sum(part * load for part, load in zip(rest, loads, strict=True)) <= count - slack * sum(loads)


def _undominated(found: set[Usage]) -> list[Usage]:
    kept: list[Usage] = []
    for usage in sorted(found, key=sum):
        if not any(all(a <= b for a, b in zip(other, usage, strict=True)) for other in kept):
            kept.append(usage)
    return kept


# ----------------------------------------------------------------------------------------------------- tests


@cache
def _bounds(seed: int) -> tuple[int | None, int | None]:
    asked = question(seed)
    routed = any(len(work.classes) > 1 for work in asked.instance.workloads)  # type: ignore[union-attr]
    low = cheapest(asked)
    return low, cheapest(asked, GRID) if routed else low


@cache
def _solved(seed: int) -> Plan:
    return solve(question(seed))


def _compare(seed: int, backend: BackendChoice) -> None:
    asked, (low, high) = question(seed), _bounds(seed)
    plan = _solved(seed) if backend == "auto" else solve(asked, backend=backend)
    assert plan.status in ("optimal", "infeasible"), f"seed {seed}"
    assert verify(asked, plan).ok, f"seed {seed}"
    assert plan.certificate is not None
    said = plan.certificate.objective_usd
    found = None if said is None else micro(fraction(said))
    if found is None:
        assert high is None, f"seed {seed}"
    else:
        assert low is not None, f"seed {seed}"
        assert low <= found, f"seed {seed}"
        assert high is None or found <= high, f"seed {seed}"


@pytest.mark.parametrize("chunk", range(6))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * 40, (chunk + 1) * 40)):
        _compare(seed, "auto")


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(300, 330)):
        _compare(seed, backend)


def test_the_random_questions_are_not_all_alike() -> None:
    """Enough answers, nearly all of them exact, and enough of everything in them."""
    seen: Counter[str] = Counter()
    seeds = sample(range(240))
    for seed in seeds:
        low, high = _bounds(seed)
        asked = question(seed)
        seen["feasible" if low is not None else "infeasible"] += 1
        seen["between"] += low != high
        if low is not None:
            plan = _solved(seed)
            seen["spot"] += any(nodes.term == "spot" for nodes in plan.nodes)
            seen["measures"] += any(measure.taken for measure in plan.measures)
            seen["both"] += any(entry.spot and entry.measures for entry in plan.deployments)
            seen["routed"] += any(len(work.classes) > 1 for work in asked.instance.workloads)  # type: ignore[union-attr]
            seen["locked"] += any(m.unlocks for m in asked.instance.measures)
    least = {"feasible": 120, "infeasible": 40, "spot": 50, "measures": 20, "both": 10, "routed": 30, "locked": 20}
    assert {name: seen[name] for name, count in least.items() if seen[name] < part(count)} == {}
    assert seen["between"] <= len(seeds) / 10  # nine tenths are exact
