"""How families of rotary decoders differ, as data, and the shape that a config gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.importers.hf.windows import Windows, none

if TYPE_CHECKING:
    from gpufleet.library.importers.hf.config import Config, Switch
    from gpufleet.library.importers.hf.tensors import Tensor

MOST_LAYERS: Final = 4096
BEFORE_BOTH: Final = ("input_layernorm", "post_attention_layernorm")
"""A norm before attention and one before the feed-forward part."""
AROUND_BOTH: Final = (*BEFORE_BOTH, "pre_feedforward_layernorm", "post_feedforward_layernorm")
"""A norm before and after each part (Gemma 2 and later)."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder."""

    layers: int
    hidden: int
    vocabulary: int
    heads: int
    kv_heads: int
    head_dim: int
    width: int
    context: int
    is_tied: bool
    windowed: tuple[bool, ...] = ()
    """Per layer: does it see a window only?"""
    window: int | None = None


LayerTensors = Callable[["Config", "Style", Shape, int], Iterator["Tensor"]]
"""Tensors of one part of one layer."""


@dataclass(frozen=True)
class Experts:
    """A mixture-of-experts part; entries are names of keys, in the order in which they are tried."""

    count: tuple[str, ...]
    """Routed experts."""
    per_token: tuple[str, ...]
    """Experts that a token visits."""
    width: str = "moe_intermediate_size"
    """Width of one expert."""
    sparse: Callable[[Config, int], list[bool]] = lambda _config, layers: [True] * layers
    """Which layers are MoE."""
    count_default: int | None = None
    per_token_default: int | None = None
    width_default: int | None = None
    module: str = "mlp"
    """Module that holds router and experts."""
    router: str = "gate"
    router_bias: bool = False
    correction_bias: Callable[[Config], bool] = lambda _config: False
    """Has the router a bias per expert for load balancing (stored with the weights)?"""
    names: tuple[str, ...] = ("gate_proj", "up_proj", "down_proj")
    """Matrices of an expert: with two the first holds gate and up together."""
    bias: bool = False
    shared_width: Callable[[Config, int], int] = lambda _config, _width: 0
    """Width of the shared expert, given the width of a routed one; 0: none."""
    shared: str = "shared_experts"
    shared_gate: bool = False


@dataclass(frozen=True)
class Style:
    """What distinguishes a family. Defaults are those of its configuration class."""

    attention: LayerTensors
    feed_forward: LayerTensors
    defaults: Mapping[str, int] = field(default_factory=dict)
    """By key; for `head_dim` and `num_key_value_heads` only where they do not follow from others."""
    is_tied: bool = False
    qkv_bias: Switch = False
    output_bias: Switch = False
    head_norms: Switch = False
    """Norms of queries and keys, per head."""
    wide_norms: bool = False
    """Norms of queries and keys over all heads together."""
    sinks: bool = False
    """One learned number per query head that softmax may flow to."""
    mlp_bias: Switch = False
    gated: bool = True
    fused: bool = False
    """Are q, k, v stored as one matrix, gate and up as another?"""
    mlp_names: tuple[str, str] = ("up_proj", "down_proj")
    mlp_module: str = "mlp"
    dense_width: str = "intermediate_size"
    """Key of the width of dense feed-forward parts."""
    norms: tuple[str, ...] = BEFORE_BOTH
    norm_bias: bool = False
    head_bias: Switch = False
    windows: Windows = none
    """Which layers see a window only."""
    window: str = "sliding_window"
    window_default: int | None = None
    experts: Experts | None = None
    harmless: tuple[str, ...] = ()
    """Keys that change nothing in this family, although their names look so."""
    fields: Callable[[Config, Shape], dict[str, Any]] | None = None
    """Attention of the card where it is neither full nor sliding."""
    remarks: Callable[[Config, Style, Shape], Iterator[str]] = lambda _config, _style, _shape: iter(())
    """Sentences for the card's note."""


def read_shape(config: Config, style: Style) -> Shape:
    """The sizes that the generic decoder needs. Problems are noted in the config."""
    default = style.defaults.get
    layers = config.count("num_hidden_layers", default=_inner(config, default("num_hidden_layers")), most=MOST_LAYERS)
    hidden = config.core("hidden_size", default=default("hidden_size"))
    heads = config.core("num_attention_heads", default=default("num_attention_heads"))
    kv_heads = config.count("num_key_value_heads", default=default("num_key_value_heads", heads))
    stated = config.optional(style.window, least=0) if style.window in config.values else style.window_default
    windowed, window = style.windows(config, layers, stated or None)
    shape = Shape(
        layers=layers,
        hidden=hidden,
        vocabulary=config.core("vocab_size", default=default("vocab_size")),
        heads=heads,
        kv_heads=kv_heads,
        head_dim=_head_dim(config, hidden, heads, default("head_dim")),
        width=config.core(style.dense_width, default=default(style.dense_width)),
        context=config.count("max_position_embeddings", default=default("max_position_embeddings", 2048)),
        is_tied=tied(config, is_tied=style.is_tied),
        windowed=tuple(windowed),
        window=window,
    )
    _check(config, style, shape)
    return shape


def tied(config: Config, *, is_tied: bool) -> bool:
    """Is the output head the embedding?"""
    return config.flag("tie_word_embeddings", default=is_tied)


def _inner(config: Config, default: int | None) -> int | None:
    return default if config.is_inner else None


def _head_dim(config: Config, hidden: int, heads: int, default: int | None) -> int:
    stated = config.optional("head_dim") or default
    if stated is None and hidden % heads:
        config.clash(
            "hidden_size", f"{hidden} is no multiple of num_attention_heads {heads}; correct one, or add head_dim"
        )
    return stated or max(hidden // heads, 1)


def _check(config: Config, style: Style, shape: Shape) -> None:
    if shape.heads % shape.kv_heads:
        message = f"{shape.kv_heads} does not divide num_attention_heads {shape.heads}; correct one of them"
        config.clash("num_key_value_heads", message)
    if any(shape.windowed) and shape.window is None:
        config.add(style.window, "missing: some layers see a window only; add the tokens that it holds")
