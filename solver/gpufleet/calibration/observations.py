"""What was measured, and how the performance model predicts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.schema.calibration import Domain


@dataclass(frozen=True)
class Observation:
    """One measured figure."""

    table: str
    """File that it stands in."""
    line: int
    """Line in the file."""
    domain: Domain
    """What was measured: a rate (tokens/s, samples/s), a latency (ms), or the time of a training step (s)."""
    kind: str
    """The part of the domain whose errors are stated together, e.g. `MLPerf offline, convolutional`."""
    model: str
    """Name of the model card."""
    accelerator: str
    """Name of the accelerator in the catalogue."""
    engine: str
    """Software, e.g. `TensorRT-LLM 1.0`."""
    setting: str
    """What else tells it from its neighbours, e.g. `TP 2, 128/2048 tokens`."""
    measured: float
    """The figure."""
    source: str
    """Where it was published."""
    fitted: bool = True
    """False: predicted and counted in the errors, but no figure is fitted to it (highest rates inside latency bounds
    hang on the queueing model, which has no fitted figures)."""

    @property
    def group(self) -> tuple[str, str]:
        """Model and accelerator."""
        return self.model, self.accelerator


class Predictor(Protocol):
    """Predicts the observations of a batch, (n,), in their units."""

    def __call__(self, efficiency: Efficiency) -> Floats:
        """Predictions with these figures."""
        ...


@dataclass(frozen=True)
class Batch:
    """Observations of one model and accelerator that are predicted by one call of the performance model."""

    observations: tuple[Observation, ...]
    predict: Predictor

    def __post_init__(self) -> None:
        """All of one group."""
        if len({observation.group for observation in self.observations}) != 1:
            raise ValueError("a batch holds observations of one model and one accelerator")
        if len({observation.fitted for observation in self.observations}) != 1:
            raise ValueError("a batch holds observations that are fitted, or that are not")

    @property
    def fitted(self) -> bool:
        """Are figures fitted to it? All of its observations, or none."""
        return self.observations[0].fitted

    @property
    def group(self) -> tuple[str, str]:
        """Model and accelerator: what cross-validation leaves out together."""
        return self.observations[0].group


@dataclass(frozen=True)
class Skipped:
    """A row that the model says nothing about, and why."""

    table: str
    line: int
    reason: str
