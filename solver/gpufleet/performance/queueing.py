"""From utilisation to percentiles.

Model: G/G/c, first come first served. Probability of waiting and mean wait by Sakasegawa's approximation with
Kingman's variability factor; the wait of those who wait is taken as exponential. Exact for M/M/1.
Sources: Sakasegawa 1977, Ann. Inst. Stat. Math. 29; Kingman 1961; Whitt 1993 for the variability factor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance.arrays import Bools, Floats, quotient

if TYPE_CHECKING:
    from collections.abc import Callable

BISECTION_STEPS = 32
"""Halvings: the answer is within 3e-10 of the interval."""


def normal_quantile(level: float) -> float:
    """z with P(Z <= z) = level, for level in (0, 1); rational approximation, error below 4.5e-4.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.23.
    """
    tail = min(level, 1.0 - level)
    t = float(np.sqrt(-2.0 * np.log(tail)))
    top = 2.515517 + 0.802853 * t + 0.010328 * t * t
    z = t - top / (1.0 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t**3)
    return z if level >= 0.5 else -z


def probability_of_waiting(utilisation: Floats, servers: Floats | float) -> Floats:
    """rho^(sqrt(2 (c + 1)) - 1); equals rho for one server. Dimensionless, common shape."""
    load = np.clip(utilisation, 0.0, 1.0)
    return np.asarray(load ** (np.sqrt(2.0 * (np.asarray(servers) + 1.0)) - 1.0), dtype=np.float64)


def wait_if_waiting(
    utilisation: Floats, servers: Floats | float, service: Floats, variability: Floats | float
) -> Floats:
    """Mean wait of those who wait: variability x service / (c (1 - rho)); infinite from rho = 1. Seconds.

    `variability` = (squared coefficient of variation of arrivals + that of service) / 2.
    """
    spare = np.asarray(servers) * np.maximum(1.0 - utilisation, 0.0)
    return quotient(np.asarray(variability) * service, spare)


def wait_quantile(
    level: float, utilisation: Floats, servers: Floats | float, service: Floats, variability: Floats | float
) -> Floats:
    """Wait that a share `level` of requests does not exceed: W ln(P / (1 - level)), at least 0. Seconds.

    P is the probability of waiting, W the mean wait of those who wait.
    """
    waiting = probability_of_waiting(utilisation, servers)
    with np.errstate(divide="ignore"):
        factor = np.maximum(np.log(waiting / (1.0 - level)), 0.0)
    mean = wait_if_waiting(utilisation, servers, service, variability)
    return np.asarray(np.where(factor > 0, np.where(np.isinf(mean), np.inf, factor * mean), 0.0))


def residual_quantile(level: float, busy: Floats, service: Floats) -> Floats:
    """Rest of the service that an arrival finds under way: 0 with probability 1 - busy, else uniform. Seconds."""
    share = np.maximum(1.0 - quotient(1.0 - level, np.clip(busy, 0.0, 1.0)), 0.0)
    return np.asarray(np.where(share > 0, share * service, 0.0))


def poisson_quantile(level: float, mean: Floats) -> Floats:
    """Number of requests present at a percentile, normal approximation: mean + z sqrt(mean), at least the mean."""
    return np.asarray(mean + max(normal_quantile(level), 0.0) * np.sqrt(mean), dtype=np.float64)


def highest(feasible: Callable[[Floats], Bools], top: Floats, steps: int = BISECTION_STEPS) -> Floats:
    """Largest x in [0, top] with `feasible(x)`, elementwise, for conditions that hold up to a point and then no more.

    Returns 0 where even top x 2^-steps fails. The result is always on the feasible side.
    """
    low = np.where(feasible(top), top, 0.0)
    least = top * 2.0**-steps
    # most options keep their limits at the top or miss them even when idle: then there is nothing to search
    if not np.any((low < top) & feasible(least)):
        return low
    high = top.copy()
    for _ in range(steps):
        middle = (low + high) / 2.0
        good = feasible(middle)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return low
