"""Cheapest covers of many blocks: in one compiled call, or in chunks on an executor, with the same numbers.

Every round has new costs for the same blocks. What does not change is sent once per chunk, and kept where it was sent
under its digest; a worker that never saw it, or has lost it, says so, and gets it in the next round. Whether sending
pays hangs on machines and network, so the time of both ways decides.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.bounds.knapsack import NODES, cheapest_covers

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Answer = tuple[Ints, Ints, Ints] | None

MANY = 1_000
"""Blocks from which chunks may be worth their while."""
WORTH_SHARING_S, WORTH_SENDING_S = 0.05, 0.5
"""Seconds that one compiled call must take for that: among threads, and anywhere else."""
TRIES = 3
"""Rounds that chunks get to become quicker: in the first one everything has to be sent."""
CHUNK = 100_000
"""Items per chunk: 25 ms of work, 2.4 MB to send at first and 0.8 MB in later rounds."""
LEAST_PATIENCE_S, PATIENCE = 3.0, 5.0
"""Seconds, or times that of the compiled call, after which chunks that are still away are priced here."""
KEPT = 100
"""Chunks that a worker keeps, which is 160 MB."""


@dataclass(frozen=True)
class Fixed:
    """Blocks, one after the other, without their costs; as in `Blocks`."""

    start: Ints
    capacity: Ints
    most: Ints
    demand: Ints

    def price(self, costs: Ints) -> tuple[Ints, Ints]:
        """(cost of the cheapest cover of every block, count of every item)."""
        least = np.empty(len(self.demand), np.int64)
        counts = np.zeros(len(costs), np.int64)
        cheapest_covers(self.start, self.capacity, costs, self.most, self.demand, NODES, least, counts)
        return least, counts

    def part(self, first: int, last: int) -> Fixed:
        """Blocks `first` to `last - 1`."""
        begin, end = self.start[first], self.start[last]
        start = self.start[first : last + 1] - begin
        return Fixed(start, self.capacity[begin:end], self.most[begin:end], self.demand[first:last])

    @cached_property
    def digest(self) -> str:
        """Says which blocks these are."""
        found = hashlib.blake2b(digest_size=16)
        for array in (self.start, self.capacity, self.most, self.demand):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


_kept: OrderedDict[str, Fixed] = OrderedDict()
_lock = threading.Lock()


def price_chunk(key: str, fixed: Fixed | None, costs: Ints) -> Answer:
    """(costs of the covers, items in them, their counts), sparse; None where the blocks are not known here.

    The task that executors run: with `fixed` at first, without in later rounds.
    """
    with _lock:
        fixed = fixed or _kept.pop(key, None)
        if fixed is None:
            return None
        _kept[key] = fixed
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return price_once(fixed, costs)


def price_once(fixed: Fixed, costs: Ints) -> tuple[Ints, Ints, Ints]:
    """The same where nothing needs to be kept, in threads of this process."""
    least, counts = fixed.price(costs)
    taken = np.flatnonzero(counts)
    return least, taken, counts[taken]


def _in_time(future: Future[Answer], until: float) -> Answer:
    """The answer; None if it takes too long, or if a worker was asked that does not know the blocks."""
    if wait([future], max(until - time.monotonic(), 0.0)).done:
        return future.result()
    future.cancel()
    return None


@dataclass
class Pricing:
    """Prices the same blocks again and again, whichever way is quicker."""

    fixed: Fixed
    executor: Executor | None
    here: float = np.inf
    """Seconds that one compiled call took at best."""
    away: float = np.inf
    """Seconds that chunks took at best."""
    tries: int = 0
    sent: set[str] = field(default_factory=set)

    def price(self, costs: Ints) -> tuple[Ints, Ints]:
        """(cost of the cheapest cover of every block, count of every item)."""
        started = time.perf_counter()
        if self._is_worth_sending():
            assert self.executor is not None
            found = self._in_chunks(self.executor, costs)
            self.away, self.tries = min(self.away, time.perf_counter() - started), self.tries + 1
        else:
            found = self.fixed.price(costs)
            self.here = min(self.here, time.perf_counter() - started)
        return found

    def _is_worth_sending(self) -> bool:
        if self.executor is None or len(self.fixed.demand) <= MANY or len(self._parts) < 2:
            return False
        least = WORTH_SHARING_S if isinstance(self.executor, ThreadPoolExecutor) else WORTH_SENDING_S
        if self.here == np.inf or self.here < least:
            return False
        return self.tries < TRIES or self.away < self.here

    @cached_property
    def _parts(self) -> list[tuple[int, int]]:
        """First and last block of every chunk: about `CHUNK` items."""
        start = self.fixed.start
        cuts = np.searchsorted(start, np.arange(CHUNK, start[-1], CHUNK))
        edges = np.unique(np.concatenate(([0], cuts, [len(start) - 1]))).tolist()
        return list(itertools.pairwise(edges))

    @cached_property
    def _chunks(self) -> list[Fixed]:
        return [self.fixed.part(first, last) for first, last in self._parts]

    def _in_chunks(self, executor: Executor, costs: Ints) -> tuple[Ints, Ints]:
        submit = self._submit_once if isinstance(executor, ThreadPoolExecutor) else self._submit
        start = self.fixed.start
        pieces = [costs[start[first] : start[last]] for first, last in self._parts]
        futures = [submit(executor, fixed, piece) for fixed, piece in zip(self._chunks, pieces, strict=True)]
        least, counts = np.empty(len(self.fixed.demand), np.int64), np.zeros(len(costs), np.int64)
        until = time.monotonic() + max(LEAST_PATIENCE_S, PATIENCE * self.here)
        for number, (first, last) in enumerate(self._parts):
            answer = _in_time(futures[number], until)
            if answer is None:
                self.sent.discard(self._chunks[number].digest)
                answer = price_once(self._chunks[number], pieces[number])
            covers, taken, many = answer
            least[first:last] = covers
            counts[start[first] + taken] = many
        return least, counts

    def _submit(self, executor: Executor, fixed: Fixed, costs: Ints) -> Future[Answer]:
        known = fixed.digest in self.sent
        self.sent.add(fixed.digest)
        task: Callable[..., Answer] = price_chunk
        return executor.submit(task, fixed.digest, None if known else fixed, costs)

    def _submit_once(self, executor: Executor, fixed: Fixed, costs: Ints) -> Future[Answer]:
        task: Callable[..., Answer] = price_once
        return executor.submit(task, fixed, costs)
