"""Which parallelisms and batches are tried."""

from __future__ import annotations

from typing import Any

import pytest

from builders import node
from gpufleet.candidates.grid import configurations
from gpufleet.candidates.replica_size import packs_exactly
from gpufleet.schema.models import Attention, Convolutional, Decoder, Encoder, ModelCard, Variant
from gpufleet.schema.workloads import ItemClass, LLMServing, RequestServing, TokenClass, Training


def decoder(heads: int = 32, layers: int = 32, experts: int = 0) -> ModelCard:
    shape = Decoder(
        kind="decoder",
        layers=layers,
        hidden_size=4096,
        vocabulary=32000,
        attention=Attention(heads=heads, kv_heads=heads, head_dim=128),
        max_context_tokens=8192,
        experts=experts,
        experts_per_token=min(2, experts),
    )
    return _card(shape)


def encoder(layers: int = 12) -> ModelCard:
    return _card(Encoder(kind="encoder", layers=layers, hidden_size=768, sequence_tokens=128))


def convolutional() -> ModelCard:
    return _card(
        Convolutional(
            kind="convolutional",
            flops_per_item=1e9,
            activation_bytes_per_item=1e6,
            traffic_bytes_per_item=1e6,
            host_bytes_per_item=1e5,
        )
    )


def _card(shape: Any) -> ModelCard:
    variants = (Variant(name="bf16", precision="bf16"),)
    return ModelCard(name="m", title="M", parameters=1e9, architecture=shape, variants=variants, source="test")


def llm(**changes: Any) -> LLMServing:
    classes = (TokenClass(name="c", input_tokens=10, output_tokens=10, requests_per_s=1.0),)
    return LLMServing(**{"name": "w", "kind": "llm_serving", "model": "m", "classes": classes, **changes})


def requests(**changes: Any) -> RequestServing:
    classes = (ItemClass(name="c", requests_per_s=1.0),)
    return RequestServing(**{"name": "w", "kind": "request_serving", "model": "m", "classes": classes, **changes})


def training(**changes: Any) -> Training:
    fields = {"name": "w", "kind": "training", "model": "m", "samples": 1e4, "epochs": 1.0, "global_batch": 64}
    return Training(**{**fields, "deadline_days": 1.0, **changes})


def rows(workload: Any, card: ModelCard, size: int = 8, most: int | None = None, **changes: Any) -> list[tuple]:
    grid = configurations(workload, card, node("n", size, **changes), most)
    names = ("tensor", "pipeline", "data", "expert", "zero_stage", "recomputation", "batch")
    columns = [getattr(grid, name).tolist() for name in names]
    return [tuple(int(value) for value in row) for row in zip(*columns, strict=True)]


def values(found: list[tuple], position: int) -> set[int]:
    return {row[position] for row in found}


def test_tensor_sizes_divide_heads_and_stay_in_the_node() -> None:
    assert values(rows(llm(), decoder(heads=32)), 0) == {1, 2, 4, 8}
    assert values(rows(llm(), decoder(heads=12)), 0) == {1, 2, 4}
    assert values(rows(llm(), decoder(heads=7)), 0) == {1}
    assert values(rows(llm(), decoder(), size=20), 0) == {1, 2, 4}


def test_pipelines_are_no_deeper_than_the_model_and_need_a_network_beyond_the_node() -> None:
    assert values(rows(llm(), decoder(layers=3)), 1) == {1, 2}
    assert max(t * p for t, p, *_ in rows(llm(), decoder())) == 32, "four nodes of 8"
    assert max(t * p for t, p, *_ in rows(llm(), decoder(), network_gb_s=None)) == 8
    assert max(t * p for t, p, *_ in rows(llm(), decoder(), most=2)) == 16
    assert values(rows(requests(), convolutional()), 1) == {1}


def test_experts_are_sharded_over_the_tensor_group_or_not_at_all() -> None:
    assert {(t, e) for t, _, _, e, *_ in rows(llm(), decoder(experts=8))} == {
        (1, 1), (2, 1), (2, 2), (4, 1), (4, 4), (8, 1), (8, 8),
    }  # fmt: skip
    assert values(rows(llm(), decoder()), 3) == {1}
    assert {(t, e) for t, _, _, e, *_ in rows(llm(), decoder(experts=6)) if e > 1} == {(2, 2)}


def test_batches() -> None:
    assert values(rows(llm(), decoder()), 6) == {2**power for power in range(10)}
    assert values(rows(requests(), encoder()), 6) == {2**power for power in range(13)}
    assert values(rows(llm(max_batch=48), decoder()), 6) == {1, 2, 4, 8, 16, 32, 48}
    assert values(rows(llm(max_batch=32), decoder()), 6) == {1, 2, 4, 8, 16, 32}


def test_training_counts_whole_nodes_beyond_the_first() -> None:
    sizes = {t * p * d for t, p, d, *_ in rows(training(), convolutional(), most=6)}
    assert sizes == {1, 2, 4, 8, 16, 24, 32, 40, 48}


def test_training_micro_batches_fit_into_the_global_batch() -> None:
    found = rows(training(global_batch=8), convolutional(), most=2)
    assert found
    assert all(data * micro <= 8 for _, _, data, _, _, _, micro in found)


def test_sharding_optimizer_states_needs_more_than_one_rank() -> None:
    found = rows(training(), convolutional(), most=2)
    assert {zero for _, _, data, _, zero, _, _ in found if data == 1} == {0}
    assert {zero for _, _, data, _, zero, _, _ in found if data > 1} == {0, 1, 2, 3}
    assert {again for *_, again, _ in found} == {0, 1}


@pytest.mark.parametrize("size", [1, 2, 4, 6, 8, 16, 20])
@pytest.mark.parametrize("workload", [llm(), training(sequence_tokens=128)], ids=["serving", "training"])
def test_every_replica_packs_and_none_is_tried_twice(workload: Any, size: int) -> None:
    found = rows(workload, decoder(), size=size, most=3)
    assert found
    assert len(set(found)) == len(found)
    assert all(packs_exactly(t * p * d, size) for t, p, d, *_ in found)
    assert max(t * p * d for t, p, d, *_ in found) <= 3 * size


def splits(workload: Any, card: ModelCard, size: int = 8, most: int | None = None, **more: Any) -> list[tuple]:
    """(prefill instances, their tensor size, decode instances, their tensor size, expert, batch)."""
    found = configurations(workload, card, node("n", size, **more), most)
    columns = (found.prefill_instances, found.prefill_tensor, found.data, found.tensor, found.expert, found.batch)
    return [tuple(map(int, row)) for row in zip(*columns, strict=True) if row[0]]


def test_disaggregated_replicas_are_tried_where_they_are_asked_for() -> None:
    assert not splits(llm(), decoder())
    assert not splits(requests(), encoder())
    found = splits(llm(disaggregated=True), decoder(), network_gb_s=None)
    forms = {row[:4] for row in found}
    assert {p * tp + d * td for p, tp, d, td in forms} == {2, 4, 8}
    by_hand = {(p, tp, d, td) for p in range(1, 8) for tp in (1, 2, 4) for d in range(1, 8) for td in (1, 2, 4)}
    assert forms == {(p, tp, d, td) for p, tp, d, td in by_hand if p * tp + d * td in (2, 4, 8)}
    assert len(found) == len(set(found))
    usual = rows(llm(), decoder(), network_gb_s=None)
    assert len(configurations(llm(disaggregated=True), decoder(), node("n", 8, network_gb_s=None), None).batch) == len(
        usual
    ) + len(found)


def test_disaggregated_replicas_over_several_nodes_hold_an_instance_of_a_whole_one() -> None:
    forms = {row[:4] for row in splits(llm(disaggregated=True), decoder(), most=2)}
    assert {p * tp + d * td for p, tp, d, td in forms} == {2, 4, 8, 16}
    large = {form for form in forms if form[0] * form[1] + form[2] * form[3] == 16}
    assert (1, 8, 1, 8) in large
    assert (8, 1, 1, 8) in large
    assert all(8 in (tp, td) for _, tp, _, td in large)
    assert {row[:4] for row in splits(llm(disaggregated=True), decoder(), size=1, most=2)} == {(1, 1, 1, 1)}
    assert not splits(llm(disaggregated=True), decoder(), size=1, most=1)


def test_disaggregated_experts_and_batches() -> None:
    found = splits(llm(disaggregated=True, max_batch=6), decoder(experts=2), network_gb_s=None)
    assert {(tp, td, expert) for _, tp, _, td, expert, _ in found if expert > 1} == {(1, 2, 2), (2, 2, 2)}
    assert {batch for *_, batch in found} == {1, 2, 4, 6}
    assert all(batch >= d for _, _, d, _, _, batch in found)


def test_no_disaggregation_on_partitions() -> None:
    shape = node("n-part", 7, partition_of="n", network_gb_s=None, power_kw=None, rack_units=None)
    assert not [p for p in configurations(llm(disaggregated=True), decoder(), shape, None).prefill_instances if p]
