"""Mixtures of experts with grouped attention: Mixtral, Qwen, gpt-oss, Llama 4, GLM-4.5, DeepSeek-MoE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.hf.attention import grouped
from gpufleet.library.importers.hf.feed_forward import mixture
from gpufleet.library.importers.hf.style import Experts, Shape, Style
from gpufleet.library.importers.hf.windows import all_but_every, every, rotary_layers, upper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.library.importers.hf.config import Config

_BIASES: Final = ("attention_bias", False)


def after_dense(first: int) -> Callable[[Config, int], list[bool]]:
    """Layers from `first_k_dense_replace` on (and every `moe_layer_freq`-th) are MoE."""

    def sparse(config: Config, layers: int) -> list[bool]:
        start = config.count("first_k_dense_replace", default=first, least=0)
        period = config.count("moe_layer_freq", default=1)
        kinds = config.words("mlp_layer_types", ("dense", "sparse"), layers)
        if kinds is not None:
            return [kind == "sparse" for kind in kinds]
        return [layer >= start and layer % period == 0 for layer in range(layers)]

    return sparse


def by_step(config: Config, layers: int) -> list[bool]:
    """Every `decoder_sparse_step`-th layer but those in `mlp_only_layers` is MoE (Qwen)."""
    period = config.count("decoder_sparse_step", default=1)
    dense = set(config.indices("mlp_only_layers") or [])
    return [layer not in dense and (layer + 1) % period == 0 for layer in range(layers)]


def by_interleave(config: Config, layers: int) -> list[bool]:
    """`moe_layers`, or every `interleave_moe_layer_step`-th layer (Llama 4)."""
    period = config.count("interleave_moe_layer_step", default=1)
    stated = config.indices("moe_layers")
    chosen = set(range(period - 1, layers, period) if stated is None else stated)
    return [layer in chosen for layer in range(layers)]


def shared_by_count(default: int) -> Callable[[Config, int], int]:
    """Shared experts are one of `n_shared_experts` times the width."""

    def width(config: Config, routed: int) -> int:
        return config.count("n_shared_experts", default=default, least=0) * routed

    return width


def has_correction(config: Config) -> bool:
    """DeepSeek's router without auxiliary loss has a bias per expert."""
    config.given(["topk_method"])
    return bool(config.values.get("topk_method", "noaux_tc") == "noaux_tc")


def _chunk_remarks(_config: Config, _style: Style, shape: Shape) -> Iterator[str]:
    if any(shape.windowed):
        yield (
            f"{sum(shape.windowed)} of {shape.layers} layers attend within chunks of {shape.window} tokens: entered as "
            "a window of that size, an upper bound on what a chunk keeps."
        )


_COUNT: Final = ("num_experts", "num_local_experts", "n_routed_experts")
_QWEN_2_MOE: Final = {
    "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24,
    "num_attention_heads": 16, "num_key_value_heads": 16, "max_position_embeddings": 32768,
}  # fmt: skip
_QWEN_3_MOE: Final = {
    **_QWEN_2_MOE, "intermediate_size": 6144, "num_attention_heads": 32, "num_key_value_heads": 4,
}  # fmt: skip
_QWEN_3_STYLE: Final = Style(
    grouped, mixture, _QWEN_3_MOE, qkv_bias=_BIASES, output_bias=_BIASES, head_norms=True, windows=upper,
    window_default=4096, harmless=("use_qk_norm", "qkv_bias"),
    experts=Experts(
        _COUNT, ("num_experts_per_tok",), sparse=by_step, count_default=128, per_token_default=8, width_default=768
    ),
)  # fmt: skip

STYLES: Final[dict[str, Style]] = {
    "mixtral": Style(
        grouped, mixture, {"num_key_value_heads": 8, "max_position_embeddings": 131072}, windows=every,
        experts=Experts(
            ("num_local_experts",), ("num_experts_per_tok",), width="intermediate_size", count_default=8,
            per_token_default=2, module="block_sparse_moe", names=("w1", "w3", "w2"),
        ),
    ),
    "qwen2_moe": Style(
        grouped, mixture, _QWEN_2_MOE, qkv_bias=("qkv_bias", True), windows=upper, window_default=4096,
        experts=Experts(
            _COUNT, ("num_experts_per_tok",), sparse=by_step, count_default=60, per_token_default=4,
            width_default=1408, shared="shared_expert", shared_gate=True,
            shared_width=lambda config, _: config.count("shared_expert_intermediate_size", default=5632),
        ),
    ),
    "qwen3_moe": _QWEN_3_STYLE,
    "qwen3_vl_moe_text": _QWEN_3_STYLE,
    "gpt_oss": Style(
        grouped, mixture, {"num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072},
        qkv_bias=("attention_bias", True), output_bias=("attention_bias", True), sinks=True, windows=all_but_every(2),
        window_default=128,
        experts=Experts(
            ("num_local_experts",), ("num_experts_per_tok", "experts_per_token"), width="intermediate_size",
            router="router", router_bias=True, names=("gate_up_proj", "down_proj"), bias=True,
        ),
    ),
    "llama4_text": Style(
        grouped, mixture, {"num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072},
        qkv_bias=_BIASES, output_bias=_BIASES, windows=rotary_layers, window="attention_chunk_size",
        window_default=8192, mlp_module="feed_forward", dense_width="intermediate_size_mlp", remarks=_chunk_remarks,
        harmless=("use_qk_norm", "for_llm_compressor"),
        experts=Experts(
            ("num_local_experts",), ("num_experts_per_tok",), width="intermediate_size", sparse=by_interleave,
            count_default=16, per_token_default=1, module="feed_forward", router="router",
            names=("gate_up_proj", "down_proj"), shared="shared_expert", shared_width=lambda _, width: width,
        ),
    ),
    "glm4_moe": Style(
        grouped, mixture, {"num_key_value_heads": 8, "max_position_embeddings": 131072}, qkv_bias=_BIASES,
        head_norms=("use_qk_norm", False),
        experts=Experts(
            ("n_routed_experts",), ("num_experts_per_tok",), sparse=after_dense(1), count_default=128,
            per_token_default=8, correction_bias=lambda _: True, shared_width=shared_by_count(1), width_default=1408,
        ),
    ),
    "deepseek": Style(
        grouped, mixture, {"max_position_embeddings": 2048}, qkv_bias=_BIASES, output_bias=_BIASES,
        experts=Experts(
            ("n_routed_experts",), ("num_experts_per_tok",), sparse=after_dense(0), shared_width=shared_by_count(0),
        ),
    ),
}  # fmt: skip
"""By `model_type`."""
