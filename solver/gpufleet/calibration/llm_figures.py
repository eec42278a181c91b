"""Which figures of language serving are fitted, from where, and within which physical range."""

from __future__ import annotations

from typing import Final

from gpufleet.calibration.fit import Free
from gpufleet.performance.calibration import Key

COMPUTE: Final = (
    ("Ampere", 16, 0.65),
    ("Ada Lovelace", 8, 0.55),
    ("Hopper", 16, 0.6),
    ("Hopper", 8, 0.6),
    ("Blackwell", 4, 0.45),
    ("Blackwell GDDR", 4, 0.6),
    ("CDNA3", 8, 0.4),
    ("Gaudi2", 16, 0.4),
)
"""Family, bits, start."""
FAMILIES: Final = ("Ampere", "Ada Lovelace", "Hopper", "Blackwell", "Blackwell GDDR")
"""Families with enough rows to tell weights, cache and prompts apart."""


def _share(parameter: str, start: float, **where: object) -> Free:
    return Free(Key(parameter, phase="decode", **where), start, 0.05, 1.0)  # type: ignore[arg-type]


def _time(parameter: str, start: float, high: float, **where: object) -> Free:
    return Free(Key(parameter, phase="decode", **where), start, start / 100.0, high)  # type: ignore[arg-type]


FREE: Final = (
    *(_share("compute", start, family=family, bits=bits) for family, bits, start in COMPUTE),
    *(_share("bandwidth", 0.9, family=family) for family in (*FAMILIES, "CDNA3", "Gaudi2")),
    *(_share("cache_bandwidth", 0.75, family=family) for family in FAMILIES),
    *(_share("attention", 0.5, family=family) for family in FAMILIES),
    Free(Key("usable_memory", engine="TensorRT-LLM", phase="decode"), 1.0, 0.85, 1.07),
    Free(Key("elementwise_traffic", phase="decode"), 15.0, 1.0, 60.0),
    Free(Key("elementwise_operations", phase="decode"), 500.0, 1.0, 5000.0),
    Free(Key("kernels", model="bloom-176b", phase="decode"), 1.0, 0.5, 3.0),
    Free(Key("expert_width", phase="decode"), 200.0, 1.0, 4000.0),
    _share("routing", 0.8),
    _share("nvlink", 0.7),
    _share("pcie", 0.5),
    _time("nvlink_latency_s", 3e-6, 5e-5),
    _time("pcie_latency_s", 5e-6, 1e-4),
    _time("layer_overhead_s", 2e-6, 2e-4),
    _time("step_overhead_s", 3e-4, 2e-2),
    _time("sequence_overhead_s", 4e-6, 1e-4),
    _time("stage_overhead_s", 5e-6, 1e-4),
    _share("cache_bandwidth", 0.3, engine="vLLM"),
    _share("cache_bandwidth", 0.3, engine="Hugging Face"),
    *(
        Free(Key("pace", engine=engine, phase="decode"), start, 0.05, 1.0)
        for engine, start in (
            ("TensorRT-LLM 0.14", 0.9),
            ("TensorRT-LLM 0.5", 0.8),
            ("TensorRT-LLM 0.6.1", 0.8),
            ("TensorRT-LLM MLPerf 9.0", 0.5),
            ("TensorRT-LLM MLPerf 9.3", 0.8),
            ("TensorRT-LLM MLPerf 10", 0.95),
            ("vLLM", 0.8),
            ("vLLM MLPerf", 0.8),
            ("PyTorch MLPerf", 0.6),
            ("Hugging Face", 0.5),
        )
    ),
    *(
        _time("layer_overhead_s", start, 2e-3, engine=engine)
        for engine, start in (
            ("TensorRT-LLM 0.14", 3e-5),
            ("TensorRT-LLM 0.5", 3e-5),
            ("TensorRT-LLM 0.6.1", 3e-5),
        )
    ),
    *(_time("layer_overhead_s", 3e-4, 2e-3, engine="Hugging Face", family=family) for family in ("Ampere", "Hopper")),
    *(
        _time("step_overhead_s", start, 2e-2, engine=engine)
        for engine, start in (("vLLM", 1e-3), ("Hugging Face", 3e-3), ("TensorRT-LLM 0.14", 1e-3))
    ),
)
