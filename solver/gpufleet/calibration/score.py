"""Errors of predictions: by group, and how often a stated interval holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.calibration.observations import Observation


@dataclass(frozen=True)
class Prediction:
    """One observation with what the model said, and the interval that it stated."""

    observation: Observation
    predicted: float
    low: float
    """5 % of measurements are expected below this."""
    high: float
    """5 % are expected above this."""

    @property
    def error(self) -> float:
        """|prediction / measurement - 1|."""
        return abs(self.predicted / self.observation.measured - 1.0)

    @property
    def inside(self) -> bool:
        """Is the measurement within the stated interval?"""
        return self.low <= self.observation.measured <= self.high


@dataclass(frozen=True)
class Errors:
    """Errors over some predictions."""

    rows: int
    median: float
    p90: float
    bias: float
    """Median of prediction / measurement - 1: above 0, the model is too optimistic about rates."""
    coverage: float | None
    """Share of the measurements within the stated interval; None where none is stated."""


def errors(predictions: Sequence[Prediction]) -> Errors:
    """Errors over predictions, of which there must be one at least."""
    off = np.array([prediction.error for prediction in predictions])
    ratios = np.array([prediction.predicted / prediction.observation.measured for prediction in predictions])
    unstated = any(np.isinf(prediction.high) and prediction.low == 0.0 for prediction in predictions)
    return Errors(
        rows=len(off),
        median=float(np.median(off)),
        p90=float(np.quantile(off, 0.9)),
        bias=float(np.median(ratios)) - 1.0,
        coverage=None if unstated else float(np.mean([prediction.inside for prediction in predictions])),
    )
