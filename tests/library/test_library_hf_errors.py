"""What the importer does not know is an error that names it, and nothing is guessed."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest
from hf_samples import CONFIGS, rotary, write

from gpufleet.errors import InputError
from gpufleet.library import Wishes, import_hf_config
from gpufleet.library.importers.hf.keys import changes_shapes, is_harmless
from gpufleet.library.importers.hf.registry import known_types

if TYPE_CHECKING:
    from pathlib import Path

LLAMA = CONFIGS["llama-3.1-8b"]
HYBRID = rotary("qwen3_next", (2048, 5120, 4, 16, 2, 151936), layer_types=["linear_attention"] * 3 + ["full_attention"])
NEMOTRON = rotary("nemotron_h", (2688, 1856, 4, 32, 2, 131072), hybrid_override_pattern="MEM*", ssm_state_size=128)


def problems(folder: Path, config: dict[str, Any], wishes: Wishes | None = None) -> str:
    with pytest.raises(InputError) as error:
        import_hf_config(write(folder, config), wishes=wishes)
    return str(error.value)


UNKNOWN: list[tuple[dict[str, Any], list[str]]] = [
    (HYBRID, ["model_type: 'qwen3_next' is not known", "recurrent or other layers: linear_attention", "by hand"]),
    (
        NEMOTRON,
        ["'nemotron_h' is not known", "hybrid_override_pattern, ssm_state_size", "write the model card by hand"],
    ),
    ({"model_type": "qwen3_5", "text_config": HYBRID}, ["'qwen3_5' is not known", "layers: linear_attention"]),
    (rotary("mamba", (1, 1, 1, 1, 1, 1), state_size=16, conv_kernel=4), ["'mamba' is not known", "conv_kernel"]),
    ({**LLAMA, "model_type": "lama"}, ["'lama' is not known to the importer; did you mean llama?; known: RefinedWeb"]),
    ({"hidden_size": 8}, ["model_type: missing", "is this the config.json of a model?"]),
    ({"model_type": ["llama"]}, ["model_type: missing"]),
    ({**LLAMA, "layer_types": ["full_attention"] * 31 + ["gated_delta"]}, ["layer_types: 'gated_delta' is not known"]),
    ({**LLAMA, "layer_types": ["full_attention"] * 3}, ["layer_types: must have one entry per layer: 32, got 3"]),
    ({**LLAMA, "mamba_d_state": 16}, ["mamba_d_state: is not known to the importer here (16)", "--ignore-key mamba_d"]),
    ({**LLAMA, "num_experts": 8}, ["num_experts: is not known to the importer here (8)"]),
    ({**LLAMA, "sliding_window": 4096}, ["sliding_window: is 4096, but models of this type have no windows here"]),
    ({**LLAMA, "add_cross_attention": True}, ["add_cross_attention: is true: cross-attention is not known"]),
    ({**LLAMA, "torch_dtype": "int8"}, ["torch_dtype: 'int8' is not known here; known: bfloat16, float16, float32"]),
    ({**LLAMA, "num_key_value_heads": 5}, ["num_key_value_heads: 5 does not divide num_attention_heads 32"]),
    ({**LLAMA, "num_attention_heads": 24}, ["hidden_size: 4096 is no multiple of num_attention_heads 24"]),
    ({**LLAMA, "num_hidden_layers": 10**9}, ["num_hidden_layers: must be a whole number from 1 to 4096"]),
    ({**CONFIGS["mixtral-8x7b"], "num_experts_per_tok": 9}, ["num_experts_per_tok: is 9, but num_local_experts is 8"]),
    ({**CONFIGS["kimi-k2"], "qk_head_dim": 256}, ["qk_head_dim: expected 192; got the number 256"]),
    (
        {**CONFIGS["glm-5"], "index_topk_pattern": "FX"},
        ["index_topk_pattern: expected 78 letters F (full) or S (shared)"],
    ),
    ({**CONFIGS["bge-m3"], "position_embedding_type": "relative_key"}, ["position_embedding_type: expected absolute"]),
    ({**CONFIGS["bge-m3"], "architectures": ["XForMultipleChoice"]}, ["architectures: XForMultipleChoice has a head"]),
    ({"model_type": "gemma3"}, ["text_config: expected the sizes of the language model, got nothing"]),
    (
        {
            "model_type": "gemma4",
            "text_config": {**CONFIGS["gemma-4-26b-a4b"]["text_config"], "num_kv_shared_layers": 20},
        },
        ["text_config.num_kv_shared_layers: is 20: caches shared by layers", "write the model card by hand"],
    ),
]


@pytest.mark.parametrize(("config", "messages"), UNKNOWN)
def test_what_is_not_known_is_named(tmp_path: Path, config: dict[str, Any], messages: list[str]) -> None:
    text = problems(tmp_path, config)
    assert not [message for message in messages if message not in text], text


def test_all_problems_at_once_with_their_lines(tmp_path: Path) -> None:
    config = {**LLAMA, "hidden_size": -4096, "num_hidden_layers": 32.5, "num_attention_heads": "32", "mlp_bias": 1}
    del config["vocab_size"]
    lines = problems(tmp_path, config).splitlines()
    path = tmp_path / "config.json"
    assert lines == [
        f"{path}:1: vocab_size: missing: no vocab_size; add it, or write the model card by hand (ModelCard in "
        "docs/instance-format.md)",
        f"{path}:3: hidden_size: must be a whole number from 1 to 1000000000, got -4096; correct it",
        f"{path}:5: num_hidden_layers: expected a whole number, got the number 32.5; correct it",
        f"{path}:6: num_attention_heads: expected a whole number, got the text '32'; correct it",
        f"{path}:11: mlp_bias: expected true or false, got the number 1; correct it",
    ]


def test_malformed_files_are_input_errors(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    for text in ('{"model_type": "llama",', "[1, 2]", "", "\x00"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"config\.json"):
            import_hf_config(path)


def test_a_key_can_be_declared_harmless_and_must_be_there(tmp_path: Path) -> None:
    config = {**LLAMA, "my_layer_names": "abc"}
    assert "my_layer_names: is not known" in problems(tmp_path, config)
    card = import_hf_config(write(tmp_path, config), wishes=Wishes(ignored=frozenset({"my_layer_names"})))
    assert card.parameters == 8_030_261_248
    assert "no key 'my_layers' to ignore" in problems(tmp_path, LLAMA, Wishes(ignored=frozenset({"my_layers"})))


def test_keys_whose_names_promise_nothing_are_listed_in_the_note(tmp_path: Path) -> None:
    card = import_hf_config(write(tmp_path, {**LLAMA, "favourite_colour": "red", "other_flag": False}))
    assert card.note is not None
    assert "Keys that were not looked at: favourite_colour." in card.note


def test_sequence_tokens_are_for_encoders(tmp_path: Path) -> None:
    assert "sequence_tokens is for encoders" in problems(tmp_path, LLAMA, Wishes(sequence_tokens=5))


@pytest.mark.parametrize(
    "key", ["mamba_expand", "ssm_cfg", "num_memory_layers", "conv_bias", "attn_type", "lora_rank", "linear_head_dim"]
)
def test_new_kinds_of_layers_are_not_overlooked(key: str) -> None:
    assert changes_shapes(key)
    assert not is_harmless(key)


def test_every_known_type_is_named_once() -> None:
    assert len(known_types()) == len(set(known_types()))
    assert {"llama", "gemma3", "deepseek_v3", "bert"} <= set(known_types())


def outcome(path: Path) -> float:
    """Parameters of the card, or the number of problems."""
    try:
        return import_hf_config(path).parameters
    except InputError as error:
        return len(error.problems)


STRANGE: list[Any] = [None, -1, 0, 1.5, "x", [], {}, True, 10**12, [1], {"a": 1}, 3]


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_strange_values_give_a_card_or_an_input_error(tmp_path: Path, name: str) -> None:
    """Every key of every sample, missing or with a strange value: never another exception."""
    draw = random.Random(name)
    for key in CONFIGS[name].get("text_config", CONFIGS[name]):
        config = copy.deepcopy(CONFIGS[name])
        section = config.get("text_config", config)
        for layers in ("num_hidden_layers", "n_layer", "num_layers", "n_layers"):
            section.update({layers: 3} if layers in section else {})
        section.pop(key) if draw.random() < 0.2 else section.update({key: draw.choice(STRANGE)})
        assert outcome(write(tmp_path, config)) > 0
