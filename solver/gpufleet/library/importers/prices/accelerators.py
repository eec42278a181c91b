"""Names that price lists have for accelerators, to those of the catalogue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.schema.hardware import Accelerator

ALIASES: Final = {
    "a6000": "rtxa6000",
    "gaudihl205": "gaudi",
    "inferentia": "inferentia2",
    "rtxpro6000": "rtxpro6000server",
    "rtx6000ada": "rtx6000ada",
    "trainium": "trainium1",
    "tpuv5litepod": "tpuv5e",
}
"""Names of price lists that are neither the catalogue's nor a part of it, folded."""
FORMS: Final = ("sxm", "pcie", "nvl", "oam")
MEMORY_TOLERANCE: Final = 0.12
"""Price lists round memory, or count what a driver shows: 180 or 183, 270 or 288 GB."""
_VENDOR: Final = re.compile(r"\b(nvidia|amd|intel|google|aws|tesla|instinct|geforce|radeon|huawei)\b", re.IGNORECASE)
_FORM: Final = re.compile(r"(sxm|pcie|nvl|oam)\d?", re.IGNORECASE)
_MEMORY: Final = re.compile(r"(?<![\dA-Za-z])(\d{1,3}) ?gb\b", re.IGNORECASE)
_PART: Final = re.compile(r"-\dg\.\d+gb\Z")


def candidates(name: str, memory_gb: float | None, hint: str, known: Mapping[str, Accelerator]) -> tuple[str, ...]:
    """Accelerators of the catalogue that a price list can mean; one = certain, none = unknown.

    Name, memory and form (SXM, PCIe, NVL) narrow it down; `hint` is other text of the row that may tell the form.
    """
    whole = {accelerator for accelerator in known if not _PART.search(accelerator)}
    exact = [accelerator for accelerator in whole if accelerator.lower() == name.lower()]
    if exact:
        return tuple(exact)
    base = _base(name)
    found = sorted(accelerator for accelerator in whole if _base(accelerator) == ALIASES.get(base, base))
    stated = _MEMORY.search(name)
    memory = float(stated[1]) if stated else memory_gb
    if memory is not None:
        found = [accelerator for accelerator in found if _near(known[accelerator].memory_gb, memory)]
    form = _form(name) or _form(hint)
    fitting = [accelerator for accelerator in found if form is None or _form(accelerator) in (form, None)]
    return tuple(fitting or found)


def _base(name: str) -> str:
    """`NVIDIA A100-SXM4-80GB` as `a100`."""
    plain = _MEMORY.sub("", _VENDOR.sub("", name))
    return re.sub(r"[^a-z0-9]", "", _FORM.sub("", plain.lower()))


def _form(text: str) -> str | None:
    match = _FORM.search(text)
    return match[1].lower() if match else None


def _near(known: float | None, memory: float) -> bool:
    return known is None or abs(known - memory) <= MEMORY_TOLERANCE * known
