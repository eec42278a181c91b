"""What to split a case on: the count whose two sides are expected to cost most, by trying and by what trying taught."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.decomposition.cases import narrowed
from gpufleet.optimize.decomposition.pseudo_costs import PseudoCosts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.decomposition.relaxation import Relaxation, Relaxed

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

CANDIDATES, PATIENCE = 12, 4
"""Counts that are looked at, at most, and in a row without a better one."""
WHOLE = 1e-6
"""Distance from a whole number that counts as none."""


@dataclass(frozen=True)
class Choice:
    """A split, and the relaxations of its sides where they were solved on the way."""

    variable: int
    most: int
    probes: tuple[Relaxed | None, Relaxed | None]


class Branching:
    """Chooses splits, and learns from them."""

    def __init__(self, matrix: Matrix, relaxation: Relaxation, cost: int) -> None:
        self.matrix, self.relaxation, self.cost = matrix, relaxation, cost
        self.pseudo = PseudoCosts(len(matrix.cost))

    def choice(self, relaxed: Relaxed, lower: Ints, upper: Ints) -> Choice | None:
        """What to split on; None when every variable has one value left."""
        values = np.clip(relaxed.values, lower, upper)
        candidates = self._candidates(values, lower, upper)
        part = values - np.floor(values)
        order = candidates[np.argsort(-self.pseudo.scores(candidates, part[candidates]), kind="stable")]
        best, best_score, in_a_row = None, -1.0, 0
        for j in order[:CANDIDATES].tolist():
            most = min(int(np.floor(values[j])), int(upper[j]) - 1)
            score, probes = self._score(relaxed, j, float(part[j]), most, lower, upper)
            in_a_row += 1
            if score > best_score:
                best, best_score, in_a_row = Choice(j, most, probes), score, 0
            if in_a_row >= PATIENCE:
                break
        return best

    def _candidates(self, values: Floats, lower: Ints, upper: Ints) -> Ints:
        """Fractional counts; without any, fractional shares; without those, the first variable that is not fixed."""
        open_ = lower < upper
        fractional = (np.abs(values - np.rint(values)) > WHOLE) & open_
        for kind in (fractional & ~self.matrix.share, fractional, open_ & ~self.matrix.share, open_):
            if kind.any():
                return np.flatnonzero(kind) if kind is not open_ else np.flatnonzero(kind)[:1]
        return np.empty(0, np.int64)

    def _score(
        self, relaxed: Relaxed, j: int, part: float, most: int, lower: Ints, upper: Ints
    ) -> tuple[float, tuple[Relaxed | None, Relaxed | None]]:
        if self.pseudo.is_reliable(j):
            return float(self.pseudo.scores(np.array([j]), np.array([part]))[0]), (None, None)
        first, last = (self.relaxation.solve(*narrowed(lower, upper, j, most, second)) for second in (False, True))
        probes = (first, last)
        gains = [
            0.0 if probe is None else max(min(probe.objective, self.cost) - relaxed.objective, 0.0) for probe in probes
        ]
        self.pseudo.learn(j, part, *gains)
        return float(self.pseudo.together(np.array(gains[0]), np.array(gains[1]))), probes
