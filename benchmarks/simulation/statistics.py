"""Samples of a simulation: percentiles with confidence intervals from batch means, and the draws of lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Spread = Literal["constant", "lognormal", "exponential"]
SPREADS: dict[str, float] = {"constant": 0.0, "lognormal": 1.0, "exponential": 1.0}
"""Squared coefficient of variation of each spread."""
BATCHES = 10
STUDENT_T = 2.262
"""97.5 % quantile of Student's distribution with BATCHES - 1 degrees of freedom."""
WARM_UP = 0.2
"""Share of the requests, first in order, that is left out: the system starts empty."""


@dataclass(frozen=True)
class Measured:
    """A percentile and half the width of its 95 % confidence interval."""

    value: float
    half_width: float


def draw(spread: Spread, mean: float, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """`count` positive draws of that mean."""
    if spread == "constant":
        return np.full(count, mean)
    if spread == "exponential":
        return generator.exponential(mean, count)
    variance = np.log1p(SPREADS["lognormal"])
    return generator.lognormal(np.log(mean) - variance / 2.0, np.sqrt(variance), count)


def trimmed(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """The samples, in order of arrival, without the warm-up."""
    return samples[int(len(samples) * WARM_UP) :]


def percentile(samples: NDArray[np.float64], level: float) -> Measured:
    """Percentile of samples in order of arrival; `level` in (0, 1). The interval comes from batches."""
    batches = [float(np.quantile(batch, level)) for batch in np.array_split(samples, BATCHES)]
    return Measured(float(np.quantile(samples, level)), STUDENT_T * float(np.std(batches, ddof=1)) / BATCHES**0.5)
