"""Robust fleets against enumeration, and against the stress test that tries them."""

from __future__ import annotations

import threading
from functools import cache
from itertools import product
from random import Random

import numpy as np
import pytest

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import Plan, ResolvedInstance, ScenarioSettings, solve, solve_robust, verify
from gpufleet.errors import InputError
from gpufleet.scenarios.draws import Draws, factor
from gpufleet.stressing.claims import with_claims

MOST = 9
"""Nodes of a pool that enumeration looks at."""


@cache
def question(seed: int) -> tuple[ResolvedInstance, ScenarioSettings, float]:
    """One workload on single nodes and nodes of 4, and a sample of scenarios."""
    random = Random(seed)
    rates = random.choice((3.0, 2.5)), random.choice((11.0, 13.0))
    options = [option("one", rates={"all": rates[0]}), option("four", "n4", 4, rates={"all": rates[1]})]
    prices = round(random.uniform(0.8, 1.2), 2), round(random.uniform(2.8, 4.5), 2)
    offers = [offer("o1", "n1", prices[0]), offer("o4", "n4", prices[1], stock=random.choice((None, 1, 2)))]
    asked = resolved(instance([profiled(options, random.choice((4.0, 6.0, 9.5)))], offers))
    settings = ScenarioSettings(random.choice((8, 15, 25)), seed, (1.0, 1.6), random.choice((1.0, 0.9, 0.75)))
    return asked, settings, random.choice((0.0, 0.1, 0.25))


def enumerated(seed: int) -> float | None:
    """The cheapest fleet that keeps the limit; a fleet runs replicas on all its nodes."""
    asked, settings, limit = question(seed)
    (work,) = asked.instance.workloads
    draws = Draws(settings)
    rates = [next(iter(found.rates.values())) for found in work.options]  # type: ignore[union-attr]
    error = factor(draws.error("A", "profiled", measured=True), 0.95, 1.05)
    demand = work.classes[0].requests_per_s  # type: ignore[union-attr]
    down = [draws.failures(("here", name, ""), MOST, settings.availability) for name in ("n1", "n4")]
    best = None
    offers = list(asked.offers.values())
    for counts in product(range(MOST + 1), repeat=2):
        if any(o.stock is not None and count > o.stock for o, count in zip(offers, counts, strict=True)):
            continue
        if sum(count * rate for count, rate in zip(counts, rates, strict=True)) < demand:
            continue
        up = [count - gone[:, :count].sum(axis=1) for count, gone in zip(counts, down, strict=True)]
        able = sum(there * rate for there, rate in zip(up, rates, strict=True)) * error
        violated = int((able < demand * draws.demand() - 1e-9).sum())
        cost = sum(count * (o.usd_per_hour or 0.0) for o, count in zip(offers, counts, strict=True))
        if violated <= limit * settings.samples and (best is None or cost < best):
            best = cost
    return best


def test_the_cheapest_robust_fleet_is_the_enumerated_one() -> None:
    dearer = 0
    for seed in range(8):
        asked, settings, limit = question(seed)
        plan, right = solve_robust(asked, limit, settings), enumerated(seed)
        assert right is not None
        assert plan.certificate is not None
        assert plan.robust is not None
        assert plan.status == "optimal", f"seed {seed}: {plan.reason}"
        assert plan.certificate.objective_usd == pytest.approx(right, abs=1e-6), f"seed {seed}"
        assert plan.robust.violated <= limit * settings.samples
        assert with_claims(asked, plan, verify(asked, plan)).ok
        dearer += bool(plan.robust.extra_usd)
    assert dearer >= 3


def test_a_tighter_limit_never_costs_less() -> None:
    asked, settings, _ = question(3)
    plans = [solve_robust(asked, limit, settings) for limit in (0.9, 0.5, 0.2, 0.0)]
    costs = [plan.certificate.objective_usd or 0.0 for plan in plans if plan.certificate]
    assert costs == sorted(costs)
    plain = solve(asked)
    assert plain.certificate is not None
    assert costs[0] == plain.certificate.objective_usd


def test_several_classes_are_routed_in_every_scenario() -> None:
    """Twice of both classes is more than one replica carries."""
    asked = resolved(instance([profiled([option("one", rates={"a": 6.0, "b": 2.0})], {"a": 3.0, "b": 1.0})], [offer()]))
    settings = ScenarioSettings(20, 1, (2.0, 2.0), 1.0, throughput=False)
    plan = solve_robust(asked, 0.0, settings)
    assert [entry.count for entry in plan.nodes] == [2]
    assert plan.robust is not None
    assert plan.robust.violated == 0


def test_no_fleet_keeps_the_limit() -> None:
    asked = resolved(instance([profiled([option("one", rates={"all": 3.0})], 6.0)], [offer(stock=2)]))
    plan = solve_robust(asked, 0.05, ScenarioSettings(20, 1, (1.5, 2.0), 1.0))
    assert plan.status == "infeasible"
    assert plan.reason is not None
    assert "at most 1 of 20 scenarios" in plan.reason
    assert not plan.nodes


def test_what_scenarios_do_not_know_is_refused() -> None:
    asked, settings, _ = question(0)
    cautious = resolved(edited(asked.instance, performance="p90"))
    with pytest.raises(InputError, match="performance"):
        solve_robust(cautious, 0.05, settings)
    partial = resolved(edited(asked.instance, allow_unserved=True))
    with pytest.raises(InputError, match="allow_unserved"):
        solve_robust(partial, 0.05, settings)


@cache
def kept() -> tuple[ResolvedInstance, Plan]:
    asked, settings, limit = question(11)
    return asked, solve_robust(asked, limit, settings)


@pytest.mark.parametrize(
    ("change", "place"),
    [({"violated": 99}, "violated"), ({"limit": 0.0}, "limit"), ({"fresh_share": 0.9}, "fresh_share")],
)
def test_wrong_claims_are_found(change: dict[str, float], place: str) -> None:
    asked, plan = kept()
    assert plan.robust is not None
    assert plan.robust.violated > 0
    broken = plan.model_copy(update={"robust": plan.robust.model_copy(update=change)})
    report = with_claims(asked, broken, verify(asked, broken))
    assert ("robust", place) in {(violation.rule, violation.where) for violation in report.violations}


def test_a_fleet_with_a_node_fewer_breaks_the_limit() -> None:
    asked, plan = kept()
    plain = solve(asked).model_copy(update={"robust": plan.robust})
    assert {v.where for v in with_claims(asked, plain, verify(asked, plain)).violations} >= {"limit"}


def test_the_seed_decides() -> None:
    asked, settings, _ = question(5)
    first, second = (solve_robust(asked, 0.1, settings) for _ in range(2))
    assert first.robust == second.robust
    assert not np.array_equal(Draws(settings).demand(), Draws(ScenarioSettings(settings.samples, 99)).demand())


def test_rounds_are_told_and_a_stop_is_heeded() -> None:
    (asked, settings, _), limit = question(3), 0.0
    phases: list[str] = []
    whole = solve_robust(asked, limit, settings, progress=lambda event: phases.append(event.phase))
    assert whole == solve_robust(asked, limit, settings)
    assert whole.robust is not None
    assert whole.robust.rounds > 1
    assert {phase.split(":")[0] for phase in phases} == {
        "candidates",
        *(f"round {number}" for number in range(1, whole.robust.rounds + 1)),
    }
    cancel = threading.Event()
    cancel.set()
    early = solve_robust(asked, limit, settings, cancel=cancel)
    assert (early.status, early.nodes) == ("unknown", ())
    cancel = threading.Event()
    later = solve_robust(
        asked,
        limit,
        settings,
        cancel=cancel,
        progress=lambda event: cancel.set() if event.phase.startswith("round 2") else None,
    )
    assert (later.status, later.nodes) == ("unknown", ())
    assert later.reason is not None
    assert later.reason.startswith("stopped on request")
