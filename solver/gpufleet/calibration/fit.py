"""Fitting figures of the performance model to measurements, and errors on measurements that the fit had not seen.

Robust least squares on log(prediction / measurement) (soft L1, so that a row measured on other software does not bend
the figures), every figure kept inside its physical range, and drawn weakly towards its starting value: a figure that no
measurement determines stays where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance.calibration import Efficiency

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.calibration.observations import Batch, Observation
    from gpufleet.performance.arrays import Bools, Floats
    from gpufleet.performance.calibration import Key

SCALE = 0.05
"""Relative error from which on a row counts linearly, not quadratically."""
PRIOR = 3.0
"""Weight of the starting values: moving a figure by a factor of e costs as much as rows that are off by 5 % each."""
STEP = 1e-3
"""Relative step of the numerical derivative."""
MOST_EVALUATIONS = 40
MOST_STEPS = 4
LONGEST_STEP = 0.5
SETTLED = 2e-3
"""Steps of a fit without a group: how many, how far, and when it has settled (in logarithms of the figures)."""
IMPOSSIBLE = 10.0
"""|log ratio| of a row for which the model predicts nothing: off by e^10."""


@dataclass(frozen=True)
class Free:
    """A figure to be fitted."""

    key: Key
    start: float
    low: float
    high: float
    """Physical range; low > 0."""


def log_ratios(batch: Batch, efficiency: Efficiency) -> Floats:
    """log(prediction / measurement) of the batch, (n,); +-10 where the model predicts nothing finite."""
    measured = np.array([observation.measured for observation in batch.observations])
    with np.errstate(all="ignore"):
        ratios = np.log(np.asarray(batch.predict(efficiency), dtype=np.float64) / measured)
    return np.asarray(np.clip(np.nan_to_num(ratios, nan=-IMPOSSIBLE), -IMPOSSIBLE, IMPOSSIBLE))


def fitted(
    batches: Sequence[Batch], free: Sequence[Free], efficiency: Efficiency, begin: Efficiency | None = None
) -> Efficiency:
    """The efficiency with the free figures fitted to all rows of the batches; `begin` is where the search begins."""
    taken = [batch for batch in batches if batch.fitted]
    if not free or not taken:
        return efficiency
    problem = Problem(taken, free, efficiency)
    return problem.efficiency(problem.solve(begin))


class Problem:
    """Least squares over x = log(figure / start)."""

    def __init__(self, batches: Sequence[Batch], free: Sequence[Free], efficiency: Efficiency) -> None:
        self.batches, self.free = batches, free
        self.base = efficiency.changed((f.key, f.start) for f in free)
        self.starts = np.array([f.start for f in free])
        self.bounds = np.log([f.low for f in free] / self.starts), np.log([f.high for f in free] / self.starts)
        ends = np.cumsum([len(batch.observations) for batch in batches])
        self.places = [slice(end - len(batch.observations), end) for end, batch in zip(ends, batches, strict=True)]
        self.users: list[set[Key]] = []
        for batch in batches:
            asked = Efficiency(self.base.figures)
            batch.predict(asked)
            self.users.append(set(asked.found.values()))

    def solve(self, begin: Efficiency | None) -> Floats:
        """The best x."""
        from scipy.optimize import least_squares

        low, high = self.bounds
        first = self.starts if begin is None else np.array([begin.figures[f.key] for f in self.free])
        found = least_squares(
            self.residuals,
            np.clip(np.log(first / self.starts), low, high),
            jac=self.jacobian,
            bounds=(low, high),
            loss="soft_l1",
            f_scale=SCALE,
            max_nfev=MOST_EVALUATIONS,
        )
        return np.asarray(found.x, dtype=np.float64)

    def without(self, group: tuple[str, str], whole: Floats, slopes: Floats) -> Floats:
        """The x of all rows but those of a group, near that of all."""
        kept = np.ones(len(slopes), dtype=bool)
        for batch, place in zip(self.batches, self.places, strict=True):
            kept[place] = batch.group != group
        x = whole
        for _ in range(MOST_STEPS):
            moved = self._towards(x, slopes, kept)
            x = np.clip(x + moved, *self.bounds)
            if np.abs(moved).max() < SETTLED:
                break
        return x

    def cost(self, x: Floats) -> float:
        """What the fit minimises: soft L1 of all residuals."""
        off = self.residuals(x) / SCALE
        return float(np.sum(2.0 * (np.sqrt(1.0 + off * off) - 1.0)))

    def step(self, x: Floats) -> Floats:
        """One Gauss-Newton step from x within the bounds: 0 where x is the best."""
        return self._towards(x, self.jacobian(x), np.ones(len(self.residuals(x)), dtype=bool))

    def _towards(self, x: Floats, slopes: Floats, kept: Bools) -> Floats:
        from scipy.optimize import lsq_linear

        low, high = self.bounds
        off = self.residuals(x)
        # soft L1 as weights: rows far off pull in proportion to their distance, no more
        weights = (1.0 + (off / SCALE) ** 2) ** -0.25
        room = low - x - 1e-9, high - x + 1e-9
        found = lsq_linear((slopes * weights[:, None])[kept], -(off * weights)[kept], bounds=room)
        return np.asarray(np.clip(found.x, -LONGEST_STEP, LONGEST_STEP))

    def efficiency(self, x: Floats) -> Efficiency:
        """The figures at x."""
        values = self.starts * np.exp(x)
        return self.base.changed((f.key, float(v)) for f, v in zip(self.free, values, strict=True))

    def residuals(self, x: Floats) -> Floats:
        """Log ratios of all rows, then the pull towards the starting values."""
        efficiency = self.efficiency(x)
        rows = [log_ratios(batch, efficiency) for batch in self.batches]
        return np.concatenate([*rows, PRIOR * SCALE * x])

    def jacobian(self, x: Floats) -> Floats:
        """Forward differences; a batch is predicted anew only for the figures that it uses."""
        here = self.residuals(x)
        slopes = np.zeros((here.size, x.size))
        slopes[-x.size :] = PRIOR * SCALE * np.eye(x.size)
        for column, free in enumerate(self.free):
            moved = x.copy()
            moved[column] += STEP if x[column] + STEP <= self.bounds[1][column] else -STEP
            efficiency = self.efficiency(moved)
            for batch, place, used in zip(self.batches, self.places, self.users, strict=True):
                if free.key in used:
                    change = log_ratios(batch, efficiency) - here[place]
                    slopes[place, column] = change / (moved[column] - x[column])
        return slopes


def cross_validated(
    batches: Sequence[Batch], free: Sequence[Free], efficiency: Efficiency
) -> Iterator[tuple[Observation, float]]:
    """Every observation with the prediction of a fit that saw nothing of its group (model and accelerator).

    The fits start from that of all rows and move by Gauss-Newton steps with its slopes, until nothing moves.
    """
    taken = [batch for batch in batches if batch.fitted]
    problem = Problem(taken, free, efficiency)
    whole = problem.solve(None)
    slopes = problem.jacobian(whole)
    for group in sorted({batch.group for batch in batches}):
        seen = problem.efficiency(problem.without(group, whole, slopes))
        for batch in batches:
            if batch.group == group:
                yield from zip(batch.observations, map(float, batch.predict(seen)), strict=True)
