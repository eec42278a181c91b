"""Every rule that eliminates candidates says by what limit, with which actual value, in which unit."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from builders import accelerator, instance, node, offer, option, profiled, resolved, site
from gpufleet.candidates.enumerate import build_candidates, pools_of
from gpufleet.schema.hardware import PeakRates
from gpufleet.schema.models import Accuracy, Convolutional, ModelCard, Variant
from gpufleet.schema.workloads import SLO, AccuracyFloor, ItemClass, Privacy, RequestServing, Training

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.schema.elimination import Rejected
    from gpufleet.schema.instance import Instance


def card(**changes: Any) -> ModelCard:
    """A vision model of 1 GFLOP per image: 1e9 parameters, so 4, 2 and 1 GB in fp32, fp16 and int8."""
    shape = Convolutional(
        kind="convolutional",
        flops_per_item=1e9,
        activation_bytes_per_item=1e6,
        traffic_bytes_per_item=1e6,
        host_bytes_per_item=1e5,
        training_activation_bytes_per_item=1e8,
    )
    variants = tuple(
        Variant(name=name, precision=name, accuracy=(Accuracy(metric="top1", value=value, source="test"),))
        for name, value in (("fp32", 0.76), ("fp16", 0.76), ("int8", 0.75))
    )
    fields = {"name": "net", "title": "Net", "parameters": 1e9, "architecture": shape, "source": "test"}
    return ModelCard(**{**fields, "variants": variants, **changes})


def serving(**changes: Any) -> RequestServing:
    fields = {
        "name": "w",
        "kind": "request_serving",
        "model": "net",
        "classes": (ItemClass(name="c", requests_per_s=10.0),),
    }
    return RequestServing(**{**fields, **changes})


def training(**changes: Any) -> Training:
    fields = {"name": "w", "kind": "training", "model": "net", "samples": 1e6, "epochs": 10.0, "global_batch": 64}
    return Training(**{**fields, "deadline_days": 10.0, **changes})


def asked(workload: Any, *, offers: tuple = (offer(),), model: ModelCard | None = None, **changes: Any) -> Instance:
    return instance([workload], offers, models=(model or card(),), **changes)


def found(question: Instance) -> Candidates:
    return build_candidates(resolved(question))


def rows(question: Instance, rule: str) -> list[Rejected]:
    return [row for row in found(question).rejections.summaries() if row.rule == rule]


def only(question: Instance, rule: str) -> Rejected:
    (row,) = rows(question, rule)
    return row


# --------------------------------------------------------------------------------------------- each rule once


def test_memory_names_the_gigabytes() -> None:
    """4 GB of fp32 weights alone do not fit into 3 GB."""
    small = asked(serving(), accelerators=(accelerator(memory_gb=3.0),))
    row = next(row for row in rows(small, "memory") if row.variant == "fp32")
    assert row.unit == "GB per accelerator"
    assert row.count == 13, "all batches"
    assert isinstance(row.limit, float)
    assert row.limit < 3.0
    assert isinstance(row.actual, float)
    assert row.actual > 4.0
    assert row.nearest.endswith("/b1"), "the smallest batch comes nearest"


def test_arithmetic_that_the_accelerator_lacks() -> None:
    rates = PeakRates(**{**dict.fromkeys(PeakRates.model_fields, 100.0), "int8_tops": 0.0})
    row = only(asked(serving(), accelerators=(accelerator(peak=rates),)), "precision")
    assert (row.variant, row.limit, row.actual, row.unit) == ("int8", "supported", "int8 not supported", "arithmetic")


def test_replica_sizes_outside_the_chain() -> None:
    row = only(instance([profiled([option("k", "n8", 3, rates={"all": 1.0})])], [offer("o", "n8")]), "replica_size")
    assert (row.limit, row.actual) == ("1, 2, 4, 8 or whole nodes of 8", 3.0)
    assert row.unit == "accelerators per replica"


def test_deadline_names_the_days() -> None:
    row = min(rows(asked(training(deadline_days=1e-3)), "deadline"), key=lambda row: row.actual)
    assert row.limit == 0.001
    assert isinstance(row.actual, float)
    assert row.actual > 0.001
    assert row.unit == "days to train"


def test_latency_names_the_slo() -> None:
    slo = (SLO(metric="end_to_end", percentile=99.0, limit_ms=1e-3),)
    for row in rows(asked(serving(slo=slo)), "latency"):
        assert row.limit == 0.001
        assert isinstance(row.actual, float)
        assert row.actual > row.limit
        assert row.unit == "ms end_to_end p99, idle"
    assert rows(asked(serving(slo=slo)), "latency")
    assert not found(asked(serving(slo=slo))).options["w"]


def test_a_profile_without_any_rate() -> None:
    row = only(instance([profiled([option("k", rates={"all": 0.0})])], [offer()]), "throughput")
    assert (row.limit, row.actual, row.unit) == ("a positive rate", 0.0, "requests/s")


@pytest.mark.parametrize(
    ("privacy", "place", "limit", "actual"),
    [
        ({"locations": "on_prem"}, {"kind": "private_cloud"}, "locations: on_prem", "private_cloud"),
        ({"locations": "on_prem"}, {"kind": "public_cloud"}, "locations: on_prem", "public_cloud"),
        ({"locations": "private"}, {"kind": "public_cloud"}, "locations: private", "public_cloud"),
        ({"countries": ("DE", "FR")}, {"country": "US"}, "countries: DE, FR", "US"),
        ({"regions": ("eu-1",)}, {"region": "us-1"}, "regions: eu-1", "us-1"),
        ({"regions": ("eu-1",)}, {}, "regions: eu-1", "no region"),
        ({"providers": ("P",)}, {"provider": "Q"}, "providers: P", "Q"),
        (
            {"certifications": ("ISO", "PCI")},
            {"certifications": ("ISO",)},
            "certifications: ISO, PCI",
            "lacks PCI",
        ),
    ],
)
def test_privacy_forbids(privacy: dict[str, Any], place: dict[str, Any], limit: str, actual: str) -> None:
    workload = profiled([option("k", rates={"all": 1.0})], privacy=Privacy(**privacy))
    row = only(instance([workload], [offer()], sites=(site(**place),)), "privacy")
    assert (row.limit, row.actual, row.unit, row.site) == (limit, actual, "site", "here")


@pytest.mark.parametrize(
    ("privacy", "place"),
    [
        ({}, {"kind": "public_cloud"}),
        ({"locations": "on_prem"}, {"kind": "on_prem"}),
        ({"locations": "private"}, {"kind": "private_cloud"}),
        ({"locations": "private"}, {"kind": "on_prem"}),
        ({"countries": ("US",)}, {}),
        ({"regions": ("us-1",)}, {"region": "us-1"}),
        ({"providers": ("P",)}, {"provider": "P"}),
        ({"providers": ("P",)}, {"provider": None}),
        ({"certifications": ("ISO",)}, {"certifications": ("PCI", "ISO")}),
    ],
)
def test_privacy_allows(privacy: dict[str, Any], place: dict[str, Any]) -> None:
    workload = profiled([option("k", rates={"all": 1.0})], privacy=Privacy(**privacy))
    assert found(instance([workload], [offer()], sites=(site(**place),))).options["w"]


def test_accuracy_floor() -> None:
    row = only(asked(serving(accuracy=(AccuracyFloor(metric="top1", at_least=0.755),))), "accuracy")
    assert (row.variant, row.limit, row.actual, row.unit) == ("int8", 0.755, 0.75, "top1")


def test_unknown_accuracy_is_not_good_enough() -> None:
    unknown = Variant(name="fp16", precision="fp16")
    measured = card().variants[0]
    question = asked(
        serving(accuracy=(AccuracyFloor(metric="top1", at_least=0.1),)), model=card(variants=(measured, unknown))
    )
    row = only(question, "accuracy")
    assert (row.variant, row.actual) == ("fp16", "unknown")


def test_allowed_precisions_and_accelerators() -> None:
    candidates = found(asked(serving(precisions=("fp16",))))
    assert {row.variant for row in candidates.rejections.summaries() if row.rule == "allowed_precision"} == {
        "fp32",
        "int8",
    }
    assert {kept.variant for kept in candidates.options["w"]} == {"fp16"}
    row = rows(
        asked(serving(accelerators=("B",)), accelerators=(accelerator("A"), accelerator("B"))), "allowed_accelerator"
    )[0]
    assert (row.limit, row.actual) == ("accelerators: B", "A")


def test_allowed_parallelism() -> None:
    question = asked(training(parallelism=("tp2",)), offers=(offer("o", "n2"),))
    assert {kept.parallelism.label for kept in found(question).options["w"]} == {"tp2"}
    assert all(row.limit == "parallelism: tp2" for row in rows(question, "allowed_parallelism"))
    assert rows(question, "allowed_parallelism")


def test_a_replica_larger_than_the_stock() -> None:
    question = instance([profiled([option("k", "n4", 8, rates={"all": 1.0})])], [offer("o", "n4", stock=1)])
    row = only(question, "stock")
    assert (row.limit, row.actual, row.unit) == (4.0, 8.0, "accelerators in the pool")


def test_dominated_options_are_rejections_too() -> None:
    question = instance([profiled([option("a", rates={"all": 2.0}), option("b", rates={"all": 1.0})])], [offer()])
    row = only(question, "dominated")
    assert (row.variant, row.count) == ("b", 1)


# ------------------------------------------------------------------------------------------------ the funnel

QUESTIONS = {
    "serving": asked(
        serving(accuracy=(AccuracyFloor(metric="top1", at_least=0.755),), privacy=Privacy(locations="private")),
        offers=(offer(), offer("cloud", "n4", site="cloud"), offer("o8", "n8", stock=1)),
        sites=(site(), site("cloud", kind="public_cloud")),
        accelerators=(accelerator(memory_gb=4.5),),
    ),
    "training": asked(training(deadline_days=0.05), offers=(offer(), offer("o8", "n8", stock=2))),
    "profiled": instance(
        [profiled([option("a", rates={"all": 2.0}), option("b", "n8", 3, rates={"all": 9.0})])],
        [offer(), offer("o8", "n8")],
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_funnel_adds_up(name: str) -> None:
    """Candidates in = eliminated by each rule + kept, rule by rule and in total, and every one is a rejection."""
    candidates = found(QUESTIONS[name])
    steps = candidates.funnel
    assert steps[-1].rule == "kept"
    for step, following in pairwise(steps):
        assert step.before - step.eliminated == following.before
    assert steps[-1].before == len(candidates.options["w"])
    counted: Counter[str] = Counter()
    for row in candidates.rejections.summaries():
        counted[row.rule] += row.count
    assert counted == {step.rule: step.eliminated for step in steps[:-1]}


@pytest.mark.parametrize("name", QUESTIONS)
def test_options_are_different_and_come_in_a_fixed_order(name: str) -> None:
    first, second = found(QUESTIONS[name]), found(QUESTIONS[name])
    assert first.options == second.options
    assert first.rejections.summaries() == second.rejections.summaries()
    labels = [(kept.site, kept.node_type, kept.label) for kept in first.options["w"]]
    assert len(set(labels)) == len(labels)
    assert [label[:2] for label in labels] == sorted(label[:2] for label in labels)


def test_pools_add_up_the_stock_of_their_offers() -> None:
    offers = [offer("a", stock=2), offer("b", stock=3), offer("c", "n2", stock=1), offer("d", "n2")]
    asked_ = resolved(instance([profiled([option("k", rates={"all": 1.0})])], offers))
    assert pools_of(asked_) == {("here", "n1", None): 5, ("here", "n2", None): None}


def test_nodes_without_network_serve_alone() -> None:
    lonely = node("n2", 2, network_gb_s=None)
    question = asked(serving(), offers=(offer("o", "n2"),), node_types=(lonely,))
    assert {kept.accelerators for kept in found(question).options["w"]} <= {1, 2}
