"""Memory against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import performance_samples as s
import pytest
from performance_samples import estimate

from gpufleet.performance import memory, training_memory
from gpufleet.schema.models import Attention, Variant

ONE = np.ones(1)


def _kv(card: object, variant: Variant, tokens: float, tensor: float = 1, pipeline: float = 1) -> float:
    return float(memory.kv_bytes(card, variant, np.full(1, tokens), tensor * ONE, pipeline * ONE)[0])  # type: ignore[arg-type]


def test_weights_are_parameters_times_bytes() -> None:
    assert memory.weight_bytes(s.LLAMA_8B, s.FP16, s.options())[0] == pytest.approx(8.03e9 * 2)
    assert memory.weight_bytes(s.LLAMA_8B, s.FP8, s.options(tensor=2))[0] == pytest.approx(8.03e9 / 2)


def test_weight_bits_include_scales() -> None:
    grouped = Variant(name="awq", precision="int4", compute="fp16", weight_bits=4.25)
    assert memory.weight_bytes(s.LLAMA_8B, grouped, s.options())[0] == pytest.approx(8.03e9 * 4.25 / 8)


def test_pipeline_keeps_the_fullest_stage() -> None:
    # 32 blocks on 3 stages: 11 blocks on the fullest, plus one matrix of 128256 x 4096 numbers.
    ends = 128256 * 4096
    assert memory.weight_bytes(s.LLAMA_8B, s.FP16, s.options(pipeline=3))[0] == pytest.approx(
        2 * ((8.03e9 - ends) * 11 / 32 + ends)
    )


def test_experts_are_split_by_expert_groups() -> None:
    experts = 32 * 8 * 3 * 4096 * 14336.0
    both = memory.weight_bytes(s.MIXTRAL, s.FP8, s.options(tensor=2, data=4, expert=[1, 8]))
    dense = (46.7e9 - experts) / 2
    assert both == pytest.approx([dense + experts / 2, dense + experts / 8])


@pytest.mark.parametrize(
    ("tensor", "pipeline", "expected"),
    [
        (1, 1, 2 * 8 * 128 * 32 * 2 * 1000),  # GQA, 8 KV heads, fp16: 131,072 bytes per token
        (4, 1, 2 * 2 * 128 * 32 * 2 * 1000),
        (16, 1, 2 * 1 * 128 * 32 * 2 * 1000),  # more accelerators than heads: copied
        (1, 4, 2 * 8 * 128 * 8 * 2 * 1000),
    ],
)
def test_grouped_query_cache(tensor: int, pipeline: int, expected: float) -> None:
    assert _kv(s.LLAMA_8B, s.FP16, 1000, tensor, pipeline) == expected


def test_cache_precision() -> None:
    assert _kv(s.LLAMA_8B, s.FP8, 1) == 65_536
    assert _kv(s.LLAMA_8B, s.INT4, 1) == 131_072
    stored = Variant(name="x", precision="int4", compute="fp16", kv_cache="fp8")
    assert _kv(s.LLAMA_8B, stored, 1) == 65_536


def test_multi_query_cache() -> None:
    model = s.decoder("mqa", 1e9, 10, 2048, 32000, Attention(heads=16, kv_heads=1, head_dim=128))
    assert _kv(model, s.FP16, 100) == 2 * 128 * 10 * 2 * 100


def test_latent_cache_is_copied_on_every_accelerator() -> None:
    # DeepSeek-V3: 512 + 64 numbers per token and layer, 61 layers.
    latent = Attention(kind="mla", heads=128, kv_heads=128, head_dim=128, latent_dim=576)
    model = s.decoder("mla", 671e9, 61, 7168, 129280, latent)
    assert _kv(model, s.FP16, 1000) == 576 * 61 * 2 * 1000
    assert _kv(model, s.FP16, 1000, tensor=8) == 576 * 61 * 2 * 1000


def test_sliding_cache_stops_growing_in_windowed_layers() -> None:
    shape = Attention(
        kind="sliding",
        heads=16,
        kv_heads=8,
        head_dim=256,
        window=1024,
        sliding_layers=25,
        global_kv_heads=2,
        global_head_dim=512,
    )
    model = s.decoder("sliding", 26e9, 30, 2816, 262144, shape)
    short = 2 * 2 * (8 * 256 * 500 * 25 + 2 * 512 * 500 * 5)
    long = 2 * 2 * (8 * 256 * 1024 * 25 + 2 * 512 * 9000 * 5)
    assert (_kv(model, s.FP16, 500), _kv(model, s.FP16, 9000)) == (short, long)


def test_llama2_70b_fp16_needs_two_80_gb_accelerators() -> None:
    both = estimate(s.language((512, 512)), s.LLAMA2_70B, s.FP16, s.A100, s.node(s.A100), s.options([1, 2], batch=16))
    assert both.memory_gb[0] > both.memory_limit_gb >= both.memory_gb[1]
    assert both.max_rate[0, 0] == 0 < both.max_rate[1, 0]
    assert both.memory_parts_gb["weights"] == pytest.approx([137.96, 68.98])


def test_parts_add_up_and_cache_fills_at_most_what_is_free() -> None:
    result = estimate(
        s.language((2000, 500)), s.LLAMA_70B, s.FP8, s.H100, s.node(s.H100), s.options(2, batch=[1, 64, 4096])
    )
    assert sum(result.memory_parts_gb.values()) == pytest.approx(result.memory_gb)
    assert (result.memory_gb <= result.memory_limit_gb).all()
    # 2500 tokens x 80 layers x 2 x 4 heads x 128 x 1 byte = 0.2048 GB per sequence and accelerator.
    assert result.memory_parts_gb["kv_cache"][:2] == pytest.approx([0.2048, 64 * 0.2048])


@pytest.mark.parametrize(
    ("variant", "optimizer", "each"),
    [(s.FP16, "adam", 16), (s.FP32, "adam", 16), (s.FP16, "sgd", 12), (s.FP32, "sgd", 12)],
)
def test_training_states_per_parameter(variant: Variant, optimizer: str, each: float) -> None:
    parts = training_memory.state_parts(s.job(8, 2048, optimizer=optimizer), s.LLAMA_8B, variant, s.options())
    assert sum(parts)[0] == pytest.approx(each * 8.03e9)


def test_zero_stages_shard_states() -> None:
    n, d, layers = 8.03e9, 8, 32
    weights, gradients, states = training_memory.state_parts(
        s.job(8, 2048), s.LLAMA_8B, s.FP16, s.options(data=d, zero=[0, 1, 2, 3])
    )
    assert states == pytest.approx([12 * n, 12 * n / d, 12 * n / d, 12 * n / d])
    assert gradients == pytest.approx([2 * n, 2 * n, 2 * n / d, 2 * n / d])
    assert weights == pytest.approx([2 * n, 2 * n, 2 * n, 2 * n / d + 2 * n * 2 / layers])


def test_adapters_train_a_fraction() -> None:
    parts = training_memory.state_parts(
        s.job(8, 2048, parameter_efficient_fraction=0.01), s.LLAMA_8B, s.FP16, s.options()
    )
    assert sum(parts)[0] == pytest.approx(8.03e9 * (2 + 0.01 * 16))


def test_transformer_activations() -> None:
    # Korthikanti et al. without dropout masks: 32 tokens h L bytes in a plain decoder, or 2 tokens h L and one block
    # with recomputation; 4 V tokens for logits and their gradient. Adapters keep 3/5 of it.
    model = s.gpt(32, 4096, 32, 50368)

    def kept(recomputation: bool, fraction: float = 1.0) -> float:
        conf = s.options(recomputation=recomputation, batch=4)
        job = s.job(8, 2048, model, parameter_efficient_fraction=fraction)
        return float(training_memory.activation_bytes(job, model, s.FP16, conf, conf.batch, ONE)[0])

    tokens, logits = 4 * 2048, 4 * 50368 * 4 * 2048
    assert kept(False) == pytest.approx(tokens * 4096 * 32 * 32 + logits, rel=1e-3)
    assert kept(True) == pytest.approx(tokens * 4096 * (32 * 2 + 32) + logits, rel=1e-3)
    assert kept(False, 1e-9) == pytest.approx(0.6 * tokens * 4096 * 32 * 32 + logits, rel=1e-3)


def test_tensor_and_context_groups_share_activations() -> None:
    model = s.gpt(32, 4096, 32, 50368)
    kept = []
    for conf in (s.options(), s.options(tensor=4), replace(s.options(), context=np.full(1, 4.0))):
        job = s.job(8, 2048, model)
        kept.append(training_memory.activation_bytes(job, model, s.FP16, conf, ONE, ONE)[0])
    assert kept[1:] == pytest.approx([kept[0] / 4] * 2)


def test_convolutional_activations() -> None:
    conf = s.options(tensor=8, recomputation=[False, True], batch=2)
    kept = training_memory.activation_bytes(
        s.job(64, card=s.UNET_15B), s.UNET_15B, s.FP16, conf, conf.batch, np.ones(2)
    )
    assert kept == pytest.approx([2 * 8e10 / 8, 0.15 * 2 * 8e10 / 8])


def test_embedding_tables_are_split_over_accelerators() -> None:
    big = s.card("big", 26e9, s.DLRM.architecture.model_copy(update={"embedding_rows": 200e6}))
    result = estimate(s.requests(270), big, s.INT8, s.T4, s.node(s.T4), s.options([1, 2, 4], batch=64))
    assert result.memory_parts_gb["weights"] == pytest.approx([25.6024, 12.8024, 6.4024])
    assert (result.max_rate[:, 0] > 0).tolist() == [False, True, True]
