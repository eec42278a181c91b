"""Decoders with LayerNorm and biases: GPT-2, GPT-J, GPT-NeoX, OPT, Phi-1 and 2. Head dimension is hidden / heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.hf.network import Network, attention_fields
from gpufleet.library.importers.hf.style import MOST_LAYERS, tied
from gpufleet.library.importers.hf.tensors import Tensor, head, linear, norm, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gpufleet.library.importers.hf.config import Config

LAYERS: Final = ("n_layer", "num_hidden_layers", "num_layers")
HIDDEN: Final = ("n_embd", "n_embed", "hidden_size")
HEADS: Final = ("n_head", "num_attention_heads")
CONTEXT: Final = ("n_positions", "max_position_embeddings", "n_ctx", "seq_length")


def network(
    config: Config, tensors: Iterable[Tensor], *, layers: int, hidden: int, vocabulary: int, heads: int,
    context: int, kv_heads: int | None = None,
) -> Network:  # fmt: skip
    """A decoder whose layers all see everything."""
    if hidden % heads:
        config.clash("hidden_size", f"{hidden} is no multiple of the {heads} attention heads; correct one of them")
    if kv_heads and heads % kv_heads:
        config.clash("num_kv_heads", f"{kv_heads} does not divide the {heads} attention heads; correct one of them")
    attention = attention_fields(heads, kv_heads or heads, max(hidden // heads, 1))
    return Network(tuple(tensors), layers, hidden, vocabulary, context, attention)


def gpt2(config: Config) -> Network:
    """Learned positions, biases everywhere, tied head."""
    layers, hidden = config.count(*LAYERS, most=MOST_LAYERS), config.count(*HIDDEN)
    heads, vocabulary = config.count(*HEADS), config.count("vocab_size", default=50257)
    context = config.count(*CONTEXT, default=1024)
    inner = config.count("n_inner", default=4 * hidden)

    def tensors() -> Iterator[Tensor]:
        yield from table("transformer.wte", vocabulary, hidden)
        yield from table("transformer.wpe", context, hidden)
        for layer in range(layers):
            block = f"transformer.h.{layer}"
            yield from norm(f"{block}.ln_1", hidden, bias=True)
            yield from linear(f"{block}.attn.c_attn", hidden, 3 * hidden, bias=True)
            yield from linear(f"{block}.attn.c_proj", hidden, hidden, bias=True)
            yield from norm(f"{block}.ln_2", hidden, bias=True)
            yield from linear(f"{block}.mlp.c_fc", hidden, inner, bias=True)
            yield from linear(f"{block}.mlp.c_proj", inner, hidden, bias=True)
        yield from norm("transformer.ln_f", hidden, bias=True)
        if not tied(config, is_tied=True):
            yield from head("lm_head", hidden, vocabulary)

    return network(config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads, context=context)


def gptj(config: Config) -> Network:
    """Rotary, one norm per block, attention without biases, head of its own with a bias."""
    layers, hidden = config.count(*LAYERS, most=MOST_LAYERS), config.count(*HIDDEN)
    heads, vocabulary = config.count(*HEADS), config.count("vocab_size", default=50400)
    inner = config.count("n_inner", default=4 * hidden)

    def tensors() -> Iterator[Tensor]:
        yield from table("transformer.wte", vocabulary, hidden)
        for layer in range(layers):
            block = f"transformer.h.{layer}"
            yield from norm(f"{block}.ln_1", hidden, bias=True)
            for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
                yield from linear(f"{block}.attn.{name}", hidden, hidden)
            yield from linear(f"{block}.mlp.fc_in", hidden, inner, bias=True)
            yield from linear(f"{block}.mlp.fc_out", inner, hidden, bias=True)
        yield from norm("transformer.ln_f", hidden, bias=True)
        if not tied(config, is_tied=False):
            yield from head("lm_head", hidden, vocabulary, bias=True)

    context = config.count(*CONTEXT, default=2048)
    return network(config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads, context=context)


def gpt_neox(config: Config) -> Network:
    """Rotary, two norms per block, biases, head of its own without one."""
    layers, hidden = config.count("num_hidden_layers", most=MOST_LAYERS), config.count("hidden_size")
    heads, vocabulary = config.count("num_attention_heads"), config.count("vocab_size", default=50432)
    inner = config.count("intermediate_size", default=24576)
    bias = config.flag("attention_bias", default=True)

    def tensors() -> Iterator[Tensor]:
        yield from table("gpt_neox.embed_in", vocabulary, hidden)
        for layer in range(layers):
            block = f"gpt_neox.layers.{layer}"
            yield from norm(f"{block}.input_layernorm", hidden, bias=True)
            yield from norm(f"{block}.post_attention_layernorm", hidden, bias=True)
            yield from linear(f"{block}.attention.query_key_value", hidden, 3 * hidden, bias=bias)
            yield from linear(f"{block}.attention.dense", hidden, hidden, bias=bias)
            yield from linear(f"{block}.mlp.dense_h_to_4h", hidden, inner, bias=True)
            yield from linear(f"{block}.mlp.dense_4h_to_h", inner, hidden, bias=True)
        yield from norm("gpt_neox.final_layer_norm", hidden, bias=True)
        if not tied(config, is_tied=False):
            yield from head("embed_out", hidden, vocabulary)

    context = config.count("max_position_embeddings", default=2048)
    return network(config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads, context=context)


def phi(config: Config) -> Network:
    """Phi-1 and 2: rotary, one norm per block, biases everywhere, head of its own with a bias."""
    layers, hidden = config.count("num_hidden_layers", most=MOST_LAYERS), config.count("hidden_size")
    heads, vocabulary = config.count("num_attention_heads"), config.count("vocab_size", default=51200)
    kv_heads = config.count("num_key_value_heads", default=heads)
    inner = config.count("intermediate_size", default=8192)
    keys = hidden // heads * kv_heads
    has_norms = config.flag("qk_layernorm", default=False)

    def tensors() -> Iterator[Tensor]:
        yield from table("model.embed_tokens", vocabulary, hidden)
        for layer in range(layers):
            block = f"model.layers.{layer}"
            yield from norm(f"{block}.input_layernorm", hidden, bias=True)
            for name, outputs in (("q_proj", hidden), ("k_proj", keys), ("v_proj", keys), ("dense", hidden)):
                yield from linear(f"{block}.self_attn.{name}", hidden, outputs, bias=True)
            for name in ("q_layernorm", "k_layernorm") if has_norms else ():
                yield from norm(f"{block}.self_attn.{name}", hidden // heads, bias=True)
            yield from linear(f"{block}.mlp.fc1", hidden, inner, bias=True)
            yield from linear(f"{block}.mlp.fc2", inner, hidden, bias=True)
        yield from norm("model.final_layernorm", hidden, bias=True)
        if not tied(config, is_tied=False):
            yield from head("lm_head", hidden, vocabulary, bias=True)

    context = config.count("max_position_embeddings", default=2048)
    return network(
        config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads, context=context,
        kv_heads=kv_heads,
    )  # fmt: skip


def opt(config: Config) -> Network:
    """Learned positions (two more than the context), embeddings that may be narrower, tied head."""
    layers, hidden = config.count("num_hidden_layers", most=MOST_LAYERS), config.count("hidden_size")
    heads, vocabulary = config.count("num_attention_heads"), config.count("vocab_size", default=50272)
    inner = config.count("ffn_dim", default=3072)
    narrow = config.count("word_embed_proj_dim", default=hidden)
    context = config.count("max_position_embeddings", default=2048)
    bias, has_weights = (
        config.flag("enable_bias", default=True),
        config.flag("layer_norm_elementwise_affine", default=True),
    )
    removed = config.flag("_remove_final_layer_norm", default=False)
    has_final = config.flag("do_layer_norm_before", default=True) and not removed

    def norms(module: str) -> Iterable[Tensor]:
        return norm(module, hidden, bias=True) if has_weights else ()

    def tensors() -> Iterator[Tensor]:
        yield from table("model.decoder.embed_tokens", vocabulary, narrow)
        yield from table("model.decoder.embed_positions", context + 2, hidden)
        if narrow != hidden:
            yield from linear("model.decoder.project_in", narrow, hidden)
            yield from linear("model.decoder.project_out", hidden, narrow)
        for layer in range(layers):
            block = f"model.decoder.layers.{layer}"
            for name in ("k_proj", "v_proj", "q_proj", "out_proj"):
                yield from linear(f"{block}.self_attn.{name}", hidden, hidden, bias=bias)
            yield from norms(f"{block}.self_attn_layer_norm")
            yield from linear(f"{block}.fc1", hidden, inner, bias=bias)
            yield from linear(f"{block}.fc2", inner, hidden, bias=bias)
            yield from norms(f"{block}.final_layer_norm")
        if has_final:
            yield from norms("model.decoder.final_layer_norm")
        if not tied(config, is_tied=True):
            yield from head("lm_head", narrow, vocabulary)

    return network(config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads, context=context)


COUNTERS: Final[dict[str, Callable[[Config], Network]]] = {
    "gpt2": gpt2, "gptj": gptj, "gpt_neox": gpt_neox, "phi": phi, "opt": opt,
}  # fmt: skip
"""By `model_type`."""
