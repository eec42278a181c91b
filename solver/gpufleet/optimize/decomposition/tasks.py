"""One part of a model, solved: the task that executors run."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.monitor import Monitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
    from gpufleet.optimize.backends.registry import BackendName
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Progress

WINDOW_S = 4.0
"""Seconds in which a part must gain enough, or is given up."""
_STOPS: dict[str, threading.Event] = {}
"""What stops the tasks of a search, by its name; known in the process of the search alone."""


@contextmanager
def stopping() -> Iterator[tuple[str, threading.Event]]:
    """(name, event) by which tasks of a search that run in this process are stopped; set when the block ends."""
    name, event = uuid.uuid4().hex, threading.Event()
    _STOPS[name] = event
    try:
        yield name, event
    finally:
        event.set()
        del _STOPS[name]


def solve_part(
    model: LinearModel,
    limits: SolverLimits,
    hint: list[int] | None,
    solver: BackendName = "cpsat",
    least_gain: int | None = None,
    stop: str = "",
) -> BackendResult:
    """Solve a part. Routing is for a solver based on linear programming.

    It is given up when the cost has fallen by less than `least_gain` within `WINDOW_S`, and when what `stop` names says
    so. Threads are as many as the machine has at most, unless they decide about the answer.
    """
    if not limits.deterministic:
        limits = replace(limits, workers=min(limits.workers, os.cpu_count() or 1))
    shares = any(variable.kind == "share" for variable in model.variables)
    chosen = backend("highs" if shares else solver)
    event = _STOPS.get(stop)
    if event is None and least_gain is None:
        return chosen.solve(model, limits, hint)
    with Patience(least_gain, event) as patience:
        return chosen.solve(model, limits, hint, patience.monitor)


class Patience:
    """Stops a search that gains too little, or that nobody waits for."""

    def __init__(self, least_gain: int | None, stop: threading.Event | None) -> None:
        self._least_gain = least_gain
        self._stop = stop
        self._found: deque[tuple[float, int]] = deque()
        """(clock, cost) of what was found, the last one before the window first."""
        self._over = threading.Event()
        self.monitor = Monitor(self._hear)

    def __enter__(self) -> Patience:
        self._watcher = threading.Thread(target=self._watch, name="gpufleet-patience", daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def _hear(self, progress: Progress) -> None:
        if progress.objective is not None and (not self._found or progress.objective < self._found[-1][1]):
            self._found.append((time.monotonic(), progress.objective))

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            if self._gains_too_little() or (self._stop is not None and self._stop.is_set()):
                self.monitor.stop()
                return

    def _gains_too_little(self) -> bool:
        """Only once something was found, and a whole window ago."""
        since = time.monotonic() - WINDOW_S
        while len(self._found) > 1 and self._found[1][0] <= since:
            self._found.popleft()
        if self._least_gain is None or not self._found or self._found[0][0] > since:
            return False
        return self._found[0][1] - self._found[-1][1] < self._least_gain
