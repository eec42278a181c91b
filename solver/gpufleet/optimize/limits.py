"""Time that is left, and phases that begin."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.monitor import Monitor


def left(limits: SolverLimits, started: float) -> SolverLimits:
    """What is left of the time; deterministic limits hold for each step anew, because the clock must not matter."""
    if limits.deterministic:
        return limits
    return replace(limits, seconds=limits.seconds - (time.monotonic() - started))


def begin(monitor: Monitor | None, phase: str, *, about_cost: bool = True, keep: bool = False) -> None:
    if monitor is not None:
        monitor.restart(phase, about_cost=about_cost, keep=keep)
