"""A continuous-batching engine: iteration-level scheduling, chunked prompts, limits on sequences and on the cache.

One iteration gives every decoding sequence a token and reads prompt chunks up to a token budget, first come first
served. It takes t(b) for the b decoding sequences, plus the chunks' share of a prompt's time; without sequences to
merge with, a prompt takes what it takes alone.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import simpy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Coefficients:
    """What the engine costs; seconds and tokens."""

    step: Callable[[int], float]
    """t(b) of b decoding sequences."""
    prompt: float
    """Time that a prompt of `input_tokens` takes merged with decoding."""
    alone: float
    """Time of the same prompt without decoding."""
    input_tokens: float
    """Prompt tokens of the class."""
    output_tokens: float
    """Output tokens of the class."""
    most: int
    """Most sequences at a time."""
    cache_tokens: float
    """Room in the cache; a sequence reserves its full length."""
    budget: float
    """Prompt tokens per iteration."""


@dataclass
class Request:
    """One request; times in seconds."""

    arrived: float
    input_tokens: float
    output_tokens: int
    probe: bool
    """Has exactly the lengths of the class."""
    left: float = 0.0
    """Prompt tokens still to be read."""
    first: float = 0.0
    """Time of the first token."""
    done: float = 0.0


@dataclass
class Trace:
    """What a run leaves behind."""

    requests: list[Request]
    gaps: list[tuple[float, int]] = field(default_factory=list)
    """(duration, decoding sequences) of every iteration that emitted tokens."""
    seconds: float = 0.0


class Simulation:
    """One run over given requests."""

    def __init__(self, cost: Coefficients, requests: list[Request]) -> None:
        """`requests` in order of arrival."""
        self.cost = cost
        self.trace = Trace(requests)
        self.steps = [cost.step(count) for count in range(cost.most + 1)]
        self.waiting: deque[Request] = deque()
        self.reading: deque[Request] = deque()
        self.decoding: list[tuple[int, int, Request]] = []
        self.iteration = 0
        self.reserved = 0.0
        self.env = simpy.Environment()
        self.wake = self.env.event()

    def run(self) -> Trace:
        """Until the last request is done."""
        self.env.process(self._source())
        self.env.run(self.env.process(self._engine()))
        self.trace.seconds = self.env.now
        return self.trace

    def _source(self) -> Iterator[simpy.Event]:
        for request in self.trace.requests:
            yield self.env.timeout(request.arrived - self.env.now)
            self.waiting.append(request)
            if not self.wake.triggered:
                self.wake.succeed()

    def _engine(self) -> Iterator[simpy.Event]:
        left = len(self.trace.requests)
        while left:
            self._admit()
            if not self.reading and not self.decoding:
                self.wake = self.env.event()
                yield self.wake
                continue
            decoding = len(self.decoding)
            share, read = self._read()
            yield self.env.timeout(self._duration(decoding, share))
            if decoding:
                self.trace.gaps.append((self._duration(decoding, share), decoding))
            left -= self._finish(read)

    def _admit(self) -> None:
        """First come first served, while a place and room for the whole sequence are free; one always fits."""
        while self.waiting and len(self.decoding) + len(self.reading) < self.cost.most:
            length = self.waiting[0].input_tokens + self.waiting[0].output_tokens
            if self.reserved and self.reserved + length > self.cost.cache_tokens:
                return
            self.reserved += length
            request = self.waiting.popleft()
            request.left = request.input_tokens
            self.reading.append(request)

    def _read(self) -> tuple[float, list[Request]]:
        """(prompt tokens of this iteration, in prompts of the class; requests whose prompt it completes)."""
        budget, read = self.cost.budget, []
        while self.reading and budget > 0.0:
            request = self.reading[0]
            chunk = min(request.left, budget)
            request.left -= chunk
            budget -= chunk
            if request.left > 1e-9:
                break
            read.append(self.reading.popleft())
        return (self.cost.budget - budget) / self.cost.input_tokens, read

    def _duration(self, decoding: int, share: float) -> float:
        fixed = self.steps[decoding] if decoding else self.cost.alone - self.cost.prompt
        return fixed + share * self.cost.prompt

    def _finish(self, read: list[Request]) -> int:
        """Emit the tokens of an iteration; how many requests are done with it."""
        self.iteration += 1
        done = []
        while self.decoding and self.decoding[0][0] == self.iteration:
            done.append(heapq.heappop(self.decoding)[2])
        for request in read:
            request.first = self.env.now
            if request.output_tokens == 1:
                done.append(request)
            else:
                entry = (self.iteration + request.output_tokens - 1, id(request), request)
                heapq.heappush(self.decoding, entry)
        for request in done:
            request.done = self.env.now
            self.reserved -= request.input_tokens + request.output_tokens
        return len(done)


def metrics(trace: Trace) -> dict[str, NDArray[np.float64]]:
    """Samples in order of arrival, s: `ttft`, `tpot`, `end_to_end` of requests of the class's size; `itl` per gap."""
    probes = [request for request in trace.requests if request.probe]
    first = np.array([request.first - request.arrived for request in probes])
    whole = np.array([request.done - request.arrived for request in probes])
    tokens = np.array([max(request.output_tokens - 1, 1) for request in probes])
    durations, counts = (np.array(column) for column in zip(*trace.gaps, strict=True))
    # one sample per so many emitted tokens, so that iterations weigh as much as they emit
    emitted = np.cumsum(counts)
    picks = np.searchsorted(emitted, np.linspace(0.5, emitted[-1] - 0.5, min(int(emitted[-1]), 200_000)))
    return {"ttft": first, "tpot": (whole - first) / tokens, "end_to_end": whole, "itl": durations[picks]}
