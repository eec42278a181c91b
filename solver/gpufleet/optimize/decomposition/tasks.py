"""One part of a model, solved: the task that executors run."""

from __future__ import annotations

import math
import os
import threading
import time
import uuid
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
    patience_s: float = math.inf,
    stop: str = "",
) -> BackendResult:
    """Solve a part. Routing is for a solver based on linear programming.

    It is given up when nothing better was found for `patience_s`, and for a third of the time so far, and when what
    `stop` names says so. Threads are as many as the machine has at most, unless they decide about the answer.
    """
    if not limits.deterministic:
        limits = replace(limits, workers=min(limits.workers, os.cpu_count() or 1))
    shares = any(variable.kind == "share" for variable in model.variables)
    chosen = backend("highs" if shares else solver)
    event = _STOPS.get(stop)
    if event is None and patience_s == math.inf:
        return chosen.solve(model, limits, hint)
    with Patience(patience_s, event) as patience:
        return chosen.solve(model, limits, hint, patience.monitor)


class Patience:
    """Stops a search that finds nothing better any more, or that nobody waits for."""

    def __init__(self, seconds: float, stop: threading.Event | None) -> None:
        self._seconds = seconds
        self._stop = stop
        self._started = self._changed = time.monotonic()
        self._best: int | None = None
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
        if progress.objective is not None and (self._best is None or progress.objective < self._best):
            self._best, self._changed = progress.objective, time.monotonic()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            now = time.monotonic()
            idle = now - self._changed > max(self._seconds, (now - self._started) / 3)
            if idle or (self._stop is not None and self._stop.is_set()):
                self.monitor.stop()
                return
