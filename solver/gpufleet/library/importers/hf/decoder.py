"""Rotary decoders of any style: the blocks one after the other, between embedding and head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.importers.hf.feed_forward import expert_count, experts_per_token
from gpufleet.library.importers.hf.network import Network, attention_fields
from gpufleet.library.importers.hf.style import read_shape
from gpufleet.library.importers.hf.tensors import Tensor, head, norm, table, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.hf.config import Config
    from gpufleet.library.importers.hf.style import Shape, Style


def count(config: Config, style: Style) -> Network:
    """Count a decoder. Problems are noted in the config."""
    shape = read_shape(config, style)
    config.given(style.harmless or ("model_type",))
    tensors = tuple(_tensors(config, style, shape))
    left_out, copies = _next_tokens(config, style, shape)
    has_experts = style.experts is not None and any(style.experts.sparse(config, shape.layers))
    return Network(
        tensors=tensors,
        layers=shape.layers,
        hidden=shape.hidden,
        vocabulary=shape.vocabulary,
        context=shape.context,
        attention=style.fields(config, shape) if style.fields else _fields(shape),
        experts=expert_count(config, style.experts) if style.experts and has_experts else 0,
        experts_per_token=experts_per_token(config, style.experts) if style.experts and has_experts else 0,
        left_out=left_out,
        copies_left_out=copies,
        remarks=(*style.remarks(config, style, shape), *_next_token_remarks(left_out, copies)),
    )


def _fields(shape: Shape) -> dict[str, object]:
    window = shape.window if shape.window is not None and shape.window < shape.context else None
    return attention_fields(shape.heads, shape.kv_heads, shape.head_dim, shape.windowed, window)


def _tensors(config: Config, style: Style, shape: Shape) -> Iterator[Tensor]:
    yield from table("model.embed_tokens", shape.vocabulary, shape.hidden)
    for layer in range(shape.layers):
        yield from _block(config, style, shape, layer)
    yield from norm("model.norm", shape.hidden, bias=style.norm_bias)
    if not shape.is_tied:
        yield from head("lm_head", shape.hidden, shape.vocabulary, bias=config.switch(style.head_bias))


def _block(config: Config, style: Style, shape: Shape, layer: int) -> Iterator[Tensor]:
    yield from style.attention(config, style, shape, layer)
    yield from style.feed_forward(config, style, shape, layer)
    for name in style.norms:
        yield from norm(f"model.layers.{layer}.{name}", shape.hidden, bias=style.norm_bias)


def _next_tokens(config: Config, style: Style, shape: Shape) -> tuple[int, int]:
    """What layers for multi-token prediction would add, and their copies of embedding and head.

    Such a layer is a block, a projection of two hidden states to one, and three norms; servers without speculative
    decoding do not load it.
    """
    layers = config.count("num_nextn_predict_layers", default=0, least=0, most=shape.layers)
    block = total(_block(config, style, shape, shape.layers - 1))
    extra = block + 2 * shape.hidden * shape.hidden + 3 * shape.hidden
    return layers * extra, layers * 2 * shape.vocabulary * shape.hidden


def _next_token_remarks(left_out: int, copies: int) -> Iterator[str]:
    if left_out:
        yield (
            f"Left out: the layers for multi-token prediction, another {left_out} parameters, and their copies of "
            f"embedding and head where the repository stores them ({copies})."
        )
