"""What aiconfigurator calls our accelerators, engines and precisions."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.schema.models import ModelCard, Variant

ENGINES: Final[Mapping[str, str]] = MappingProxyType(
    {"aiconfigurator": "trtllm", "aiconfigurator-vllm": "vllm", "aiconfigurator-sglang": "sglang"}
)
"""Performance source of an instance to the engine whose tables it stands for."""

SYSTEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A100-SXM-80GB": "a100_sxm",
        "L40S": "l40s",
        "RTX-PRO-6000-Server": "rtx_pro_6000_server",
        "H100-SXM-80GB": "h100_sxm",
        "H200-SXM-141GB": "h200_sxm",
        "B200-SXM-180GB": "b200_sxm",
        "B300-SXM-288GB": "b300_sxm",
        "GB200-186GB": "gb200",
        "GB300-288GB": "gb300",
    }
)
"""Accelerators with tables of their own. Systems that the package describes without tables (A30, L4, PCIe cards) would
be speed-of-light estimates, and the 40 GB A100 has slower memory than the one that was measured."""

PUBLISHED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "deepseek-r1": "deepseek-ai/DeepSeek-R1",
        "deepseek-v3": "deepseek-ai/DeepSeek-V3",
        "gpt-oss-120b": "openai/gpt-oss-120b",
        "gpt-oss-20b": "openai/gpt-oss-20b",
    }
)
"""Model cards whose shape a card cannot tell in full, to the configuration that the package brings along."""


@dataclass(frozen=True)
class Modes:
    """Numeric modes of a variant, by the package's names; None: as the published configuration says."""

    gemm: str | None
    moe: str | None
    kv_cache: str | None


_WEIGHTS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("bf16", "bf16"): "bfloat16",
        ("fp16", "fp16"): "bfloat16",
        ("fp8", "fp8"): "fp8",
        ("fp4", "fp4"): "nvfp4",
        ("int8", "bf16"): "int8_wo",
        ("int8", "fp16"): "int8_wo",
        ("int4", "bf16"): "int4_wo",
        ("int4", "fp16"): "int4_wo",
    }
)
"""Precision of weights and arithmetic to the mode of matrix products."""


def modes_of(card: ModelCard, variant: Variant) -> Modes | None:
    """The modes of a variant; None where the package has none like it."""
    if card.name in PUBLISHED and variant.derived_from is None:
        return Modes(None, None, None)
    weights = _WEIGHTS.get((variant.precision, variant.compute_precision))
    kept = variant.kv_cache or ("fp8" if variant.compute_precision in ("fp8", "fp4") else "bf16")
    cache = {"fp8": "fp8", "bf16": "bfloat16", "fp16": "bfloat16"}.get(kept)
    return None if weights is None or cache is None else Modes(weights, weights, cache)
