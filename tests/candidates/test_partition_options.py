"""Options on instances of partitioned accelerators: one instance a replica, in pools of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_filters import found, only, serving, training

from builders import accelerator, edited, instance, node, offer, option, profiled, resolved
from gpufleet.candidates.enumerate import pools_of
from gpufleet.candidates.grid import configurations
from gpufleet.schema.models import Attention, Decoder, ModelCard, Variant
from gpufleet.schema.workloads import LLMServing, TokenClass

BARE: dict[str, Any] = {"network_gb_s": None, "power_kw": None, "rack_units": None}
CUT = node("n4-1g", 28, "A-1g", partition_of="n4", **BARE)
DECODER = ModelCard(
    name="llm",
    title="LLM",
    source="test",
    parameters=1e9,
    architecture=Decoder(
        kind="decoder",
        layers=32,
        hidden_size=4096,
        vocabulary=32000,
        attention=Attention(heads=32, kv_heads=32, head_dim=128),
        max_context_tokens=8192,
        experts=8,
        experts_per_token=2,
    ),
    variants=(Variant(name="bf16", precision="bf16"),),
)
CHAT = LLMServing(
    name="chat",
    kind="llm_serving",
    model="llm",
    classes=(TokenClass(name="turn", input_tokens=100, output_tokens=100, requests_per_s=1.0),),
)


def asked(*options: Any, **changes: Any) -> Any:
    fields = {
        "accelerators": (accelerator("A"), accelerator("A-1g")),
        "node_types": (node("n4", 4), CUT),
        "partitions": ("n4-1g",),
    }
    return instance([profiled(options, 1.0)], [offer("o", "n4", stock=3)], **{**fields, **changes})


@pytest.mark.parametrize("workload", [CHAT, training(global_batch=64), serving()], ids=lambda workload: workload.kind)
def test_replicas_take_one_instance(workload: Any) -> None:
    whole = configurations(workload, DECODER, node("n4", 4), 3)
    cut = configurations(workload, DECODER, CUT, 3)
    assert np.unique(cut.accelerators).tolist() == [1]
    # nothing else about a replica of one accelerator is lost
    single = whole.accelerators == 1
    assert sorted(zip(cut.batch, cut.zero_stage, strict=True)) == sorted(
        zip(whole.batch[single], whole.zero_stage[single], strict=True)
    )


def test_a_measured_option_on_several_instances_is_rejected_by_name() -> None:
    row = only(asked(option("two", "n4-1g", 2, rates={"all": 1.0})), "replica_size")
    assert (row.limit, row.actual, row.unit) == ("at most 1", 2, "accelerators per replica")


def test_partitions_are_pools_with_the_stock_of_their_base() -> None:
    question = resolved(asked(option("one", "n4-1g", rates={"all": 1.0})))
    assert pools_of(question) == {("here", "n4", None): 3, ("here", "n4-1g", None): 3}


def test_a_partition_that_is_not_listed_is_no_pool() -> None:
    question = resolved(asked(option("one", "n4", rates={"all": 1.0}), partitions=()))
    assert pools_of(question) == {("here", "n4", None): 3}
    assert set(question.node_types) == {"n4"}
    assert set(question.accelerators) == {"A"}


def test_an_allow_list_of_whole_accelerators_leaves_instances_out() -> None:
    question = asked(option("whole", "n4", rates={"all": 1.0}), option("cut", "n4-1g", rates={"all": 1.0}))
    work = edited(question.workloads[0], accelerators=("A",))
    candidates = found(edited(question, workloads=(work,)))
    assert [kept.node_type for kept in candidates.options["w"]] == ["n4"]
    assert candidates.rejections.count("w", "allowed_accelerator") == 1


def test_a_listed_partition_changes_the_digest() -> None:
    work = option("whole", "n4", rates={"all": 1.0})
    assert resolved(asked(work)).digest != resolved(asked(work, partitions=())).digest
