"""Workloads that share a service become one, and each keeps its own bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import load_instance, resolve
from gpufleet.errors import InputError
from gpufleet.library.reader import read_document
from gpufleet.library.validation import validate
from gpufleet.schema.instance import Instance
from gpufleet.schema.workloads import SLO, AccuracyFloor, LLMServing, TokenClass

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "instances" / "estate" / "shared-assistant.yaml"


def as_written() -> Instance:
    document = read_document(SHARED)
    return validate(Instance, document.value, document)


def test_members_become_the_classes_of_one_workload() -> None:
    asked = load_instance(SHARED)
    assert list(asked.workloads) == ["assistant"]
    assert asked.services == {"assistant": ("chat", "documents", "classification")}
    merged = asked.workloads["assistant"]
    assert isinstance(merged, LLMServing)
    names = ["chat/turn", "documents/summary", "documents/question", "classification/record"]
    assert [group.name for group in merged.classes] == names
    assert [(bound.metric, bound.classes) for bound in merged.slo] == [
        ("ttft", ("chat/turn",)),
        ("tpot", ("chat/turn",)),
        ("end_to_end", ("documents/summary",)),
        ("ttft", ("documents/question",)),
        ("end_to_end", ("classification/record",)),
    ]
    assert merged.demand_factors == {}
    assert merged.classes[0].demand_factors == {}
    assert merged.classes[3].demand_factors == {"day": 0.1, "evening": 0.2, "night": 1.0}
    assert merged.precisions == ("bf16",)
    assert merged.note is not None
    assert merged.note.startswith("classification: Jobs collected")


def test_the_same_question_written_as_one_workload_has_the_same_digest() -> None:
    """But for the notes, which are part of the digest."""
    question = as_written()
    members = [edited(workload, note=None) for workload in question.workloads]
    merged = resolve(edited(question, workloads=tuple(members)))
    again = resolve(merged.instance)
    assert again.digest == merged.digest
    assert again.services == {}


def test_class_floors_and_factors_join_those_of_the_workload() -> None:
    """Of two floors of one metric the higher counts; a factor of the class goes before that of the workload."""
    floor = (AccuracyFloor(metric="mmlu", at_least=80.0), AccuracyFloor(metric="other", at_least=1.0))
    lower, higher = (AccuracyFloor(metric="mmlu", at_least=value) for value in (70.0, 83.0))
    classes = (
        TokenClass(name="a", input_tokens=9, output_tokens=9, requests_per_s=1.0, accuracy=(lower,)),
        TokenClass(name="b", input_tokens=9, output_tokens=9, requests_per_s=1.0, accuracy=(higher,)),
    )
    from gpufleet.library.services import merge_services

    classes = (edited(classes[0], demand_factors={"night": 3.0}), classes[1])
    first = LLMServing(
        kind="llm_serving",
        name="w",
        model="m",
        service="s",
        classes=classes,
        accuracy=floor,
        demand_factors={"night": 2.0, "day": 1.0},
        slo=(SLO(metric="ttft", percentile=50.0, limit_ms=9.0, classes=("b",)),),
    )
    question = as_written().model_copy(update={"workloads": (first,)})
    merged, services = merge_services(question)
    assert services == {"s": ("w",)}
    (workload,) = merged.workloads
    assert isinstance(workload, LLMServing)
    assert [{f.metric: f.at_least for f in group.accuracy} for group in workload.classes] == [
        {"mmlu": 80.0, "other": 1.0},
        {"mmlu": 83.0, "other": 1.0},
    ]
    assert workload.classes[0].demand_factors == {"night": 3.0, "day": 1.0}
    assert workload.classes[1].demand_factors == {"night": 2.0, "day": 1.0}
    assert workload.slo[0].classes == ("w/b",)
    assert workload.accuracy == ()


def test_profiled_members_share_their_options() -> None:
    first = profiled([option("k", rates={"all": 2.0}), option("j", rates={"all": 3.0})], 1.0, "u", service="s")
    second = profiled([option("j", rates={"all": 5.0}), option("k", rates={"all": 4.0})], 1.0, "v", service="s")
    asked = resolved(instance([first, second, profiled([option("k", rates={"all": 1.0})], name="w")], [offer()]))
    assert list(asked.workloads) == ["s", "w"]
    merged = asked.workloads["s"]
    assert {o.name: o.rates for o in merged.options} == {  # type: ignore[union-attr]
        "k": {"u/all": 2.0, "v/all": 4.0},
        "j": {"u/all": 3.0, "v/all": 5.0},
    }


def test_profiled_members_with_other_options_are_refused() -> None:
    first = profiled([option("k", rates={"all": 2.0})], 1.0, "u", service="s")
    second = profiled([option("k", "n2", rates={"all": 2.0})], 1.0, "v", service="s")
    with pytest.raises(InputError, match=r"workloads\[1\].options: differs from workloads\[0\].options; u and v share"):
        resolved(instance([first, second], [offer(), offer("o2", "n2")]))


def test_the_order_of_names_in_a_list_is_no_difference() -> None:
    question = as_written()
    first = question.workloads[0].model_copy(update={"precisions": ("bf16", "fp8")})
    second = question.workloads[1].model_copy(update={"precisions": ("fp8", "bf16")})
    assert list(resolve(question.model_copy(update={"workloads": (first, second)})).workloads) == ["assistant"]


def test_a_class_name_beyond_the_longest_name_is_refused() -> None:
    first = profiled([option("k", rates={"all": 2.0})], 1.0, "u" * 118, service="s")
    with pytest.raises(InputError, match="which is too long; rename it"):
        resolved(instance([first], [offer()]))
