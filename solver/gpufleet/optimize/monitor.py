"""What a search says while it runs, and how it is asked to stop."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

LEAST_SECONDS = 0.1
"""Time between two events that differ in bound or columns alone."""
LOOK_SECONDS = 0.05
"""How often a watcher looks whether the search is to stop."""


@dataclass(frozen=True)
class Progress:
    """One state of a search."""

    seconds: float
    """Since the start of the search."""
    phase: str
    """What is being done, in words."""
    objective: int | None = None
    """Cost of the best plan so far, micro-USD; None as long as there is none, and while the phase is not about cost."""
    bound: int | None = None
    """Proven: no plan costs less, micro-USD; None where nothing is known."""
    columns: int = 0
    """Variables of the integer program, or columns generated so far."""

    @property
    def gap(self) -> float | None:
        """(objective - bound) / objective; None where unknown."""
        if self.objective is None or self.bound is None:
            return None
        return (self.objective - self.bound) / self.objective if self.objective else 0.0


class Monitor:
    """Takes reports of engines and back ends, from any thread, and hands out progress that only gets better.

    Within a phase about cost the objective never rises and the bound never falls, whoever reports. A bound above the
    objective can only be a matter of tolerances and is shown as the objective.
    """

    def __init__(
        self,
        callback: Callable[[Progress], None] | None = None,
        stop: threading.Event | None = None,
        *,
        started: float | None = None,
    ) -> None:
        self._callback = callback
        self._stop = stop if stop is not None else threading.Event()
        self._started = time.monotonic() if started is None else started
        self._lock = threading.RLock()
        self._now = Progress(0.0, "")
        self._told: Progress | None = None
        self._about_cost = True

    @property
    def event(self) -> threading.Event:
        """What is set when the search is to stop; see `gpufleet.interruption.heeding`."""
        return self._stop

    @property
    def stopped(self) -> bool:
        """Was the search asked to stop?"""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the search to stop."""
        self._stop.set()

    @property
    def phase(self) -> str:
        """The current phase; a back end reports under this name."""
        return self._now.phase

    @property
    def latest(self) -> Progress:
        """The best known so far."""
        return self._now

    def restart(self, phase: str, *, about_cost: bool = True, keep: bool = False) -> None:
        """Begin a phase with another objective: what was best so far is forgotten, or kept as it is.

        Where the new objective is not the cost (`about_cost` False), objectives and bounds reported are not passed on.
        """
        with self._lock:
            self._flush()
            self._about_cost = about_cost
            best = (self._now.objective, self._now.bound) if keep else (None, None)
            self._now = Progress(self._seconds(), phase, *best, self._now.columns)
            self._tell()

    def report(
        self, phase: str, *, objective: int | None = None, bound: int | None = None, columns: int | None = None
    ) -> None:
        """Take what was reached, micro-USD; the callback hears of it if it is news."""
        with self._lock:
            if not self._about_cost:
                objective = bound = None
            before = self._now
            least = _best(min, before.objective, objective)
            proven = _best(max, before.bound, bound)
            if least is not None and proven is not None:
                proven = min(proven, least)
            self._now = Progress(self._seconds(), phase, least, proven, before.columns if columns is None else columns)
            if self._is_due():
                self._tell()

    def at(self, phase: str) -> Monitor:
        """A monitor of a search inside this one, whose phases begin with these words."""

        def pass_on(progress: Progress) -> None:
            with self._lock:
                self._now = Progress(
                    progress.seconds, phase + progress.phase, progress.objective, progress.bound, progress.columns
                )
                self._tell()

        return Monitor(pass_on, self._stop, started=self._started)

    def quiet(self) -> Monitor:
        """A monitor of a step whose own figures mean nothing outside, but which stops with the search."""
        return Monitor(None, self._stop, started=self._started)

    @contextmanager
    def watching(self, stop: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call `stop` as soon as the search is to stop, and again until the block ends."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(done, stop), name="gpufleet-watcher", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _watch(self, done: threading.Event, stop: Callable[[], None]) -> None:
        while not done.wait(LOOK_SECONDS):
            if self.stopped:
                stop()

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _is_due(self) -> bool:
        """Is there something new, and is it important or the last event long ago?"""
        told, now = self._told, self._now
        if told is None or (told.phase, told.objective) != (now.phase, now.objective):
            return True
        is_new = (told.bound, told.columns) != (now.bound, now.columns)
        return is_new and now.seconds - told.seconds >= LEAST_SECONDS

    def _flush(self) -> None:
        """Tell what was held back."""
        told, now = self._told, self._now
        if told is not None and (told.bound, told.columns) != (now.bound, now.columns):
            self._tell()

    def _tell(self) -> None:
        self._told = self._now
        if self._callback is None:
            return
        try:
            self._callback(self._now)
        except Exception:
            logger.exception("the callback for progress failed; the search goes on")


def _best(choose: Callable[[int, int], int], known: int | None, new: int | None) -> int | None:
    if known is None or new is None:
        return new if known is None else known
    return choose(known, new)
