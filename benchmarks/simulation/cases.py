"""The operating points that are simulated: engines and servers of the catalogue, from idle to nearly saturated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.library.library import Library
from gpufleet.performance import queueing, requests, serving
from gpufleet.performance.calibration import Efficiency
from gpufleet.performance.configurations import Configurations
from gpufleet.performance.device import Device, device_of
from gpufleet.schema.models import Decoder, ModelCard, Variant
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import LLMServing, RequestServing
from simulation import batching, engine, statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.performance.arrays import Floats
    from simulation.statistics import Spread

LOADS = (0.2, 0.4, 0.6, 0.75, 0.85, 0.95)
"""Shares of the saturation rate."""
PROBES = 0.15
"""Share of requests with exactly the lengths of the class, among requests of spread lengths."""


@dataclass(frozen=True)
class Language:
    """A language class on a replica."""

    model: str
    node: str
    tensor: int
    input_tokens: int
    output_tokens: int
    batch: int

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.model} {self.input_tokens}/{self.output_tokens}, at most {self.batch}"


@dataclass(frozen=True)
class Batched:
    """A request class on a replica."""

    model: str
    variant: str
    node: str
    items: int
    batch: int
    servers: int

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.model} x {self.items}, batch {self.batch}, {self.servers} servers"


LANGUAGE = (
    Language("llama-3.1-8b", "dgx-h100", 1, 1000, 200, 64),
    Language("llama-3.1-8b", "dgx-h100", 1, 200, 200, 16),
    Language("llama-3.1-8b", "dgx-h100", 1, 200, 1000, 128),
    Language("llama-3.1-8b", "dgx-h100", 1, 2000, 50, 16),
    Language("llama-3.1-8b", "dgx-h100", 1, 1000, 200, 4),
    Language("llama-3.1-8b", "dgx-h100", 1, 6000, 300, 32),
    Language("llama-3.1-8b", "dgx-h100", 1, 300, 100, 256),
    Language("llama-3.1-8b", "dgx-h100", 1, 100, 300, 512),
    Language("llama-3.1-70b", "dgx-h100", 4, 1500, 300, 64),
    Language("llama-3.1-70b", "dgx-h100", 8, 500, 250, 128),
    Language("mixtral-8x7b", "dgx-h100", 2, 800, 200, 32),
    Language("llama-3.1-70b", "dgx-h100", 2, 3000, 500, 256),
)
BATCHED = (
    Batched("dlrm", "int8-ptq", "t4-1x-1u", 270, 512, 1),
    Batched("dlrm", "int8-ptq", "t4-1x-1u", 270, 2048, 1),
    Batched("dlrm", "int8-ptq", "t4-8x-4u", 270, 512, 4),
    Batched("dlrm", "int8-ptq", "t4-1x-1u", 100, 32, 1),
    Batched("bert-large", "int8-ptq", "t4-1x-1u", 1, 16, 1),
    Batched("bert-large", "int8-ptq", "t4-1x-1u", 1, 1, 1),
    Batched("resnet-50", "int8-ptq", "t4-8x-4u", 1, 64, 2),
    Batched("resnet-50", "int8-ptq", "t4-8x-4u", 1, 8, 8),
)


@cache
def library() -> Library:
    """The bundled catalogue."""
    return Library.open()


def _placed(model: str, variant: str, node: str) -> tuple[ModelCard, Variant, Device]:
    card, node_type = library().model(model), library().node_types[node]
    chosen = next(entry for entry in card.variants if entry.name == variant)
    figures = Efficiency.of(library().calibration)
    phase = "decode" if isinstance(card.architecture, Decoder) else "encode"
    unit = library().accelerators[node_type.accelerator]
    return card, chosen, device_of(unit, node_type, chosen, figures, phase=phase)


def engine_of(case: Language) -> serving.Engine:
    """The model's engine of a case; one option, one class."""
    card, variant, device = _placed(case.model, "fp8", case.node)
    tokens = {"name": "class", "requests_per_s": 1.0, "input_tokens": case.input_tokens}
    workload = LLMServing.model_validate(
        {
            "name": "language",
            "kind": "llm_serving",
            "model": case.model,
            "classes": (tokens | {"output_tokens": case.output_tokens},),
        }
    )
    if not isinstance(card.architecture, Decoder):
        raise TypeError(f"{case.model} is not a decoder")
    conf = Configurations.of([(Parallelism(tensor=case.tensor), case.batch)])
    return serving.engine_of(workload, card, card.architecture, variant, device, conf)


def server_of(case: Batched) -> requests.Server:
    """The model's server of a case; one option, one class."""
    card, variant, device = _placed(case.model, case.variant, case.node)
    workload = RequestServing.model_validate(
        {
            "name": "requests",
            "kind": "request_serving",
            "model": case.model,
            "classes": ({"name": "class", "requests_per_s": 1.0, "items": case.items},),
        }
    )
    conf = Configurations.of([(Parallelism(data=case.servers), case.batch)])
    return requests.server_of(workload, card, variant, device, conf)


def sequences(model: serving.Engine, rate: float) -> Floats:
    """b of the formulas at a rate, (1, 1)."""
    return queueing.highest(lambda b: np.asarray(model.rate(b) <= rate), model.most)


def coefficients(model: serving.Engine, spread: Spread) -> engine.Coefficients:
    """What the simulated engine costs: the model's own figures.

    Requests of spread lengths have ample cache, since the formulas count places by the lengths of the class.
    """
    most, new, output = int(model.most[0, 0]), float(model.new[0]), float(model.output[0])
    seconds = model.step.seconds(np.arange(most + 1, dtype=np.float64).reshape(-1, 1))[:, 0]
    return engine.Coefficients(
        step=lambda count: float(seconds[count]),
        prompt=float(model.prompt.occupancy[0, 0]),
        alone=float(model.prompt.alone[0, 0]),
        input_tokens=new,
        output_tokens=output,
        most=most,
        cache_tokens=most * (new + output) if spread == "constant" else inf,
        budget=model.chunk,
    )


def language_samples(
    cost: engine.Coefficients, rate: float, spread: Spread, count: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Samples of each latency metric in order of arrival, s, without the warm-up; Poisson arrivals."""
    generator = np.random.default_rng(seed)
    arrivals = np.cumsum(generator.exponential(1.0 / rate, count))
    inputs, outputs = (
        np.maximum(np.round(statistics.draw(spread, mean, count, generator)), 1.0)
        for mean in (cost.input_tokens, cost.output_tokens)
    )
    probe = generator.random(count) < (1.0 if spread == "constant" else PROBES)
    inputs[probe], outputs[probe] = cost.input_tokens, cost.output_tokens
    made = zip(arrivals, inputs, outputs, probe, strict=True)
    line = [engine.Request(float(a), float(i), int(o), bool(p)) for a, i, o, p in made]
    found = engine.metrics(engine.Simulation(cost, line).run())
    return {name: statistics.trimmed(samples) for name, samples in found.items()}


def request_samples(server: requests.Server, rate: float, count: int, seed: int) -> NDArray[np.float64]:
    """Latencies of requests in order of arrival, s, without the warm-up; Poisson arrivals."""
    most = int(server.most[0, 0])
    sizes = np.arange(1, most + 1, dtype=np.float64).reshape(-1, 1)
    busy = server.interval(sizes)[:, 0]
    answer = (server.stages * server.on_device(sizes) + server.host * sizes)[:, 0]
    found = batching.latencies(
        interval=lambda batch: float(busy[batch - 1]),
        response=lambda batch: float(answer[batch - 1]),
        most=most,
        servers=int(server.servers[0, 0]),
        rate=rate,
        count=count,
        seed=seed,
    )
    return statistics.trimmed(found)
