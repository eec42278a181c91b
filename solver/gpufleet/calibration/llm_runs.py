"""Benchmarks of language models: what was run, and what the performance model says about it.

Three protocols, each with all of its requests alike:

- burst: N requests are queued at once, and run in waves of as many sequences as the replica takes. The time of a run is
  floor(N / b) residences of b sequences, and one of the rest (`makespan`).
- steady: requests arrive at a rate.
- lone: one prompt on an idle replica; or b sequences that only decode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from gpufleet.performance import queueing, serving
from gpufleet.performance.configurations import Configurations
from gpufleet.performance.device import device_of
from gpufleet.schema.models import Decoder
from gpufleet.schema.workloads import SLO, LLMServing, TokenClass
from gpufleet.units import MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpufleet.calibration.observations import Observation
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.models import ModelCard, Variant

Protocol = Literal["burst", "steady", "lone"]
Metric = Literal["tokens_per_s", "ttft_ms", "tpot_ms"]
MOST_LOAD: Final = 0.999
"""A rate above the saturation rate is taken as this share of it."""


@dataclass(frozen=True)
class Machine:
    """What the runs of a batch have in common."""

    card: ModelCard
    variant: Variant
    accelerator: Accelerator
    node: NodeType
    engine: str


@dataclass(frozen=True)
class Run:
    """One measured figure of a benchmark."""

    observation: Observation
    metric: Metric
    protocol: Protocol
    tensor: tuple[int, ...]
    """Tensor-parallel sizes: the one that was used, or those among which the submitter chose the best."""
    pipeline: int
    inputs: int
    outputs: int
    batch: float
    """Most sequences at a time per replica."""
    requests: int = 0
    """Burst: requests per replica."""
    rate: float = 0.0
    """Steady: requests/s per replica."""
    accelerators: int = 0
    """Accelerators of the system; 0: one replica."""
    slo: tuple[SLO, ...] = field(default=())
    """Steady without a rate: the highest rate inside these bounds."""


class Replicas:
    """Predicts runs that share a machine.

    Options (n) are parallel sizes and batch limits, classes (C) request sizes; a run is predicted for every
    tensor-parallel size that it may have used, and the best one counts.
    """

    def __init__(self, machine: Machine, runs: Sequence[Run]) -> None:
        kinds = sorted({(run.protocol, run.metric, run.slo) for run in runs}, key=repr)
        self.parts = [
            _Part(
                machine,
                [(i, run) for i, run in enumerate(runs) if (run.protocol, run.metric, run.slo) == kind],
            )
            for kind in kinds
        ]
        self.size = len(runs)

    def __call__(self, efficiency: Efficiency) -> Floats:
        """Predictions in the observations' units, (runs,)."""
        found = np.zeros(self.size)
        for part in self.parts:
            found[part.places] = part.predict(efficiency)
        return found


class _Part:
    """Runs of one protocol, metric and set of bounds."""

    def __init__(self, machine: Machine, runs: Sequence[tuple[int, Run]]) -> None:
        self.machine, self.first = machine, runs[0][1]
        self.places = np.array([place for place, _ in runs])
        options = sorted({(t, run.pipeline, run.batch) for _, run in runs for t in run.tensor})
        sizes = sorted({(run.inputs, run.outputs) for _, run in runs})
        self.options = np.array(options, dtype=np.float64).T
        self.workload = _workload(machine, sizes, self.first)
        tries = [(k, run, t) for k, (_, run) in enumerate(runs) for t in run.tensor]
        self.of_run = np.array([k for k, _, _ in tries])
        self.option = np.array([options.index((t, run.pipeline, run.batch)) for _, run, t in tries])
        self.request_class = np.array([sizes.index((run.inputs, run.outputs)) for _, run, _ in tries])
        self.replicas = _column(
            run.accelerators / (t * run.pipeline) if run.accelerators else 1.0 for _, run, t in tries
        )
        self.requests = _column(run.requests for _, run, _ in tries)
        self.rate = _column(run.rate for _, run, _ in tries)
        self.outputs = _column(run.outputs for _, run, _ in tries)
        self.batch = _column(run.batch for _, run, _ in tries)

    def predict(self, efficiency: Efficiency) -> Floats:
        """(runs,) in the metric's unit."""
        with np.errstate(all="ignore"):
            engine = self._engine(efficiency)
            figures = self._figures(engine)[:, 0]
        best = np.full(len(self.places), 0.0 if self._is_rate else np.inf)
        (np.maximum if self._is_rate else np.minimum).at(best, self.of_run, figures)
        return best

    @property
    def _is_rate(self) -> bool:
        return self.first.metric == "tokens_per_s"

    def _engine(self, efficiency: Efficiency) -> serving.Engine:
        machine, card = self.machine, self.machine.card
        assert isinstance(card.architecture, Decoder)
        device = device_of(
            machine.accelerator, machine.node, machine.variant, efficiency, card.name, machine.engine, "decode"
        )
        tensor, pipeline, batch = self.options
        ones = np.ones_like(tensor)
        options = Configurations(tensor, pipeline, ones, ones, 0.0 * ones, ones > 1.0, batch)
        engine = serving.engine_of(self.workload, card, card.architecture, machine.variant, device, options)
        return engine.pick(self.option, self.request_class)

    def _figures(self, engine: serving.Engine) -> Floats:
        if self.first.protocol == "lone":
            seconds = engine.prompt.alone if self.first.metric == "ttft_ms" else engine.step.seconds(self.batch)
            return np.asarray(MS_PER_S * seconds)
        if self.first.protocol == "burst":
            return self._burst(engine)
        return self._steady(engine)

    def _burst(self, engine: serving.Engine) -> Floats:
        requests = self.requests / self.replicas
        seconds = makespan(engine, requests)
        if self._is_rate:
            return np.asarray(self.requests * self.outputs / seconds)
        # prompts are read one behind the other, while the sequences that have begun decode
        reading = requests * engine.prompt.occupancy
        if self.first.metric == "ttft_ms":
            return np.asarray(MS_PER_S * reading / 2.0)
        return np.asarray(MS_PER_S * (seconds - reading / 2.0) / np.maximum(self.outputs - 1.0, 1.0))

    def _steady(self, engine: serving.Engine) -> Floats:
        if self.first.slo:
            held, _ = serving.highest_load(engine, _one_class(self.workload))
            return engine.rate(held) * self.replicas * self.outputs
        wanted = np.minimum(self.rate / self.replicas, MOST_LOAD * engine.rate(engine.most))
        sequences = queueing.highest(lambda b: np.asarray(engine.rate(b) <= wanted), engine.most)
        mean = engine.mean_first_token if self.first.metric == "ttft_ms" else engine.mean_token
        return MS_PER_S * mean(sequences)


def makespan(engine: serving.Engine, requests: Floats) -> Floats:
    """Seconds of a burst of so many requests on one replica, (n, C): whole waves, and one of what remains."""
    most = np.minimum(engine.most, requests)
    waves = np.floor(requests / most)
    rest = requests - waves * most
    last = np.where(rest > 0, engine.residence(np.maximum(rest, 1.0)), 0.0)
    return np.asarray(waves * engine.residence(most) + last)


def _column(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)[:, None]


def _workload(machine: Machine, sizes: Sequence[tuple[int, int]], run: Run) -> LLMServing:
    classes = tuple(
        TokenClass(name=f"c{index}", requests_per_s=1.0, input_tokens=inputs, output_tokens=outputs)
        for index, (inputs, outputs) in enumerate(sizes)
    )
    return LLMServing(
        name="run",
        kind="llm_serving",
        model=machine.card.name,
        classes=classes,
        max_utilisation=1.0,
        slo=run.slo,
    )


def _one_class(workload: LLMServing) -> LLMServing:
    """After picking, options have one class each; limits are the same for all sizes."""
    return workload.model_copy(update={"classes": workload.classes[:1]})
