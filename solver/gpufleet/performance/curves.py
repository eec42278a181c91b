"""Measured operating points of one request size as a curve over the load, and the highest rate on it inside limits.

Between neighbouring points rate and latencies are straight lines; outside the lowest and highest load there is nothing.
Neither has to rise with the load: every stretch between two points is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.performance.arrays import Bools, Floats


@dataclass(frozen=True)
class Curve:
    """k operating points in ascending order of the load."""

    load: Floats
    """(k,) requests in flight, or offered requests/s."""
    rate: Floats
    """(k,) sustained requests/s."""
    latency_ms: Floats
    """(k, S) percentile of each SLO, ms."""
    measured: Bools
    """(k,) True for a measured point, False for one between."""

    def at(self, load: Floats) -> tuple[Floats, Floats]:
        """Rate (n,) and latencies (n, S) at loads within the curve."""
        columns = [np.interp(load, self.load, column) for column in self.latency_ms.T]
        latency = np.stack(columns, axis=1) if columns else np.zeros((load.size, 0))
        return np.interp(load, self.load, self.rate), latency

    def cut(self, most: float) -> Curve | None:
        """The part up to a load, with a point there; None when the curve begins above it."""
        if most >= self.load[-1]:
            return self
        if most < self.load[0]:
            return None
        kept = self.load <= most
        whole = Curve(self.load[kept], self.rate[kept], self.latency_ms[kept], self.measured[kept])
        return whole if whole.load[-1] == most else _appended(whole, most, *self.at(np.array([most])))


@dataclass(frozen=True)
class Stretch:
    """The operating points around the best one that keep every limit, and lie next to each other."""

    curve: Curve
    """The stretch alone."""
    best: float
    """Load of the highest rate."""
    rate: float
    """Highest rate, requests/s."""
    is_measured: bool
    """Is the best one a measured point?"""

    def latencies_at(self, rate: float) -> Floats:
        """(S,) latencies at the lowest load that sustains a rate; those of the stretch's ends beyond them, ms."""
        curve = self.curve
        for k in range(curve.load.size):
            if curve.rate[k] >= rate:
                load = curve.load[k] if k == 0 else _crossing(curve, k, rate)
                return np.asarray(curve.at(np.array([load]))[1][0])
        return np.asarray(curve.at(np.array([self.best]))[1][0])


def curve_of(loads: Sequence[float], rates: Sequence[float], latencies_ms: Sequence[Sequence[float]]) -> Curve:
    """A curve through measured points in any order; points at one load say the same, and count once."""
    load, places = np.unique(np.asarray(loads, dtype=np.float64), return_index=True)
    table = np.asarray(latencies_ms, dtype=np.float64).reshape(len(loads), -1)
    return Curve(load, np.asarray(rates, dtype=np.float64)[places], table[places], np.ones(load.size, dtype=bool))


def between(curves: Sequence[Curve], weights: Sequence[float]) -> Curve | None:
    """The curve of a size between measured ones, over the loads at which all of them were measured; None: there are
    none. Rates are averaged geometrically, latencies linearly: with times of the form a + b x tokens, both err on the
    safe side, and rates in proportion to a power of the tokens are met exactly."""
    low, high = max(curve.load[0] for curve in curves), min(curve.load[-1] for curve in curves)
    if low > high:
        return None
    loads = np.unique(np.concatenate([curve.load for curve in curves] + [np.array([low, high])]))
    loads = loads[(loads >= low) & (loads <= high)]
    found = [curve.at(loads) for curve in curves]
    rate = np.exp(sum(w * np.log(rate) for w, (rate, _) in zip(weights, found, strict=True)))
    latency = sum(w * latency for w, (_, latency) in zip(weights, found, strict=True))
    return Curve(loads, np.asarray(rate), np.asarray(latency), np.zeros(loads.size, dtype=bool))


def best_stretch(curve: Curve, limits_ms: Floats) -> Stretch | None:
    """The stretch with the highest rate inside the limits (S,); None when no operating point keeps them all."""
    stretches = [_stretch(curve, start, end) for start, end in _feasible(curve, limits_ms)]
    return max(stretches, key=lambda stretch: stretch.rate, default=None)


def _feasible(curve: Curve, limits_ms: Floats) -> list[tuple[float, float]]:
    """Intervals of load, apart from each other, on which every latency keeps its limit."""
    found: list[tuple[float, float]] = []
    if curve.load.size == 1:
        return [(curve.load[0], curve.load[0])] if bool(np.all(curve.latency_ms[0] <= limits_ms)) else []
    for k in range(curve.load.size - 1):
        part = _within(curve.latency_ms[k], curve.latency_ms[k + 1], limits_ms)
        if part is None:
            continue
        start, end = (
            curve.load[k] + t * (curve.load[k + 1] - curve.load[k]) if t < 1 else curve.load[k + 1] for t in part
        )
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((float(start), float(end)))
    return found


def _within(first: Floats, second: Floats, limits: Floats) -> tuple[float, float] | None:
    """The part [t0, t1] of [0, 1] on which straight lines from `first` to `second` keep their limits."""
    low, high = 0.0, 1.0
    for a, b, limit in zip(first, second, limits, strict=True):
        if a > limit and b > limit:
            return None
        if a > limit:
            low = max(low, float((a - limit) / (a - b)))
        elif b > limit:
            high = min(high, float((limit - a) / (b - a)))
    return (low, high) if low <= high else None


def _stretch(curve: Curve, start: float, end: float) -> Stretch:
    inner = (curve.load > start) & (curve.load < end)
    loads = np.unique(np.concatenate([[start], curve.load[inner], [end]]))
    rate, latency = curve.at(loads)
    best = int(np.argmax(rate))
    measured = np.isin(loads, curve.load[curve.measured])
    part = Curve(loads, rate, latency, measured)
    return Stretch(part, float(loads[best]), float(rate[best]), bool(measured[best]))


def _crossing(curve: Curve, k: int, rate: float) -> float:
    """Where between points k - 1 (below the rate) and k (at or above it) the rate is reached."""
    below, above = curve.rate[k - 1], curve.rate[k]
    return float(curve.load[k - 1] + (rate - below) / (above - below) * (curve.load[k] - curve.load[k - 1]))


def _appended(curve: Curve, load: float, rate: Floats, latency: Floats) -> Curve:
    return Curve(
        np.append(curve.load, load),
        np.append(curve.rate, rate),
        np.concatenate([curve.latency_ms, latency]),
        np.append(curve.measured, False),
    )
