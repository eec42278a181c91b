"""Decoders with one query-key-value matrix and their own key names: BLOOM, Falcon, ChatGLM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.hf.families_classic import HEADS, HIDDEN, LAYERS, network
from gpufleet.library.importers.hf.style import MOST_LAYERS, tied
from gpufleet.library.importers.hf.tensors import Part, Tensor, head, linear, norm, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.library.importers.hf.config import Config
    from gpufleet.library.importers.hf.network import Network

_TWO_NORMS: Final = 2


def bloom(config: Config) -> Network:
    """ALiBi positions (no table), a norm over the embedding, biases everywhere, tied head."""
    layers, hidden = config.count(*LAYERS, most=MOST_LAYERS), config.count("hidden_size", "n_embed", "n_embd")
    heads, vocabulary = config.count("num_attention_heads", "n_head"), config.count("vocab_size", default=250880)
    config.must_be("n_inner", None, [None, 4 * hidden])

    def tensors() -> Iterator[Tensor]:
        yield from table("transformer.word_embeddings", vocabulary, hidden)
        yield from norm("transformer.word_embeddings_layernorm", hidden, bias=True)
        for layer in range(layers):
            block = f"transformer.h.{layer}"
            yield from norm(f"{block}.input_layernorm", hidden, bias=True)
            yield from linear(f"{block}.self_attention.query_key_value", hidden, 3 * hidden, bias=True)
            yield from linear(f"{block}.self_attention.dense", hidden, hidden, bias=True)
            yield from norm(f"{block}.post_attention_layernorm", hidden, bias=True)
            yield from linear(f"{block}.mlp.dense_h_to_4h", hidden, 4 * hidden, bias=True)
            yield from linear(f"{block}.mlp.dense_4h_to_h", 4 * hidden, hidden, bias=True)
        yield from norm("transformer.ln_f", hidden, bias=True)
        if not tied(config, is_tied=True):
            yield from head("lm_head", hidden, vocabulary)

    context = config.count("seq_length", "max_position_embeddings", "n_positions", default=2048)
    return network(config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads, context=context)


def falcon(config: Config) -> Network:
    """Falcon: one norm per block, or two, and one key/value head, a few, or one per query head."""
    layers, hidden = config.count(*reversed(LAYERS[:2]), most=MOST_LAYERS), config.count(*reversed(HIDDEN))
    heads, vocabulary = config.count(*reversed(HEADS)), config.count("vocab_size", default=65024)
    is_new = config.flag("new_decoder_architecture", default=config.values.get("model_type") == "RefinedWeb")
    stated = config.count("num_kv_heads", "n_head_kv", default=heads)
    kv_heads = stated if is_new else 1 if config.flag("multi_query", default=True) else heads
    inner = config.count("ffn_hidden_size", default=4 * hidden)
    bias = config.flag("bias", default=False)
    is_parallel = config.flag("parallel_attn", default=True)
    parallel_norms = config.count("num_ln_in_parallel_attn", default=2 if is_new else 1)
    norms = ("ln_attn", "ln_mlp") if parallel_norms == _TWO_NORMS else ("input_layernorm",)
    names = norms if is_parallel else ("input_layernorm", "post_attention_layernorm")
    size = max(hidden // heads, 1)

    def tensors() -> Iterator[Tensor]:
        yield from table("transformer.word_embeddings", vocabulary, hidden)
        for layer in range(layers):
            block = f"transformer.h.{layer}"
            for name in names:
                yield from norm(f"{block}.{name}", hidden, bias=True)
            outputs = (heads + 2 * kv_heads) * size
            yield from linear(f"{block}.self_attention.query_key_value", hidden, outputs, bias=bias)
            yield from linear(f"{block}.self_attention.dense", hidden, hidden, bias=bias)
            yield from linear(f"{block}.mlp.dense_h_to_4h", hidden, inner, bias=bias)
            yield from linear(f"{block}.mlp.dense_4h_to_h", inner, hidden, bias=bias)
        yield from norm("transformer.ln_f", hidden, bias=True)
        if not tied(config, is_tied=True):
            yield from head("lm_head", hidden, vocabulary)

    config.flag("alibi", default=False)
    context = config.count("max_position_embeddings", default=2048)
    return network(
        config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads, context=context,
        kv_heads=kv_heads,
    )  # fmt: skip


def chatglm(config: Config) -> Network:
    """ChatGLM2 to GLM-4-9B as first published: RMSNorm, gated feed-forward part, head of its own."""
    layers, hidden = config.count("num_layers", "num_hidden_layers", most=MOST_LAYERS), config.count("hidden_size")
    heads, size = config.count("num_attention_heads"), config.count("kv_channels", default=128)
    groups = config.count("multi_query_group_num", default=1)
    kv_heads = groups if config.flag("multi_query_attention", default=False) else heads
    inner = config.count("ffn_hidden_size", default=13696)
    bias = config.flag("add_bias_linear", default=False)
    query_bias = config.flag("add_qkv_bias", default=False) or bias
    vocabulary = config.count("padded_vocab_size", "vocab_size")
    for key, needed in (("rmsnorm", True), ("post_layer_norm", True)):
        config.must_be(key, needed, [needed])
    config.must_be("pre_seq_len", None, [None])
    config.must_be("prefix_projection", False, [False])

    def tensors() -> Iterator[Tensor]:
        yield Tensor("transformer.embedding.word_embeddings", (vocabulary, hidden), Part.EMBEDDING)
        for layer in range(layers):
            block = f"transformer.encoder.layers.{layer}"
            yield from norm(f"{block}.input_layernorm", hidden)
            outputs = (heads + 2 * kv_heads) * size
            yield from linear(f"{block}.self_attention.query_key_value", hidden, outputs, bias=query_bias)
            yield from linear(f"{block}.self_attention.dense", heads * size, hidden, bias=bias)
            yield from norm(f"{block}.post_attention_layernorm", hidden)
            yield from linear(f"{block}.mlp.dense_h_to_4h", hidden, 2 * inner, bias=bias)
            yield from linear(f"{block}.mlp.dense_4h_to_h", inner, hidden, bias=bias)
        yield from norm("transformer.encoder.final_layernorm", hidden)
        if not tied(config, is_tied=False):
            yield from head("transformer.output_layer", hidden, vocabulary, bias=bias)

    return network(
        config, tensors(), layers=layers, hidden=hidden, vocabulary=vocabulary, heads=heads,
        context=config.count("seq_length", default=2048), kv_heads=kv_heads,
    )  # fmt: skip


COUNTERS: Final[dict[str, Callable[[Config], Network]]] = {
    "bloom": bloom, "falcon": falcon, "RefinedWeb": falcon, "RefinedWebModel": falcon, "chatglm": chatglm,
}  # fmt: skip
"""By `model_type`."""
