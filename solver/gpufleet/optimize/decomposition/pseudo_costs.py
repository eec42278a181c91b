"""What splitting on a variable has raised the bound by, per unit that it was moved: a guess for the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

RELIABLE = 8
"""Times that a variable is tried out before its guess is trusted."""
LEAST = 1e-6
"""Share of the usual gain that counts for a side without one, so that products do not vanish."""


class PseudoCosts:
    """Mean gains per unit, downwards and upwards, by variable."""

    def __init__(self, variables: int) -> None:
        self._sums = np.zeros((2, variables))
        self._tries = np.zeros(variables, np.int64)

    def learn(self, variable: int, part: float, down: float, up: float) -> None:
        """Both sides were solved: the value was `part` above the whole number below it."""
        self._sums[0, variable] += down / max(part, 1e-6)
        self._sums[1, variable] += up / max(1 - part, 1e-6)
        self._tries[variable] += 1

    def is_reliable(self, variable: int) -> bool:
        """Was it tried out often enough?"""
        return bool(self._tries[variable] >= RELIABLE)

    def scores(self, variables: Ints, part: Floats) -> Floats:
        """The higher the better: the product of the gains that are expected on both sides."""
        tries = self._tries[variables]
        known = self._tries > 0
        usual = (self._sums[:, known] / self._tries[known]).mean(axis=1) if known.any() else np.ones(2)
        rates = np.where(tries > 0, self._sums[:, variables] / np.maximum(tries, 1), usual[:, None])
        return self.together(rates[0] * part, rates[1] * (1 - part))

    def together(self, down: Floats, up: Floats) -> Floats:
        """One number for both sides."""
        least = LEAST * max(float(np.max(down, initial=0.0)), float(np.max(up, initial=0.0)), 1e-9)
        return np.asarray(np.maximum(down, least) * np.maximum(up, least))
