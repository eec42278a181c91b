"""Quantised checkpoints become variants whose stored size is that of the checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hf_samples import CONFIGS, write

from gpufleet.errors import InputError
from gpufleet.library import import_hf_config
from gpufleet.library.findings import Findings
from gpufleet.library.importers.hf.quantisation import read_scheme
from gpufleet.library.importers.hf.registry import measure, section
from gpufleet.library.importers.hf.scheme import matches

if TYPE_CHECKING:
    from pathlib import Path

    from gpufleet.schema.models import ModelCard, Variant

LLAMA = 8_030_261_248
BLOCKS = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
"""Weights in the matrices of Llama 3.1 8B's blocks."""
OUTPUTS = 32 * (4096 + 1024 + 1024 + 4096 + 14336 + 14336 + 4096)
INPUTS = 32 * (4 * 4096 + 2 * 4096 + 14336)
HEAD = 4096 * 128256


def quantised(folder: Path, values: dict[str, Any], name: str = "llama-3.1-8b", **more: Any) -> ModelCard:
    return import_hf_config(write(folder, {**CONFIGS[name], "quantization_config": values, **more}))


def last(card: ModelCard) -> Variant:
    return card.variants[-1]


def compressed(weights: dict[str, Any], activations: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    group = {"targets": ["Linear"], "weights": weights, "input_activations": activations}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": group}, "ignore": ["lm_head"], **more}


def bits(stored_blocks: float, plain: int = LLAMA - BLOCKS) -> float:
    """Effective bits of Llama 3.1 8B whose blocks take so many bits, the rest 16 each."""
    return (stored_blocks + 16 * plain) / LLAMA


FLOAT_8 = {"num_bits": 8, "type": "float", "strategy": "channel"}
SCHEMES: list[tuple[dict[str, Any], str, str, str | None, float]] = [
    ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, "int4-awq", "int4", "bf16",
     bits(BLOCKS * (4 + 20 / 128))),
    ({"quant_method": "awq", "w_bit": 4, "q_group_size": 64, "zero_point": False}, "int4-awq", "int4", "bf16",
     bits(BLOCKS * (4 + 16 / 64))),
    ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "int4-gptq", "int4", "bf16",
     bits(BLOCKS * (4 + 20 / 128) + 32 * INPUTS)),
    ({"quant_method": "gptq", "bits": 8, "group_size": -1}, "int8-gptq", "int8", "bf16",
     bits(BLOCKS * 8 + 24 * OUTPUTS + 32 * INPUTS)),
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8", "fp8", None, bits(BLOCKS * (8 + 32 / 128**2))),
    ({"quant_method": "fbgemm_fp8"}, "fp8", "fp8", None, bits(BLOCKS * 8 + 32 * OUTPUTS)),
    (compressed(FLOAT_8, {"num_bits": 8, "type": "float"}), "fp8", "fp8", None, bits(BLOCKS * 8 + 32 * OUTPUTS)),
    (compressed({"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32}), "int4", "int4", "bf16",
     bits(BLOCKS * 4.5)),
    (compressed({"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16}, {"num_bits": 4}),
     "nvfp4", "fp4", None, bits(BLOCKS * 4.5 + 32 * 7 * 32)),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]}, "nvfp4", "fp4", None,
     bits(BLOCKS * 4.5 + 32 * 7 * 32)),
]  # fmt: skip


@pytest.mark.parametrize(("values", "name", "precision", "compute", "expected"), SCHEMES)
def test_effective_bits(
    tmp_path: Path, values: dict[str, Any], name: str, precision: str, compute: str | None, expected: float
) -> None:
    card = quantised(tmp_path, values)
    assert card.variants[0].name == "bf16"
    variant = last(card)
    assert (variant.name, variant.precision, variant.compute) == (name, precision, compute)
    assert variant.derived_from == "bf16"
    assert variant.method != "native"
    assert variant.kv_cache == "bf16"
    assert variant.bits_per_weight == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize(("name", "stored"), [("gpt-oss-20b", 13_761_264_768), ("gpt-oss-120b", 65_248_815_744)])
def test_mxfp4_takes_the_published_bytes(name: str, stored: int) -> None:
    """`total_size` of the repositories' index files; biases of the experts stay 16-bit."""
    findings = Findings(name)
    network = measure(section(CONFIGS[name], findings))
    scheme = read_scheme(CONFIGS[name]["quantization_config"], (), findings)
    assert network is not None
    assert scheme is not None
    assert sum(scheme.stored_bits(t) if scheme.covers(t) else 16 * t.parameters for t in network.tensors) == 8 * stored


@pytest.mark.parametrize("name", ["gpt-oss-20b", "gpt-oss-120b", "deepseek-v3", "kimi-k2"])
def test_models_published_in_a_quantised_form_say_what_the_bundled_cards_say(
    tmp_path: Path, root: Path, name: str
) -> None:
    card = import_hf_config(write(tmp_path, CONFIGS[name]))
    text = (root / "models" / f"{name}.yaml").read_text()
    first, plain = card.variants
    assert f"weight_bits: {first.bits_per_weight:.3f}".rstrip("0") in text
    assert (first.method, first.derived_from, plain.derived_from) == ("native", None, first.name)
    assert first.kv_cache == "bf16"


def test_kv_cache_and_modules_left_out_come_from_the_separate_file(tmp_path: Path) -> None:
    values = {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head", "model.layers.0.*"]}
    extra = write(tmp_path, {"producer": {"name": "modelopt"}, "quantization": values}, "hf_quant_config.json")
    variant = last(import_hf_config(write(tmp_path, CONFIGS["llama-3.1-8b"]), extra))
    kept = LLAMA - BLOCKS * 31 // 32
    assert (variant.name, variant.kv_cache) == ("fp8", "fp8")
    expected = (BLOCKS * 31 // 32 * 8 + 31 * 7 * 32 + 16 * kept) / LLAMA
    assert variant.bits_per_weight == pytest.approx(expected, abs=6e-7)


def test_a_head_that_is_not_left_out_is_quantised_and_a_tied_one_is_not(tmp_path: Path) -> None:
    values = compressed(FLOAT_8, {"num_bits": 8}, ignore=[], kv_cache_scheme={"num_bits": 8, "type": "float"})
    variant = last(quantised(tmp_path, values))
    expected = bits((BLOCKS + HEAD) * 8 + 32 * (OUTPUTS + 128256), LLAMA - BLOCKS - HEAD)
    assert variant.bits_per_weight == pytest.approx(expected, abs=6e-7)
    assert variant.kv_cache == "fp8"
    tied = {"name": "llama-3.2-1b", "torch_dtype": "float16"}
    one, other = (last(quantised(tmp_path, {**values, "ignore": ignore}, **tied)) for ignore in ([], ["lm_head"]))
    assert one.bits_per_weight == other.bits_per_weight


@pytest.mark.parametrize(
    ("pattern", "module", "expected"),
    [
        ("lm_head", "lm_head", True),
        ("gate", "model.layers.3.block_sparse_moe.gate", True),
        ("gate", "model.layers.3.mlp.gate_proj", False),
        ("model.layers.1", "model.layers.11.mlp.up_proj", False),
        ("model.layers.*.self_attn", "model.layers.7.self_attn.q_proj", True),
        ("model.layers.*.self_attn", "model.layers.7.mlp.up_proj", False),
        ("re:.*self_attn.*", "model.layers.7.self_attn.q_proj", True),
        ("re:.*lm_head", "model.layers.7.self_attn.q_proj", False),
        ("language_model.lm_head", "lm_head", True),
        ("model.language_model.layers.0.mlp.down_proj", "model.layers.0.mlp.down_proj", True),
    ],
)
def test_patterns_of_modules(pattern: str, module: str, *, expected: bool) -> None:
    assert matches(pattern, module) is expected


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"quant_method": "bitsandbytes"}, "quant_method: 'bitsandbytes' is not known here; known: fp8, mxfp4, awq, gptq"),
    ({"bits": 4}, "quant_method: missing; known: fp8"),
    ({"quant_method": "gptq", "bits": 3}, r"bits: expected one of 4, 8; got the number 3; .* write the model card"),
    ({"quant_method": "gptq", "bits": 4, "group_size": 0}, "group_size: expected a whole number from 1, got 0"),
    ({"quant_method": "fp8", "weight_block_size": [128]}, "weight_block_size: expected two whole numbers from 1"),
    (
        {"quant_method": "compressed-tensors", "config_groups": {"a": {}, "b": {}}},
        "expected one group with its weights",
    ),
    (compressed({"num_bits": 2, "type": "int"}), "num_bits: int 2 is not known here; known: float 8"),
    (compressed({"num_bits": 8, "strategy": "token"}), "strategy: expected one of tensor, channel"),
    (compressed(FLOAT_8, ignore=["re:("]), r"ignore: 're:\(' is no regular expression"),
    (compressed(FLOAT_8, ignore="lm_head"), "ignore: expected a list of module names, got 'lm_head'"),
    ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}, "quant_algo: expected one of FP8"),
    (
        {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "NVFP4"},
        "kv_cache_quant_algo: expected",
    ),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_what_is_not_known_is_an_error(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        quantised(tmp_path, values)


def test_a_separate_file_that_is_something_else_is_an_error_with_its_name(tmp_path: Path) -> None:
    extra = tmp_path / "hf_quant_config.json"
    extra.write_text(json.dumps({"quant_method": "fp8"}))
    with pytest.raises(InputError, match=r"hf_quant_config\.json.*quantization: missing: this is no hf_quant_config"):
        import_hf_config(write(tmp_path, CONFIGS["llama-3.1-8b"]), extra)
