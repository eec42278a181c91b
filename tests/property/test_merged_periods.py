"""Merging periods gives a lower bound whatever is merged, and with plans period by period the optimum of the whole."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from random_estates import random_estate
from seeds import HALF, part, sample

from builders import edited, resolved
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.periods.merging import Merging, same_stage
from gpufleet.optimize.periods.solver import Periods
from gpufleet.problem.build import build_problem
from gpufleet.schema.time import Period

if TYPE_CHECKING:
    from gpufleet.problem.data import Problem

LIMITS = SolverLimits(60)
SEEDS = sample(range(40), HALF)
NEVER = 10**18


def question(seed: int) -> Problem | None:
    """A small estate over five periods, half of them without runs and budgets of workloads; None where some workload
    has no option at all."""
    dice = Random(seed)
    asked = random_estate(dice)
    days = asked.horizon_days or 1
    names = ("night", "day", "noon", "evening", "late")
    hours = (8.0, 6.0, 4.0, 4.0, 2.0)
    periods = tuple(
        Period(name=name, hours=span * days, demand_factor=dice.choice((0.0, 0.3, 0.5, 0.6, 1.0)))
        for name, span in zip(names, hours, strict=True)
    )
    whole = resolved(edited(asked, periods=periods))
    problem = build_problem(whole, build_candidates(whole))
    if dice.random() < 0.5:
        served = tuple(work for work in problem.workloads if work.run is None)
        problem = replace(problem, workloads=served, charges=())
    return problem if all(work.options or not work.demand for work in problem.workloads) else None


def least(problem: Problem) -> int:
    found = backend("cpsat").solve(build_model(problem)[0], LIMITS)
    assert found.outcome in ("optimal", "infeasible")
    return NEVER if found.objective is None else found.objective


def by_periods(problem: Problem, gap: float = 0.0) -> BackendResult:
    model, variables = build_model(problem)
    found = Periods(problem, variables).solve(model, SolverLimits(60, gap))
    if found.values is not None:
        assert not model.violated(found.values)
        assert found.objective == model.value(model.objective, found.values)
    return found


@pytest.mark.parametrize("chunk", range(2))
def test_a_merged_problem_never_costs_more_and_what_is_proven_is_the_optimum(chunk: int) -> None:
    proven = merges = 0
    for seed in SEEDS[chunk::2]:
        problem = question(seed)
        if problem is None:
            continue
        right = least(problem)
        dice, merging = Random(seed), Merging(problem)
        groups = tuple(part for group in same_stage(problem) for part in _cut(dice, group))
        bound = least(merging.merged(groups).problem)
        assert bound <= right, seed
        merges += bound < right
        found = by_periods(problem)
        assert found.outcome != "infeasible" or right == NEVER, seed
        assert found.bound is None or found.bound <= right, seed
        assert found.objective is None or found.objective >= right, seed
        proven += found.outcome in ("optimal", "infeasible")
    assert proven >= len(SEEDS) / 5  # it comes to its end often enough
    assert merges >= len(SEEDS) / 16  # and merging says less often enough


def test_alone_every_period_is_itself() -> None:
    """Groups of one period leave out runs and budgets of workloads, and nothing else."""
    compared = 0
    for seed in SEEDS:
        problem = question(seed)
        if problem is None or problem.charges or any(work.run is not None for work in problem.workloads):
            continue
        single = tuple((t,) for t in range(len(problem.periods)))
        assert least(Merging(problem).merged(single).problem) == least(problem)
        compared += 1
    assert compared >= part(8, HALF)


def test_a_gap_that_is_asked_for_is_enough() -> None:
    for seed in SEEDS[: part(12, HALF)]:
        problem = question(seed)
        if problem is not None and by_periods(problem).outcome == "optimal":
            found = by_periods(problem, gap=0.5)
            assert found.objective is not None
            assert found.bound is not None
            assert found.objective - found.bound <= 0.5 * found.objective


def _cut(dice: Random, group: tuple[int, ...]) -> list[tuple[int, ...]]:
    """A group in one piece, or in two."""
    left = tuple(t for t in group if dice.random() < 0.5)
    return [part for part in (left, tuple(t for t in group if t not in left)) if part]
