"""Mélange's question at its published size: 60 request-size buckets over 4 GPU types at 32 requests/s.

Griggs et al., arXiv 2404.14527: ten input lengths by six output lengths; L4, A10G, A100-80GB and H100. Prices of A10G
and A100-80GB are those of the project's example configuration; those of L4 and H100, all throughputs (a model of 7
billion parameters in 16 bits, by arithmetic, memory bandwidth and cache) and the mix of requests are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from suite import files

if TYPE_CHECKING:
    from suite.files import Fields

INPUTS = (25, 50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000)
OUTPUTS = (25, 50, 100, 250, 500, 1000)
REQUESTS_PER_S = 32.0
WEIGHTS_GB = 13.5
CACHE_GB_PER_TOKEN = 0.000524288
"""Two 16-bit numbers for each of 32 layers of 4,096."""


@dataclass(frozen=True)
class Gpu:
    """Memory in GB, bandwidth in GB/s, arithmetic that arrives in TFLOP/s, cents per hour."""

    name: str
    memory_gb: float
    bandwidth: float
    tflops: float
    cents: int


GPUS = (
    Gpu("L4", 24, 300, 60, 70),
    Gpu("A10G", 24, 600, 70, 101),
    Gpu("A100-80GB", 80, 2039, 180, 367),
    Gpu("H100", 80, 3350, 450, 752),
)


def throughput(gpu: Gpu, given: int, made: int) -> float:
    """Requests/s of one GPU on requests of so many prompt and generated tokens; 0 where the cache is too small."""
    room = 0.9 * gpu.memory_gb - WEIGHTS_GB
    batch = int(min(room / (CACHE_GB_PER_TOKEN * (given + made)), 256))
    if batch < 1:
        return 0.0
    read = WEIGHTS_GB + batch * CACHE_GB_PER_TOKEN * (given + made / 2)
    decoding = made * max(read / (0.7 * gpu.bandwidth), batch * 14e9 / (gpu.tflops * 1e12))
    reading = batch * given * 14e9 / (gpu.tflops * 1e12)
    return float(f"{batch / (decoding + reading):.3g}")


def generated(name: str, seed: int = 1) -> Fields:
    """The instance; `seed` fixes the mix of requests."""
    dice = Random(f"{seed}/melange")
    origin = f"Mélange's question (arXiv 2404.14527) with throughputs and mix assumed, seed {seed}"
    weights = {
        f"in{given}-out{made}": (given, made, dice.uniform(0.2, 1.0) * (1 if given <= 2000 else 0.25))
        for given in INPUTS
        for made in OUTPUTS
    }
    total = sum(weight for _, _, weight in weights.values())
    classes = {name: round(REQUESTS_PER_S * weight / total, 4) for name, (_, _, weight) in weights.items()}
    options = [
        {
            "name": gpu.name,
            "node_type": gpu.name,
            "accelerators": 1,
            "rates": {name: throughput(gpu, given, made) for name, (given, made, _) in weights.items()},
        }
        for gpu in GPUS
    ]
    workload = {
        "kind": "profiled",
        "name": "requests",
        "classes": [{"name": name, "requests_per_s": rate} for name, rate in classes.items()],
        "options": options,
    }
    return files.instance(
        name,
        f"{len(classes)} buckets on {len(GPUS)} GPU types, costs in USD an hour",
        origin,
        [files.node_type(gpu.name, 1, origin) for gpu in GPUS],
        [files.on_demand(gpu.name, gpu.cents, origin) for gpu in GPUS],
        [workload],
    )
