"""Partitioned nodes against enumeration: replica counts, what each node runs as, and node counts, over periods.

Nodes come in two types of 1 and 2 accelerators; each can also run as one or two partitions. In every period a node runs
as one thing, so the nodes needed are the sum of those needed as the base and as each partition.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from seeds import part, sample

from builders import accelerator, instance, node, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.schema.instance import FleetRules, Period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet import Plan
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Profiled

BASES = {"n1": 1, "n2": 2}
PARTITIONS = {"n1-3": ("n1", 3), "n2-6": ("n2", 6), "n2-4": ("n2", 4)}
"""Partition to its base and its instances."""
SIZES = {**BASES, **{name: size for name, (_, size) in PARTITIONS.items()}}
BARE: dict[str, Any] = {"network_gb_s": None, "power_kw": None, "rack_units": None}
Needs = dict[str, int]
"""Nodes needed by base node type."""


def question(dice: Random) -> ResolvedInstance:
    """One or two workloads of one class, each with one to three options over the bases and the listed partitions."""
    offers = [_offer(dice, f"o{f}") for f in range(dice.randint(1, 3))]
    bought = {taken.node_type for taken in offers}
    possible = [name for name, (base, _) in PARTITIONS.items() if base in bought]
    listed = sorted(dice.sample(possible, dice.randint(0, len(possible))))
    names = sorted(bought) + listed
    periods = tuple(Period(name=f"t{t}", hours=1.0) for t in range(dice.choice((0, 2))))
    workloads = [_workload(dice, name, names, bool(periods)) for name in ("v", "w")[: dice.choice((1, 2, 2))]]
    types = [node(name, size) for name, size in BASES.items()]
    types += [node(name, size, f"A-{name}", partition_of=base, **BARE) for name, (base, size) in PARTITIONS.items()]
    rules = FleetRules(max_node_types=1) if dice.random() < 0.2 else FleetRules()
    return resolved(
        instance(
            workloads,
            offers,
            accelerators=(accelerator("A"), *(accelerator(f"A-{name}") for name in PARTITIONS)),
            node_types=tuple(types),
            partitions=tuple(listed),
            periods=periods,
            horizon_hours=float(len(periods) or 1),
            rules=rules,
        )
    )


def _offer(dice: Random, name: str) -> Offer:
    kind = dice.choice(sorted(BASES))
    term = dice.choice(("on_demand", "on_demand", "reserved_1y"))
    least = dice.choice((0, 0, 2))
    stock = dice.randint(2, 4)
    return offer(name, kind, dice.randint(1, 200) / 100 * BASES[kind], stock=stock, term=term, min_order=least)


def _workload(dice: Random, name: str, names: list[str], periods: bool) -> Profiled:
    options = []
    for k in range(dice.randint(1, 3)):
        kind = dice.choice(names)
        size = 1 if kind in PARTITIONS else dice.choice((1, BASES[kind]))
        rate = dice.choice((1.0, 2.0)) if kind in PARTITIONS else dice.choice((2.0, 3.0, 5.0)) * size
        options.append(option(f"k{k}", kind, size, rates={"all": rate}))
    changes: dict[str, Any] = {"min_replicas": 2} if dice.random() < 0.15 else {}
    if periods:
        changes["demand_factors"] = {"t0": dice.choice((0.0, 0.5, 1.0))}
    return profiled(options, dice.randint(1, 9), name, **changes)


def cheapest(asked: ResolvedInstance) -> int | None:
    """Micro-USD, over all committed fleets, with the cheapest rented nodes of each period by itself."""
    periods = [period.name for period in asked.instance.periods] or [None]
    needs = [list(_needs(asked, period)) for period in periods]
    offers = list(asked.offers.values())
    most = asked.instance.rules.max_node_types
    best = None
    for allowed in [set(BASES)] if most is None else [{name} for name in BASES]:
        usable = [taken for taken in offers if taken.node_type in allowed]
        cost = _cheapest(usable, needs, len(periods))
        if cost is not None:
            best = cost if best is None else min(best, cost)
    return best


def _cheapest(offers: list[Offer], needs: list[list[Needs]], hours: int) -> int | None:
    fixed = [taken for taken in offers if taken.term != "on_demand"]
    rented = [taken for taken in offers if taken.term == "on_demand"]
    best = None
    for base in _orders(fixed):
        cost = hours * _price(fixed, base)
        for wanted in needs:
            enough = [
                _price(rented, counts)
                for counts in _orders(rented)
                if any(_covers(_nodes(fixed, base) + _nodes(rented, counts), need) for need in wanted)
            ]
            if not enough:
                break
            cost += min(enough)
        else:
            best = cost if best is None else min(best, cost)
    return best


def _covers(there: Counter[str], need: Needs) -> bool:
    return all(there[name] >= count for name, count in need.items())


def _nodes(offers: list[Offer], counts: tuple[int, ...]) -> Counter[str]:
    nodes: Counter[str] = Counter()
    for taken, count in zip(offers, counts, strict=True):
        nodes[taken.node_type] += count
    return nodes


def _price(offers: list[Offer], counts: tuple[int, ...]) -> int:
    prices = (math.floor(Fraction(str(taken.usd_per_hour)) * 10**6 + Fraction(1, 2)) for taken in offers)
    return sum(price * count for price, count in zip(prices, counts, strict=True))


def _orders(offers: list[Offer]) -> list[tuple[int, ...]]:
    return list(
        product(*([n for n in range((taken.stock or 0) + 1) if not 0 < n < taken.min_order] for taken in offers))
    )


def _needs(asked: ResolvedInstance, period: str | None) -> Iterator[Needs]:
    """Nodes needed by every way to serve all workloads in a period."""
    ways = [list(_ways(asked, workload, period)) for workload in asked.instance.workloads]
    found = set()
    for chosen in product(*ways):
        used: Counter[str] = Counter()
        for way in chosen:
            used.update(dict(way))
        need: Counter[str] = Counter()
        for kind, count in used.items():
            need[PARTITIONS[kind][0] if kind in PARTITIONS else kind] += math.ceil(count / SIZES[kind])
        found.add(tuple(sorted(need.items())))
    yield from (dict(need) for need in found)


def _ways(asked: ResolvedInstance, workload: Profiled, period: str | None) -> Iterator[tuple[tuple[str, int], ...]]:
    """Accelerators or instances used by node type, for every replica count that serves the workload."""
    factor = Fraction(1) if period is None else Fraction(str(workload.demand_factors.get(period, 1.0)))
    demand = Fraction(str(workload.classes[0].requests_per_s)) * factor
    rates = [Fraction(str(taken.rates["all"])) for taken in workload.options]
    ranges = [range(max(math.ceil(demand / rate), workload.min_replicas) + 1) for rate in rates]
    for counts in product(*ranges):
        able = sum((n * rate for n, rate in zip(counts, rates, strict=True)), Fraction(0))
        if able >= demand and sum(counts) >= workload.min_replicas:
            used: Counter[str] = Counter()
            for taken, n in zip(workload.options, counts, strict=True):
                used[taken.node_type] += n * taken.accelerators
            yield tuple(sorted(used.items()))


def answered(seed: int, backend: BackendChoice) -> tuple[ResolvedInstance, Plan]:
    asked = question(Random(seed))
    return asked, solve(asked, backend=backend)


@cache
def solved(seed: int) -> tuple[ResolvedInstance, Plan]:
    return answered(seed, "auto")


@pytest.mark.parametrize("chunk", range(6))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * 50, (chunk + 1) * 50)):
        _compare(seed, "auto")


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(300, 340)):
        _compare(seed, backend)


def _compare(seed: int, backend: BackendChoice) -> None:
    asked, plan = solved(seed) if backend == "auto" else answered(seed, backend)
    right = cheapest(asked)
    assert plan.status == ("infeasible" if right is None else "optimal"), f"seed {seed}"
    if right is not None:
        assert plan.certificate is not None
        assert plan.certificate.objective_usd == right / 10**6, f"seed {seed}"
        report = verify(asked, plan)
        assert report.ok, f"seed {seed}: {report.violations}"


def test_the_sample_uses_partitions_and_mixes_them() -> None:
    """Enough of the plans run some nodes as a partition, several ways at one site, or differently by period."""
    seen: Counter[str] = Counter()
    for seed in sample(range(300)):
        asked, plan = solved(seed)
        used = {deployment.node_type for deployment in plan.deployments}
        seen["partition"] += bool(used & set(PARTITIONS))
        seen["mixed"] += bool(used & set(PARTITIONS)) and len(used) > 1
        by_period = {p: {d.node_type for d in plan.deployments if d.period == p} for p in ("t0", "t1")}
        seen["by period"] += bool(asked.instance.periods) and by_period["t0"] != by_period["t1"]
        seen["infeasible"] += plan.status == "infeasible"
    assert min(seen[name] for name in ("partition", "mixed", "by period", "infeasible")) >= part(20), seen


def test_a_partition_never_costs_more() -> None:
    for seed in sample(range(400, 460)):
        asked = question(Random(seed))
        without = resolved(asked.instance.model_copy(update={"partitions": ()}))
        dear, cheap = solve(without), solve(asked)
        assert dear.certificate is not None
        assert cheap.certificate is not None
        if dear.certificate.objective_usd is not None:
            assert cheap.certificate.objective_usd is not None
            assert cheap.certificate.objective_usd <= dear.certificate.objective_usd, f"seed {seed}"
