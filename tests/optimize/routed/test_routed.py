"""The engine for routed services: every cut and every exclusion against exact solves, and the whole against CP-SAT."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from builders import instance, offer, offer_data, option, pool, problem, profiled, resolved, routed
from gpufleet import solve
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.confirming import confirm
from gpufleet.optimize import choice
from gpufleet.optimize.backends import mathopt_highs
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.mathopt_here import solve_here
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.bounds.carriers import carriers_of
from gpufleet.optimize.bounds.lagrangian import DENOMINATOR, Prices, lower_bound
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.monitor import Monitor
from gpufleet.optimize.routed import solver as routed_solver
from gpufleet.optimize.routed.capacity_cuts import violated_cuts
from gpufleet.optimize.routed.fixing import force
from gpufleet.optimize.routed.relaxation import Relaxation
from gpufleet.optimize.routed.solver import Routed
from gpufleet.problem.build import build_problem
from gpufleet.problem.scaling import SHARE_UNITS
from gpufleet.schema.instance import Budgets
from gpufleet.verification.run import verify
from property.random_instances import random_instance

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel

LIMITS = SolverLimits(20.0)


def small_model(random: Random) -> LinearModel:
    """Three classes over four options on pools of their own, with little stock of some."""
    loads = (None, *range(1, 12))
    options = [
        (
            k,
            1,
            random.randint(3, 9) * SHARE_UNITS,
            tuple(random.choice(loads) if k else 5 for _ in range(3)),
        )
        for k in range(4)
    ]
    offers = [offer_data(random.randint(3, 30) * 10, most=random.choice((2, 9)), on=k, name=f"o{k}") for k in range(4)]
    model, _ = build_model(problem([routed(options)], offers, [pool(1, f"n{k}") for k in range(4)]))
    return model


def test_carriers_are_the_carrying_rows() -> None:
    model = small_model(Random(1))
    found = carriers_of(matrix_of(model))
    assert [model.rows[row].name for row in found.row] == [f"carry_0_{k}" for k in range(4)]
    assert (found.capacity > 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_cuts_cut_the_relaxation_and_no_plan(seed: int) -> None:
    """At any whole number of replicas, the fullest ways of loading them keep every cut."""
    random = Random(seed)
    model = small_model(random)
    matrix = matrix_of(model)
    carriers = carriers_of(matrix)
    relaxation = Relaxation(matrix, carriers)
    plain = relaxation.solve(np.ones(len(matrix.cost), np.bool_), 5.0)
    if plain is None:
        assert _least(model) is None
        return
    cuts = violated_cuts(matrix, carriers, plain.values)
    for cut in cuts:
        assert sum(c * plain.values[i] for i, c in cut.terms) > cut.upper
        count = cut.terms[-1][0]
        k = carriers.count.tolist().index(count)
        shares, loads = carriers.share[carriers.of(k)].tolist(), carriers.load[carriers.of(k)].tolist()
        for n in range(6):
            for _ in range(12):
                room, values = int(carriers.capacity[k]) * n, {count: n}
                for share, load in random.sample(list(zip(shares, loads, strict=True)), len(shares)):
                    values[share] = min(int(matrix.upper[share]), room // load)
                    room -= load * values[share]
                assert sum(c * values[i] for i, c in cut.terms) <= cut.upper


@pytest.mark.parametrize("seed", range(8))
def test_forcing_an_option_costs_at_least_what_prices_say(seed: int) -> None:
    """Against CP-SAT with that option forced, at the prices of the relaxation and at others."""
    random = Random(100 + seed)
    model = small_model(random)
    matrix = matrix_of(model)
    carriers = carriers_of(matrix)
    found = Relaxation(matrix, carriers).solve(np.ones(len(matrix.cost), np.bool_), 5.0)
    if found is None:
        assert _least(model) is None
        return
    for prices in (found.prices, found.prices * np.array([random.uniform(0.5, 1.5) for _ in found.prices])):
        forced = force(matrix, carriers, prices)
        assert forced.cost_bound <= (_least(model) or 0)
        for k, count in enumerate(carriers.count.tolist()):
            cost = _least(model, count)
            if cost is not None:
                assert forced.bound + forced.extra[k] <= cost * DENOMINATOR
                assert not forced.excluded(cost + 1)[k]


@pytest.mark.parametrize("seed", range(8))
def test_carriers_treated_exactly_prove_more_and_never_more_than_the_optimum(seed: int) -> None:
    """At the prices of the relaxation with cuts, at others, and at nonsense."""
    random = Random(200 + seed)
    model = small_model(random)
    matrix, best = matrix_of(model), _least(model)
    if best is None:
        return
    relaxation, every = Relaxation(matrix, carriers_of(matrix)), np.ones(len(matrix.cost), np.bool_)
    found = relaxation.tighten(every, time.monotonic() + 5.0, lambda: False)
    assert found is not None
    rows = found.prices[: len(matrix.row_lower)]
    tight = lower_bound(matrix, Prices.rounded(enumerate(rows.tolist())))
    assert tight is not None
    assert found.objective * (1 - 1e-6) - matrix.unit <= tight <= best
    for _ in range(20):
        changed = rows * np.array([random.uniform(-1, 3) for _ in rows])
        bound = lower_bound(matrix, Prices.rounded(enumerate(changed.tolist())))
        assert bound is None or bound <= best


def _least(model: LinearModel, at_least_one: int | None = None) -> int | None:
    """Cost of the cheapest plan, with an option in it; None where there is none."""
    rows = list(model.rows)
    if at_least_one is not None:
        model.add_row("forced", "forced", [(at_least_one, 1)], lower=1)
    result = backend("cpsat").solve(model, LIMITS)
    model.rows = rows
    return result.objective


def test_exclusion_happens() -> None:
    """An option that is ten times as dear as another one of its kind is in no cheap plan."""
    options = [(k, 1, 5 * SHARE_UNITS, (3, 4)) for k in range(2)]
    offers = [offer_data(10, on=0, name="a"), offer_data(100, on=1, name="b")]
    model, _ = build_model(problem([routed(options)], offers, [pool(1, "n1"), pool(1, "n2")]))
    matrix = matrix_of(model)
    carriers = carriers_of(matrix)
    found = Relaxation(matrix, carriers).solve(np.ones(len(matrix.cost), np.bool_), 5.0)
    assert found is not None
    best = _least(model)
    assert best is not None
    assert force(matrix, carriers, found.prices).excluded(best + 1).tolist() == [False, True]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("columns", "wide", "many"), [(0, 20_000, 20), (0, 0, 20), (1_500, 20_000, 20), (1_500, 20_000, 0)]
)
def test_engine_agrees_with_cpsat(
    columns: int, wide: int, many: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random questions with stock, budgets, power and the like; proved by HiGHS, after plans on some options, by the
    tree, or by HiGHS on all options as they are; with a second worker beside it or without."""
    monkeypatch.setattr(routed_solver, "TREE_COLUMNS", columns)
    monkeypatch.setattr(routed_solver, "WIDE", wide)
    monkeypatch.setattr(routed_solver, "MANY", many)
    monkeypatch.setattr(routed_solver, "FEW", 2 if many == 0 else routed_solver.FEW)
    monkeypatch.setattr(routed_solver, "SOME", ((1, 0.5), (2, 1.0)))
    monkeypatch.setattr(routed_solver, "MORE", 3)
    monkeypatch.setattr(mathopt_highs, "solve_apart", _here)
    seen = set()
    for seed in range(25):
        model = _random_model(Random(seed))
        exact = backend("cpsat").solve(model, LIMITS)
        ours = Routed().solve(model, replace(LIMITS, workers=workers))
        assert (ours.outcome, ours.objective) == (exact.outcome, exact.objective), seed
        seen.add(ours.outcome)
        if ours.values is not None and ours.objective is not None:
            assert not model.violated(ours.values)
            assert ours.prices is None or (lower_bound(matrix_of(model), ours.prices) or 0) <= ours.objective
    assert seen == {"optimal", "infeasible"}


def _here(*asked: Any) -> Any:
    """HiGHS in this process; the fifth argument is the solution to begin with."""
    return solve_here(*asked[:3], None, None, asked[4] if len(asked) > 4 else None)


def _random_model(random: Random) -> LinearModel:
    asked = resolved(random_instance(random))
    model, _ = build_model(build_problem(asked, build_candidates(asked)))
    return model


def test_auto_takes_it_for_many_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is verified and costs as much, and its certificate says why; not under a budget."""
    monkeypatch.setattr(choice, "ROUTED_LIMIT", 0)
    options = [option("one", rates={"a": 3.0, "b": 1.0}), option("two", "n2", 2, rates={"a": 4.0, "b": 5.0})]
    question = instance([profiled(options, {"a": 7.0, "b": 6.0})], [offer(), offer("o2", "n2", 2.5)])
    asked = resolved(question)
    plan, usual = solve(asked), solve(asked, backend="cpsat")
    assert plan.certificate is not None
    assert usual.certificate is not None
    assert plan.certificate.engine == "routed"
    assert "prices rule options out" in plan.certificate.engine_reason
    assert (plan.status, plan.certificate.objective_usd) == ("optimal", usual.certificate.objective_usd)
    assert plan.certificate.prices is not None
    assert verify(asked, plan).ok
    assert confirm(asked, plan).bound_usd is not None
    capped = resolved(question.model_copy(update={"budgets": Budgets(horizon_usd=1e6)}))
    monkeypatch.setattr(mathopt_highs, "solve_apart", _here)
    other = solve(capped).certificate
    assert other is not None
    assert other.engine == "whole model, highs"


def test_auto_takes_it_for_many_classes_only_if_they_have_many_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """In between the whole model in HiGHS is quicker; both cost the same."""
    monkeypatch.setattr(choice, "ROUTED_LIMIT", 0)
    monkeypatch.setattr(choice, "MOST_CLASSES", 1)
    monkeypatch.setattr(mathopt_highs, "solve_apart", _here)
    options = [option("one", rates={"a": 3.0, "b": 1.0}), option("two", "n2", 2, rates={"a": 4.0, "b": 5.0})]
    asked = resolved(instance([profiled(options, {"a": 7.0, "b": 6.0})], [offer(), offer("o2", "n2", 2.5)]))
    found = {}
    for shares in (choice.MANY_SHARES, 1):
        monkeypatch.setattr(choice, "MANY_SHARES", shares)
        certificate = solve(asked).certificate
        assert certificate is not None
        found[certificate.engine] = certificate.objective_usd
    assert list(found) == ["whole model, highs", "routed"]
    assert len(set(found.values())) == 1


def test_a_stop_is_heard() -> None:
    """Before anything was found, the bound of the prices is all there is."""
    stop = threading.Event()
    stop.set()
    result = Routed().solve(small_model(Random(3)), LIMITS, None, Monitor(None, stop))
    assert result.outcome in ("unknown", "feasible")
    assert result.bound is not None
