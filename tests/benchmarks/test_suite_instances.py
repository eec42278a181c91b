"""Generated instances of the benchmark suite: the same every time, as recorded, and with the optimum that is known."""

from __future__ import annotations

from typing import Any

import pytest
from suite import catalogue, day_profiles, estates, files, joint, melange, routed, variants
from suite.peers import local_search
from suite.peers.question import read

from gpufleet import load_instance, resolve
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem
from gpufleet.schema.instance import Instance

TINY = {
    "covering": lambda: estates.converted(estates.generated("tiny", 8, 4)),
    "routed": lambda: routed.converted(routed.generated("tiny", 3, 5)),
    "joint": lambda: joint.generated("tiny", 3, 3, 5),
    "melange": lambda: melange.generated("tiny"),
    "day": lambda: day_profiles.generated("tiny", 4, 6, 3),
}
"""A small instance of each family."""


@pytest.mark.parametrize("family", TINY)
def test_a_generator_gives_the_same_bytes_every_time(family: str) -> None:
    assert files.text_of(TINY[family]()) == files.text_of(TINY[family]())


@pytest.mark.parametrize("family", TINY)
def test_what_is_generated_is_a_valid_instance(family: str) -> None:
    assert resolve(Instance.model_validate(TINY[family]())).instance.uid == "tiny"


def test_another_seed_gives_another_estate() -> None:
    assert estates.generated("tiny", 8, 4, seed=1).pools != estates.generated("tiny", 8, 4, seed=2).pools


@pytest.mark.parametrize("name", [name for name, entry in catalogue.ENTRIES.items() if entry.is_stored])
def test_stored_instances_have_the_digest_that_is_recorded(name: str) -> None:
    assert catalogue.digest_of(catalogue.ENTRIES[name].path) == catalogue.digests()[name]


@pytest.mark.parametrize("name", ["joint-20x20x20", "melange-60x4", "melange-60x4-tight", "day-200x40x24-budget"])
def test_a_stored_instance_can_be_made_anew(name: str) -> None:
    make = catalogue.ENTRIES[name].make
    assert make is not None
    assert files.digest_of(files.text_of(make(name))) == catalogue.digests()[name]


def test_the_catalogue_records_every_instance() -> None:
    assert list(catalogue.digests()) == list(catalogue.ENTRIES)


def test_a_changed_file_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "digests", lambda: {"melange-60x4": "0" * 64})
    with pytest.raises(ValueError, match="melange-60x4"):
        catalogue.ensure(catalogue.ENTRIES["melange-60x4"])


def test_the_compact_form_loses_nothing() -> None:
    estate = estates.generated("tiny", 8, 4)
    assert (
        estates.converted(estates.from_compact(estates.compact(estate)))["workloads"]
        == (estates.converted(estate)["workloads"])
    )


def test_a_converted_service_has_the_optimum_that_is_known() -> None:
    """80,176 cents an hour, reported with the raw instance."""
    resolved = load_instance(catalogue.ENTRIES["routed-20x40"].path)
    model, _ = build_model(build_problem(resolved, build_candidates(resolved)))
    result = backend("pulp").solve(model, SolverLimits(20.0))
    assert (result.outcome, result.objective) == ("optimal", 80_176 * 10_000)


def test_stock_is_cut_where_the_plan_takes_nodes() -> None:
    before = TINY["covering"]()
    after = variants.stock_tight(before, "tight")
    changed = [
        (old["stock"], new["stock"])
        for old, new in zip(before["offers"], after["offers"], strict=True)
        if old["stock"] != new["stock"]
    ]
    assert changed
    assert all(new < old for old, new in changed)


def test_purchases_are_limited_to_half_of_a_whole_fleet() -> None:
    rented = TINY["covering"]()
    fields = variants.budget_tight(rented, "budget")
    assert resolve(Instance.model_validate(fields)).instance.budgets.capex_usd == fields["budgets"]["capex_usd"]
    capex = {offer["node_type"]: offer["capex_usd"] for offer in fields["offers"] if offer["term"] == "purchase"}
    assert set(capex) == {offer["node_type"] for offer in rented["offers"]}
    whole = sum(count * capex[name] for name, count in taken(rented).items())
    assert fields["budgets"]["capex_usd"] == pytest.approx(whole / 2, abs=50)


def test_power_is_limited_to_less_than_the_greedy_plan_draws() -> None:
    fields = variants.power_tight(TINY["covering"](), "power")
    cap = resolve(Instance.model_validate(fields)).instance.sites[0].power_cap_kw
    power = {node["name"]: node["power_kw"] for node in fields["node_types"]}
    drawn = sum(count * power[name] for name, count in taken(fields).items())
    assert cap == pytest.approx(0.85 * drawn, abs=0.1)


def taken(fields: dict[str, Any]) -> dict[str, int]:
    """Nodes by offer (named after their node type) of the greedy plan."""
    plan = local_search.greedy(read(fields))
    assert plan is not None
    return {entry["offer"]: entry["count"] for entry in plan["nodes"]}
