"""A section that describes a quantisation: reads its keys and notes what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.importers.hf.scheme import BLOCK_PARTS, WHOLE
from gpufleet.library.importers.hf.tensors import Part
from gpufleet.library.wording import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings

AND_HEAD: Final = BLOCK_PARTS | {Part.HEAD}
"""What formats quantise that name the head when they leave it out."""
GROUP: Final = 128
"""Usual size of a group or of the side of a block."""
SCALE_16: Final = 16
BYTE: Final = 8
PAIR: Final = 2


@dataclass(frozen=True)
class Source:
    """The section that describes the quantisation, and where problems are noted."""

    values: Mapping[str, Any]
    loc: Loc
    findings: Findings

    def add(self, key: str, message: str) -> None:
        """Note a problem with a key."""
        self.findings.add((*self.loc, key), message)

    def whole(self, key: str, default: int | None) -> int | None:
        """A whole number above 0; -1 and null stand for the whole side."""
        value = self.values.get(key, default)
        if value is None or value == -1:
            return WHOLE
        if type(value) is not int or value < 1:
            self.add(key, f"expected a whole number from 1, got {show(value)}; correct it")
            return default
        return value

    def pair(self, key: str) -> tuple[int, int] | None:
        """Two whole numbers above 0; None when there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not (
            isinstance(value, list) and len(value) == PAIR and all(type(size) is int and size > 0 for size in value)
        ):
            self.add(key, f"expected two whole numbers from 1, got {show(value)}; correct it")
            return None
        return value[0], value[1]

    def kept(self, *keys: str) -> tuple[str, ...]:
        """Modules that stay as they are."""
        found: list[str] = []
        for key in keys:
            value = self.values.get(key)
            if value is not None and not (isinstance(value, list) and all(isinstance(word, str) for word in value)):
                self.add(key, f"expected a list of module names, got {show(value)}; correct it")
            else:
                found += value or []
        return tuple(pattern for pattern in found if self._is_pattern(keys[0], pattern))

    def _is_pattern(self, key: str, pattern: str) -> bool:
        try:
            re.compile(pattern.removeprefix("re:") if pattern.startswith("re:") else "")
        except re.error:
            self.add(key, f"{show(pattern)} is no regular expression; correct it")
            return False
        return True
