"""Figures of the model that no datasheet gives: which share of a datasheet figure is reached, and what overheads cost.

They come from a calibration file (`library/calibrations.py` reads it, `gpufleet calibrate` writes it). Nothing here has
a value of its own. A figure may hold for an engine, a model, a family of accelerators, a phase or a number of bits
only; the most specific one wins, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpufleet.schema.calibration import Calibration, Figure, Interval

Phase = Literal["decode", "encode", "convolve", "recommend", "train", "train_convolve"]
"""Kinds of arithmetic that reach different shares of the peak."""

FAMILY_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "Grace Hopper": "Hopper",
        "Blackwell Ultra": "Blackwell",
        "Grace Blackwell": "Blackwell",
        "Grace Blackwell Ultra": "Blackwell",
        "CDNA2": "CDNA3",
        "CDNA4": "CDNA3",
    }
)
"""Families that take another's figures until they have their own."""


class Key(NamedTuple):
    """Where a figure holds; an empty string or 0 stands for everywhere."""

    parameter: str
    engine: str = ""
    model: str = ""
    family: str = ""
    phase: str = ""
    bits: int = 0


def key_of(figure: Figure) -> Key:
    """The key of a figure of a calibration file."""
    return Key(
        figure.parameter,
        figure.engine or "",
        figure.model or "",
        figure.family or "",
        figure.phase or "",
        figure.bits or 0,
    )


GRAPHICS_MEMORY = " GDDR"
"""Appended to the family of accelerators with graphics memory, which share little but the name with the HBM parts."""


def families(family: str, kind: str) -> tuple[str, ...]:
    """Names under which figures of an accelerator are looked up: its family in full, without `GDDR`, without the part
    in brackets, the family whose figures it takes, its kind, and everything."""
    whole = family.removesuffix(GRAPHICS_MEMORY)
    plain = whole.split(" (")[0]
    return tuple(dict.fromkeys((family, whole, plain, FAMILY_ALIASES.get(plain, plain), kind, "")))


@dataclass(frozen=True)
class Efficiency:
    """All figures together. Compared by identity: a memo of lookups goes with it."""

    figures: Mapping[Key, float]
    intervals: tuple[Interval, ...] = ()
    name: str = field(default="", kw_only=True)
    """Name of the calibration."""
    found: dict[tuple[Key, str], Key] = field(default_factory=dict, repr=False, compare=False)
    """Which figure answered which question so far."""

    @classmethod
    def of(cls, calibration: Calibration) -> Efficiency:
        """The figures of a calibration."""
        return cls({key_of(f): f.value for f in calibration.figures}, calibration.intervals, name=calibration.name)

    def changed(self, figures: Iterable[tuple[Key, float]]) -> Efficiency:
        """The same with other values for some keys (new ones included)."""
        values = {**self.figures, **dict(figures)}
        found = self.found if len(values) == len(self.figures) else {}
        return Efficiency(values, self.intervals, found, name=self.name)

    def figure(self, wanted: Key, kind: str = "") -> float:
        """The most specific figure for `wanted`, all of whose fields should be given. Raises KeyError if none fits."""
        question = (wanted, kind)
        if question not in self.found:
            self.found[question] = self._find(wanted, kind)
        return self.figures[self.found[question]]

    def _find(self, wanted: Key, kind: str) -> Key:
        phases, bits = _or_any(wanted.phase), tuple(dict.fromkeys((wanted.bits, 0)))
        for rest in product(engines(wanted.engine), _or_any(wanted.model), families(wanted.family, kind), phases, bits):
            if (key := Key(wanted.parameter, *rest)) in self.figures:
                return key
        raise KeyError(f"the calibration has no figure for {wanted}")


def _or_any(name: str) -> tuple[str, ...]:
    return (name, "") if name else ("",)


def engines(name: str) -> tuple[str, ...]:
    """Names under which figures of an engine are looked up: `vLLM 0.10.1` -> itself, `vLLM 0`, `vLLM`, every engine."""
    whole = name.split()
    shorter = [" ".join(whole[:count]) for count in range(len(whole) - 1, 0, -1)]
    return tuple(dict.fromkeys((name, name.split(".")[0], *shorter, "")))


RELATIVE_UNCERTAINTY: Mapping[str, float] = MappingProxyType(
    {"llm_serving": 0.30, "request_serving": 0.30, "training": 0.20}
)
"""Relative error of rates by kind of workload (one standard deviation), assumed from the spread over the anchors; it
counts where a calibration states no interval (`uncertainty.py`)."""
