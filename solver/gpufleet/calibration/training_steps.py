"""Step times of published training runs, as the performance model predicts them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.calibration import training_layouts as run
from gpufleet.performance import training
from gpufleet.performance.device import device_of
from gpufleet.performance.training_job import Job
from gpufleet.performance.training_step import schedule_of, step_time
from gpufleet.schema.hardware import NodeType
from gpufleet.schema.models import Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.calibration.tables import Row
    from gpufleet.calibration.training_names import Place
    from gpufleet.performance.arrays import Bools, Floats
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.performance.training_step import Schedule
    from gpufleet.schema.base import Precision
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import ModelCard


@dataclass(frozen=True)
class Run:
    """One row, understood."""

    row: Row
    card: ModelCard
    place: Place
    engine: str
    precision: Precision
    accelerators: int
    global_batch: int
    sequence: int
    fraction: float
    seconds: float
    """Measured time of a step."""
    options: tuple[run.Layout, ...]

    @property
    def stated(self) -> bool:
        """Is the layout stated (recomputation perhaps apart)? Then it did fit."""
        return len({(o.tensor, o.pipeline, o.micro) for o in self.options}) == 1

    @property
    def together(self) -> tuple[object, ...]:
        """Runs alike in this are predicted by one call."""
        return self.card.name, self.place, self.engine, self.precision, self.fraction


def node_of(place: Place) -> NodeType:
    """The machine that the accelerator usually stands in."""
    return NodeType(
        name=f"reference-{place.accelerator}",
        accelerator=place.accelerator,
        accelerators=place.per_node,
        network_gb_s=place.network * place.per_node,
        host_memory_gb=1024.0,
        source="Reference design of the vendor",
    )


def variant_of(precision: Precision) -> Variant:
    """16-bit working weights, arithmetic as said."""
    stored: Precision = precision if precision in ("fp32", "tf32", "fp16", "bf16") else "bf16"
    return Variant(name=precision, precision=stored, compute=precision, method="mixed")


def job_of(runs: Sequence[Run]) -> Job:
    """One step of each option of the runs, in their order."""
    options = [len(one.options) for one in runs]
    return Job(
        global_batch=np.repeat([float(one.global_batch) for one in runs], options),
        tokens=np.repeat([float(one.sequence) for one in runs], options),
        trained=runs[0].fraction,
        optimizer="adam",
    )


@dataclass(frozen=True)
class Steps:
    """Predicts the step times of runs that differ in layout only; of several layouts the fastest that fits."""

    runs: tuple[Run, ...]
    accelerator: Accelerator

    @cached_property
    def _prepared(self) -> tuple[Job, Variant, Configurations, Schedule]:
        """What no figure changes, for all layouts of all runs."""
        job, conf = job_of(self.runs), run.configurations([option for one in self.runs for option in one.options])
        return job, variant_of(self.runs[0].precision), conf, schedule_of(job, conf)

    @cached_property
    def _needed(self) -> Floats:
        """GB needed by each layout."""
        job, variant, conf, schedule = self._prepared
        parts = training.memory_parts_gb(job, self.runs[0].card, variant, conf, schedule)
        return np.asarray(sum(parts.values()))

    @cached_property
    def _stated(self) -> Bools:
        """Does the row state the layout? Then it did fit."""
        return np.repeat([one.stated for one in self.runs], [len(one.options) for one in self.runs])

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *np.cumsum([len(one.options) for one in self.runs])[:-1].tolist()]

    def _device(self, efficiency: Efficiency) -> Device:
        first, variant = self.runs[0], self._prepared[1]
        return device_of(self.accelerator, node_of(first.place), variant, efficiency, first.card.name, first.engine)

    def __call__(self, efficiency: Efficiency) -> Floats:
        """Seconds per step of each run."""
        job, variant, conf, schedule = self._prepared
        device = self._device(efficiency)
        with np.errstate(all="ignore"):
            seconds = step_time(job, self.runs[0].card, variant, device, conf, schedule).seconds
        fitting = np.where(self._stated | (self._needed <= device.memory_gb), seconds, np.inf)
        best = np.minimum.reduceat(fitting, self._starts)
        return np.asarray(np.where(np.isfinite(best), best, np.minimum.reduceat(seconds, self._starts)))

    def fits(self, efficiency: Efficiency) -> Bools:
        """For each run: is there a layout that fits into memory?"""
        return np.logical_or.reduceat(self._needed <= self._device(efficiency).memory_gb, self._starts)
