"""Branch and bound for the certificate."""

from __future__ import annotations

import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING

import pytest

from builders import instance, offer, option, profiled, resolved
from gpufleet.confirming import confirm
from gpufleet.library.plans import write_plan
from gpufleet.library.writer import write_record
from gpufleet.optimize.bounds.lagrangian import Prices, lower_bound
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.bounds.tree import tree_bound
from gpufleet.optimize.decomposition import cases
from gpufleet.optimize.decomposition.proof import ProofSearch, prove
from gpufleet.optimize.decomposition.solver import prices_of
from gpufleet.solving import solve
from optimize.random_models import cheapest, random_model

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def _feasible(count: int) -> list[tuple[int, object, int]]:
    """Seeds, models and optima."""
    found = [(seed, model, cheapest(model)) for seed in range(count) for model in [random_model(Random(seed))]]
    return [(seed, model, cost) for seed, model, cost in found if cost is not None]


def test_trees_prove_the_optimum() -> None:
    raised = 0
    for seed, model, cost in _feasible(40):
        matrix = matrix_of(model)  # type: ignore[arg-type]
        prices = prices_of(matrix, 5.0)
        assert prices is not None
        alone = lower_bound(matrix, prices)
        found = prove(matrix, prices, cost, 5.0)
        bound = alone if found is None else found.bound
        assert bound == cost, seed
        if found is not None:
            raised += 1
            assert found.in_time
            assert tree_bound(matrix, found.tree) == found.bound
    assert raised > 10


def test_bad_prices_to_begin_with_cost_cases_not_the_proof() -> None:
    for seed, model, cost in _feasible(20):
        matrix = matrix_of(model)  # type: ignore[arg-type]
        wrong = Prices({row: (-1) ** row * 7 for row in range(len(matrix.row_lower))}, 3)
        found = prove(matrix, wrong, cost, 5.0)
        bound = lower_bound(matrix, wrong) if found is None else found.bound
        assert bound == cost, seed


@pytest.mark.parametrize("seconds", [0.0, 0.002])
def test_what_is_open_at_the_limit_is_a_leaf(seconds: float) -> None:
    for _, model, cost in _feasible(20):
        matrix = matrix_of(model)  # type: ignore[arg-type]
        nothing = Prices({}, 1)
        found = prove(matrix, nothing, cost, seconds)
        if found is not None:
            assert found.bound == tree_bound(matrix, found.tree) <= cost


def test_a_tree_that_is_too_large_is_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = 0
    for _, model, cost in _feasible(40):
        matrix = matrix_of(model)  # type: ignore[arg-type]
        monkeypatch.setattr(cases, "MOST_NUMBERS", 10**9)
        whole = prove(matrix, Prices({}, 1), cost, 5.0)
        monkeypatch.setattr(cases, "MOST_NUMBERS", 4)
        small = prove(matrix, Prices({}, 1), cost, 5.0)
        if small is not None and whole is not None:
            numbers = sum(len(entry.numerators) for entry in small.tree.prices[1:])
            assert numbers <= 4
            assert small.bound <= whole.bound
            pruned += small.tree.leaves < whole.tree.leaves
    assert pruned > 1


def test_a_stop_ends_the_search() -> None:
    _, model, cost = _feasible(10)[0]
    search = ProofSearch(matrix_of(model), cost, time.monotonic() + 9, lambda: True)  # type: ignore[arg-type]
    search.run(Prices({}, 1))
    assert search.cases == 1


@pytest.fixture(scope="module")
def half_a_node() -> tuple[ResolvedInstance, Plan]:
    """Two accelerators of a node of four for 3.50 USD, of which prices see half, beside a node for 1.01 USD."""
    half = profiled([option("two", "n4", 2, rates={"all": 3.0})], 3.0)
    other = profiled([option("one", rates={"all": 3.0})], 3.0, name="other")
    question = resolved(instance([half, other], (offer("o4", "n4", 3.5), offer("o1", "n1", 1.01))))
    return question, solve(question, certify=True)


def test_half_a_node_is_proven_by_two_cases(half_a_node: tuple[ResolvedInstance, Plan]) -> None:
    question, plan = half_a_node
    found = confirm(question, plan)
    assert (found.cost_usd, found.bound_usd, found.gap) == (4.51, 4.51, 0.0)
    assert found.cases == 2
    assert found.broken_tree is None


def test_without_its_tree_half_is_proven(half_a_node: tuple[ResolvedInstance, Plan]) -> None:
    question, plan = half_a_node
    assert confirm(question, _with_tree(plan, None)).bound_usd == 2.76


@pytest.mark.parametrize("nodes", ["0<=0 0", "0<=0 0 0 0", "7<=0 0 0", "0<=a 0 0", "99", ""])
def test_a_broken_tree_counts_for_nothing(half_a_node: tuple[ResolvedInstance, Plan], nodes: str) -> None:
    question, plan = half_a_node
    found = confirm(question, _with_tree(plan, {"nodes": nodes}))
    assert found.bound_usd == 2.76
    assert found.broken_tree


def test_names_of_another_instance_break_the_tree(half_a_node: tuple[ResolvedInstance, Plan]) -> None:
    question, plan = half_a_node
    found = confirm(question, _with_tree(plan, {"variables": ("elsewhere",)}))
    assert (found.bound_usd, found.broken_tree) == (2.76, "the instance has no variable elsewhere")


def _with_tree(plan: Plan, changes: dict[str, object] | None) -> Plan:
    assert plan.certificate is not None
    assert plan.certificate.prices is not None
    tree = plan.certificate.prices.tree
    assert tree is not None
    changed = None if changes is None else tree.model_copy(update=changes)
    prices = plan.certificate.prices.model_copy(update={"tree": changed})
    return plan.model_copy(update={"certificate": plan.certificate.model_copy(update={"prices": prices})})


def test_a_tree_is_checked_without_any_solver(half_a_node: tuple[ResolvedInstance, Plan], tmp_path: Path) -> None:
    question, plan = half_a_node
    write_plan(plan, tmp_path / "plan.json")
    write_record(question.instance, tmp_path / "instance.yaml")
    code = (
        "import sys\n"
        "for name in ('ortools', 'pulp', 'highspy'): sys.modules[name] = None\n"
        "from gpufleet.library import load_instance, load_plan\n"
        "from gpufleet.confirming import confirm\n"
        "found = confirm(load_instance('instance.yaml'), load_plan('plan.json'))\n"
        "assert (found.bound_usd, found.cases) == (4.51, 2), found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
