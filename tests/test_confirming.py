"""Bounds that anyone can recompute: from instance and plan file, without a solver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from builders import instance, offer, option, profiled, resolved
from gpufleet import confirm, load_instance, solve

if TYPE_CHECKING:
    from gpufleet import ResolvedInstance
    from gpufleet.schema.plan import Plan

ROOT = Path(__file__).parents[1]
FILE = ROOT / "instances" / "scale" / "covering-20x20-ample.json"


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> tuple[ResolvedInstance, Plan, Path]:
    """20 workloads over 20 pools, solved to 0.5 %, and the plan file."""
    question = load_instance(FILE)
    plan = solve(question, relative_gap=0.005, engine="decomposition")
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    path.write_text(plan.model_dump_json())
    return question, plan, path


def test_the_bound_of_a_plan_is_confirmed(solved: tuple[ResolvedInstance, Plan, Path]) -> None:
    question, plan, _ = solved
    found = confirm(question, plan)
    assert plan.certificate is not None
    assert plan.certificate.prices is not None
    assert found.bound_usd == plan.certificate.prices.bound_usd == pytest.approx(17_717.38, abs=0.01)
    assert found.cost_usd == plan.certificate.objective_usd
    assert found.gap is not None
    assert found.gap <= 0.005
    assert not found.ignored


def test_tampering_proves_no_more(solved: tuple[ResolvedInstance, Plan, Path]) -> None:
    """Whatever the file says: prices doubled, of the wrong sign, of rows that do not exist, a bound made up."""
    question, plan, _ = solved
    assert plan.certificate is not None
    assert plan.certificate.prices is not None
    honest = confirm(question, plan).bound_usd
    prices = plan.certificate.prices
    first = next(iter(prices.rows))
    for rows in (
        {name: 2 * value for name, value in prices.rows.items()},
        {name: -value for name, value in prices.rows.items()},
        {**prices.rows, first: prices.rows[first] * 3 // 2},
        {**prices.rows, "demand_0": 10**30, "pool_of_dreams": 10**30},
    ):
        changed = prices.model_copy(update={"rows": rows, "bound_usd": 1e9})
        certificate = plan.certificate.model_copy(update={"prices": changed, "bound_usd": 1e9})
        found = confirm(question, plan.model_copy(update={"certificate": certificate}))
        assert found.bound_usd is not None
        assert honest is not None
        assert found.bound_usd <= honest
        assert ("pool_of_dreams" in found.ignored) == ("pool_of_dreams" in rows)


def test_no_solver_is_needed(solved: tuple[ResolvedInstance, Plan, Path]) -> None:
    """With OR-Tools and PuLP out of reach."""
    program = (
        "import sys; sys.modules['ortools'] = sys.modules['pulp'] = None\n"
        "from gpufleet.cli import main; sys.argv = ['gpufleet', *sys.argv[1:]]; main()"
    )
    command = [sys.executable, "-c", program, "verify", str(FILE), str(solved[2]), "--bound", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    verdict = json.loads(done.stdout)
    assert verdict["ok"]
    assert verdict["bound"]["bound_usd"] == pytest.approx(17_717.38, abs=0.01)


def test_a_plan_without_prices_says_so() -> None:
    one = option("one", rates={"all": 3.0})
    question = resolved(instance([profiled([one], 10.0)], (offer(),)))
    plan = solve(question)
    assert not confirm(question, plan).has_prices
    assert confirm(question, solve(question, certify=True)).has_prices
