"""G/G/c, first come first served: the wait of each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simpy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def service_times(cv2: float, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draws of mean 1: constant, Erlang (gamma) up to 1, balanced hyper-exponential above."""
    if cv2 == 0.0:
        return np.ones(count)
    if cv2 <= 1.0:
        return generator.gamma(1.0 / cv2, cv2, count)
    first = (1.0 + np.sqrt((cv2 - 1.0) / (cv2 + 1.0))) / 2.0
    share = np.where(generator.random(count) < first, first, 1.0 - first)
    return generator.exponential(1.0, count) / (2.0 * share)


def waits(servers: int, load: float, cv2: float, count: int, seed: int) -> NDArray[np.float64]:
    """Waits of `count` requests in service times, in order of arrival; Poisson arrivals, mean service time 1."""
    generator = np.random.default_rng(seed)
    service = service_times(cv2, count, generator)
    gaps = generator.exponential(1.0 / (load * servers), count)
    found = np.zeros(count)
    env = simpy.Environment()
    pool = simpy.Resource(env, servers)

    def request(index: int) -> Iterator[simpy.Event]:
        arrived = env.now
        with pool.request() as place:
            yield place
            found[index] = env.now - arrived
            yield env.timeout(service[index])

    def source() -> Iterator[simpy.Event]:
        for index in range(count):
            yield env.timeout(gaps[index])
            env.process(request(index))

    env.process(source())
    env.run()
    return found
