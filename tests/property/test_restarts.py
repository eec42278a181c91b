"""Training runs that start again, against enumeration of where the run goes on in every period."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from seeds import part, sample

from builders import EFFICIENCY, NET, accelerator, instance, node, offer, resolved, training
from gpufleet import solve, verify
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.schema.hardware import PeakRates
from gpufleet.schema.instance import Budgets
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.time import Period
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.resolved import ResolvedInstance

UNITS = (accelerator("A"), accelerator("B", peak=PeakRates(**dict.fromkeys(PeakRates.model_fields, 170.0))))
NODES = (node("na", 1, "A"), node("nb", 1, "B"))


def question(dice: Random) -> ResolvedInstance:
    """One run over two to four periods, on nodes of A or B that are rented, reserved or spot."""
    hours = [float(dice.randint(2, 12)) for _ in range(dice.randint(2, 4))]
    periods = tuple(
        Period(name=f"t{t}", hours=span, occurrences=dice.choice((1, 1, 2, 5))) for t, span in enumerate(hours)
    )
    changes: dict[str, Any] = {"max_spot_share": dice.choice((1.0, 1.0, 0.5, 0.3))}
    if dice.random() < 0.4:
        changes["periods"] = tuple(p.name for p in periods if dice.random() < 0.7) or None
    run = training(parallelism=("tp1",), restart_minutes=dice.choice((0.0, 30.0, 60.0, 120.0, 300.0)), **changes)
    slow = days_on(run, "na")
    run = run.model_copy(
        update={"deadline_days": slow / dice.choice((0.1531, 0.3037, 0.4573, 0.6113, 0.7571, 0.9067, 1.2037))}
    )
    offers = [
        offer("oa", "na", 1.0),
        offer("ob", "nb", dice.choice((1.3, 1.8, 2.4))),
        offer("ra", "na", dice.choice((0.4, 0.6, 0.8)), term="reserved_1y"),
        offer("sa", "na", dice.choice((0.3, 0.7)), term="spot", interruptions_per_month=0.0),
    ]
    kept = [taken for taken in offers if dice.random() < 0.75] or offers[:1]
    return resolved(
        instance(
            [run],  # type: ignore[list-item]
            kept,
            periods=periods,
            horizon_hours=sum(hours),
            accelerators=UNITS,
            node_types=NODES,
            models=(NET,),
        )
    )


def days_on(run: Training, name: str) -> float:
    place = next(entry for entry in NODES if entry.name == name)
    unit = next(entry for entry in UNITS if entry.name == place.accelerator)
    figures = estimate(
        run, NET, NET.variants[0], unit, place, Configurations.of([(Parallelism(), 1)]), efficiency=EFFICIENCY
    )
    return float(figures.training_days[0])


def cheapest(asked: ResolvedInstance) -> Fraction | None:
    """USD: every way to spread the run over the periods, on nodes of a pool (or not at all)."""
    run = asked.instance.workloads[0]
    assert isinstance(run, Training)
    able = {entry.name for entry in NODES if days_on(run, entry.name) <= run.deadline_days}
    pools = sorted({(o.node_type, o.term == "spot") for o in asked.offers.values() if o.node_type in able})
    open_ = [[None, *pools] if run.periods is None or p.name in run.periods else [None] for p in asked.instance.periods]
    days = {entry.name: Fraction(days_on(run, entry.name)) for entry in NODES}
    costs = [_cost(asked, way) for way in product(*open_) if _is_done(asked, run, days, way)]
    return min(costs, default=None)


def _is_done(
    asked: ResolvedInstance, run: Training, days: dict[str, Fraction], way: tuple[tuple[str, bool] | None, ...]
) -> bool:
    total = sum(Fraction(str(period.hours)) for period in asked.instance.periods)
    done = steady = Fraction(0)
    for before, (period, pool) in pairwise([(None, way[-1]), *zip(asked.instance.periods, way, strict=True)]):
        if pool is None:
            continue
        hours = Fraction(str(period.hours))
        if before[1] != pool:
            hours = max(Fraction(0), hours - period.occurrences * Fraction(str(run.restart_minutes)) / 60)
        part = hours / total * Fraction(run.deadline_days) / days[pool[0]]
        done += part
        steady += 0 if pool[1] else part
    return done >= 1 and steady >= 1 - Fraction(str(run.max_spot_share))


def _cost(asked: ResolvedInstance, way: tuple[tuple[str, bool] | None, ...]) -> Fraction:
    """Per pool: the cheapest rent of the periods, or a reservation of all of them."""
    total = Fraction(0)
    for pool in set(way) - {None}:
        mine = [o for o in asked.offers.values() if (o.node_type, o.term == "spot") == pool]
        hours = [Fraction(str(p.hours)) for p, taken in zip(asked.instance.periods, way, strict=True) if taken == pool]
        prices = []
        for taken in mine:
            span = asked.instance.hours if taken.term == "reserved_1y" else sum(hours)
            prices.append(Fraction(str(taken.usd_per_hour)) * span)
        total += min(prices)
    return total


@cache
def enumerated(seed: int) -> Fraction | None:
    return cheapest(question(Random(seed)))


@pytest.mark.parametrize("chunk", range(4))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * 40, (chunk + 1) * 40)):
        _compare(question(Random(seed)), "auto", seed)


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(300, 325)):
        _compare(question(Random(seed)), backend, seed)


def _compare(asked: ResolvedInstance, backend: BackendChoice, seed: int) -> None:
    right = enumerated(seed)
    plan = solve(asked, backend=backend)
    assert plan.status == ("infeasible" if right is None else "optimal"), f"seed {seed}"
    if right is not None:
        assert plan.certificate is not None
        assert plan.certificate.objective_usd == pytest.approx(float(right), abs=1e-5), f"seed {seed}"
        assert verify(asked, plan).ok


def test_restarts_change_the_answer_often_enough() -> None:
    """With and without what starts lose: dearer plans, and runs that can no longer be done."""
    dearer = undone = done = 0
    for seed in range(200):
        asked = question(Random(seed))
        run = asked.instance.workloads[0].model_copy(update={"restart_minutes": 0.0})
        free = cheapest(resolved(asked.instance.model_copy(update={"workloads": (run,)})))
        right = enumerated(seed)
        done += right is not None
        dearer += right is not None and free is not None and right > free
        undone += right is None and free is not None
    assert done >= 40
    assert dearer >= 8
    assert undone >= 2


def test_a_run_beyond_the_budget_is_left_undone(backend: BackendChoice) -> None:
    """Where demand may stay unserved: done for what it costs, or not at all, and then for nothing."""
    left = 0
    seeds = sample(range(400, 425))
    for seed in seeds:
        asked = question(Random(seed))
        right = cheapest(asked)
        cap = 5.0 + seed % 7 + 0.013
        plan = solve(
            resolved(asked.instance.model_copy(update={"allow_unserved": True, "budgets": Budgets(horizon_usd=cap)})),
            backend=backend,
        )
        undone = right is None or right > cap
        left += undone
        assert plan.status == "optimal", f"seed {seed}"
        assert plan.certificate is not None
        assert [entry.unserved for entry in plan.certificate.service] == [float(undone)], f"seed {seed}"
        assert plan.certificate.objective_usd == pytest.approx(0 if undone else float(right), abs=1e-5), f"seed {seed}"
    assert part(5) <= left <= len(seeds) - part(5)
