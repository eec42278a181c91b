"""Results to JSON and back: equal, whatever they are; instances from plain data and through files."""

from __future__ import annotations

import datetime
import json
import tempfile
from dataclasses import is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from pydantic import BaseModel, ValidationError

import gpufleet
from gpufleet import InputError, Instance, Plan, ResolvedInstance, from_json, make_instance, resolve, solve, to_json
from gpufleet.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Callable

ESTATE = Path(__file__).parents[1] / "instances" / "estate"
CHEAP = (
    "two-sites",
    "second-sourcing",
    "profile-from-csv",
    "spot-and-terms",
    "measures",
    "prefix-cache",
    "three-years",
)


@cache
def asked(name: str = "two-sites") -> ResolvedInstance:
    return gpufleet.load_instance(ESTATE / f"{name}.yaml")


@cache
def answer(name: str = "two-sites") -> Plan:
    return solve(asked(name))


@cache
def poor() -> ResolvedInstance:
    """The same question with a budget that is too small."""
    instance = asked().instance
    return resolve(instance.model_copy(update={"budgets": instance.budgets.model_copy(update={"usd_per_day": 80.0})}))


@cache
def price_changes() -> gpufleet.PriceDiff:
    offers = ESTATE.parents[1] / "catalog" / "offers"
    return gpufleet.diff_prices(offers / "gcp_2025-03-06.csv", offers / "gcp_2026-08-03.csv", gpufleet.Library.open())


def imported() -> gpufleet.ImportedPrices:
    lists = Path(__file__).parent / "library" / "price_lists"
    wishes = gpufleet.ImportWishes(provider="AWS", as_of=datetime.date(2026, 11, 1))
    return gpufleet.import_prices("skypilot", lists / "skypilot_aws.csv", wishes)


def curve() -> gpufleet.BudgetCurve:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curve.json"
        done = CliRunner().invoke(main, ["frontier", str(ESTATE / "two-sites.yaml"), "--json"])
        path.write_text(done.stdout)
        return gpufleet.load_budget_curve(path, asked().workloads)


def point(results: Any) -> Any:
    return next(iter(results))


WRITERS = {"Baseline", "KubernetesSettings", "Manifests", "PlanReport", "Program", "Table"}
"""Made from results, to write files of other formats."""
RESULTS: dict[str, Callable[[], Any]] = {
    "Alternative": lambda: gpufleet.find_alternatives(asked("second-sourcing")).first,
    "Alternatives": lambda: gpufleet.find_alternatives(asked("second-sourcing")),
    "BudgetCurve": lambda: curve(),
    "BudgetPoint": lambda: point(gpufleet.sweep_budget(asked(), gpufleet.BudgetSweep("usd_per_day", (500.0,)))),
    "BudgetSweep": lambda: gpufleet.BudgetSweep.parse("usd_per_day=100:900:400"),
    "Confirmation": lambda: gpufleet.confirm(asked(), solve(asked(), certify=True)),
    "Edit": lambda: gpufleet.parse_edit("set", "budgets.usd_per_day=80"),
    "EstimateResult": lambda: gpufleet.estimate_options("bert-large", "T4", slo=("e2e:p99:50ms",)),
    "Explanation": lambda: gpufleet.explanation(poor()),
    "Flips": lambda: gpufleet.flips_over_demand(asked(), gpufleet.Span.parse("0.5:1:0.5", whole=False)),
    "Frontier": lambda: gpufleet.budget_frontier(asked()),
    "FrontierPoint": lambda: gpufleet.budget_frontier(asked()).points[0],
    "ImportWishes": lambda: gpufleet.ImportWishes(provider="AWS", regions=("us-east-1",)),
    "ImportedPrices": lambda: imported(),
    "InputProblem": lambda: gpufleet.InputProblem("f.yaml", 3, "workloads", "wrong"),
    "Instance": lambda: asked().instance,
    "Plan": answer,
    "PlanDiff": lambda: gpufleet.diff_plans(answer(), answer("second-sourcing")),
    "PriceBreak": lambda: gpufleet.break_even_prices(asked()).breaks[0],
    "PriceBreaks": lambda: gpufleet.break_even_prices(asked()),
    "PriceChange": lambda: price_changes().changes[0],
    "PriceDiff": lambda: price_changes(),
    "PriceWarning": lambda: gpufleet.price_warnings(
        dear := asked("training-mix"), list(dear.offers), datetime.date(2040, 1, 1)
    )[0],
    "ProgressEvent": lambda: gpufleet.ProgressEvent(1.0, "cost", None, 2.5, None, 7),
    "Report": lambda: gpufleet.verify(asked(), answer()),
    "RepricedPlan": lambda: gpufleet.reprice(answer(), price_changes()),
    "ResolvedInstance": asked,
    "ScenarioSettings": lambda: gpufleet.ScenarioSettings(samples=20),
    "Span": lambda: gpufleet.Span.parse("3:36", whole=True),
    "StressReport": lambda: gpufleet.stress(asked(), {"plan": answer()}, gpufleet.ScenarioSettings(samples=20)),
    "TradeOff": lambda: gpufleet.trade_off(asked(), "vendors"),
}


def test_every_public_result_is_tried_here() -> None:
    public = [getattr(gpufleet, name) for name in gpufleet.__all__]
    records = {kind.__name__ for kind in public if isinstance(kind, type) and (is_dataclass(kind) or is_record(kind))}
    assert records == set(RESULTS) | WRITERS


def is_record(kind: type) -> bool:
    return issubclass(kind, BaseModel)


@pytest.mark.parametrize("kind", RESULTS)
def test_a_result_comes_back_as_it_was(kind: str) -> None:
    result = RESULTS[kind]()
    assert type(result).__name__ == kind
    text = to_json(result, indent=1)
    json.loads(text)
    back = from_json(type(result), text)
    assert back == result
    assert from_json(type(result), to_json(back).encode()) == result


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_what_is_made_from_results_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="is no result"):
        from_json(getattr(gpufleet, name), "{}")


def test_an_explanation_that_was_read_can_still_change_its_instance() -> None:
    made = gpufleet.explanation(poor())
    read = from_json(gpufleet.Explanation, to_json(made))
    assert made.repairs
    for ours, theirs in zip(made.repairs, read.repairs, strict=True):
        assert ours.change(made.resolved) == theirs.change(read.resolved) != made.resolved
        assert ours.requirement.without(made.resolved) == theirs.requirement.without(read.resolved)


def test_a_stress_report_keeps_its_samples() -> None:
    made = gpufleet.stress(asked(), {"plan": answer()}, gpufleet.ScenarioSettings(samples=20))
    read = from_json(gpufleet.StressReport, to_json(made))
    assert read.plans[0].unmet.tolist() == made.plans[0].unmet.tolist()
    assert read.to_frame().equals(made.to_frame())


@pytest.mark.parametrize("name", CHEAP)
def test_plans_of_the_estate_come_back(name: str, tmp_path: Path) -> None:
    plan = answer(name)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert gpufleet.verify(from_json(ResolvedInstance, to_json(asked(name))), from_json(Plan, to_json(plan))).ok
    for suffix in (".yaml", ".json"):
        gpufleet.write_plan(plan, tmp_path / f"plan{suffix}")
        assert gpufleet.load_plan(tmp_path / f"plan{suffix}") == plan


@pytest.mark.parametrize("path", sorted(ESTATE.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_instance_written_is_the_same_instance(path: Path, tmp_path: Path) -> None:
    instance = gpufleet.load_instance(path).instance
    for suffix in (".yaml", ".json"):
        gpufleet.write_instance(instance, tmp_path / f"written{suffix}")
        assert Instance.model_validate(json.loads(instance.model_dump_json())) == instance
        written = tmp_path / f"written{suffix}"
        again = gpufleet.library.reader.read_document(written).value
        assert make_instance(again) == instance


def test_money_is_written_with_every_digit(tmp_path: Path) -> None:
    instance = asked().instance
    dust = instance.model_copy(update={"budgets": instance.budgets.model_copy(update={"horizon_usd": 0.1 + 0.2})})
    gpufleet.write_instance(dust, tmp_path / "dust.yaml")
    assert gpufleet.load_instance(tmp_path / "dust.yaml").instance.budgets.horizon_usd == 0.1 + 0.2


def test_an_instance_made_in_code_is_as_good_as_one_from_a_file() -> None:
    resolved = asked()
    made = resolve(make_instance(json.loads(resolved.instance.model_dump_json(exclude_defaults=True))))
    assert made.digest == resolved.digest
    assert replace(made, path=resolved.path) == resolved
    assert solve(made) == answer()


def test_errors_in_code_name_the_field() -> None:
    fields = json.loads(asked().instance.model_dump_json(exclude_defaults=True))
    fields["workloads"][0]["klasses"] = 3
    fields["horizon_days"] = -1
    with pytest.raises(InputError) as caught:
        make_instance(fields)
    told = [str(problem) for problem in caught.value.problems]
    assert any(line.startswith("<memory>: workloads[0].klasses: ") for line in told)
    assert any(line.startswith("<memory>: horizon_days: ") for line in told)
    with pytest.raises(ValidationError):
        Instance(**fields)


def test_unknown_names_in_code_name_the_field() -> None:
    fields = json.loads(asked().instance.model_dump_json(exclude_defaults=True))
    fields["offers"][0]["node_type"] = "own-l40s-5x"
    with pytest.raises(InputError, match=r"<memory>: offers\[0\]\.node_type: .*did you mean own-l40s-4x"):
        resolve(make_instance(fields))


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(TypeError, match="int is no result"):
        to_json(3)
    with pytest.raises(InputError, match=r"<json>: seconds: "):
        from_json(gpufleet.ProgressEvent, '{"seconds": "soon", "phase": "cost"}')
    for text in ("nonsense", "[]", "{}"):
        with pytest.raises(InputError):
            from_json(gpufleet.Explanation, text)


def test_a_requirement_of_another_instance_is_refused() -> None:
    fields = json.loads(to_json(gpufleet.explanation(poor())))
    fields["conflict"]["requirements"][0]["words"] = "a wish"
    with pytest.raises(InputError, match="no such requirement"):
        from_json(gpufleet.Explanation, json.dumps(fields))
