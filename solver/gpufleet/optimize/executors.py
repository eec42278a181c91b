"""Where tasks run: threads of this process, any `concurrent.futures.Executor`, or the workers of a Dask cluster.

Tasks are functions of a module with plain data as arguments, so that they can be sent anywhere. Threads are the
default: CP-SAT, HiGHS and compiled pricing work outside Python's lock, and processes were not faster (docs/engines.md).

What an executor loses is done here instead: a search never ends because a pool broke or a cluster went away.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
"""How often who waits for a result looks whether to go on waiting."""
ALIVE_SECONDS = 1.0
"""How often tasks that are away are looked after."""
PATIENCE_SECONDS = 10.0
"""Time without any worker after which tasks are taken back."""


@contextmanager
def open_executor(address: str | None, workers: int) -> Iterator[Executor]:
    """An executor while the block runs: `workers` threads here, or the Dask cluster whose scheduler is at an address.

    Raises MissingExtraError without the package `distributed`, ClusterError where the cluster cannot be used.
    """
    if address is None:
        with steady(None, workers) as executor:
            yield executor
        return
    from gpufleet.optimize.dask_cluster import connected

    with connected(address) as cluster, _closing(Steady(cluster.executor, workers, cluster)) as executor:
        yield executor


@contextmanager
def steady(executor: Executor | None, workers: int) -> Iterator[Executor]:
    """The executor, with a safety net if it needs one, while the block runs; `workers` threads where there is none."""
    if executor is None:
        with _closing(ThreadPoolExecutor(workers, "gpufleet")) as threads:
            yield threads
    elif isinstance(executor, (ThreadPoolExecutor, Steady)):
        yield executor
    else:
        with _closing(Steady(executor, workers)) as caught:
            yield caught


@contextmanager
def _closing(executor: Executor) -> Iterator[Executor]:
    """Shut down at the end of the block, without waiting for what nobody wants any more."""
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def in_order(futures: Sequence[Future[T]], until: float, stop: Callable[[], bool]) -> Iterator[T]:
    """Results in the order of the futures, whatever order they arrive in.

    Ends early, and cancels the rest, once the clock shows `until` or `stop()` holds.
    """
    for number, future in enumerate(futures):
        while not wait([future], LOOK_SECONDS).done:
            if stop() or time.monotonic() > until:
                for late in futures[number:]:
                    late.cancel()
                return
        yield future.result()


class Workers(Protocol):
    """Those who do the tasks of an executor, and may come and go."""

    def threads(self) -> int:
        """How many there are at present; may take a moment."""
        ...

    def is_connected(self) -> bool:
        """Could they be asked? Says so at once."""
        ...


@dataclass(eq=False)
class _Task:
    """Something that was submitted."""

    work: Callable[[], Any]
    promise: Future[Any]
    away: Future[Any] | None = None


class Steady(Executor):
    """Another executor with a safety net: what fails there, or is lost with it, is done by threads here.

    A task that raises there raises here again, and only then for the caller.
    """

    def __init__(self, inner: Executor, workers: int, elsewhere: Workers | None = None) -> None:
        """`elsewhere` are those of the inner executor; None = they are always there."""
        self._inner, self._elsewhere = inner, elsewhere
        self._here = ThreadPoolExecutor(max(1, min(workers, os.cpu_count() or 1)), "gpufleet")
        self._lock = threading.Lock()
        self._away: set[_Task] = set()
        self._lonely = False
        self._told = False
        self._closed = threading.Event()
        if elsewhere is not None:
            threading.Thread(target=self._look_after, name="gpufleet-cluster", daemon=True).start()

    def threads(self) -> int | None:
        """Threads of the inner executor at present; None = unknown."""
        return None if self._elsewhere is None else self._elsewhere.threads()

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """As `Executor.submit`; with keyword arguments bound before they are sent."""
        task = _Task(partial(function, *args, **kwargs), Future())
        if self._lonely or (self._elsewhere is not None and not self._elsewhere.is_connected()):
            self._take_back(task, "nobody is there to do it")
            return task.promise
        try:
            task.away = self._inner.submit(task.work)
        except Exception as error:
            self._take_back(task, repr(error))
            return task.promise
        with self._lock:
            self._away.add(task)
        task.away.add_done_callback(partial(self._came_back, task))
        task.promise.add_done_callback(partial(_no_longer_wanted, task))
        return task.promise

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut down the threads here; the inner executor is its owner's."""
        self._closed.set()
        if cancel_futures:
            for task in self._all_away():
                task.promise.cancel()
        self._here.shutdown(wait, cancel_futures=cancel_futures)

    def _came_back(self, task: _Task, away: Future[Any]) -> None:
        """Pass the result on, or do the work here."""
        with self._lock:
            self._away.discard(task)
        if self._closed.is_set():
            return
        try:
            result = away.result()
        except CancelledError:
            self._take_back(task, "it was cancelled, or the connection was lost")
            return
        except Exception as error:
            self._take_back(task, repr(error))
            return
        with suppress(InvalidStateError):  # cancelled, or taken back and done here meanwhile
            task.promise.set_result(result)

    def _take_back(self, task: _Task, why: str) -> None:
        """Do the work here."""
        if not self._told:
            logger.warning("a task was not done where it was sent, and is done here instead: %s", why)
            self._told = True
        with suppress(RuntimeError):  # shut down meanwhile
            self._here.submit(_fulfil, task)

    def _all_away(self) -> list[_Task]:
        with self._lock:
            tasks = list(self._away)
            self._away.clear()
        return tasks

    def _look_after(self) -> None:
        """Take tasks back once there has been nobody for a while to do them; send the next ones when there is."""
        seen = time.monotonic()
        while not self._closed.wait(ALIVE_SECONDS):
            if self.threads():
                seen, self._lonely = time.monotonic(), False
            elif time.monotonic() - seen >= PATIENCE_SECONDS:
                self._lonely = True
                for task in self._all_away():
                    self._take_back(task, "nobody is there to do it")


def _no_longer_wanted(task: _Task, promise: Future[Any]) -> None:
    """Cancel elsewhere what was cancelled here."""
    if promise.cancelled() and task.away is not None:
        task.away.cancel()


def _fulfil(task: _Task) -> None:
    """Do the work, for who still waits for it."""
    if task.promise.done():
        return
    try:
        result = task.work()
    except BaseException as error:
        with suppress(InvalidStateError):
            task.promise.set_exception(error)
    else:
        with suppress(InvalidStateError):
            task.promise.set_result(result)
