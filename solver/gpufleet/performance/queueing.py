"""From utilisation to percentiles.

Model: G/G/c, first come first served. Probability of waiting and mean wait by Sakasegawa's approximation with
Kingman's variability factor; the wait of those who wait is taken as exponential. Exact for M/M/1.
Where service slows down with the number present, the number is that of a processor-sharing queue, taken as normal with
a correction for skewness; the probability that all places are taken generalises that of Halfin and Whitt.
Sources: Sakasegawa 1977, Ann. Inst. Stat. Math. 29; Kingman 1961; Whitt 1993 for the variability factor; Halfin and
Whitt 1981, Oper. Res. 29; Cornish and Fisher 1938; Bowling et al. 2009, J. Ind. Eng. Manag. 2, for the normal tail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance.arrays import Bools, Floats, Rows, quotient

if TYPE_CHECKING:
    from collections.abc import Callable

BISECTION_STEPS = 32
"""Halvings: the answer is within 3e-10 of the interval."""
LONGEST_S = 1e9
"""Stands for an infinite mean wait, so that sums and differences stay finite; s."""


def normal_quantile(level: float) -> float:
    """z with P(Z <= z) = level, for level in (0, 1); rational approximation, error below 4.5e-4.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.23.
    """
    return float(quantile_of_tail(np.asarray(1.0 - level)))


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


def residual_quantile(level: float | Floats, busy: Floats, service: Floats) -> Floats:
    """Rest of the service that an arrival finds under way: 0 with probability 1 - busy, else uniform. Seconds."""
    share = np.maximum(1.0 - quotient(1.0 - level, np.clip(busy, 0.0, 1.0)), 0.0)
    return np.asarray(np.where(share > 0, share * service, 0.0))


def quantile_of_tail(tail: Floats) -> Floats:
    """z with P(Z > z) = tail, for tails in (0, 1); the approximation of `normal_quantile`. Shape of `tail`."""
    t = np.sqrt(-2.0 * np.log(np.minimum(tail, 1.0 - tail)))
    top = 2.515517 + t * (0.802853 + 0.010328 * t)
    z = t - top / (1.0 + t * (1.432788 + t * (0.189269 + 0.001308 * t)))
    return np.asarray(np.copysign(z, 0.5 - tail))


def normal_tail(z: Floats) -> Floats:
    """P(Z > z), logistic approximation with an absolute error below 1.4e-4. Shape of `z`."""
    far = np.clip(z, -20.0, 20.0)
    return np.asarray(1.0 / (1.0 + np.exp(far * (1.5976 + 0.070566 * far * far))))


def skewed(z: Floats | float, skewness: Floats | float) -> Floats:
    """Standardised quantile of a skewed variable, first term of Cornish and Fisher: z + (z^2 - 1) skewness / 6."""
    return np.asarray(z + (np.square(z) - 1.0) * skewness / 6.0)


def probability_full(mean: Floats, variance: Floats, places: Floats, utilisation: Floats) -> Floats:
    """Probability that all places are taken when the number present would have this mean and variance.

    The mass below grows like a normal variable's (skewness of a negative binomial one), the mass above is geometric
    with ratio `utilisation`: P = 1 / (1 + (1 - rho) Phi(x) / f(x)), f the density at the last place.
    """
    spread = np.sqrt(np.maximum(variance, 1e-18))
    distance = (places - mean) / spread
    third = np.clip((2.0 * quotient(variance, mean) - 1.0) / spread, 1e-6, 3.0) / 3.0
    root = np.sqrt(1.0 + third * (2.0 * distance + third))
    z = (root - 1.0) / third
    density = np.exp(-np.minimum(z * z / 2.0, 700.0)) / (np.sqrt(2.0 * np.pi) * root * spread)
    below = quotient((1.0 - normal_tail(z)) * np.maximum(1.0 - utilisation, 0.0), density)
    return np.asarray(1.0 / (1.0 + below))


def exceeded(level: float | Floats, probability: Floats, mean: Floats) -> Floats:
    """Quantile of what is 0 with probability 1 - p and else exponential: mean x ln(p / (1 - level)), at least 0."""
    factor = np.log(np.maximum(quotient(probability, np.asarray(1.0 - level)), 1.0))
    return np.asarray(factor * np.minimum(mean, LONGEST_S))


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


def crossing(excess_of: Callable[[Rows], Callable[[Floats], Floats]], top: Floats) -> Floats:
    """Largest x in [0, top] with an excess of at most 0, elementwise (n, C); 0 where even top x 2^-32 exceeds.

    `excess_of(rows)` gives the excess of these rows as a function of their x. It grows with x, with jumps. The regula
    falsi in its Illinois form settles most elements in ten steps, every third step halves, and rows that are settled
    are left out. The result is always on the feasible side, within 3e-10 of top.
    """
    rows = np.arange(len(top))
    excess = excess_of(rows)
    high, over = top.copy(), _bounded(excess(top))
    least = top * 2.0**-BISECTION_STEPS
    found = np.where(over <= 0.0, top, 0.0)
    under = _bounded(excess(least))
    low, fine = np.where(over <= 0.0, top, np.where(under <= 0.0, least, 0.0)), top * 2.0**-BISECTION_STEPS
    high = np.where((over <= 0.0) | (under > 0.0), low, high)
    last = np.zeros(top.shape)
    for step in range(6 * BISECTION_STEPS):
        found[rows] = low
        open_ = (high - low > fine).any(axis=1)
        if not open_.any():
            break
        if 2 * np.count_nonzero(open_) <= len(rows):
            rows = rows[open_]
            excess = excess_of(rows)
            low, high, under, over, fine, last = (values[open_] for values in (low, high, under, over, fine, last))
        share = 0.5 if step % 6 == 5 else np.clip(quotient(-under, over - under), 0.0, 1.0)
        middle = np.clip(low + (high - low) * share, low + fine / 2.0, np.maximum(high - fine / 2.0, low))
        value = _bounded(excess(middle))
        good = value <= 0.0
        side = np.where(good, -1.0, 1.0)
        moved = 1.0 - quotient(value, np.where(good, under, over))
        again = np.where(side == last, np.where(moved > 0.0, moved, 0.5), 1.0)
        over, under = np.where(good, over * again, value), np.where(good, value, under * again)
        low, high = np.where(good, middle, low), np.where(good, high, np.minimum(middle, high))
        last = side
    return found


def _bounded(excess: Floats) -> Floats:
    return np.clip(excess, -4.0, 4.0)
