"""Bounds that anyone can recompute: from instance and plan file, without a solver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from builders import instance, offer, option, profiled, resolved
from gpufleet import confirm, load_instance, make_instance, resolve, solve

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


def test_a_tree_is_confirmed_with_the_prices_that_it_was_made_with() -> None:
    """Prices of the relaxation with capacity cuts prove more than those of column generation here; the tree goes on
    from one of the two, and the certificate must hold the same."""
    fields = {
        "schema_version": 1,
        "uid": "chat",
        "title": "Two classes over the day",
        "horizon_days": 90,
        "sites": [{"name": "hall", "kind": "private_cloud", "country": "SG"}],
        "offers": [
            {"name": name, "site": "hall", "node_type": node, "term": term, "usd_per_hour": price, "stock": 16}
            | {"source": "Assumed"}
            for name, node, term, price in (
                ("t4", "t4-1x-1u", "reserved_1y", 0.55),
                ("a30", "a30-4x-2u", "reserved_1y", 3.60),
                ("l40s", "l40s-4x-2u", "reserved_1y", 6.40),
                ("burst", "t4-1x-1u", "on_demand", 0.95),
            )
        ],
        "workloads": [
            {
                "name": "chat",
                "kind": "llm_serving",
                "model": "bloomz-560m-8k",
                "classes": [
                    {"name": "long", "input_tokens": 5484, "output_tokens": 131, "requests_per_s": 35.9622},
                    {"name": "short", "input_tokens": 556, "output_tokens": 132, "requests_per_s": 64.02616},
                ],
                "slo": [{"metric": "end_to_end", "percentile": 95, "limit_ms": 3000}],
                "accuracy": [{"metric": "term_accuracy", "at_least": 0.985}],
            }
        ],
        "periods": [
            {"name": "night", "hours": 630, "demand_factor": 0.351706},
            {"name": "morning", "hours": 450, "demand_factor": 0.753281},
            {"name": "afternoon", "hours": 630},
            {"name": "evening", "hours": 450, "demand_factor": 0.753281},
        ],
    }
    question = resolve(make_instance(fields))
    plan = solve(question, certify=True, time_limit_s=30)
    assert plan.certificate is not None
    assert plan.certificate.prices is not None
    assert plan.certificate.prices.tree is not None
    found = confirm(question, plan)
    assert found.cases > 1
    assert found.bound_usd == plan.certificate.prices.bound_usd
