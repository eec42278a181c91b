"""Attention of rotary decoders, tensor by tensor: grouped heads, and latent (MLA) with or without an indexer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.importers.hf.tensors import Part, Tensor, linear, norm
from gpufleet.library.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.hf.config import Config
    from gpufleet.library.importers.hf.style import Shape, Style

INDEXER: Final = ("full", "shared")


def grouped(config: Config, style: Style, shape: Shape, layer: int) -> Iterator[Tensor]:
    """Query, key, value and output projections with their biases and norms (MHA, GQA, MQA by head counts)."""
    module = f"model.layers.{layer}.self_attn"
    query, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    projections = {"qkv_proj": query + 2 * keys} if style.fused else {"q_proj": query, "k_proj": keys, "v_proj": keys}
    for name, outputs in projections.items():
        yield from linear(f"{module}.{name}", shape.hidden, outputs, bias=config.switch(style.qkv_bias))
    yield from linear(f"{module}.o_proj", query, shape.hidden, bias=config.switch(style.output_bias))
    if config.switch(style.head_norms):
        yield from norm(f"{module}.q_norm", shape.head_dim)
        yield from norm(f"{module}.k_norm", shape.head_dim)
    if style.wide_norms:
        yield from norm(f"{module}.q_norm", query)
        yield from norm(f"{module}.k_norm", keys)
    if style.sinks:
        yield Tensor(f"{module}.sinks", (shape.heads,), Part.NORM)


def latent(config: Config, _style: Style, shape: Shape, layer: int) -> Iterator[Tensor]:
    """Multi-head latent attention: queries and keys/values through low-rank projections with a norm in between."""
    module, rank = f"model.layers.{layer}.self_attn", _rank(config)
    plain, rotary, value = _head_dims(config)
    bias = config.flag("attention_bias", default=False)
    query_rank, query = config.optional("q_lora_rank"), shape.heads * (plain + rotary)
    if query_rank is None:
        yield from linear(f"{module}.q_proj", shape.hidden, query)
    else:
        yield from linear(f"{module}.q_a_proj", shape.hidden, query_rank, bias=bias)
        yield from norm(f"{module}.q_a_layernorm", query_rank)
        yield from linear(f"{module}.q_b_proj", query_rank, query)
    yield from linear(f"{module}.kv_a_proj_with_mqa", shape.hidden, rank + rotary, bias=bias)
    yield from norm(f"{module}.kv_a_layernorm", rank)
    yield from linear(f"{module}.kv_b_proj", rank, shape.heads * (plain + value))
    yield from linear(f"{module}.o_proj", shape.heads * value, shape.hidden, bias=bias)


def indexed(config: Config, style: Style, shape: Shape, layer: int) -> Iterator[Tensor]:
    """Latent attention with the indexer of sparse attention, in the layers that have one of their own."""
    yield from latent(config, style, shape, layer)
    if layer not in indexing_layers(config, shape.layers):
        return
    module = f"model.layers.{layer}.self_attn.indexer"
    heads, size = config.count("index_n_heads"), config.count("index_head_dim")
    yield from linear(f"{module}.wq_b", config.count("q_lora_rank"), heads * size)
    yield from linear(f"{module}.wk", shape.hidden, size)
    yield from norm(f"{module}.k_norm", size, bias=True)
    yield from linear(f"{module}.weights_proj", shape.hidden, heads)


def indexing_layers(config: Config, layers: int) -> set[int]:
    """Layers with an indexer: all, or as `indexer_types`, `index_topk_pattern` or `index_topk_freq` say."""
    kinds = config.words("indexer_types", INDEXER, layers)
    pattern = config.given(["index_topk_pattern"])[1]
    period = config.count("index_topk_freq", default=1)
    offset = config.count("index_skip_topk_offset", default=2, least=0)
    if kinds is not None:
        return {layer for layer, kind in enumerate(kinds) if kind == "full"}
    if pattern is not None and not (isinstance(pattern, str) and len(pattern) == layers and set(pattern) <= set("FS")):
        config.add("index_topk_pattern", f"expected {layers} letters F (full) or S (shared), got {show(pattern)}")
    elif pattern is not None:
        return {layer for layer, letter in enumerate(pattern) if letter == "F"}
    return {layer for layer in range(layers) if max(layer - offset + 1, 0) % period == 0}


def latent_fields(config: Config, shape: Shape) -> dict[str, Any]:
    """Attention of a card with a latent cache."""
    plain, rotary, _ = _head_dims(config)
    fields = {"heads": shape.heads, "kv_heads": shape.heads, "head_dim": plain + rotary}
    return {"kind": "mla", **fields, "latent_dim": _rank(config) + rotary}


def latent_remarks(config: Config, _style: Style, _shape: Shape) -> Iterator[str]:
    """How the cache of latent attention is counted."""
    rank, rotary = _rank(config), _head_dims(config)[1]
    yield f"The cache holds kv_lora_rank {rank} + rotary {rotary} = {rank + rotary} numbers per token and layer."
    if config.values.get("index_head_dim"):
        size, most = config.count("index_head_dim"), config.count("index_topk", default=2048)
        yield (
            f"The indexer also caches {size} numbers per token and layer, not in latent_dim; attention reads at most "
            f"{most} selected tokens, which a card cannot express (it overstates long-context work)."
        )


def _rank(config: Config) -> int:
    return config.count("kv_lora_rank", default=512)


def _head_dims(config: Config) -> tuple[int, int, int]:
    """Dimensions per head: of queries and keys without and with rotary positions, and of values."""
    plain, rotary = config.count("qk_nope_head_dim", default=128), config.count("qk_rope_head_dim", default=64)
    config.must_be("qk_head_dim", plain + rotary, [plain + rotary])
    return plain, rotary, config.count("v_head_dim", default=128)
