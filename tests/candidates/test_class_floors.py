"""Accuracy floors of single classes, alternative models, and SLOs of single classes, candidate by candidate."""

from __future__ import annotations

from typing import Any

from test_filters import card, found, only, rows, serving

from builders import accelerator, instance, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.schema.hardware import PeakRates
from gpufleet.schema.models import Accuracy, Variant
from gpufleet.schema.workloads import SLO, AccuracyFloor, ItemClass


def floor(at_least: float, metric: str = "top1") -> tuple[AccuracyFloor, ...]:
    return (AccuracyFloor(metric=metric, at_least=at_least),)


def group(name: str, *floors: AccuracyFloor, **changes: Any) -> ItemClass:
    return ItemClass(name=name, requests_per_s=10.0, accuracy=floors, **changes)


def small(**changes: Any) -> Any:
    """A net of a tenth of the size, less accurate, in fp16 alone."""
    accuracy = (Accuracy(metric="top1", value=0.7, source="test"),)
    variants = (Variant(name="fp16", precision="fp16", accuracy=accuracy),)
    shape = card().architecture.model_copy(update={"flops_per_item": 1e8})
    return card(**{"name": "small", "parameters": 1e8, "variants": variants, "architecture": shape, **changes})


def ask(workload: Any, *cards: Any) -> Any:
    """On an accelerator that is twice as fast in every smaller precision."""
    rates = {**dict.fromkeys(PeakRates.model_fields, 25.0), "fp16_tflops": 50.0, "int8_tops": 100.0}
    device = accelerator(peak=PeakRates(**rates))
    return instance([workload], [offer()], models=cards or (card(),), accelerators=(device,))


def test_a_variant_below_the_floor_of_a_class_serves_the_others() -> None:
    """int8 has 0.75, fp16 0.76: the exact class is not for int8."""
    workload = serving(classes=(group("rough"), group("exact", *floor(0.755))))
    options = found(ask(workload)).options["w"]
    assert {option.variant for option in options} >= {"fp16", "int8"}
    for kept in options:
        assert kept.rates[0] > 0
        assert (kept.rates[1] > 0) == (kept.variant != "int8")


def test_what_may_serve_no_class_is_rejected_for_its_accuracy() -> None:
    """The nearest class is named: 0.75 against 0.755, not against 0.76."""
    workload = serving(classes=(group("best", *floor(0.76)), group("exact", *floor(0.755))))
    row = only(ask(workload), "accuracy")
    assert (row.variant, row.limit, row.actual, row.unit) == ("int8", 0.755, 0.75, "top1 for class exact")


def test_a_class_out_of_reach_of_the_machine_does_not_save_a_variant() -> None:
    """int8 is good enough for `quick` alone, which no option serves in time: nothing is left for it."""
    slo = (SLO(metric="end_to_end", percentile=99.0, limit_ms=1e-3, classes=("quick",)),)
    workload = serving(classes=(group("quick"), group("exact", *floor(0.755))), slo=slo)
    candidates = found(ask(workload))
    assert {kept.variant for kept in candidates.options["w"]} <= {"fp16", "fp32"}
    assert all(kept.rates[0] == 0 for kept in candidates.options["w"])
    assert {row.variant for row in rows(ask(workload), "accuracy")} == {"int8"}
    assert not rows(ask(workload), "latency"), "the other class has no bound to miss"


def test_unknown_quality_is_not_good_enough_for_a_class() -> None:
    variants = (card().variants[0], Variant(name="fp16", precision="fp16"))
    row = only(ask(serving(classes=(group("c", *floor(0.1)),)), card(variants=variants)), "accuracy")
    assert (row.variant, row.actual, row.unit) == ("fp16", "unknown", "top1 for class c")


def test_profiled_options_have_class_floors_too() -> None:
    classes = profiled([option("k", rates={"all": 1.0})], {"a": 1.0, "b": 1.0}).classes
    exact = classes[1].model_copy(update={"accuracy": floor(0.8)})
    options = [
        option("rough", rates={"a": 5.0, "b": 5.0}, accuracy=floor(0.7)),
        option("fine", rates={"a": 2.0, "b": 2.0}, accuracy=floor(0.9)),
        option("useless", rates={"b": 9.0}, accuracy=floor(0.7)),
    ]
    workload = profiled(options, {"a": 1.0, "b": 1.0}).model_copy(update={"classes": (classes[0], exact)})
    question = instance([workload], [offer()])
    assert {kept.profile: tuple(map(float, kept.rates)) for kept in found(question).options["w"]} == {
        "rough": (5.0, 0.0),
        "fine": (2.0, 2.0),
    }
    row = only(question, "accuracy")
    assert (row.variant, row.limit, row.actual, row.unit) == ("useless", 0.8, 0.7, "top1 for class b")


def test_alternatives_are_candidates_under_their_own_names() -> None:
    workload = serving(alternatives=("small",), classes=(group("rough"), group("exact", *floor(0.755))))
    candidates = found(ask(workload, card(), small()))
    by_model = {kept.model: kept for kept in candidates.options["w"]}
    assert set(by_model) == {"net", "small"}
    assert by_model["small"].rates[0] > by_model["net"].rates[0] > 0, "a tenth of the arithmetic"
    assert by_model["small"].rates[1] == 0 < by_model["net"].rates[1]
    assert by_model["small"].label.startswith("small/fp16/")
    assert all("/" in row.variant for row in candidates.rejections.summaries())


def test_without_alternatives_nothing_is_called_otherwise() -> None:
    candidates = found(ask(serving()))
    assert {kept.model for kept in candidates.options["w"]} == {None}
    assert all("/" not in row.variant for row in candidates.rejections.summaries())


def test_an_alternative_below_the_floor_of_the_workload_is_rejected_by_name() -> None:
    workload = serving(alternatives=("small",), accuracy=floor(0.74))
    row = only(ask(workload, card(), small()), "accuracy")
    assert (row.variant, row.limit, row.actual) == ("small/fp16", 0.74, 0.7)


def test_the_latency_of_a_dead_candidate_is_that_of_its_best_bound_class() -> None:
    """Limits of 1 and 2 thousandths of a millisecond: the second class comes nearer."""
    slo = tuple(
        SLO(metric="end_to_end", percentile=99.0, limit_ms=limit, classes=(name,))
        for name, limit in (("c0", 1e-3), ("c1", 2e-3))
    )
    found_ = rows(ask(serving(classes=(group("c0"), group("c1")), slo=slo)), "latency")
    assert found_
    assert {row.limit for row in found_} == {0.002}


def test_a_plan_with_two_models_holds_and_says_which() -> None:
    """A node carries 34,726/s of the net in fp16 or 101,445/s of the small one: 20,000 exact and 100,000 rough
    requests/s need one node of each, or three of the net alone, at 1 USD each."""
    rough = group("rough").model_copy(update={"requests_per_s": 100_000.0})
    exact = group("exact", *floor(0.755)).model_copy(update={"requests_per_s": 20_000.0})
    workload = serving(alternatives=("small",), classes=(rough, exact))
    asked = resolved(ask(workload, card(), small()))
    plan = solve(asked)
    assert plan.status == "optimal"
    assert verify(asked, plan).ok
    models = [deployment.model for deployment in plan.deployments]
    assert set(models) == {"net", "small"}
    assert {models[route.deployment] for route in plan.routing if route.request_class == "exact"} == {"net"}
    alone = solve(resolved(ask(serving(classes=(rough, exact)), card())))
    assert {deployment.model for deployment in alone.deployments} == {None}
    assert plan.certificate is not None
    assert alone.certificate is not None
    assert (plan.certificate.objective_usd, alone.certificate.objective_usd) == (2.0, 3.0)
