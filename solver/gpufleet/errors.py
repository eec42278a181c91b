"""The exception tree.

```
GpufleetError
├── InputError              what the user wrote is wrong; carries every problem found     exit code 2
├── MissingBackendError     a solver back end is not installed                            exit code 2
├── MissingExtraError       an optional package is not installed                          exit code 2
├── ClusterError            a cluster that was asked for cannot be used                   exit code 2
├── Int64OverflowError         a scaled integer would leave the signed 64-bit range          exit code 2
└── VerificationError       our own plan failed our own verifier: a bug in gpufleet       exit code 1
```

A time-out and a proven infeasibility are results, not exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class GpufleetError(Exception):
    """Base of everything that gpufleet raises on purpose."""


@dataclass(frozen=True, order=True)
class InputProblem:
    """One thing wrong in an input file, where it stands, and what would be right."""

    file: str
    """Path as the user gave it; `<memory>` for objects built in code."""
    line: int
    """1-based line in `file`; 0 when the problem is the file itself."""
    field: str
    """Dotted path of the field, e.g. `workloads[2].slo[0].percentile`; empty for the file itself."""
    message: str
    """What is wrong, with the value, and what would be right."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class InputError(GpufleetError):
    """The input is wrong. `problems` holds everything found, in file order."""

    def __init__(self, problems: Iterable[InputProblem]) -> None:
        self.problems: tuple[InputProblem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class MissingBackendError(GpufleetError):
    """A solver back end cannot be used here; the message says what to install."""


class MissingExtraError(GpufleetError):
    """An optional package that was asked for cannot be used here; the message says what to install."""


class ClusterError(GpufleetError):
    """A cluster that was asked for cannot be used; the message says why."""


class Int64OverflowError(GpufleetError):
    """A coefficient or sum of the integer program would not fit into a signed 64-bit integer."""


class VerificationError(GpufleetError):
    """The independent verifier rejected a plan that the optimiser returned."""
