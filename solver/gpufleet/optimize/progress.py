"""Progress of a solve, as a user of the package sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.units import usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.optimize.monitor import Progress


@dataclass(frozen=True)
class ProgressEvent:
    """One state of a solve."""

    seconds: float
    """Since the start of the solve."""
    phase: str
    """What is being done, in words: `cost`, or `unserved, priority 2`, or `ties: nodes`."""
    objective_usd: float | None
    """Cost of the best plan so far, USD; None as long as there is none, and while the phase is not about cost."""
    bound_usd: float | None
    """Proven: no plan costs less, USD; None where nothing is known."""
    gap: float | None
    """(objective - bound) / objective; None where unknown."""
    columns: int
    """Variables of the integer program, or columns generated so far."""


def in_usd(callback: Callable[[ProgressEvent], None]) -> Callable[[Progress], None]:
    """A callback for the engine's own progress, in micro-USD, that passes it on in USD."""

    def pass_on(progress: Progress) -> None:
        callback(
            ProgressEvent(
                seconds=progress.seconds,
                phase=progress.phase,
                objective_usd=None if progress.objective is None else usd(progress.objective),
                bound_usd=None if progress.bound is None else usd(progress.bound),
                gap=progress.gap,
                columns=progress.columns,
            )
        )

    return pass_on
