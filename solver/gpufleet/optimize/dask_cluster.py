"""The workers of a Dask cluster as an executor. Needs the extra `dask`."""

from __future__ import annotations

import asyncio
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpufleet import __version__
from gpufleet.errors import ClusterError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from distributed import Client

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 8.0
"""Time to reach the scheduler, and to hear from its workers."""
FAREWELL_SECONDS = 2.0
INSTALL = 'pip install "gpufleet[dask]"'


@dataclass(frozen=True)
class Cluster:
    """A connection to a scheduler."""

    client: Client

    @property
    def executor(self) -> Executor:
        """Runs tasks on the workers. A task that is lost with its worker is run again by the scheduler."""
        executor: Executor = self.client.get_executor(pure=False)
        return executor

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


def versions() -> tuple[str, str]:
    """(gpufleet, Python) of a worker; a task."""
    return __version__, f"{sys.version_info.major}.{sys.version_info.minor}"


def _check(client: Client, address: str) -> None:
    """Refuse a cluster without workers, or with workers that would compute something else."""
    there: dict[str, Any] = client.run(versions, on_error="return")
    if not there:
        raise ClusterError(f"the Dask scheduler at {address} has no workers; start some with: dask worker {address}")
    for worker, found in sorted(there.items()):
        if isinstance(found, BaseException):
            raise ClusterError(f"the Dask worker at {worker} cannot run gpufleet ({found!r}); install it there too")
        if tuple(found) != versions():
            theirs, ours = (f"gpufleet {g} on Python {p}" for g, p in (found, versions()))
            raise ClusterError(f"the Dask worker at {worker} has {theirs}, here is {ours}; they must be the same")
    logger.info("Dask cluster at %s: %d workers with %d threads", address, len(there), sum(client.nthreads().values()))
