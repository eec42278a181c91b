"""Feed-forward parts of rotary decoders, tensor by tensor: dense, and mixtures of experts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.importers.hf.tensors import Part, Tensor, linear

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.library.importers.hf.config import Config
    from gpufleet.library.importers.hf.style import Experts, Shape, Style


def dense(config: Config, style: Style, shape: Shape, layer: int) -> Iterator[Tensor]:
    """The dense part: gated (three matrices) or not (two)."""
    module = f"model.layers.{layer}.{style.mlp_module}"
    return _matrices(module, style, shape.hidden, shape.width, bias=config.switch(style.mlp_bias))


def mixture(config: Config, style: Style, shape: Shape, layer: int) -> Iterator[Tensor]:
    """Router, routed experts and shared expert in MoE layers, the dense part in the others."""
    experts = style.experts
    if experts is None or not experts.sparse(config, shape.layers)[layer]:
        yield from dense(config, style, shape, layer)
        return
    module, width = f"model.layers.{layer}.{experts.module}", expert_width(config, experts)
    count = expert_count(config, experts)
    router = f"{module}.{experts.router}"
    yield from linear(router, shape.hidden, count, bias=experts.router_bias, part=Part.ROUTER)
    if experts.correction_bias(config):
        yield Tensor(router, (count,), Part.ROUTER)
    yield from routed(f"{module}.experts.0", experts, shape.hidden, width, count)
    shared = experts.shared_width(config, width)
    if shared:
        yield from _matrices(f"{module}.{experts.shared}", style, shape.hidden, shared)
    if experts.shared_gate:
        yield from linear(f"{module}.shared_expert_gate", shape.hidden, 1, part=Part.ROUTER)


def routed(module: str, experts: Experts, hidden: int, width: int, count: int) -> Iterator[Tensor]:
    """The matrices of `count` equal experts."""
    *inner, outer = experts.names
    each = width if len(inner) > 1 else 2 * width
    for name in inner:
        yield from linear(f"{module}.{name}", hidden, each, bias=experts.bias, part=Part.EXPERT, copies=count)
    yield from linear(f"{module}.{outer}", width, hidden, bias=experts.bias, part=Part.EXPERT, copies=count)


def expert_count(config: Config, experts: Experts) -> int:
    """Routed experts per MoE layer."""
    return config.count(*experts.count, default=experts.count_default, most=100_000)


def expert_width(config: Config, experts: Experts) -> int:
    """Width of a routed expert."""
    return config.count(experts.width, default=experts.width_default)


def experts_per_token(config: Config, experts: Experts) -> int:
    """Experts that a token visits, at most as many as there are."""
    chosen, count = config.count(*experts.per_token, default=experts.per_token_default), expert_count(config, experts)
    if chosen > count:
        config.clash(experts.per_token[0], f"is {chosen}, but {experts.count[0]} is {count}; correct one of them")
    return min(chosen, count)


def _matrices(module: str, style: Style, hidden: int, width: int, *, bias: bool = False) -> Iterator[Tensor]:
    up, down = style.mlp_names
    names = {up: width} if not style.gated else {"gate_proj": width, up: width}
    for name, outputs in ({"gate_up_proj": 2 * width} if style.fused and style.gated else names).items():
        yield from linear(f"{module}.{name}", hidden, outputs, bias=bias)
    yield from linear(f"{module}.{down}", width, hidden, bias=bias)
