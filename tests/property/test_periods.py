"""Fleets over several periods against enumeration: committed nodes are there always, rented ones by the period."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from seeds import sample

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.schema.instance import Budgets
from gpufleet.schema.time import Period

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance

SIZES = {"n1": 1, "n2": 2}
RATE = 3


def question(dice: Random) -> ResolvedInstance:
    """One or two workloads, each with one option of one accelerator per node type; two or three offers."""
    count = dice.randint(2, 3)
    hours = [float(dice.randint(1, 20)) for _ in range(count)]
    periods = tuple(
        Period(name=f"t{t}", hours=span, demand_factor=dice.choice((0.0, 0.25, 0.5, 1.0, 2.0)))
        for t, span in enumerate(hours)
    )
    offers = [_offer(dice, f"o{f}") for f in range(dice.randint(2, 3))]
    used = sorted({taken.node_type for taken in offers})
    workloads = []
    for name in ("v", "w")[: dice.randint(1, 2)]:
        changes: dict[str, Any] = {}
        if dice.random() < 0.5 or not any(period.demand_factor for period in periods):
            changes["demand_factors"] = {"t0": dice.choice((0.5, 1.0, 3.0))}
        if dice.random() < 0.2:
            changes["min_replicas"] = dice.randint(1, 3)
        options = [option(f"k-{kind}", kind, rates={"all": float(RATE)}) for kind in used]
        workload = profiled(options, dice.randint(1, 12), name, **changes)
        if dice.random() < 0.3:
            own = {f"t{dice.randrange(count)}": dice.choice((0.0, 0.5, 3.0)), "t0": dice.choice((0.5, 2.0))}
            workload = edited(workload, classes=(edited(workload.classes[0], demand_factors=own),))
        workloads.append(workload)
    budgets = Budgets(horizon_usd=dice.randint(1, 200) * 1.0) if dice.random() < 0.2 else Budgets()
    return resolved(
        instance(workloads, offers, periods=periods, budgets=budgets, horizon_days=None, horizon_hours=sum(hours))
    )


def _offer(dice: Random, name: str) -> Offer:
    kind = dice.choice(sorted(SIZES))
    changes: dict[str, Any] = {"term": dice.choice(("on_demand", "on_demand", "reserved_1y"))}
    if dice.random() < 0.3:
        changes["min_order"] = dice.randint(1, 2)
    return offer(name, kind, dice.randint(1, 200) / 100 * SIZES[kind], stock=dice.randint(2, 5), **changes)


def cheapest(asked: ResolvedInstance) -> int | None:
    """Micro-USD: over all committed fleets, with the cheapest rented nodes of each period by itself."""
    periods = asked.instance.periods
    offers = list(asked.offers.values())
    committed = [taken for taken in offers if taken.term != "on_demand"]
    rented = [taken for taken in offers if taken.term == "on_demand"]
    needs = [_accelerators(asked, t) for t in range(len(periods))]
    best = None
    for base in _counts(committed):
        cost = sum(n * _micro(o, asked.instance.hours) for o, n in zip(committed, base, strict=True))
        there = sum(n * SIZES[o.node_type] for o, n in zip(committed, base, strict=True))
        for period, need in zip(periods, needs, strict=True):
            burst = [
                sum(n * _micro(o, Fraction(str(period.hours))) for o, n in zip(rented, counts, strict=True))
                for counts in _counts(rented)
                if there + sum(n * SIZES[o.node_type] for o, n in zip(rented, counts, strict=True)) >= need
            ]
            if not burst:
                break
            cost += min(burst)
        else:
            best = cost if best is None else min(best, cost)
    cap = asked.instance.budgets.horizon_usd
    return None if best is None or (cap is not None and best > cap * 10**6) else best


def _accelerators(asked: ResolvedInstance, t: int) -> int:
    """Accelerators that all workloads need in a period; every one carries 3 requests/s, wherever it is."""
    total = 0
    for workload in asked.instance.workloads:
        factor = workload.demand_factors.get(f"t{t}", asked.instance.periods[t].demand_factor)  # type: ignore[union-attr]
        factor = workload.classes[0].demand_factors.get(f"t{t}", factor)  # type: ignore[union-attr]
        rate = Fraction(str(workload.classes[0].requests_per_s)) * Fraction(str(factor))  # type: ignore[union-attr]
        total += max(math.ceil(rate / RATE), workload.min_replicas)
    return total


def _counts(offers: list[Offer]) -> list[tuple[int, ...]]:
    ranges = [[n for n in range((o.stock or 0) + 1) if n == 0 or n >= o.min_order] for o in offers]
    return list(product(*ranges))


def _micro(taken: Offer, hours: Fraction) -> int:
    return math.floor(Fraction(str(taken.usd_per_hour)) * hours * 10**6 + Fraction(1, 2))


@pytest.mark.parametrize("chunk", range(4))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * 50, (chunk + 1) * 50)):
        _compare(question(Random(seed)), "auto", seed)


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(200, 230)):
        _compare(question(Random(seed)), backend, seed)


def _compare(asked: ResolvedInstance, backend: BackendChoice, seed: int) -> None:
    right = cheapest(asked)
    plan = solve(asked, backend=backend)
    assert plan.status == ("infeasible" if right is None else "optimal"), f"seed {seed}"
    if right is not None:
        assert plan.certificate is not None
        assert plan.certificate.objective_usd == right / 10**6, f"seed {seed}"
        assert verify(asked, plan).ok, f"seed {seed}"


def test_equal_periods_cost_what_one_period_costs() -> None:
    work = [profiled([option("k", rates={"a": 4.0, "b": 3.0})], {"a": 7.0, "b": 2.0})]
    offers = [offer(stock=2), offer("r", term="reserved_1y", usd_per_hour=1.5)]
    whole = solve(resolved(instance(work, offers, horizon_days=1.0)))
    halves = tuple(Period(name=name, hours=12.0) for name in ("am", "pm"))
    cut = solve(resolved(instance(work, offers, horizon_days=1.0, periods=halves)))
    assert whole.certificate is not None
    assert cut.certificate is not None
    assert cut.certificate.objective_usd == whole.certificate.objective_usd
