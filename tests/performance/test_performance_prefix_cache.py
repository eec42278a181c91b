"""The prefix cache: what is not computed again, and whose memory it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import performance_samples as s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from performance_samples import estimate

from builders import edited
from gpufleet.performance import serving
from gpufleet.performance.device import device_of
from gpufleet.schema.models import Attention, Decoder, ModelCard

if TYPE_CHECKING:
    from gpufleet.performance.estimate import Estimate
    from gpufleet.schema.workloads import LLMServing

NODE = s.node(s.H100, 8, 400.0)
KV_8B = 2 * 8 * 128 * 32
"""Numbers of LLAMA_8B in the cache per token; a byte each in FP8."""
MLA = s.decoder(
    "mla", 16e9, 27, 2048, 102400, Attention(kind="mla", heads=16, kv_heads=16, head_dim=192, latent_dim=576)
)
SLOS = (s.slo("ttft", 95.0, 2000.0), s.slo("itl", 99.0, 80.0), s.slo("tpot", 95.0, 50.0))


def _engine(workload: LLMServing, model: ModelCard = s.LLAMA_8B, batch: int = 100_000) -> serving.Engine:
    assert isinstance(model.architecture, Decoder)
    device = device_of(s.H100, NODE, s.FP8, s.DEFAULT)
    return serving.engine_of(workload, model, model.architecture, s.FP8, device, s.options(batch=batch))


def _serve(workload: LLMServing, model: ModelCard = s.LLAMA_8B, batch: int = 256) -> Estimate:
    return estimate(workload, model, s.FP8, s.H100, NODE, s.options([1, 2], batch=batch))


def test_memory_by_hand() -> None:
    """8,000 + 400 tokens, 6,000 of them shared: the cache of 6,000 tokens once, that of 2,400 for each request."""
    engine = _engine(s.language((8000, 400), prefix_cache_hit_fraction=0.75), batch=64)
    assert engine.parts_gb["prefix_cache"][0] == pytest.approx(6000 * KV_8B / 1e9)
    assert engine.parts_gb["kv_cache"][0] == pytest.approx(64 * 2400 * KV_8B / 1e9)
    whole = _engine(s.language((8000, 400)), batch=64)
    assert "prefix_cache" not in whole.parts_gb
    assert whole.parts_gb["kv_cache"][0] == pytest.approx(64 * 8400 * KV_8B / 1e9)


def test_stated_prefixes_take_their_memory_from_every_class() -> None:
    """60,000 tokens of prefixes leave room for (free - 60,000) / tokens of a request, hits or none."""
    stated = s.language((8000, 400), (1000, 1000), prefix_cache_hit_fraction=0.75, prefix_cache_tokens=60_000)
    few = edited(stated, classes=(stated.classes[0], edited(stated.classes[1], prefix_cache_hit_fraction=0.0)))
    engine, usual = _engine(few), _engine(edited(few, prefix_cache_tokens=None))
    assert engine.parts_gb["prefix_cache"][0] == pytest.approx(60_000 * KV_8B / 1e9)
    workspace = 2 * 4096 * 12 + 4 * 128256  # of a decoding sequence
    for c, (tokens, prefix) in enumerate(((2400, 6000), (2000, 0))):
        lost = (60_000 - prefix) * KV_8B / (tokens * KV_8B + workspace)
        assert usual.most[0, c] - engine.most[0, c] == pytest.approx(lost, abs=1)


def test_windowed_layers_keep_no_more_than_their_window() -> None:
    attention = Attention(
        kind="sliding", heads=16, kv_heads=8, head_dim=128, window=1000, sliding_layers=30, global_kv_heads=8
    )
    model = s.decoder("sliding", 8e9, 32, 4096, 128256, attention)
    engine = _engine(s.language((8000, 400), prefix_cache_hit_fraction=0.75), model, batch=4)
    layer = 2 * 8 * 128
    assert engine.parts_gb["prefix_cache"][0] == pytest.approx(layer * (30 * 1000 + 2 * 6000) / 1e9)
    assert engine.parts_gb["kv_cache"][0] == pytest.approx(4 * layer * (30 * 1000 + 2 * 2400) / 1e9)
    many = s.language((8000, 400), prefix_cache_hit_fraction=0.75, prefix_cache_tokens=18_000)
    three = _engine(many, model, batch=4).parts_gb["prefix_cache"][0]
    assert three == pytest.approx(3 * engine.parts_gb["prefix_cache"][0])


def test_products_fall_by_the_hits_and_attention_by_less() -> None:
    """A quarter of 8,000 tokens is read: a quarter of the products, but of the scores 2,000 x 7,000 / (8,000 x 4,000),
    because every token looks at the whole context."""
    whole, part = (_engine(s.language((8000, 60), prefix_cache_hit_fraction=hit)) for hit in (0.0, 0.75))
    assert part.prompt.occupancy / whole.prompt.occupancy == pytest.approx(np.array([[0.25 + 7 / 16]]) / 2, abs=3 / 32)
    assert part.step.scores * 2000 / (whole.step.scores * 8000) == pytest.approx(np.full((1, 1), 7 / 16))
    assert np.all(part.step.cache == whole.step.cache)


def test_a_class_has_its_own_hits() -> None:
    mixed = s.language((4000, 100), (4000, 100), prefix_cache_hit_fraction=0.5)
    mixed = edited(mixed, classes=(mixed.classes[0], edited(mixed.classes[1], prefix_cache_hit_fraction=0.9)))
    rates = _serve(mixed).max_rate
    for c, hit in enumerate((0.5, 0.9)):
        # the batch, not the memory, bounds the sequences: the workspace is that of the longest prompt of all classes
        alone = _serve(s.language((4000, 100), prefix_cache_hit_fraction=hit)).max_rate
        assert rates[:, c] == pytest.approx(alone[:, 0])


def test_one_token_is_always_computed() -> None:
    everything, all_but_one = (s.language((500, 50), prefix_cache_hit_fraction=hit) for hit in (1.0, 0.998))
    assert _engine(everything).new == pytest.approx([1.0])
    assert _serve(everything).max_rate == pytest.approx(_serve(all_but_one).max_rate, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(50, 8000),
    st.integers(2, 1000),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.sampled_from([s.LLAMA_8B, s.LLAMA_70B, MLA]),
    st.booleans(),
    st.sampled_from([8, 64, 512]),
)
def test_more_hits_never_serve_less(
    prompt: int, output: int, one: float, other: float, model: ModelCard, is_bound: bool, batch: int
) -> None:
    few, many = sorted((one, other))
    slos = SLOS if is_bound else ()
    less, more = (
        _serve(s.language((prompt, output), slos=slos, prefix_cache_hit_fraction=hit), model, batch)
        for hit in (few, many)
    )
    assert np.all(more.saturation_rate >= less.saturation_rate * (1 - 1e-9))
    assert np.all(more.max_rate >= less.max_rate * (1 - 1e-6))
    assert np.all(more.memory_gb <= less.memory_gb + 1e-9) or np.any(more.saturation_rate > less.saturation_rate)
