"""Reading figures out of a JSON result file, with every problem placed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gpufleet.library.findings import Findings
from gpufleet.library.reader import read_document
from gpufleet.library.wording import show

if TYPE_CHECKING:
    from gpufleet.library.fields import Loc

Fields = dict[str, Any]
"""Columns of a measurement that a result file fills."""
SIGNIFICANT = 6


class Results:
    """A result file and what is wrong with it."""

    def __init__(self, path: str, tool: str) -> None:
        """Raises InputError when the file is not JSON (or YAML) with a mapping at its top."""
        document = read_document(path)
        self.path, self.tool, self._value = document.path, tool, document.value
        self._findings = Findings(document.path, document.line_of)

    def find(self, *loc: str | int) -> Any:
        """The value at a place; None where there is none."""
        value: Any = self._value
        for part in loc:
            if isinstance(value, dict) and isinstance(part, str):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def number(self, *loc: str | int) -> float | None:
        """A finite number of at least 0, or None; anything else that stands there is a problem."""
        value = self.find(*loc)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            self.refuse(loc, f"expected a number of at least 0, got {show(value)}")
            return None
        return float(value)

    def needed(self, *loc: str | int) -> float:
        """A number above 0 that must be there; 1 where it is refused."""
        found = self.number(*loc)
        if self.find(*loc) is None:
            self.refuse(loc, f"missing key; is this a result file of {self.tool}?")
        elif found is not None and found <= 0:
            self.refuse(loc, f"must be above 0, got {found:g}: nothing was measured")
        return found or 1.0

    def refuse(self, loc: Loc, message: str) -> None:
        """Note a problem."""
        self._findings.add(loc, message)

    def stop(self) -> None:
        """Raise InputError if there are problems."""
        self._findings.stop()


def significant(value: float) -> float:
    """Rounded to six digits: no benchmark repeats to more."""
    return float(f"{value:.{SIGNIFICANT}g}")


def tokens(mean: float) -> int:
    """A mean number of tokens as a whole one, rounded up."""
    return max(math.ceil(mean - 1e-6), 1)


def in_flight(requests_per_s: float, mean_latency_ms: float) -> float:
    """Mean requests in flight by Little's law."""
    return significant(requests_per_s * mean_latency_ms / 1000.0)
