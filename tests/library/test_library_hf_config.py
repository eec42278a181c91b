"""Configs of Hugging Face repositories become model cards whose parameters are those that are published."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hf_samples import BUNDLED, CONFIGS, PUBLISHED, write

from gpufleet.library import Wishes, import_hf_config, load_model_card, write_model_card
from gpufleet.library.findings import Findings
from gpufleet.library.importers.hf.registry import measure, section
from gpufleet.performance.memory import kv_numbers
from gpufleet.schema.models import Decoder, Encoder, ModelCard

if TYPE_CHECKING:
    from pathlib import Path


def imported(folder: Path, name: str, **changes: Any) -> ModelCard:
    config = CONFIGS[name]
    inner = {**config["text_config"], **changes} if "text_config" in config else None
    return import_hf_config(write(folder, {**config, "text_config": inner} if inner else {**config, **changes}))


def decoder(card: ModelCard) -> Decoder:
    assert isinstance(card.architecture, Decoder)
    return card.architecture


def cached_numbers(card: ModelCard, tokens: float) -> float:
    shape = decoder(card)
    return float(kv_numbers(shape.attention, shape.layers, np.array([tokens]), np.array([1.0]))[0])


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_exactly_the_published_ones(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, name).parameters == PUBLISHED[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("glm-4.5", 358_337_791_296), ("glm-4.5-air", 110_468_824_832), ("glm-4.7-flash", 31_221_488_576)],
)
def test_repositories_that_store_the_layer_for_multi_token_prediction(name: str, expected: int) -> None:
    findings = Findings(name)
    network = measure(section(CONFIGS[name], findings))
    assert not findings.problems
    assert network is not None
    assert network.parameters + network.left_out + network.copies_left_out == expected


def test_the_stored_numbers_of_deepseek_v3_include_scales_and_the_layer_that_is_left_out() -> None:
    """The model page counts 684.53e9: every matrix of a block also has an FP32 scale per 128 x 128 weights."""
    network = measure(section(CONFIGS["deepseek-v3"], Findings("deepseek-v3")))
    assert network is not None
    stored = network.parameters + network.left_out + network.copies_left_out
    assert stored == 684_489_845_504
    assert stored * (1 + 1 / 128**2) == pytest.approx(684_531_386_000, rel=1e-5)


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_card_of_the_same_model_says_the_same(tmp_path: Path, root: Path, name: str) -> None:
    mine, bundled = imported(tmp_path, name), load_model_card(root / "models" / f"{name}.yaml")
    assert mine.parameters == bundled.parameters
    assert mine.active_parameters == bundled.active_parameters
    if isinstance(bundled.architecture, Encoder):
        assert (mine.architecture.kind, mine.architecture.layers) == ("encoder", bundled.architecture.layers)  # type: ignore[union-attr]
    else:
        assert mine.architecture == bundled.architecture


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("llama-3.1-8b", 2 * 8 * 128 * 32),
        ("gpt-j-6b", 2 * 4096 * 28),
        ("falcon-7b", 2 * 64 * 32),
        ("deepseek-v2-lite", (512 + 64) * 27),
        ("kimi-k2", (512 + 64) * 61),
        ("glm-4-9b-chat", 2 * 2 * 128 * 40),
        ("phi-4-mini", 2 * 8 * 128 * 32),
    ],
)
def test_numbers_cached_per_token(tmp_path: Path, name: str, expected: int) -> None:
    assert cached_numbers(imported(tmp_path, name), 1.0) == expected


@pytest.mark.parametrize(
    ("name", "per_layer", "windowed", "window", "full"),
    [
        ("mistral-7b", 2 * 8 * 128, 32, 4096, 0),
        ("gemma-2-9b", 2 * 8 * 256, 21, 4096, 21),
        ("gemma-3-1b", 2 * 1 * 256, 22, 512, 4),
        ("gemma-3-27b", 2 * 16 * 128, 52, 1024, 10),
        ("gpt-oss-20b", 2 * 8 * 64, 12, 128, 12),
        ("llama-4-scout", 2 * 8 * 128, 36, 8192, 12),
    ],
)
def test_layers_with_a_window_cache_no_more_than_it(
    tmp_path: Path, name: str, per_layer: int, windowed: int, window: int, full: int
) -> None:
    tokens = 20_000
    expected = per_layer * (windowed * window + full * tokens)
    assert cached_numbers(imported(tmp_path, name), float(tokens)) == expected


def test_full_layers_of_gemma_4_have_heads_of_their_own(tmp_path: Path) -> None:
    card = imported(tmp_path, "gemma-4-26b-a4b")
    assert cached_numbers(card, 2000.0) == 2 * (8 * 256 * 1024 * 25 + 2 * 512 * 2000 * 5)
    assert card.note is not None
    assert "vision_config and what joins them to it are left out" in card.note


@pytest.mark.parametrize(
    ("name", "head"),
    [("llama-3.2-1b", 2048 * 128256), ("gemma-2b", 2048 * 256000), ("gpt2", 768 * 50257), ("opt-350m", 512 * 50272)],
)
def test_an_untied_head_is_one_more_table(tmp_path: Path, name: str, head: int) -> None:
    tied, untied = (imported(tmp_path, name, tie_word_embeddings=flag) for flag in (True, False))
    assert untied.parameters - tied.parameters == head


def test_dense_layers_and_the_shared_expert_are_no_routed_experts(tmp_path: Path) -> None:
    card = imported(tmp_path, "deepseek-v3")
    expert = 3 * 7168 * 2048
    assert decoder(card).expert_parameters == 58 * 256 * expert
    assert card.active_parameters == card.parameters - 58 * 248 * expert


@pytest.mark.parametrize(
    ("name", "changes", "difference"),
    [
        ("llama-3.1-8b", {"attention_bias": True}, 32 * (4096 + 1024 + 1024 + 4096)),
        ("llama-3.1-8b", {"mlp_bias": True}, 32 * (14336 + 14336 + 4096)),
        ("glm-4.5-air", {"use_qk_norm": True}, 46 * 2 * 128),
        ("falcon-40b", {"num_ln_in_parallel_attn": 1}, -60 * 2 * 8192),
        ("deepseek-v2", {"n_shared_experts": 1}, -59 * 3 * 5120 * 1536),
        ("qwen3-30b-a3b", {"mlp_only_layers": [0]}, 3 * 2048 * 6144 - 128 * 3 * 2048 * 768 - 128 * 2048),
        ("glm-5", {"index_topk_freq": 2}, -38 * (2048 * 4096 + 6144 * 128 + 256 + 6144 * 32)),
        ("glm-5", {"index_topk_pattern": "F" + "S" * 77}, -77 * (2048 * 4096 + 6144 * 128 + 256 + 6144 * 32)),
        ("glm-5", {"indexer_types": ["full"] * 70 + ["shared"] * 8}, -8 * (2048 * 4096 + 6144 * 128 + 256 + 6144 * 32)),
        ("glm-5", {"mlp_layer_types": ["dense"] * 3 + ["sparse"] * 75}, 0),
        ("phi-2", {"qk_layernorm": True}, 32 * 4 * 80),
    ],
)
def test_keys_that_change_shapes(tmp_path: Path, name: str, changes: dict[str, Any], difference: int) -> None:
    assert imported(tmp_path, name, **changes).parameters - imported(tmp_path, name).parameters == difference


def test_stated_layer_types_win_over_the_rule_of_the_family(tmp_path: Path) -> None:
    kinds = ["full_attention"] * 20 + ["sliding_attention"] * 22
    assert decoder(imported(tmp_path, "gemma-2-9b", layer_types=kinds)).attention.sliding_layers == 22


def test_the_source_is_the_repository_where_a_name_says_it(tmp_path: Path) -> None:
    def origin(name: str, **more: Any) -> tuple[str, str]:
        card = import_hf_config(write(tmp_path, {**CONFIGS["qwen3-8b"], **more}, name))
        return card.name, card.source.partition(";")[0]

    assert origin("Qwen--Qwen3-8B_config.json") == ("qwen3-8b", "Qwen/Qwen3-8B config.json (Hugging Face)")
    stated = origin("config.json", _name_or_path="Qwen/Qwen3-8B-Base")
    assert stated == ("qwen3-8b-base", "Qwen/Qwen3-8B-Base config.json (Hugging Face)")
    assert origin("config.json", _name_or_path="/data/checkpoints/Qwen/x") == ("qwen3-8.19b", "config.json")


def test_wishes_go_into_the_card_and_the_card_can_be_read_again(tmp_path: Path) -> None:
    wishes = Wishes("mine", "internal/mine", datetime.date(2026, 2, 1), sequence_tokens=128)
    card = import_hf_config(write(tmp_path, CONFIGS["bge-m3"]), wishes=wishes)
    assert (card.name, card.source, str(card.as_of)) == ("mine", "internal/mine", "2026-02-01")
    assert isinstance(card.architecture, Encoder)
    assert card.architecture.sequence_tokens == 128
    write_model_card(card, tmp_path / "card.yaml")
    assert load_model_card(tmp_path / "card.yaml") == card


def test_an_encoder_reads_what_its_positions_allow(tmp_path: Path) -> None:
    card = imported(tmp_path, "bge-m3")
    assert isinstance(card.architecture, Encoder)
    assert card.architecture.sequence_tokens == 8192
