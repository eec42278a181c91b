"""The workers of a Dask cluster as an executor. Needs the extra `dask`."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from gpufleet import __version__
from gpufleet.errors import ClusterError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from distributed import Client

T = TypeVar("T")
logger = logging.getLogger(__name__)

CONNECT_SECONDS = 8.0
"""Time to reach the scheduler."""
ANSWER_SECONDS = 2.0
"""Time for its workers to say what they are."""
FAREWELL_SECONDS = 2.0
INSTALL = 'pip install "gpufleet[dask]"'


@dataclass(frozen=True)
class Cluster:
    """A connection to a scheduler."""

    client: Client

    @property
    def executor(self) -> Executor:
        """Runs tasks on the workers. A task that is lost with its worker is run again by the scheduler."""
        return _Checked(self.client.get_executor(pure=False))

    def threads(self) -> int:
        """Threads of all workers at present; 0 also where the scheduler does not answer."""
        if not self.is_connected():
            return 0
        try:
            return sum(self.client.nthreads().values())
        except Exception as error:  # of many kinds, while a connection breaks
            logger.debug("the scheduler does not answer: %r", error)
            return 0

    def is_connected(self) -> bool:
        """False while the connection to the scheduler is lost; distributed tries for a while to get it back."""
        return bool(self.client.status == "running")


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster whose scheduler is at an address such as `tcp://host:8786`, while the block runs.

    Raises MissingExtraError without the package `distributed`; ClusterError where the scheduler does not answer, or its
    workers are none or of another version.
    """
    client = _client(address)
    try:
        _check(client, address)
        yield Cluster(client)
    finally:
        _close(client)


def _close(client: Client) -> None:
    """Say farewell, on which nothing depends; without tracebacks in the log where there is nobody to say it to."""
    before = logging.root.manager.disable
    if client.status != "running":
        logging.disable(logging.CRITICAL)
    try:
        with suppress(Exception):
            client.close(timeout=FAREWELL_SECONDS)
    finally:
        logging.disable(before)


def _client(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(f"a Dask cluster needs distributed ({error}); install it with: {INSTALL}") from None
    try:
        # a client that gets no answer would ask again at the end of the program; the caller may have a loop of its own
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, _reach(address)).result()
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="gpufleet")
    except (OSError, ValueError) as error:
        message = f"no Dask scheduler can be reached at {address!r}: {error}; an address looks like tcp://host:8786"
        raise ClusterError(message) from None


async def _reach(address: str) -> None:
    """Raise OSError or ValueError where nothing answers."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    await comm.close()


class _Checked(Executor):
    """Tells every task who sent it: workers may join at any time, with whatever is installed there."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """As `Executor.submit`."""
        return self._inner.submit(checked, versions(), function, *args, **kwargs)


def checked(sender: tuple[str, str], function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call the function; raise ClusterError where the sender's versions are others. The task that workers run."""
    if tuple(sender) != versions():
        raise ClusterError(f"a Dask worker has {_words(versions())}, here is {_words(sender)}; they must be the same")
    return function(*args, **kwargs)


def versions() -> tuple[str, str]:
    """(gpufleet, Python) of this process."""
    return __version__, f"{sys.version_info.major}.{sys.version_info.minor}"


def _words(found: tuple[str, str]) -> str:
    return f"gpufleet {found[0]} on Python {found[1]}"


def _check(client: Client, address: str) -> None:
    """Refuse a cluster without workers, or with workers that would compute something else."""
    threads = client.nthreads()
    if not threads:
        raise ClusterError(f"the Dask scheduler at {address} has no workers; start some with: dask worker {address}")
    for worker, found in sorted(_answers(client).items()):
        if isinstance(found, BaseException):
            raise ClusterError(f"the Dask worker at {worker} cannot run gpufleet ({found!r}); install it there too")
        if tuple(found) != versions():
            ours = _words(versions())
            raise ClusterError(
                f"the Dask worker at {worker} has {_words(found)}, here is {ours}; they must be the same"
            )
    logger.info("Dask cluster at %s: %d workers with %d threads", address, len(threads), sum(threads.values()))


def _answers(client: Client) -> dict[str, Any]:
    """By worker: its versions, or an exception; nothing if some worker hangs, which need not be our trouble."""
    answers: dict[str, Any] = {}

    def ask() -> None:
        with suppress(Exception):  # the connection was closed meanwhile
            answers.update(client.run(versions, on_error="return"))

    asking = threading.Thread(target=ask, name="gpufleet-cluster-check", daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    if asking.is_alive():
        logger.warning("not all Dask workers answer")
    return dict(answers)
