"""Dynamic batching: a free server takes everything that waits, up to the largest batch."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import simpy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


def latencies(
    interval: Callable[[int], float],
    response: Callable[[int], float],
    most: int,
    servers: int,
    rate: float,
    count: int,
    seed: int,
) -> NDArray[np.float64]:
    """Latency of `count` requests in order of arrival, s: wait + `response` of the batch that carries the request.

    `interval(b)` is how long a batch of b occupies its server, `response(b)` how long it takes to answer, both in
    seconds; `rate` in requests/s, Poisson.
    """
    generator = np.random.default_rng(seed)
    gaps = generator.exponential(1.0 / rate, count)
    found = np.zeros(count)
    line: deque[tuple[int, float]] = deque()
    free = servers
    env = simpy.Environment()

    def start() -> None:
        nonlocal free
        free -= 1
        batch = [line.popleft() for _ in range(min(len(line), most))]
        done = env.now + response(len(batch))
        for index, arrived in batch:
            found[index] = done - arrived
        env.timeout(interval(len(batch))).callbacks.append(finish)

    def finish(_: simpy.Event) -> None:
        nonlocal free
        free += 1
        if line:
            start()

    def source() -> Iterator[simpy.Event]:
        for index in range(count):
            yield env.timeout(gaps[index])
            line.append((index, env.now))
            if free:
                start()

    env.process(source())
    env.run()
    return found
