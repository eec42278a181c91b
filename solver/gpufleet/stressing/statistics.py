"""Shares and means over samples, with 95 % confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binomtest, norm

if TYPE_CHECKING:
    from gpufleet.scenarios.draws import Bools, Floats

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Figure:
    """An estimate from samples, and the interval that holds the truth with 95 % confidence."""

    value: float
    low: float
    high: float


def share(hits: Bools) -> Figure:
    """How often something is true, with Wilson's interval; never, where there is no sample."""
    if hits.size == 0:
        return Figure(0.0, 0.0, 1.0)
    found = binomtest(int(hits.sum()), hits.size)
    interval = found.proportion_ci(CONFIDENCE, method="wilson")
    return Figure(float(found.statistic), float(interval.low), float(interval.high))


def mean(shares: Floats) -> Figure:
    """The mean of shares between 0 and 1, by the normal approximation. Where all samples are 0, its upper end is that
    of Wilson's interval: a share is at most 1, so its mean is at most how often it is above 0."""
    if shares.size < 2:
        return Figure(float(shares.sum()), 0.0, 1.0)
    middle = float(shares.mean())
    reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * float(shares.std(ddof=1)) / float(np.sqrt(shares.size))
    if middle == 0.0:
        return Figure(0.0, 0.0, share(shares > 0).high)
    return Figure(middle, max(0.0, middle - reach), min(1.0, middle + reach))
