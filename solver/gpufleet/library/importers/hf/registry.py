"""Which counter knows a `model_type`, and where the language model of a multi-modal file is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.importers.hf import (
    encoders,
    families_classic,
    families_dense,
    families_fused,
    families_latent,
    families_moe,
    gemma4,
)
from gpufleet.library.importers.hf.config import Config
from gpufleet.library.importers.hf.decoder import count
from gpufleet.library.importers.hf.keys import is_recurrent
from gpufleet.library.importers.hf.windows import LAYER_TYPES
from gpufleet.library.importers.hf.words import BY_HAND
from gpufleet.library.wording import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpufleet.library.findings import Findings
    from gpufleet.library.importers.hf.network import Network
    from gpufleet.library.importers.hf.style import Style

STYLES: Final[dict[str, Style]] = {**families_dense.STYLES, **families_moe.STYLES, **families_latent.STYLES}
COUNTERS: Final[dict[str, Callable[[Config], Network]]] = {
    **families_classic.COUNTERS,
    **families_fused.COUNTERS,
    **gemma4.COUNTERS,
    **encoders.COUNTERS,
}
TOWERS: Final[dict[str, str]] = {
    "gemma3": "gemma3_text",
    "gemma4": "gemma4_text",
    "llama4": "llama4_text",
    "mistral3": "mistral",
    "llava": "llama",
    "llava_next": "llama",
    "qwen2_vl": "qwen2_vl_text",
    "qwen2_5_vl": "qwen2_5_vl_text",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text",
    "paligemma": "gemma",
}
"""Multi-modal types that change nothing inside their language model, with the `model_type` that it has by default."""
_FROM_OUTSIDE: Final = ("tie_word_embeddings", "torch_dtype", "dtype", "quantization_config")


def known_types() -> list[str]:
    """Every `model_type` that can be read."""
    return sorted({*STYLES, *COUNTERS, *TOWERS})


def section(values: Mapping[str, Any], findings: Findings) -> Config:
    """The section that describes the language model; what it leaves out is taken from outside it."""
    inner = values.get("text_config")
    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in TOWERS or (inner is None and kind in STYLES):
        return Config(values, (), findings)
    if not isinstance(inner, dict):
        message = f"expected the sizes of the language model, got {show(inner)}; correct it, or {BY_HAND}"
        findings.add(("text_config",), message)
        inner = {}
    default = {"model_type": TOWERS[kind]}
    outside = {key: values[key] for key in _FROM_OUTSIDE if values.get(key) is not None}
    stated = {key: value for key, value in inner.items() if value is not None or key not in outside}
    return Config({**default, **outside, **stated}, ("text_config",), findings)


def measure(config: Config) -> Network | None:
    """Count the model; None when its type is not known. Problems are noted."""
    kind = config.values.get("model_type")
    if isinstance(kind, str) and kind in STYLES:
        return count(config, STYLES[kind])
    if isinstance(kind, str) and kind in COUNTERS:
        return COUNTERS[kind](config)
    config.add("model_type", _unknown(config, kind))
    return None


def _unknown(config: Config, kind: Any) -> str:
    if not isinstance(kind, str):
        return (
            f"missing: it names the architecture; is this the config.json of a model? Known: {', '.join(known_types())}"
        )
    inner = config.values.get("text_config")
    keys = {**config.values, **(inner if isinstance(inner, dict) else {})}
    kinds = keys.get("layer_types")
    words = {str(word) for word in kinds} - set(LAYER_TYPES) if isinstance(kinds, list) else set()
    signs = [*sorted(words), *sorted(key for key in keys if is_recurrent(key) and keys[key])]
    if signs:
        layers = ", ".join(signs)
        return f"{show(kind)} is not known to the importer (recurrent or other layers: {layers}); {BY_HAND}"
    known = ", ".join(known_types())
    return f"{show(kind)} is not known to the importer{did_you_mean(kind, known_types())}; known: {known}; {BY_HAND}"
