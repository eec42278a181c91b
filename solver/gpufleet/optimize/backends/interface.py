"""What a back end takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from gpufleet.optimize.bounds.lagrangian import Prices
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor

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
    deterministic: bool = False
    """Repeatable with any number of workers: CP-SAT takes turns between its strategies, and `seconds` are those of its
    deterministic time."""


@dataclass(frozen=True)
class BackendResult:
    """`optimal` and `feasible` carry values; `bound` is a proven lower bound on the objective, or None."""

    outcome: Outcome
    values: list[int] | None
    objective: int | None
    bound: int | None
    prices: Prices | None = None
    """What anyone can recompute a bound from, if the solver has it."""
    price_bound: int | None = None
    """What these prices prove, where the solver has worked it out."""


class Backend(Protocol):
    """A solver for `LinearModel`s."""

    name: str

    def version(self) -> str:
        """Name and version of the solver, for the certificate."""
        ...

    def solve(
        self,
        model: LinearModel,
        limits: SolverLimits,
        hint: list[int] | None = None,
        monitor: Monitor | None = None,
    ) -> BackendResult:
        """Minimise the model's objective. Never raises for infeasibility, a time-out or a stop.

        A monitor hears of progress in its current phase, in units of the objective, and may ask to stop.
        """
        ...
