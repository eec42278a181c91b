"""Asking a long piece of work to stop, without a parameter in every function on the way.

Whoever starts the work says which event stops it (`heeding`); long loops ask now and then (`look`), and are left by an
exception that the one who can make something of the rest catches. The event belongs to the context of the thread, so
that solves beside each other, or inside each other's callbacks, do not stop one another.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

LOOK_SECONDS = 0.05
"""How often who waits for work aside looks whether to go on waiting."""
_stop: ContextVar[threading.Event | None] = ContextVar("gpufleet_stop", default=None)


class Stopped(Exception):  # noqa: N818 (a wish that was heard, not an error)
    """The work was asked to stop. Never leaves the package."""


@contextmanager
def heeding(stop: threading.Event | None) -> Iterator[None]:
    """While the block runs, `look` raises once the event is set; with None it never does."""
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def look() -> None:
    """Raises Stopped where the work at hand was asked to stop; a tenth of a microsecond otherwise."""
    stop = _stop.get()
    if stop is not None and stop.is_set():
        raise Stopped


def aside(work: Callable[[], T]) -> T:
    """Do something that cannot be left in the middle, such as an import or a compilation, in a thread of its own.

    Asked to stop, nobody waits for it any longer (Stopped is raised): it comes to its end by itself, and what it has
    prepared is there for the next one. Without a stop to heed it is done at once, here.
    """
    stop = _stop.get()
    if stop is None:
        return work()
    done, results, errors = threading.Event(), list[T](), list[BaseException]()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="gpufleet-aside", daemon=True).start()
    while not done.wait(LOOK_SECONDS):
        look()
    if errors:
        raise errors[0]
    return results[0]
