"""Shapes of public models as their `config.json` states them (the keys that matter), and their published totals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

Config = dict[str, Any]


def rotary(kind: str, sizes: tuple[int, ...], **more: Any) -> Config:
    """Hidden size, feed-forward size, layers, heads, key/value heads, vocabulary."""
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    return {"model_type": kind, **dict(zip((*keys, "vocab_size"), sizes, strict=True)), **more}


def latent(kind: str, sizes: tuple[int, ...], **more: Any) -> Config:
    """A decoder with latent attention of the usual dimensions."""
    dims = {"kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}
    return rotary(kind, sizes, **dims, **more)


def encoder(kind: str, sizes: tuple[int, ...], task: str, **more: Any) -> Config:
    """Hidden size, feed-forward size, layers, heads, vocabulary."""
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    return {"model_type": kind, **dict(zip(keys, sizes, strict=True)), "architectures": [task], **more}


_DEEPSEEK: Final = {
    "q_lora_rank": 1536, "moe_intermediate_size": 2048, "n_shared_experts": 1, "num_experts_per_tok": 8,
    "moe_layer_freq": 1, "topk_method": "noaux_tc", "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
FP8_BLOCKS: Final = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}
MXFP4: Final = {
    "quant_method": "mxfp4",
    "modules_to_not_convert": [
        "model.layers.*.self_attn",
        "model.layers.*.mlp.router",
        "model.embed_tokens",
        "lm_head",
    ],
}
_GPT_OSS: Final = {
    "head_dim": 64, "attention_bias": True, "num_experts_per_tok": 4, "sliding_window": 128,
    "max_position_embeddings": 131072, "quantization_config": MXFP4, "tie_word_embeddings": False,
}  # fmt: skip
_QWEN_3: Final = {
    "head_dim": 128, "max_position_embeddings": 40960, "attention_bias": False, "sliding_window": None,
    "use_sliding_window": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
_QWEN_3_MOE: Final = {
    **_QWEN_3, "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "norm_topk_prob": True,
}  # fmt: skip
_LLAMA_3: Final = {"max_position_embeddings": 131072, "tie_word_embeddings": False, "torch_dtype": "bfloat16"}
_GLM_45: Final = {
    "head_dim": 128, "attention_bias": True, "n_shared_experts": 1, "num_experts_per_tok": 8,
    "num_nextn_predict_layers": 1, "tie_word_embeddings": False,
}  # fmt: skip
_XLM: Final = {"max_position_embeddings": 8194, "type_vocab_size": 1, "pad_token_id": 1}

CONFIGS: Final[dict[str, Config]] = {
    "llama-2-7b": rotary("llama", (4096, 11008, 32, 32, 32, 32000)),
    "llama-3.2-1b": rotary("llama", (2048, 8192, 16, 32, 8, 128256), tie_word_embeddings=True, head_dim=64),
    "llama-3.1-8b": rotary("llama", (4096, 14336, 32, 32, 8, 128256), **_LLAMA_3),
    "llama-3.1-70b": rotary("llama", (8192, 28672, 80, 64, 8, 128256), **_LLAMA_3),
    "llama-3.1-405b": rotary("llama", (16384, 53248, 126, 128, 8, 128256), **_LLAMA_3),
    "llama-2-70b": rotary("llama", (8192, 28672, 80, 64, 8, 32000), max_position_embeddings=4096),
    "mistral-7b": rotary(
        "mistral", (4096, 14336, 32, 32, 8, 32000), sliding_window=4096, max_position_embeddings=32768
    ),
    "mistral-nemo": rotary(
        "mistral", (5120, 14336, 40, 32, 8, 131072), head_dim=128, sliding_window=None, max_position_embeddings=131072
    ),
    "mistral-small-24b": rotary("mistral", (5120, 32768, 40, 32, 8, 131072), head_dim=128, sliding_window=None),
    "mixtral-8x7b": rotary(
        "mixtral", (4096, 14336, 32, 32, 8, 32000), num_local_experts=8, num_experts_per_tok=2, sliding_window=None,
        max_position_embeddings=32768,
    ),
    "mixtral-8x22b": rotary(
        "mixtral", (6144, 16384, 56, 48, 8, 32000), num_local_experts=8, num_experts_per_tok=2, sliding_window=None,
        max_position_embeddings=65536,
    ),
    "qwen2.5-7b": rotary("qwen2", (3584, 18944, 28, 28, 4, 152064), use_sliding_window=False, sliding_window=131072),
    "qwen2.5-0.5b": rotary("qwen2", (896, 4864, 24, 14, 2, 151936), tie_word_embeddings=True),
    "qwen3-0.6b": rotary("qwen3", (1024, 3072, 28, 16, 8, 151936), **{**_QWEN_3, "tie_word_embeddings": True}),
    "qwen3-8b": rotary("qwen3", (4096, 12288, 36, 32, 8, 151936), **_QWEN_3),
    "qwen3-32b": rotary("qwen3", (5120, 25600, 64, 64, 8, 151936), **_QWEN_3),
    "qwen3-30b-a3b": rotary("qwen3_moe", (2048, 6144, 48, 32, 4, 151936), moe_intermediate_size=768, **_QWEN_3_MOE),
    "qwen3-235b-a22b": rotary(
        "qwen3_moe", (4096, 12288, 94, 64, 4, 151936), moe_intermediate_size=1536, **_QWEN_3_MOE
    ),
    "qwen3-coder-480b-a35b": rotary(
        "qwen3_moe", (6144, 8192, 62, 96, 8, 151936), moe_intermediate_size=2560, head_dim=128, num_experts=160,
        num_experts_per_tok=8, use_qk_norm=True, shared_expert_intermediate_size=0, qkv_bias=False,
    ),
    "qwen1.5-moe-a2.7b": rotary(
        "qwen2_moe", (2048, 5632, 24, 16, 16, 151936), num_experts=60, num_experts_per_tok=4,
        moe_intermediate_size=1408, shared_expert_intermediate_size=5632,
    ),
    "gpt-oss-20b": rotary("gpt_oss", (2880, 2880, 24, 64, 8, 201088), num_local_experts=32, **_GPT_OSS),
    "gpt-oss-120b": rotary("gpt_oss", (2880, 2880, 36, 64, 8, 201088), num_local_experts=128, **_GPT_OSS),
    "deepseek-v2-lite": latent(
        "deepseek_v2", (2048, 10944, 27, 16, 16, 102400), q_lora_rank=None, n_routed_experts=64, n_shared_experts=2,
        moe_intermediate_size=1408, first_k_dense_replace=1, num_experts_per_tok=6, topk_method="greedy",
    ),
    "deepseek-v2": latent(
        "deepseek_v2", (5120, 12288, 60, 128, 128, 102400), q_lora_rank=1536, n_routed_experts=160,
        n_shared_experts=2, moe_intermediate_size=1536, first_k_dense_replace=1, num_experts_per_tok=6,
    ),
    "deepseek-v3": latent(
        "deepseek_v3", (7168, 18432, 61, 128, 128, 129280), n_routed_experts=256, first_k_dense_replace=3,
        num_nextn_predict_layers=1, max_position_embeddings=163840, quantization_config=FP8_BLOCKS, **_DEEPSEEK,
    ),
    "kimi-k2": latent(
        "kimi_k2", (7168, 18432, 61, 64, 64, 163840), n_routed_experts=384, first_k_dense_replace=1,
        num_nextn_predict_layers=0, max_position_embeddings=131072, quantization_config=FP8_BLOCKS, **_DEEPSEEK,
    ),
    "glm-5": rotary(
        "glm_moe_dsa", (6144, 12288, 78, 64, 64, 154880), kv_lora_rank=512, q_lora_rank=2048, qk_nope_head_dim=192,
        qk_rope_head_dim=64, qk_head_dim=256, v_head_dim=256, head_dim=64, index_head_dim=128, index_n_heads=32,
        index_topk=2048, n_routed_experts=256, n_shared_experts=1, moe_intermediate_size=2048, first_k_dense_replace=3,
        num_experts_per_tok=8, num_nextn_predict_layers=1, max_position_embeddings=202752, topk_method="noaux_tc",
    ),
    "glm-4.7-flash": rotary(
        "glm4_moe_lite", (2048, 10240, 47, 20, 20, 154880), kv_lora_rank=512, q_lora_rank=768, qk_nope_head_dim=192,
        qk_rope_head_dim=64, v_head_dim=256, n_routed_experts=64, n_shared_experts=1, moe_intermediate_size=1536,
        num_experts_per_tok=4, num_nextn_predict_layers=1, max_position_embeddings=202752,
    ),
    "glm-4-9b": rotary("glm", (4096, 13696, 40, 32, 2, 151552), head_dim=128, attention_bias=True),
    "glm-4-9b-chat": {
        "model_type": "chatglm", "hidden_size": 4096, "ffn_hidden_size": 13696, "num_layers": 40,
        "num_attention_heads": 32, "multi_query_attention": True, "multi_query_group_num": 2, "kv_channels": 128,
        "padded_vocab_size": 151552, "add_qkv_bias": True, "add_bias_linear": False, "rmsnorm": True,
        "post_layer_norm": True, "seq_length": 131072,
    },
    "glm-4-9b-0414": rotary("glm4", (4096, 13696, 40, 32, 2, 151552), head_dim=128, attention_bias=True),
    "glm-4.5": rotary(
        "glm4_moe", (5120, 12288, 92, 96, 8, 151552), use_qk_norm=True, n_routed_experts=160,
        moe_intermediate_size=1536, first_k_dense_replace=3, **_GLM_45,
    ),
    "glm-4.5-air": rotary(
        "glm4_moe", (4096, 10944, 46, 96, 8, 151552), use_qk_norm=False, n_routed_experts=128,
        moe_intermediate_size=1408, first_k_dense_replace=1, **_GLM_45,
    ),
    "gemma-2b": rotary("gemma", (2048, 16384, 18, 8, 1, 256000), head_dim=256),
    "gemma-7b": rotary("gemma", (3072, 24576, 28, 16, 16, 256000), head_dim=256),
    "gemma-2-9b": rotary(
        "gemma2", (3584, 14336, 42, 16, 8, 256000), head_dim=256, sliding_window=4096, sliding_window_size=4096,
        max_position_embeddings=8192, query_pre_attn_scalar=256,
    ),
    "gemma-3-1b": rotary(
        "gemma3_text", (1152, 6912, 26, 4, 1, 262144), head_dim=256, sliding_window=512, sliding_window_pattern=6,
        max_position_embeddings=32768,
    ),
    "gemma-3-27b": {
        "model_type": "gemma3", "vision_config": {"hidden_size": 1152}, "mm_tokens_per_image": 256,
        "text_config": {
            "hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62, "num_attention_heads": 32,
            "num_key_value_heads": 16, "head_dim": 128, "sliding_window": 1024, "model_type": "gemma3_text",
        },
    },
    "gemma-4-26b-a4b": {
        "model_type": "gemma4", "audio_config": None, "vision_config": {"hidden_size": 1152}, "dtype": "bfloat16",
        "text_config": rotary(
            "gemma4_text", (2816, 2112, 30, 16, 8, 262144), head_dim=256, global_head_dim=512,
            num_global_key_value_heads=2, attention_k_eq_v=True, enable_moe_block=True, num_experts=128,
            top_k_experts=8, moe_intermediate_size=704, hidden_size_per_layer_input=0, num_kv_shared_layers=0,
            sliding_window=1024, max_position_embeddings=262144, tie_word_embeddings=True,
        ),
    },
    "llama-4-maverick": {
        "model_type": "llama4", "torch_dtype": "bfloat16",
        "text_config": rotary(
            "llama4_text", (5120, 8192, 48, 40, 8, 202048), intermediate_size_mlp=16384, num_local_experts=128,
            num_experts_per_tok=1, interleave_moe_layer_step=2, head_dim=128, attention_chunk_size=8192,
            max_position_embeddings=1048576,
        ),
    },
    "llama-4-scout": {
        "model_type": "llama4",
        "text_config": rotary(
            "llama4_text", (5120, 8192, 48, 40, 8, 202048), intermediate_size_mlp=16384, num_local_experts=16,
            num_experts_per_tok=1, interleave_moe_layer_step=1, head_dim=128, attention_chunk_size=8192,
            no_rope_layers=[], use_qk_norm=True, max_position_embeddings=10485760,
        ),
    },
    "phi-3-mini": rotary("phi3", (3072, 8192, 32, 32, 32, 32064), sliding_window=2047, max_position_embeddings=4096),
    "phi-4": rotary("phi3", (5120, 17920, 40, 40, 10, 100352), sliding_window=None, max_position_embeddings=16384),
    "phi-4-mini": rotary(
        "phi3", (3072, 8192, 32, 24, 8, 200064), tie_word_embeddings=True, sliding_window=262144, full_attn_mod=1,
        max_position_embeddings=131072,
    ),
    "phi-2": rotary("phi", (2560, 10240, 32, 32, 32, 51200)),
    "starcoder2-3b": rotary("starcoder2", (3072, 12288, 30, 24, 2, 49152), use_bias=True, sliding_window=4096),
    "gpt2": {
        "model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257,
    },
    "gpt2-xl": {"model_type": "gpt2", "n_embd": 1600, "n_layer": 48, "n_head": 25, "vocab_size": 50257},
    "gpt-j-6b": {
        "model_type": "gptj", "n_embd": 4096, "n_layer": 28, "n_head": 16, "n_positions": 2048, "n_inner": None,
        "vocab_size": 50400, "rotary": True, "rotary_dim": 64, "tie_word_embeddings": False,
    },
    "gpt-neox-20b": {
        "model_type": "gpt_neox", "hidden_size": 6144, "num_hidden_layers": 44, "num_attention_heads": 64,
        "intermediate_size": 24576, "vocab_size": 50432, "use_parallel_residual": True, "tie_word_embeddings": False,
    },
    "opt-350m": {
        "model_type": "opt", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "ffn_dim": 4096,
        "vocab_size": 50272, "word_embed_proj_dim": 512, "do_layer_norm_before": False,
    },
    "opt-6.7b": {
        "model_type": "opt", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "ffn_dim": 16384, "vocab_size": 50272, "word_embed_proj_dim": 4096,
    },
    "bloom-176b": {
        "model_type": "bloom", "n_embed": 14336, "hidden_size": 14336, "n_layer": 70, "num_attention_heads": 112,
        "vocab_size": 250880, "seq_length": 2048, "n_inner": None, "offset_alibi": 100,
    },
    "bloomz-560m": {
        "model_type": "bloom", "n_embed": 1024, "n_layer": 24, "num_attention_heads": 16, "vocab_size": 250880,
        "seq_length": 2048,
    },
    "falcon-7b": {
        "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71,
        "num_kv_heads": 71, "vocab_size": 65024, "multi_query": True, "parallel_attn": True, "bias": False,
        "new_decoder_architecture": False, "alibi": False,
    },
    "falcon-40b": {
        "model_type": "falcon", "hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128,
        "num_kv_heads": 8, "vocab_size": 65024, "parallel_attn": True, "new_decoder_architecture": True,
    },
    "bert-large-uncased": encoder("bert", (1024, 4096, 24, 16, 30522), "BertForMaskedLM", type_vocab_size=2),
    "bert-large": encoder("bert", (1024, 4096, 24, 16, 30522), "BertForQuestionAnswering"),
    "roberta-base": encoder(
        "roberta", (768, 3072, 12, 12, 50265), "RobertaModel", max_position_embeddings=514, type_vocab_size=1
    ),
    "bge-m3": encoder("xlm-roberta", (1024, 4096, 24, 16, 250002), "XLMRobertaModel", **_XLM),
    "bge-reranker-v2-m3": encoder(
        "xlm-roberta", (1024, 4096, 24, 16, 250002), "XLMRobertaForSequenceClassification", **_XLM,
        id2label={"0": "LABEL_0"},
    ),
    "distilbert": {
        "model_type": "distilbert", "dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "vocab_size": 30522,
    },
    "modernbert-base": encoder("modernbert", (768, 1152, 22, 12, 50368), "ModernBertForMaskedLM"),
}  # fmt: skip

PUBLISHED: Final[dict[str, int]] = {
    "llama-2-7b": 6_738_415_616,
    "llama-2-70b": 68_976_648_192,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "mistral-7b": 7_241_732_096,
    "mistral-nemo": 12_247_782_400,
    "mistral-small-24b": 23_572_403_200,
    "mixtral-8x7b": 46_702_792_704,
    "mixtral-8x22b": 140_620_634_112,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-0.5b": 494_032_768,
    "qwen3-8b": 8_190_735_360,
    "qwen3-32b": 32_762_123_264,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
    "qwen3-coder-480b-a35b": 480_154_875_392,
    "qwen1.5-moe-a2.7b": 14_315_784_192,
    "deepseek-v2-lite": 15_706_484_224,
    "deepseek-v2": 235_741_434_880,
    "deepseek-v3": 671_026_419_200,
    "glm-4-9b": 9_399_951_360,
    "glm-4-9b-chat": 9_399_951_360,
    "glm-4-9b-0414": 9_400_279_040,
    "gemma-2b": 2_506_172_416,
    "gemma-7b": 8_537_680_896,
    "gemma-2-9b": 9_241_705_984,
    "gemma-3-1b": 999_885_952,
    "phi-3-mini": 3_821_079_552,
    "phi-4": 14_659_507_200,
    "phi-4-mini": 3_836_021_760,
    "phi-2": 2_779_683_840,
    "starcoder2-3b": 3_030_371_328,
    "gpt2": 124_439_808,
    "gpt2-xl": 1_557_611_200,
    "gpt-j-6b": 6_050_882_784,
    "gpt-neox-20b": 20_554_567_680,
    "opt-350m": 331_196_416,
    "opt-6.7b": 6_658_473_984,
    "bloom-176b": 176_247_271_424,
    "bloomz-560m": 559_214_592,
    "falcon-7b": 6_921_720_704,
    "falcon-40b": 41_303_293_952,
    "bert-large-uncased": 335_141_888,
    "bert-large": 334_094_338,
    "roberta-base": 124_645_632,
    "bge-m3": 567_754_752,
    "bge-reranker-v2-m3": 567_755_777,
    "distilbert": 66_362_880,
    "modernbert-base": 149_014_272,
}
"""Parameters as the model pages (safetensors totals) or the publishers' papers give them."""

BUNDLED: Final = (
    "bert-large", "bge-m3", "bloom-176b", "bloomz-560m", "deepseek-v3", "gemma-4-26b-a4b", "glm-5", "gpt-j-6b",
    "gpt-oss-120b", "gpt-oss-20b", "kimi-k2", "llama-2-70b", "llama-3.1-405b", "llama-3.1-70b", "llama-3.1-8b",
    "llama-4-maverick", "mixtral-8x22b", "mixtral-8x7b", "qwen3-0.6b", "qwen3-235b-a22b", "qwen3-30b-a3b",
    "qwen3-32b", "qwen3-8b",
)  # fmt: skip
"""Samples that are bundled as model cards, too."""


def write(folder: Path, config: Config, name: str = "config.json") -> Path:
    """A config as a file."""
    path = folder / name
    path.write_text(json.dumps(config, indent=1))
    return path
