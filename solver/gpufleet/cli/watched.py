"""A solve in a thread of its own, while the main thread shows how far it is and takes interrupts."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.optimize.progress import ProgressEvent
    from gpufleet.schema.plan import Plan

LOOK_SECONDS = 0.1
"""How often what is new is shown."""
INTERRUPTED = 130
"""Exit code of a program that was ended by an interrupt, by convention."""


class Listener(Protocol):
    """Something that shows or writes progress."""

    def event(self, event: ProgressEvent) -> None:
        """Something has changed."""

    def tick(self, seconds: float) -> None:
        """Time has passed, nothing else."""

    def stopping(self, seconds: float) -> None:
        """The search was asked to stop."""

    def done(self, plan: Plan | None, seconds: float) -> None:
        """The end; without a plan object where the solve failed."""


def watched(solve: Callable[..., Plan], listeners: list[Listener]) -> Plan:
    """`solve(progress=..., cancel=...)`, shown to the listeners; its exceptions are raised here.

    The first interrupt from the keyboard cancels the solve, which then returns what it has; a second one ends the
    program at once.
    """
    events: queue.SimpleQueue[ProgressEvent] = queue.SimpleQueue()
    cancel, outcome = threading.Event(), _Outcome()
    worker = threading.Thread(target=outcome.run, args=(solve, events.put, cancel), daemon=True)
    started = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(_interrupts(cancel))
        stack.callback(lambda: _all(listeners, "done", outcome.plan, time.monotonic() - started))
        worker.start()
        told = False
        while worker.is_alive():
            worker.join(LOOK_SECONDS)
            _pass_on(events, listeners)
            if cancel.is_set() and not told:
                told = True
                _all(listeners, "stopping", time.monotonic() - started)
            _all(listeners, "tick", time.monotonic() - started)
        _pass_on(events, listeners)
    return outcome.get()


class _Outcome:
    """What a thread returned or raised."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self._error: BaseException | None = None

    def run(
        self, solve: Callable[..., Plan], progress: Callable[[ProgressEvent], None], cancel: threading.Event
    ) -> None:
        """The thread's work."""
        try:
            self.plan = solve(progress=progress, cancel=cancel)
        except BaseException as error:
            self._error = error

    def get(self) -> Plan:
        """The plan; or what was raised instead, raised again."""
        if self._error is not None:
            raise self._error
        assert self.plan is not None
        return self.plan


def _pass_on(events: queue.SimpleQueue[ProgressEvent], listeners: list[Listener]) -> None:
    """What the search has put down since the last time."""
    while not events.empty():
        _all(listeners, "event", events.get())


def _all(listeners: list[Listener], what: str, *arguments: Any) -> None:
    for listener in listeners:
        getattr(listener, what)(*arguments)


@contextmanager
def _interrupts(cancel: threading.Event) -> Iterator[None]:
    """While the block runs, an interrupt sets `cancel`, and a second one ends the program.

    Only the main thread may say so; elsewhere interrupts are somebody else's.
    """

    def take(*_: object) -> None:
        if cancel.is_set():
            from gpufleet.optimize.backends.children import end_all

            end_all()
            os._exit(INTERRUPTED)
        cancel.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
