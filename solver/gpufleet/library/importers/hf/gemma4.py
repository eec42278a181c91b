"""Gemma 4: windowed and full layers with heads of their own, keys that serve as values, dense and expert part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.hf.feed_forward import dense, expert_count, expert_width, experts_per_token, routed
from gpufleet.library.importers.hf.network import Network, attention_fields
from gpufleet.library.importers.hf.style import AROUND_BOTH, Experts, Shape, Style, read_shape
from gpufleet.library.importers.hf.tensors import Part, Tensor, head, linear, norm, table
from gpufleet.library.importers.hf.windows import all_but_every
from gpufleet.library.importers.hf.words import BY_HAND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.library.importers.hf.config import Config

_DEFAULTS: Final = {
    "vocab_size": 262144, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 30,
    "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131072,
}  # fmt: skip
_EXPERTS: Final = Experts(
    ("num_experts",), ("top_k_experts", "num_experts_per_tok"), names=("gate_up_proj", "down_proj"), module="router"
)
_MORE_NORMS: Final = ("post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2")


def _attention(config: Config, _style: Style, shape: Shape, layer: int) -> Iterator[Tensor]:
    module, is_windowed = f"model.layers.{layer}.self_attn", shape.windowed[layer]
    kv_heads, size = (shape.kv_heads, shape.head_dim) if is_windowed else full_heads(config, shape)
    bias = config.flag("attention_bias", default=False)
    shares_keys = config.flag("attention_k_eq_v", default=False) and not is_windowed
    yield from linear(f"{module}.q_proj", shape.hidden, shape.heads * size, bias=bias)
    yield from norm(f"{module}.q_norm", size)
    yield from norm(f"{module}.k_norm", size)
    for name in ("k_proj",) if shares_keys else ("k_proj", "v_proj"):
        yield from linear(f"{module}.{name}", shape.hidden, kv_heads * size, bias=bias)
    yield from linear(f"{module}.o_proj", shape.heads * size, shape.hidden, bias=bias)


STYLE: Final = Style(
    _attention, dense, _DEFAULTS, is_tied=True, norms=AROUND_BOTH, windows=all_but_every(6), window_default=512
)


def full_heads(config: Config, shape: Shape) -> tuple[int, int]:
    """Key/value heads and head dimension of the layers with full attention."""
    stated = config.count("num_global_key_value_heads", default=shape.kv_heads)
    kv_heads = stated if config.flag("attention_k_eq_v", default=False) else shape.kv_heads
    return kv_heads, config.count("global_head_dim", default=512)


def gemma4(config: Config) -> Network:
    """Count a Gemma 4 text model."""
    shape = _last_is_full(read_shape(config, STYLE))
    has_experts = config.flag("enable_moe_block", default=False)
    for key, default in (("num_kv_shared_layers", 0), ("hidden_size_per_layer_input", 256)):
        if config.count(key, default=default, least=0):
            what = f"is {config.values.get(key, default)}: caches shared by layers and per-layer embeddings"
            config.add(key, f"{what} (Gemma 4 E2B, E4B) cannot be expressed by a card; {BY_HAND}")
    for key in ("vocab_size_per_layer_input", "use_double_wide_mlp"):
        config.given([key])
    kv_heads, size = full_heads(config, shape)
    fields = attention_fields(shape.heads, shape.kv_heads, shape.head_dim, shape.windowed, shape.window)
    if fields["kind"] == "sliding":
        fields |= {"global_kv_heads": kv_heads, "global_head_dim": size}
    else:
        fields |= {"kv_heads": kv_heads, "head_dim": size}
    return Network(
        tensors=tuple(_tensors(config, shape, has_experts=has_experts)),
        layers=shape.layers,
        hidden=shape.hidden,
        vocabulary=shape.vocabulary,
        context=shape.context,
        attention=fields,
        experts=expert_count(config, _EXPERTS) if has_experts else 0,
        experts_per_token=experts_per_token(config, _EXPERTS) if has_experts else 0,
        remarks=tuple(_remarks(config)),
    )


def _last_is_full(shape: Shape) -> Shape:
    """The modelling code gives the last layer full attention whatever the file says."""
    return Shape(**{**vars(shape), "windowed": (*shape.windowed[:-1], False)})


def _tensors(config: Config, shape: Shape, *, has_experts: bool) -> Iterator[Tensor]:
    yield from table("model.embed_tokens", shape.vocabulary, shape.hidden)
    for layer in range(shape.layers):
        yield from _attention(config, STYLE, shape, layer)
        yield from dense(config, STYLE, shape, layer)
        for name in AROUND_BOTH:
            yield from norm(f"model.layers.{layer}.{name}", shape.hidden)
        yield Tensor(f"model.layers.{layer}.layer_scalar", (1,), Part.NORM)
        if has_experts:
            yield from _experts(config, shape, f"model.layers.{layer}")
    yield from norm("model.norm", shape.hidden)
    if not shape.is_tied:
        yield from head("lm_head", shape.hidden, shape.vocabulary)


def _experts(config: Config, shape: Shape, block: str) -> Iterator[Tensor]:
    count = expert_count(config, _EXPERTS)
    yield from linear(f"{block}.router.proj", shape.hidden, count, part=Part.ROUTER)
    yield Tensor(f"{block}.router.scale", (shape.hidden,), Part.ROUTER)
    yield Tensor(f"{block}.router.per_expert_scale", (count,), Part.ROUTER)
    yield from routed(f"{block}.experts.0", _EXPERTS, shape.hidden, expert_width(config, _EXPERTS), count)
    for name in _MORE_NORMS:
        yield from norm(f"{block}.{name}", shape.hidden)


def _remarks(config: Config) -> Iterator[str]:
    if config.flag("attention_k_eq_v", default=False):
        yield "Layers with full attention project keys and values together; the cache still holds both."


COUNTERS: Final[dict[str, Callable[[Config], Network]]] = {"gemma4_text": gemma4}
"""By `model_type`."""
