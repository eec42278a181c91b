"""Unserved demand by enumeration, straight from an instance; shares no line with the optimiser.

Nodes are reserved, so a fleet is there in all periods and every period can be shared out by itself. Every workload has
one option; of several classes the one with the most requests a replica is served first. Rates and demands are such that
all shares are multiples of 1/10,080 (see `random_instances`), or are rounded up to them (one class).
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

from random_instances import EXACT_DEMANDS

from builders import instance, offer, option, profiled, resolved
from gpufleet.schema.instance import Budgets
from gpufleet.schema.time import Period

if TYPE_CHECKING:
    from random import Random

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Profiled

UNITS = 10_080
SIZES = {"n1": 1, "n2": 2}
Levels = tuple[Fraction, ...]
"""Unserved by priority, the highest first."""


def question(dice: Random) -> ResolvedInstance:
    """Two or three workloads of two priorities, or of one, on few reserved nodes, over one or two periods."""
    offers = [
        offer(f"o-{kind}", kind, dice.randint(50, 200) / 100 * size, term="reserved_1y", stock=dice.randint(0, 4))
        for kind, size in SIZES.items()
    ]
    hours = [float(dice.randint(1, 9)) for _ in range(dice.choice((1, 2)))]
    periods = tuple(
        Period(name=f"t{t}", hours=span, demand_factor=dice.choice((0.5, 1.0, 2.0))) for t, span in enumerate(hours)
    )
    workloads = [_workload(dice, name) for name in "uvw"[: dice.randint(2, 3)]]
    budgets = Budgets(horizon_usd=dice.randint(0, 80) / 10 * sum(hours)) if dice.random() < 0.6 else Budgets()
    return resolved(
        instance(
            workloads,
            offers,
            periods=periods if len(hours) > 1 else (),
            horizon_hours=sum(hours),
            budgets=budgets,
            allow_unserved=True,
        )
    )


def _workload(dice: Random, name: str) -> Profiled:
    several = dice.random() < 0.4
    classes = {f"c{c}": dice.choice(EXACT_DEMANDS) for c in range(dice.choice((2, 3)) if several else 1)}
    if not several:
        classes = {"c0": dice.randint(1, 50) / 10}
    rates = {c: float(dice.randint(1, 6)) for c in classes}
    changes: dict[str, Any] = {"priority": dice.choice((0, 0, 3))}
    if dice.random() < 0.3:
        changes["unserved_weight"] = dice.choice((0.5, 2.0, 7.5))
    if dice.random() < 0.2:
        changes["min_replicas"] = dice.randint(1, 3)
    return profiled([option("k", dice.choice(sorted(SIZES)), rates=rates)], classes, name, **changes)


def best(asked: ResolvedInstance) -> tuple[Levels, Fraction]:
    """The smallest (unserved by priority, cost) over all fleets within the budget."""
    return min(answers(asked))


def answers(asked: ResolvedInstance) -> list[tuple[Levels, Fraction]]:
    """(unserved by priority, cost) of every fleet within the budget, each put to its best use."""
    offers = list(asked.offers.values())
    hours = Fraction(str(asked.instance.horizon_hours))
    cap = asked.instance.budgets.horizon_usd
    found = []
    for counts in product(*(range((taken.stock or 0) + 1) for taken in offers)):
        prices = zip(offers, counts, strict=True)
        cost = sum((Fraction(str(o.usd_per_hour)) * hours * n for o, n in prices), Fraction(0))
        if cap is None or cost <= Fraction(str(cap)):
            room = {o.node_type: n * SIZES[o.node_type] for o, n in zip(offers, counts, strict=True)}
            found.append((_least(asked, room), cost))
    return found


def _least(asked: ResolvedInstance, room: dict[str, int]) -> Levels:
    """The smallest sums over all choices of workloads that are left out altogether."""
    work = [w for w in asked.instance.workloads if w.min_replicas]
    choices = product((False, True), repeat=len(work))
    return min(
        _shared_out(asked, room, {w.name for w, out in zip(work, choice, strict=True) if out}) for choice in choices
    )


def _shared_out(asked: ResolvedInstance, room: dict[str, int], out: set[str]) -> Levels:
    """Every period by itself: for given minimum replicas, the lexicographic minimum of a sum is the sum of minima."""
    workloads = asked.instance.workloads
    priorities = sorted({w.priority for w in workloads}, reverse=True)
    periods = asked.instance.periods
    factors = [Fraction(str(p.demand_factor)) for p in periods] or [Fraction(1)]
    spans = [Fraction(str(p.hours)) for p in periods] or [Fraction(str(asked.instance.horizon_hours))]
    whole = sum((f * h for f, h in zip(factors, spans, strict=True)), Fraction(0))
    total = [Fraction(0)] * len(priorities)
    for factor, span in zip(factors, spans, strict=True):
        ways = []
        for replicas in product(*(_counts(w, room, w.name in out) for w in workloads)):  # type: ignore[arg-type]
            used = dict.fromkeys(room, 0)
            for w, n in zip(workloads, replicas, strict=True):
                used[w.options[0].node_type] += n  # type: ignore[union-attr]
            if all(used[kind] <= room[kind] for kind in room):
                sums = [Fraction(0)] * len(priorities)
                for w, n in zip(workloads, replicas, strict=True):
                    weight = Fraction(str(w.unserved_weight)) * factor * span / whole
                    if w.value_usd is not None:
                        rate = sum((Fraction(str(group.requests_per_s)) for group in w.classes), Fraction(0))  # type: ignore[union-attr]
                        weight = Fraction(str(w.value_usd)) * rate * factor * span * 3600
                    sums[priorities.index(w.priority)] += weight * _unserved(w, n, factor)  # type: ignore[arg-type]
                ways.append(sums)
        if not ways:
            return tuple(Fraction(10**6) for _ in priorities)
        total = [a + b for a, b in zip(total, min(ways), strict=True)]
    return tuple(total)


def _counts(workload: Profiled, room: dict[str, int], out: bool) -> range:
    return range(1) if out else range(workload.min_replicas, room[workload.options[0].node_type] + 1)


def _unserved(workload: Profiled, replicas: int, factor: Fraction) -> Fraction:
    """Share of the requests that so many replicas leave: classes of the highest rate are served first."""
    rates = workload.options[0].rates
    asked = {group.name: Fraction(str(group.requests_per_s)) * factor for group in workload.classes}
    free, served = Fraction(replicas), Fraction(0)
    for name in sorted(asked, key=lambda c: -rates[c]):
        rate = Fraction(str(rates[name]))
        share = min(Fraction(1), free * rate / asked[name])
        if len(asked) == 1:
            share = 1 - Fraction(math.ceil((1 - share) * UNITS), UNITS)
        served += share * asked[name]
        free -= share * asked[name] / rate
    return 1 - served / sum(asked.values())
