"""The figures of request serving that are fitted to measurements, with where the search starts and what is physical."""

from __future__ import annotations

from typing import Final

from gpufleet.calibration.fit import Free
from gpufleet.performance.calibration import Key


def _of(parameter: str, low: float, high: float, **starts: float) -> tuple[Free, ...]:
    """Figures by family; an underscore stands for a space."""
    return tuple(Free(Key(parameter, family=name.replace("_", " ")), v, low, high) for name, v in starts.items())


def _shares(kind: str, **starts: float) -> tuple[Free, ...]:
    """Shares of the peak by bits, `b8=0.6`."""
    return tuple(Free(Key("item_compute", family=kind, bits=int(b[1:])), v, 0.2, 0.85) for b, v in starts.items())


def _mapping(*models: str) -> tuple[Free, ...]:
    """How well the layers of a network map to matrix units, on all accelerators alike; ResNet-50 is 1."""
    return tuple(Free(Key("mapping", model=name), 0.9, 0.3, 1.3) for name in models)


FREE: Final[tuple[Free, ...]] = (
    *_shares("gpu", b8=0.65, b16=0.7),
    *_shares("tpu", b16=0.55),
    *_shares("npu", b16=0.55),
    *_of("generation", 0.5, 1.1, Turing=1.0, Ada_Lovelace=0.85, Hopper=0.85),
    Free(Key("generation", family="Hopper", phase="convolve"), 0.8, 0.4, 1.3),
    *_mapping("ssd-resnet34", "ssd-mobilenet", "retinanet", "3d-unet-brats", "3d-unet-kits19", "rnnt"),
    *_mapping("bert-large", "stable-diffusion-xl", "dlrm", "dlrm-v2"),
    *_of("size_exponent", 0.01, 0.3, gpu=0.07),
    *_of("energy_per_bit_pj", 0.01, 0.5, Turing=0.15, Ampere=0.075, Ada_Lovelace=0.05, Hopper=0.055),
    Free(Key("energy_per_bit_pj", family="Ampere", phase="gddr"), 0.1, 0.01, 0.5),
    Free(Key("energy_per_byte_pj", phase="hbm"), 50.0, 20.0, 120.0),
    Free(Key("energy_per_byte_pj", phase="gddr"), 60.0, 20.0, 120.0),
    Free(Key("idle_power"), 0.15, 0.05, 0.35),
    *_of("activation_traffic", 0.2, 1.0, Turing=0.75, Ampere=0.75, Ada_Lovelace=0.6, Hopper=0.7),
    Free(Key("random_access"), 0.25, 0.05, 1.0),
    Free(Key("roofline_exponent"), 4.0, 1.5, 10.0),
    Free(Key("weights_exponent"), 1.5, 1.0, 10.0),
    *_of("kernel_overhead_s", 1e-6, 5e-5, Turing=1e-5, Ampere=7e-6, Ada_Lovelace=4e-6),
    Free(Key("batch_overhead_s"), 5e-5, 5e-6, 1e-3),
    *(Free(Key("online", phase=name), 0.88, 0.5, 1.0) for name in ("encode", "convolve", "recommend")),
    *(Free(Key("online", model=name), 0.8, 0.4, 1.0) for name in ("rnnt", "stable-diffusion-xl")),
)
"""All of them; what no row determines stays at its start."""
