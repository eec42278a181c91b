"""Dense rotary decoders: Llama, Mistral, Qwen, Gemma, Phi-3, GLM and what differs from them by biases and norms."""

from __future__ import annotations

from typing import Final

from gpufleet.library.importers.hf.attention import grouped
from gpufleet.library.importers.hf.feed_forward import dense
from gpufleet.library.importers.hf.style import AROUND_BOTH, BEFORE_BOTH, Style
from gpufleet.library.importers.hf.windows import all_but_every, every, upper

_LLAMA: Final = {
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
    "num_attention_heads": 32, "max_position_embeddings": 2048,
}  # fmt: skip
_MISTRAL: Final = {
    **_LLAMA, "intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072,
}  # fmt: skip
_QWEN: Final = {**_LLAMA, "vocab_size": 151936, "intermediate_size": 22016, "max_position_embeddings": 32768}
_GEMMA: Final = {
    "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256, "max_position_embeddings": 8192,
}  # fmt: skip
_GEMMA_2: Final = {
    "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
    "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 8192,
}  # fmt: skip
_GEMMA_3: Final = {**_GEMMA_2, "vocab_size": 262208, "max_position_embeddings": 131072}
_PHI_3: Final = {
    **_LLAMA, "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "max_position_embeddings": 4096,
}  # fmt: skip
_GLM: Final = {
    "vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 13696, "num_hidden_layers": 40,
    "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128, "max_position_embeddings": 131072,
}  # fmt: skip

_BIASES: Final = ("attention_bias", False)
_LLAMA_STYLE: Final = Style(grouped, dense, _LLAMA, qkv_bias=_BIASES, output_bias=_BIASES, mlp_bias=("mlp_bias", False))
_QWEN_2: Final = Style(
    grouped, dense, {**_QWEN, "num_key_value_heads": 32}, qkv_bias=True, windows=upper, window_default=4096
)
_QWEN_3: Final = Style(
    grouped, dense, {**_QWEN, "num_key_value_heads": 32, "head_dim": 128}, qkv_bias=_BIASES, output_bias=_BIASES,
    head_norms=True, windows=upper, window_default=4096,
)  # fmt: skip
_GLM_4_NORMS: Final = (*BEFORE_BOTH, "post_self_attn_layernorm", "post_mlp_layernorm")

STYLES: Final[dict[str, Style]] = {
    "llama": _LLAMA_STYLE,
    "granite": _LLAMA_STYLE,
    "mistral": Style(grouped, dense, _MISTRAL, windows=every, window_default=4096),
    "ministral": Style(grouped, dense, _MISTRAL, windows=every, window_default=4096),
    "ministral3": Style(grouped, dense, _MISTRAL, windows=every),
    "qwen2": _QWEN_2,
    "qwen2_vl": _QWEN_2,
    "qwen2_vl_text": _QWEN_2,
    "qwen2_5_vl": _QWEN_2,
    "qwen2_5_vl_text": _QWEN_2,
    "qwen3": _QWEN_3,
    "qwen3_vl_text": _QWEN_3,
    "gemma": Style(grouped, dense, _GEMMA, is_tied=True, qkv_bias=_BIASES, output_bias=_BIASES),
    "gemma2": Style(
        grouped, dense, _GEMMA_2, is_tied=True, qkv_bias=_BIASES, output_bias=_BIASES, norms=AROUND_BOTH,
        windows=all_but_every(2), window_default=4096,
    ),
    "gemma3_text": Style(
        grouped, dense, _GEMMA_3, is_tied=True, qkv_bias=_BIASES, output_bias=_BIASES, norms=AROUND_BOTH,
        head_norms=True, windows=all_but_every(6, "sliding_window_pattern", "_sliding_window_pattern"),
        window_default=4096,
    ),
    "phi3": Style(grouped, dense, _PHI_3, fused=True, windows=every),
    "glm": Style(grouped, dense, _GLM, qkv_bias=("attention_bias", True), fused=True),
    "glm4": Style(grouped, dense, _GLM, qkv_bias=("attention_bias", False), norms=_GLM_4_NORMS),
    "olmo2": Style(
        grouped, dense, _LLAMA, qkv_bias=_BIASES, output_bias=_BIASES, wide_norms=True,
        norms=("post_attention_layernorm", "post_feedforward_layernorm"),
    ),
    "starcoder2": Style(
        grouped, dense, {**_LLAMA, "num_key_value_heads": 2}, is_tied=True, qkv_bias=("use_bias", True),
        output_bias=("use_bias", True), mlp_bias=("use_bias", True), gated=False, mlp_names=("c_fc", "c_proj"),
        norm_bias=True, windows=every,
    ),
}  # fmt: skip
"""By `model_type`."""
