"""Names in tables of training speed: which network and which accelerator a row speaks of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gpufleet.calibration.training_networks import network

if TYPE_CHECKING:
    from gpufleet.library.library import Library
    from gpufleet.schema.models import ModelCard

HYBRID: Final = "mixes attention with state-space layers, which model cards cannot describe"
NO_LANGUAGE: Final = "its step is no transformer step that the tables give a rate for"
UNPUBLISHED: Final = "its architecture was not found in a published configuration"

REFUSED: Final[tuple[tuple[str, str], ...]] = (
    (r"nemotron-?3|nemotron-?h|nemotron-nano|mamba|jamba", HYBRID),
    (r"deepseek-?v4", UNPUBLISHED),
    (r"gnmt|mask-?r-?cnn|minigo|r-?gat|gnn|graph|transformer$", NO_LANGUAGE),
)
"""Names that are known, and why nothing is said about them."""

CARDS: Final[tuple[tuple[str, str], ...]] = (
    (r"gpt-?oss-?120b", "gpt-oss-120b"),
    (r"gpt-?oss-?20b", "gpt-oss-20b"),
    (r"deepseek-?(v3|r1)", "deepseek-v3"),
    (r"kimi-?k2", "kimi-k2"),
    (r"qwen-?3-?235b", "qwen3-235b-a22b"),
    (r"qwen-?3-?30b", "qwen3-30b-a3b"),
    (r"qwen-?3-?32b", "qwen3-32b"),
    (r"qwen-?3-?8b", "qwen3-8b"),
    (r"mixtral-?8x?-?22b", "mixtral-8x22b"),
    (r"mixtral-?8x?-?7b", "mixtral-8x7b"),
    (r"llama-?4-?maverick", "llama-4-maverick"),
    (r"llama-?3(\.1)?-?405b", "llama-3.1-405b"),
    (r"llama-?3(\.[0-9])?-?70b", "llama-3.1-70b"),
    (r"llama-?3(\.1)?-?8b", "llama-3.1-8b"),
    (r"llama-?2-?70b", "llama-2-70b"),
    (r"llama-?(2-)?(7|13|33|65)b", r"llama-\2b"),
    (r"(opt|bloom)-?17[56]b", "gpt-3-175b"),
    (r"mpt-?(125m|350m|760m|1b|3b|7b|13b|30b|70b)", r"mpt-\1"),
    (r"maxtext-?([0-9]+b)", r"maxtext-\1"),
    (r"(mt-?nlg|megatron-turing|gpt)-?(530b|529\.6b)", "gpt-530b"),
    (r"gpt-?(1t|1008b|1000b)", "gpt-1t"),
    (r"gpt-?2-([0-9.]+)b", r"gpt-2-\1b"),
    (r"gpt-?(3-)?(175b|174\.6b|177b)", "gpt-3-175b"),
    (r"gpt-?39b", "gpt-39.1b"),
    (r"gpt-?76b", "gpt-76.1b"),
    (r"gpt-?18b", "gpt-18.4b"),
    (r"gpt-?14[56]b", "gpt-145.6b"),
    (r"gpt-?31[0]b", "gpt-310.1b"),
    (r"gpt-?(3-)?([0-9.]+b)", r"gpt-\2"),
)
"""Patterns over the lowered name, spaces and underscores as dashes; the first that stands anywhere in it counts."""


class Place(NamedTuple):
    """An accelerator with the machine that it usually stands in."""

    accelerator: str
    """Name in the catalogue; empty where the catalogue lacks it."""
    per_node: int
    network: float
    """GB/s per accelerator, one direction."""


def _nvidia(name: str, gigabytes: float, per_node: int = 8) -> Place:
    return Place(name, per_node, gigabytes)


PLACES: Final[tuple[tuple[str, Place], ...]] = (
    (r"gb300", _nvidia("GB300-288GB", 100.0, 72)),
    (r"gb200", _nvidia("GB200-186GB", 50.0, 72)),
    (r"\bb300", _nvidia("B300-SXM-288GB", 100.0)),
    (r"\bb[12]00", _nvidia("B200-SXM-180GB", 50.0)),
    (r"gh200.*144", _nvidia("GH200-144GB", 50.0, 1)),
    (r"gh200", _nvidia("GH200-96GB", 50.0, 1)),
    (r"h200.*nvl", _nvidia("H200-NVL-141GB", 50.0)),
    (r"h200", _nvidia("H200-SXM-141GB", 50.0)),
    (r"h100.*nvl", _nvidia("H100-NVL-94GB", 50.0)),
    (r"h100.*pci", _nvidia("H100-PCIe-80GB", 50.0)),
    (r"h100", _nvidia("H100-SXM-80GB", 50.0)),
    (r"h800", _nvidia("H800-SXM-80GB", 50.0)),
    (r"\bh20\b", _nvidia("H20-96GB", 50.0)),
    (r"a800", _nvidia("A800-SXM-80GB", 25.0)),
    (r"a100.*pci.*40|a100.*40.*pci", _nvidia("A100-PCIe-40GB", 12.5)),
    (r"a100.*pci", _nvidia("A100-PCIe-80GB", 12.5)),
    (r"a100.*40", _nvidia("A100-SXM-40GB", 25.0)),
    (r"a100", _nvidia("A100-SXM-80GB", 25.0)),
    (r"a10g", _nvidia("A10G", 3.1)),
    (r"\ba10\b", _nvidia("A10", 3.1)),
    (r"\ba30\b", _nvidia("A30", 3.1)),
    (r"\ba40\b", _nvidia("A40", 3.1)),
    (r"a6000", _nvidia("RTX-A6000", 3.1)),
    (r"6000-ada", _nvidia("RTX-6000-Ada", 3.1)),
    (r"4090", _nvidia("RTX-4090", 3.1)),
    (r"l40s", _nvidia("L40S", 6.25)),
    (r"\bl40\b", _nvidia("L40", 6.25)),
    (r"\bl20\b", _nvidia("L20", 6.25)),
    (r"\bl4\b", _nvidia("L4", 3.1)),
    (r"\bt4\b", _nvidia("T4", 3.1)),
    (r"v100.*(sxm3|dgx-2)", _nvidia("V100-SXM2-32GB", 6.25, 16)),
    (r"v100s?.*pci.*32", _nvidia("V100-PCIe-32GB", 6.25)),
    (r"v100s?.*pci", _nvidia("V100-PCIe-16GB", 6.25)),
    (r"v100.*16", _nvidia("V100-SXM2-16GB", 6.25)),
    (r"v100", _nvidia("V100-SXM2-32GB", 6.25)),
    (r"p100.*pci", _nvidia("P100-PCIe-16GB", 6.25)),
    (r"p100", _nvidia("P100-SXM2-16GB", 6.25)),
    (r"mi300x", Place("MI300X-192GB", 8, 50.0)),
    (r"mi325x", Place("MI325X-256GB", 8, 50.0)),
    (r"mi355x", Place("MI355X-288GB", 8, 50.0)),
    (r"mi250x", Place("MI250X-128GB", 4, 25.0)),
    (r"mi250", Place("MI250X-128GB", 4, 25.0)),
    (r"gaudi-?3", Place("Gaudi3-128GB", 8, 75.0)),
    (r"gaudi-?2", Place("Gaudi2-96GB", 8, 37.5)),
    (r"gaudi", Place("Gaudi-32GB", 8, 12.5)),
    (r"tpu.*v5e|v5-?lite", Place("TPU-v5e", 256, 3.1)),
    (r"tpu.*v5p", Place("TPU-v5p", 8960, 6.25)),
    (r"tpu.*(v6e|v6\b|trillium)", Place("TPU-v6e", 256, 6.25)),
    (r"tpu.*(v7|ironwood)", Place("TPU-v7-Ironwood", 9216, 12.5)),
    (r"tpu.*v4", Place("TPU-v4", 4096, 6.25)),
)
"""Accelerators by pattern over the lowered name, with accelerators per NVLink or ICI domain and network of one.

NVIDIA: one InfiniBand port per accelerator as in the DGX reference designs (A100 200, H100, B200 and GB200 400, B300
and GB300 800 Gb/s). A TPU slice is one "node": ICI joins all of its chips (v5e and v6e 256), slices are joined by the
data-centre network (assumed 25 to 50 Gb/s per chip)."""


def plain(name: str) -> str:
    """Lower case, one dash for anything between words."""
    return re.sub(r"[\s_/(),-]+", "-", name.strip().lower()).strip("-")


def card_of(name: str, library: Library) -> ModelCard | str:
    """The network of a row, or why there is none."""
    text = plain(name)
    for pattern, reason in REFUSED:
        if re.search(pattern, text):
            return f"{name}: {reason}"
    for pattern, target in CARDS:
        found = re.search(rf"(?<![a-z0-9]){pattern}(?![0-9])", text)
        if found is not None:
            card = found.expand(target)
            known = library.model(card) if card in library.model_names else network(card)
            if known is not None:
                return known
    return f"no model card for {name or 'a model without a name'}"


def place_of(name: str, library: Library) -> Place | str:
    """The accelerator of a row with its machine, or why there is none."""
    text = plain(name)
    for pattern, place in PLACES:
        if re.search(pattern, text):
            if place.accelerator in library.accelerators:
                return place
            return f"{name}: {place.accelerator} is not in the catalogue"
    return f"no accelerator in the catalogue for {name or 'a row without an accelerator'}"
