"""What a back end takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from gpufleet.optimize.formulation.linear_model import LinearModel

Outcome = Literal["optimal", "feasible", "infeasible", "unknown"]


@dataclass(frozen=True)
class SolverLimits:
    """How long and how hard to try; also what makes a run repeatable."""

    seconds: float
    relative_gap: float = 0.0
    workers: int = 1
    seed: int = 0
    effort: float | None = None
    """Limit on deterministic work (CP-SAT's deterministic time), so that giving up is repeatable too."""


@dataclass(frozen=True)
class BackendResult:
    """`optimal` and `feasible` carry values; `bound` is a proven lower bound on the objective, or None."""

    outcome: Outcome
    values: list[int] | None
    objective: int | None
    bound: int | None


class Backend(Protocol):
    """A solver for `LinearModel`s."""

    name: str

    def version(self) -> str:
        """Name and version of the solver, for the certificate."""
        ...

    def solve(self, model: LinearModel, limits: SolverLimits, hint: list[int] | None = None) -> BackendResult:
        """Minimise the model's objective. Never raises for infeasibility or a time-out."""
        ...
