"""The figures of the performance model that training tables determine."""

from __future__ import annotations

from typing import Final

from gpufleet.calibration.fit import Free
from gpufleet.performance.calibration import Key


def _compute(family: str, bits: int, start: float, low: float = 0.2) -> Free:
    return Free(Key("compute", family=family, phase="train", bits=bits), start, low, 1.0)


def _attention(family: str, start: float, engine: str = "", low: float = 0.3) -> Free:
    return Free(Key("training_attention", engine=engine, family=family), start, low, 0.9)


BRIDGE, MEGATRON = "Megatron-Bridge until 26.04", "Megatron-LM until 2022"

FREE: Final[tuple[Free, ...]] = (
    _compute("Volta", 16, 0.7),
    _compute("Ampere", 16, 0.75),
    _compute("Hopper", 16, 0.65),
    _compute("Hopper", 8, 0.6),
    _compute("Blackwell", 16, 0.7, low=0.6),
    _compute("Blackwell", 8, 0.6),
    _compute("Blackwell", 4, 0.5),
    _compute("tpu", 16, 0.75),
    _attention("", 0.5),
    _attention("Ampere", 0.5),
    _attention("Hopper", 0.5, low=0.4),
    _attention("Hopper", 0.2, "llm-foundry", 0.1),
    _attention("Blackwell", 0.5),
    Free(Key("training_attention", engine=MEGATRON), 0.1, 0.02, 1.0),
    Free(Key("train_energy_pj", family="Blackwell", bits=8), 0.35, 0.1, 1.0),
    Free(Key("compute", engine=MEGATRON, family="Ampere", phase="train", bits=16), 0.7, 0.2, 1.0),
    Free(Key("train_traffic", engine=MEGATRON), 3.0, 0.5, 8.0),
    Free(Key("expert_overlap"), 0.5, 0.05, 0.95),
    Free(Key("routing_overhead_s"), 1e-3, 1e-4, 5e-3),
    Free(Key("tensor_overlap", engine=MEGATRON), 0.1, 0.01, 0.95),
    Free(Key("data_overlap", engine=MEGATRON), 0.5, 0.1, 1.0),
    Free(Key("train_traffic"), 2.0, 0.5, 4.0),
    Free(Key("train_traffic", engine="llm-foundry"), 2.5, 0.5, 8.0),
    Free(Key("train_traffic", engine="MaxText"), 1.0, 0.2, 8.0),
    Free(Key("expert_width"), 500.0, 10.0, 5000.0),
    Free(Key("routing_overhead_s", engine=BRIDGE), 2e-3, 1e-5, 5e-3),
    Free(Key("tensor_overlap"), 0.4, 0.05, 0.95),
    Free(Key("data_overlap"), 0.8, 0.3, 1.0),
    Free(Key("data_overlap", engine="llm-foundry"), 0.8, 0.3, 1.0),
)
