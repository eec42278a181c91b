"""Unserved demand against enumeration: first as little as possible of each priority, then the cheapest fleet.

Nodes are reserved, so a fleet is there in all periods and every period can be shared out by itself. Every workload has
one option; of several classes the one with the most requests a replica is served first. Rates and demands are such that
all shares are multiples of 1/10,080 (see `random_instances`), or are rounded up to them (one class).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from random_instances import EXACT_DEMANDS, random_instance

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import Plan, solve, verify
from gpufleet.schema.instance import Budgets
from gpufleet.schema.time import Period

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.instance import Instance
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
    return min(found)


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
    spans = [Fraction(str(p.hours)) for p in periods] or [Fraction(1)]
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


@cache
def enumerated(seed: int) -> tuple[Levels, Fraction]:
    return best(question(Random(seed)))


@pytest.mark.parametrize("chunk", range(4))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in range(chunk * 50, (chunk + 1) * 50):
        _compare(seed, "auto")


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in range(200, 240):
        _compare(seed, backend)


def _compare(seed: int, backend: BackendChoice) -> None:
    asked = question(Random(seed))
    levels, cost = enumerated(seed)
    plan = solve(asked, backend=backend)
    assert plan.status == "optimal", f"seed {seed}"
    assert plan.certificate is not None
    found = [entry.unserved for entry in plan.certificate.service]
    assert found == pytest.approx([float(level) for level in levels], abs=1e-9), f"seed {seed}"
    assert plan.certificate.objective_usd == pytest.approx(float(cost), abs=1e-5), f"seed {seed}"
    assert verify(asked, plan).ok


def test_the_random_instances_are_not_all_alike() -> None:
    """Enough of them leave something unserved: of the highest priority, of the lowest alone, and of none."""
    several = [levels for levels, _ in map(enumerated, range(200)) if len(levels) == 2]
    assert sum(not any(levels) for levels in several) >= 5
    assert sum(bool(levels[1]) and not levels[0] for levels in several) >= 20
    assert sum(bool(levels[0]) for levels in several) >= 15


# ------------------------------------------------------------------------------------------- what must hold


def _random(seed: int, budget: float | None = None) -> Instance:
    """Any tiny instance, with priorities, where demand may stay unserved."""
    dice = Random(seed)
    plain = random_instance(dice)
    workloads = tuple(edited(w, priority=dice.choice((0, 1, 2))) for w in plain.workloads)
    budgets = Budgets() if budget is None else Budgets(horizon_usd=budget)
    return edited(plain, workloads=workloads, allow_unserved=True, budgets=budgets)


def _levels(plan: Plan) -> list[float]:
    assert plan.status == "optimal"
    assert plan.certificate is not None
    return [entry.unserved for entry in plan.certificate.service]


def test_a_higher_budget_never_leaves_more_unserved() -> None:
    """By priority, compared in order; so never more of the highest."""
    less = 0
    for seed in range(40):
        plans = [solve(resolved(_random(seed, budget))) for budget in (1.0, 3.0, 6.0, 20.0)]
        levels = [_levels(plan) for plan in plans]
        for poor, rich in pairwise(levels):
            assert rich[0] <= poor[0] + 1e-9, f"seed {seed}"
            assert [round(level, 9) for level in rich] <= [round(level, 9) for level in poor], f"seed {seed}"
        less += levels[-1] < levels[0]
    assert less >= 20


def test_out_of_time_what_is_known_is_a_plan_and_nothing_is_called_proven() -> None:
    """A hundredth of a second is too little for a hundred workloads; a plan, a bound on service, and no proof."""
    offers = [offer(f"o{n}", f"n{n}", 1.0 + n, stock=20) for n in (1, 2, 4)]
    kinds = [option(f"k{n}", f"n{n}", n, rates={"all": 1.7 * n + 0.3}) for n in (1, 2, 4)]
    work = [profiled(kinds, 1.1 + w * 0.37, f"w{w}", priority=w % 3) for w in range(60)]
    asked = resolved(instance(work, offers, allow_unserved=True))
    plan = solve(asked, time_limit_s=0.01)
    assert plan.status == "feasible"
    assert plan.reason
    assert plan.certificate is not None
    assert any(entry.bound < entry.unserved for entry in plan.certificate.service)
    assert verify(asked, plan).ok


def test_where_all_can_be_served_all_is_and_for_the_same_money() -> None:
    compared = 0
    for seed in range(60):
        question = edited(_random(seed), budgets=random_instance(Random(seed)).budgets)
        strict = solve(resolved(edited(question, allow_unserved=False)))
        plan = solve(resolved(question))
        if strict.status == "optimal":
            compared += 1
            assert not plan.unserved
            assert plan.nodes == strict.nodes
            assert plan.deployments == strict.deployments
        else:
            assert any(_levels(plan)), f"seed {seed}"
    assert compared >= 20
