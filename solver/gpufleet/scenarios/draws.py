"""Random numbers by name: the same seed and name give the same numbers, whatever else is drawn.

So all plans meet the same errors, demands and failures (common random numbers), a plan with one more node in a pool
meets the same failures of the others, and more samples begin with the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gpufleet.performance.uncertainty import Z95

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.scenarios.settings import ScenarioSettings

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


def _generator(seed: int, name: str, number: int = 0) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(name.encode()), number])


@dataclass(frozen=True)
class Draws:
    """The scenarios of some settings. All arrays are (samples,), a number per scenario."""

    settings: ScenarioSettings

    def demand(self) -> Floats:
        """Factor on the rates of all workloads that serve."""
        low, high = self.settings.demand
        return low + (high - low) * self._uniform("demand")

    def moments(self, hours: Sequence[float]) -> Integers:
        """Which period of which stage it is: as often as it is long."""
        ends = np.cumsum(np.asarray(hours, dtype=float))
        found = np.searchsorted(ends / ends[-1], self._uniform("moment"), side="right")
        return np.minimum(found, len(ends) - 1).astype(np.int64)

    def error(self, accelerator: str, kind: str, *, measured: bool) -> Floats:
        """Standard normal: how the throughputs of a kind of workload on an accelerator are off, all in one direction,
        because what a model gets wrong it gets wrong everywhere; what was measured is off by itself."""
        source = "measured" if measured else "modelled"
        if not self.settings.throughput:
            return np.zeros(self.settings.samples)
        generator = _generator(self.settings.seed, f"throughput/{accelerator}/{kind}/{source}")
        return generator.standard_normal(self.settings.samples)

    def failures(self, pool: Sequence[str], nodes: int, availability: float) -> Bools:
        """(samples, nodes): is the node down? Each by itself; more nodes begin with the same ones."""
        name = f"node/{'/'.join(pool)}"
        columns = [self._uniform(name, number) >= availability for number in range(nodes)]
        return np.stack(columns, axis=1) if columns else np.zeros((self.settings.samples, 0), dtype=np.bool_)

    def _uniform(self, name: str, number: int = 0) -> Floats:
        return _generator(self.settings.seed, name, number).random(self.settings.samples)


def factor(error: Floats, low: Any, high: Any) -> Floats:
    """Multiple of an estimate at a standard normal error: log-normal on either side of 1, with 5 % of the truth below
    `low` and 5 % above `high`. Broadcasts; limits on the wrong side of 1 count as 1."""
    below = np.minimum(low, 1.0) ** (-np.minimum(error, 0.0) / Z95)
    above = np.maximum(high, 1.0) ** (np.maximum(error, 0.0) / Z95)
    return np.asarray(below * above)
