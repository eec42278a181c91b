"""Names in tables of language-model measurements: models, accelerators, engines, precisions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.schema.models import ModelCard, Variant

MODELS: Final = (
    (r"llama[- ]?v?3\.?[123]?[- ]405b", "llama-3.1-405b"),
    (r"llama[- ]?v?3\.3[- ]70b|deepseek-r1-distill-llama-70b", "llama-3.3-70b"),
    (r"llama[- ]?v?3(\.[01])?[- ]70b", "llama-3.1-70b"),
    (r"llama[- ]?v?3(\.[01])?[- ]8b", "llama-3.1-8b"),
    (r"llama[- ]?4[- ]maverick", "llama-4-maverick"),
    (r"llama[- ]?4[- ]scout", "llama-4-scout"),
    (r"llama[- ]?v?2?[- ]70b", "llama-2-70b"),
    (r"llama[- ]?v?2?[- ]13b", "llama-2-13b"),
    (r"llama[- ]?v?2?[- ]7b", "llama-2-7b"),
    (r"mistral[- ]7b", "mistral-7b"),
    (r"mixtral[- ]8x22b", "mixtral-8x22b"),
    (r"mixtral[- ]8x7b", "mixtral-8x7b"),
    (r"qwen3[- ]30b", "qwen3-30b-a3b"),
    (r"qwen3[- ]235b", "qwen3-235b-a22b"),
    (r"qwen3[- ]32b", "qwen3-32b"),
    (r"qwen3[- ]8b", "qwen3-8b"),
    (r"qwen3[- ]0\.6b", "qwen3-0.6b"),
    (r"gpt-?oss[- ]120b", "gpt-oss-120b"),
    (r"gpt-?oss[- ]20b", "gpt-oss-20b"),
    (r"deepseek[- ](r1|v3)", "deepseek-r1"),
    (r"kimi[- ]k2", "kimi-k2"),
    (r"falcon[- ]180b", "falcon-180b"),
    (r"gpt-?j", "gpt-j-6b"),
    (r"bloom[- ]?17[56]b", "bloom-176b"),
    (r"gpt-?3[- ]175b", "gpt-3-175b"),
)
"""Patterns over lower-case names, first match wins, and model cards."""

ACCELERATORS: Final = (
    (r"gh200.*144", "GH200-144GB"),
    (r"gh200", "GH200-96GB"),
    (r"gb200", "GB200-186GB"),
    (r"gb300", "GB300-288GB"),
    (r"h200[- ]?nvl", "H200-NVL-141GB"),
    (r"h200", "H200-SXM-141GB"),
    (r"h100[- ]?nvl", "H100-NVL-94GB"),
    (r"h100[- ]?pcie", "H100-PCIe-80GB"),
    (r"h100", "H100-SXM-80GB"),
    (r"h800", "H800-SXM-80GB"),
    (r"h20(\D|$)", "H20-96GB"),
    (r"b200", "B200-SXM-180GB"),
    (r"b300", "B300-SXM-288GB"),
    (r"rtx pro 6000", "RTX-PRO-6000-Server"),
    (r"rtx 6000 ada", "RTX-6000-Ada"),
    (r"4090", "RTX-4090"),
    (r"l40s", "L40S"),
    (r"l40", "L40"),
    (r"l20(\D|$)", "L20"),
    (r"l4(\D|$)", "L4"),
    (r"a100[- ]?pcie[- ]?80", "A100-PCIe-80GB"),
    (r"a100[- ]?pcie", "A100-PCIe-40GB"),
    (r"a100.*40", "A100-SXM-40GB"),
    (r"a100", "A100-SXM-80GB"),
    (r"a800", "A800-SXM-80GB"),
    (r"a10g", "A10G"),
    (r"a10(\D|$)", "A10"),
    (r"a30", "A30"),
    (r"a40", "A40"),
    (r"mi300x", "MI300X-192GB"),
    (r"mi325x", "MI325X-256GB"),
    (r"mi355x", "MI355X-288GB"),
    (r"mi250x?", "MI250X-128GB"),
    (r"gaudi ?2", "Gaudi2-96GB"),
    (r"gaudi ?3", "Gaudi3-128GB"),
    (r"tpu[- ]?v5e", "TPU-v5e"),
    (r"tpu[- ]?v5p", "TPU-v5p"),
    (r"tpu[- ]?(v6e?|trillium)", "TPU-v6e"),
    (r"tpu[- ]?v4", "TPU-v4"),
    (r"v100.*32", "V100-SXM2-32GB"),
    (r"v100", "V100-SXM2-16GB"),
    (r"(^|[^g])t4(\D|$)", "T4"),
)
"""The same for accelerators of the catalogue."""

SIXTEEN_BITS: Final = ("bf16", "fp16")


def model_card(name: str) -> str | None:
    """Name of the model card that a table's model name stands for; None if unknown."""
    return _first(name, MODELS)


def accelerator(name: str) -> str | None:
    """Name of the accelerator that a table's accelerator name stands for; None if unknown."""
    return _first(name, ACCELERATORS)


def _first(name: str, patterns: Iterable[tuple[str, str]]) -> str | None:
    plain = name.lower().replace("_", "-")
    return next((found for pattern, found in patterns if re.search(pattern, plain)), None)


def variant(card: ModelCard, precision: str) -> Variant | None:
    """The variant of a card that a table's precision means: 16 bits are 16 bits; None if the card has none."""
    wanted = precision.lower().replace("nvfp4", "fp4").replace("mxfp4", "fp4")
    formats = SIXTEEN_BITS if wanted in (*SIXTEEN_BITS, "") else (wanted,)
    return next((found for found in card.variants if found.precision in formats), None)
