"""Which keys of a `config.json` change no weight and no cache, and which names look as if they did."""

from __future__ import annotations

import re
from typing import Final

HARMLESS: Final = frozenset(
    """
    architectures model_type torch_dtype dtype transformers_version auto_map _name_or_path _commit_hash
    _attn_implementation _attn_implementation_autoset _flash_attn_2_enabled attn_implementation
    quantization_config tokenizer_class task_specific_params use_cache cache_implementation
    tie_word_embeddings is_decoder is_encoder_decoder add_cross_attention cross_attention_hidden_size
    id2label label2id num_labels problem_type return_dict return_dict_in_generate torchscript pruned_heads
    tie_encoder_decoder decoder_start_token_id use_bfloat16 finetuning_task prefix remove_invalid_values
    chunk_size_feed_forward min_length max_length max_new_tokens do_sample early_stopping num_beams num_beam_groups
    diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size
    encoder_no_repeat_ngram_size bad_words_ids num_return_sequences forced_bos_token_id forced_eos_token_id
    exponential_decay_length_penalty suppress_tokens begin_suppress_tokens tf_legacy_loss
    initializer_range initializer_factor init_std init_method_std embedding_initializer_range
    norm_topk_prob n_group topk_group topk_method scoring_func seq_aux aux_loss_alpha ep_size score_func
    num_logits_to_keep logits_to_keep attn_logit_softcapping final_logit_softcapping query_pre_attn_scalar
    pretraining_tp attention_softmax_in_fp32 masked_softmax_fusion bias_dropout_fusion skip_bias_add skip_bias_add_qkv
    slow_but_exact apply_residual_connection_post_layernorm offset_alibi gradient_checkpointing use_parallel_residual
    scale_attn_weights scale_attn_by_inverse_layer_idx reorder_and_upcast_attn rotary rotary_dim rotary_pct
    rotary_emb_base rope_theta rope_scaling rope_parameters rope_ratio rope_interleave rope_local_base_freq
    partial_rotary_factor original_max_position_embeddings original_rope use_mrope mrope_section
    attn_scale attn_temperature_tuning floor_scale rotary_base rope_base
    layer_norm_eps layer_norm_epsilon rms_norm_eps norm_eps norm_epsilon layernorm_epsilon attention_multiplier
    embedding_multiplier residual_multiplier logits_scaling routed_scaling_factor router_aux_loss_coef
    router_z_loss_coef router_jitter_noise input_jitter_noise output_router_logits resid_pdrop embd_pdrop attn_pdrop
    embd_layer_drop layerdrop layer_dropout swiglu_limit initial_context_length mm_tokens_per_image
    pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head pooler_type directionality
    use_qk_norm_in_training fp32_residual_connection apply_query_key_layer_scaling interleaved_qkv hidden_act
    use_bidirectional_attention unsloth_fixed unsloth_version ffn_factor _num_labels
    boi_token_index eoi_token_index image_token_index full_attn_mod interpolate_factor use_fused_moe
    sliding_window_size indexer_rope_interleave
    """.split()  # noqa: SIM905 -- a word list
)
"""By name."""

OTHER_TOWERS: Final = frozenset({"vision_config", "audio_config", "speech_config"})
"""Sections about other parts of a multi-modal model than its language model."""
_HARMLESS_FORMS: Final = re.compile(
    r"_token_id$|_token_ids$|_token_index$|dropout|_act$|^activation|_activation$|_activation_function$|^summary_|"
    r"^output_|_loss_coef$|^eos_|^bos_|^sep_token|^classifier_(dropout|activation)|^deterministic_|^sparse_pred"
)
_SHAPES: Final = re.compile(
    r"size|dim|^num_|_num|^n_|^d_|heads?|layers?|expert|rank|lora|kernel|conv|ssm|mamba|state|linear|share|index|mtp|"
    r"nextn|attn|attention|bias|norm|pattern|type|moe|mlp|ffn|ffw|vocab|block|window|adapter|gate|gating|expand|"
    r"altup|laurel|memory|engram|hyper|pos(ition)?_|embed|tie|width|depth|recurr|rwkv|hybrid|freq|interval|topk"
)
_RECURRENT: Final = re.compile(r"mamba|ssm|recurr|rwkv|hybrid|^linear_|conv_kernel|time_step")


def is_harmless(key: str) -> bool:
    """Is this key known to change neither weights nor cache?"""
    return key in HARMLESS or _HARMLESS_FORMS.search(key) is not None


def changes_shapes(key: str) -> bool:
    """Does the name of an unknown key look as if it changed shapes?"""
    return _SHAPES.search(key) is not None


def is_recurrent(key: str) -> bool:
    """Does a key belong to state-space, linear-attention or other recurrent layers?"""
    return _RECURRENT.search(key) is not None
