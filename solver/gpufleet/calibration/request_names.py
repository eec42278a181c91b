"""Names in tables of MLPerf inference results: networks, accelerators, precisions, rounds, latency bounds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpufleet.schema.models import Variant

if TYPE_CHECKING:
    from gpufleet.calibration.tables import Row
    from gpufleet.schema.base import Precision
    from gpufleet.schema.hardware import Accelerator

LANGUAGE: Final = re.compile(r"gpt|llama|mixtral|mistral|deepseek|qwen|falcon|bloom|gemma|opt-\d")
NETWORKS: Final = (
    (r"dlrm[-_ ]?v2|dcn", "dlrm-v2"),
    (r"dlrm", "dlrm"),
    (r"bert", "bert-large"),
    (r"3d[-_ ]?u-?net|unet-?3d", "3d-unet"),
    (r"ssd[-_ ]?(resnet[-_ ]?34|large|r34)", "ssd-resnet34"),
    (r"ssd[-_ ]?(mobilenet|small)", "ssd-mobilenet"),
    (r"mobilenet", "mobilenet"),
    (r"retinanet", "retinanet"),
    (r"resnet", "resnet-50"),
    (r"rnn[-_ ]?t", "rnnt"),
    (r"stable[-_ ]?diffusion|sdxl", "stable-diffusion-xl"),
)
"""Patterns over lower-case names, first match wins, and model cards."""
BOUNDS_MS: Final = {
    "resnet-50": 15.0,
    "ssd-resnet34": 100.0,
    "ssd-mobilenet": 10.0,
    "mobilenet": 10.0,
    "bert-large": 130.0,
    "dlrm": 30.0,
    "dlrm-v2": 60.0,
    "rnnt": 1000.0,
    "retinanet": 100.0,
    "stable-diffusion-xl": 20000.0,
}
"""99th percentile of the server scenario (MLPerf inference rules, github.com/mlcommons/inference_policies)."""

_SLICE: Final = re.compile(r"(\d)g\.(\d+)gb")
ACCELERATORS: Final = (
    (r"gb300", "GB300-288GB"),
    (r"gb200", "GB200-186GB"),
    (r"gh200.*(144|141)", "GH200-144GB"),
    (r"gh200|grace ?hopper", "GH200-96GB"),
    (r"b300", "B300-SXM-288GB"),
    (r"b200", "B200-SXM-180GB"),
    (r"h200.*nvl", "H200-NVL-141GB"),
    (r"h200", "H200-SXM-141GB"),
    (r"h100.*nvl", "H100-NVL-94GB"),
    (r"h100.*pcie", "H100-PCIe-80GB"),
    (r"h100", "H100-SXM-80GB"),
    (r"h800", "H800-SXM-80GB"),
    (r"\bh20\b", "H20-96GB"),
    (r"rtx[- ]?pro[- ]?6000", "RTX-PRO-6000-Server"),
    (r"rtx[- ]?6000[- ]?ada", "RTX-6000-Ada"),
    (r"rtx[- ]?4090", "RTX-4090"),
    (r"titan[- ]?rtx", "TITAN-RTX"),
    (r"\bl40s", "L40S"),
    (r"\bl40\b", "L40"),
    (r"\bl20\b", "L20"),
    (r"\bl4\b", "L4"),
    (r"a100.*pcie.*80", "A100-PCIe-80GB"),
    (r"a100.*pcie", "A100-PCIe-40GB"),
    (r"a100.*\b40 ?gb", "A100-SXM-40GB"),
    (r"a100", "A100-SXM-80GB"),
    (r"a800", "A800-SXM-80GB"),
    (r"rtx[- ]?a6000", "RTX-A6000"),
    (r"\ba10g", "A10G"),
    (r"\ba10\b", "A10"),
    (r"\ba2\b", "A2"),
    (r"\ba30\b", "A30"),
    (r"\ba40\b", "A40"),
    (r"\bt4\b", "T4"),
    (r"v100.*pcie.*32", "V100-PCIe-32GB"),
    (r"v100.*pcie", "V100-PCIe-16GB"),
    (r"v100.*32", "V100-SXM2-32GB"),
    (r"v100", "V100-SXM2-16GB"),
    (r"p100.*pcie", "P100-PCIe-16GB"),
    (r"p100", "P100-SXM2-16GB"),
    (r"mi355x", "MI355X-288GB"),
    (r"mi325x", "MI325X-256GB"),
    (r"mi300x", "MI300X-192GB"),
    (r"mi250x?", "MI250X-128GB"),
    (r"mi210", "MI210-64GB"),
    (r"gaudi[- ®]*3", "Gaudi3-128GB"),
    (r"gaudi[- ®]*2", "Gaudi2-96GB"),
    (r"\bgaudi\b", "Gaudi-32GB"),
    (r"tpu[- _]?v?(6e?|trillium)|trillium", "TPU-v6e"),
    (r"tpu[- _]?v?(5p)", "TPU-v5p"),
    (r"tpu[- _]?v?(5e|5[- _]?lite)", "TPU-v5e"),
    (r"tpu[- _]?v?7|ironwood", "TPU-v7-Ironwood"),
    (r"tpu[- _]?v?4", "TPU-v4"),
    (r"tpu[- _]?v?3", "TPU-v3"),
    (r"trainium ?2|trn2", "Trainium2"),
    (r"trainium|trn1", "Trainium1"),
    (r"inferentia ?2|inf2", "Inferentia2"),
)
"""Patterns over lower-case names, first match wins, and accelerators of the catalogue."""
SPECIAL: Final = (
    (r"v?gpu[- ]?profile|vgpu|\bgrid\b|\bvcs\b|virtual gpu", "a virtual GPU shares its accelerator with others"),
    (r"max-?q", "it runs at a lowered power limit that the row does not state"),
    (r"drive|orin|xavier|jetson", "an embedded part, not in the catalogue"),
)
"""What makes a row another thing than its accelerator."""
STATION_W: Final = 275.0
"""Power limit of an A100 in a DGX Station A100 (NVIDIA DGX Station A100 hardware specifications)."""
CUSTOM_W: Final = 1000.0
"""Power limit of an H200 "CTS" (custom thermal solution), as the results name it."""
CORES_PER_CHIP: Final = {"TPU-v3": 2}
"""Results of these count cores as accelerators."""
_DECLARED: Final[dict[str, Precision]] = {
    "int8": "int8",
    "fp8": "fp8",
    "fp16": "fp16",
    "float16": "fp16",
    "bf16": "bf16",
    "bfloat16": "bf16",
    "fp32": "fp32",
    "float32": "fp32",
    "fp4": "fp4",
    "int4": "int4",
}
_FIRST_WITH_8_BITS: Final = {"dlrm-v2": (4, 0), "stable-diffusion-xl": (4, 1)}
"""Rounds from which NVIDIA's looser submissions of these networks are in 8 bits; earlier logs were one in 16 bits."""


def is_language(model: str) -> bool:
    """Does the row belong to the language models, which another part of the calibration reads?"""
    return LANGUAGE.search(model.lower()) is not None


def round_of(row: Row) -> tuple[int, int] | None:
    """MLPerf round, e.g. (3, 1), from its column or from the source; None where neither tells."""
    for text in (row.text("round"), row.text("source")):
        found = re.search(r"(?:^|[v_ ])(\d)\.(\d)(?:\D|$)", text)
        if found:
            return int(found[1]), int(found[2])
    return None


def card_of(model: str, when: tuple[int, int] | None) -> str | None:
    """Model card that the row speaks of. 3D-UNet and DLRM changed on the way; 3D-UNet needs the round."""
    name = next((card for pattern, card in NETWORKS if re.search(pattern, model.lower())), None)
    if name == "3d-unet":
        found = re.search(r"brats|kits", model.lower())
        if found is None and when is None:
            return None
        kits = found[0] == "kits" if found else when >= (2, 0)  # type: ignore[operator]
        return "3d-unet-kits19" if kits else "3d-unet-brats"
    return "dlrm-v2" if name == "dlrm" and when is not None and when >= (3, 1) else name


def special(row: Row) -> str | None:
    """Why the row is no ordinary use of its accelerator; None when it is."""
    text = " ".join(row.text(column) for column in ("system", "accelerator", "accelerator_norm")).lower()
    return next((reason for pattern, reason in SPECIAL if re.search(pattern, text)), None)


def accelerator_of(row: Row) -> str | None:
    """Name in the catalogue; a MIG instance has its own."""
    for column in ("accelerator_norm", "accelerator"):
        text = row.text(column).lower()
        sized = text if re.search(r"\d ?gb", text) else f"{text} {row.text('accel_memory').lower()}"
        # a slice names its own memory: the GPU is told apart without it
        whole = _SLICE.sub("", text) if "a100" not in text or "80gb" in _SLICE.sub("", text) else text
        name = next((n for p, n in ACCELERATORS if re.search(p, whole if _SLICE.search(text) else sized)), None)
        if name is not None:
            return _instance(name, text)
    return None


def _instance(name: str, text: str) -> str:
    piece = _SLICE.search(text)
    if piece is None:
        return name
    parent = {("A100-SXM-80GB", "5"): "A100-SXM-40GB"}.get((name, piece[2]), name)
    return f"{parent}-{piece[1]}g.{piece[2]}gb"


def power_limit_w(row: Row, accelerator: Accelerator) -> float | None:
    """Power limit of the accelerator in this system, W: the catalogue's unless the row names another."""
    text = " ".join(row.text(column) for column in ("system", "accelerator_norm", "accelerator"))
    if "station" in text.lower() and accelerator.name.startswith("A100"):
        return STATION_W
    stated = re.search(r"(\d{2,4}) ?W\b", text)
    if stated and accelerator.tdp_w is not None:
        return float(stated[1])
    return CUSTOM_W if re.search(r"\bCTS\b", text) and accelerator.name.startswith("H200") else accelerator.tdp_w


def variant_of(row: Row, card: str, accelerator: Accelerator, when: tuple[int, int] | None) -> Variant:
    """Arithmetic of the row. Declared precisions are trusted but for encoders on Hopper and later, where `fp16` stands
    for FP8, and DLRM-v2 at 99.9 %, which is in 16 bits; they are completed where the table has none."""
    return _plain(_precision(row, card, accelerator, when))


def _precision(row: Row, card: str, accelerator: Accelerator, when: tuple[int, int] | None) -> Precision:
    declared = _DECLARED.get(re.split(r"[,;/ +]", row.text("precision").lower())[0])
    strict = "99.9" in row.text("model")
    modern = accelerator.vendor == "NVIDIA" and accelerator.family not in ("Pascal", "Volta", "Turing", "Ampere")
    if card == "bert-large" and modern and accelerator.family != "Ada Lovelace" and declared in (None, "fp16"):
        return "fp8" if strict or declared == "fp16" else "int8"
    if card in _FIRST_WITH_8_BITS and accelerator.vendor == "NVIDIA" and declared in (None, "int8", "fp16"):
        return _in_eight_bits(card, declared, strict, when or (9, 9))
    return declared or _usual(card, accelerator, strict)


def _in_eight_bits(card: str, declared: Precision | None, strict: bool, when: tuple[int, int]) -> Precision:
    if declared == "fp16" or when < _FIRST_WITH_8_BITS[card]:
        return "fp16"
    if card == "stable-diffusion-xl":
        return "fp8"
    return "fp16" if strict else "int8"


def _usual(card: str, accelerator: Accelerator, strict: bool) -> Precision:
    if accelerator.kind != "gpu":
        return "bf16"
    if card in ("rnnt", "stable-diffusion-xl") or (card == "bert-large" and strict) or not accelerator.peak.int8_tops:
        return "fp16"
    return "int8"


def _plain(precision: Precision) -> Variant:
    return Variant(name=precision, precision=precision)
