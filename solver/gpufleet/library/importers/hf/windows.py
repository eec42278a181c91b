"""Which layers see a window only: stated in `layer_types`, or by the rule of the family."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.hf.words import BY_HAND

if TYPE_CHECKING:
    from gpufleet.library.importers.hf.config import Config

Windows = Callable[["Config", int, int | None], tuple[list[bool], int | None]]
"""(config, layers, window) to (layer sees a window only, window); the window is None when there is none."""
LAYER_TYPES: Final = ("full_attention", "sliding_attention", "chunked_attention")


def _stated(config: Config, layers: int) -> list[bool] | None:
    kinds = config.words("layer_types", LAYER_TYPES, layers)
    return None if kinds is None else [kind != "full_attention" for kind in kinds]


def none(config: Config, layers: int, window: int | None) -> tuple[list[bool], int | None]:
    """All layers see everything, unless the file states windowed layers."""
    stated = _stated(config, layers) or [False] * layers
    if window is not None and not any(stated):
        config.add("sliding_window", f"is {window}, but models of this type have no windows here; {BY_HAND}")
    return stated, window


def every(config: Config, layers: int, window: int | None) -> tuple[list[bool], int | None]:
    """All layers see the window, if there is one (Mistral 7B v0.1, Mixtral, Phi-3)."""
    return _stated(config, layers) or [window is not None] * layers, window


def upper(config: Config, layers: int, window: int | None) -> tuple[list[bool], int | None]:
    """Layers from `max_window_layers` on, if `use_sliding_window` (Qwen 2 and 3)."""
    stated = _stated(config, layers)
    first = config.count("max_window_layers", default=28, least=0)
    if not config.flag("use_sliding_window", default=False):
        return [False] * layers, None
    return stated or [layer >= first for layer in range(layers)], window


def all_but_every(nth: int, *keys: str) -> Windows:
    """All layers but every n-th, where n may be stated by one of the keys (Gemma 2 and 3, gpt-oss)."""

    def rule(config: Config, layers: int, window: int | None) -> tuple[list[bool], int | None]:
        stated = _stated(config, layers)
        period = config.count(*keys, default=nth) if keys else nth
        return stated or [(layer + 1) % period != 0 for layer in range(layers)], window

    return rule


def rotary_layers(config: Config, layers: int, window: int | None) -> tuple[list[bool], int | None]:
    """Layers with rotary positions attend within chunks, those without to everything (Llama 4)."""
    stated = _stated(config, layers)
    period = config.count("no_rope_layer_interval", default=4)
    rotary = config.indices("no_rope_layers") or [int((layer + 1) % period != 0) for layer in range(layers)]
    if len(rotary) != layers:
        config.add("no_rope_layers", f"must have one entry per layer: {layers}, got {len(rotary)}; correct it")
        rotary = [1] * layers
    return stated or [bool(entry) for entry in rotary], window
