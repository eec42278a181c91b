"""What an estimate says."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.performance.arrays import Bools, Floats, Strings
    from gpufleet.schema.workloads import SLO, RequestClass

Bottleneck = Literal["compute", "memory_bandwidth", "interconnect", "host_link", "kv_capacity", "data_loading"]


MODEL = "performance model"
"""Evidence of modelled figures."""


def _none() -> Floats:
    return np.zeros(0)


def _nothing() -> Strings:
    return np.zeros(0, dtype=np.str_)


@dataclass(frozen=True)
class Estimate:
    """Memory, rates and latencies of n options; C classes in file order, S SLOs in file order."""

    memory_gb: Floats
    """(n,) GB needed on the fullest accelerator."""
    memory_limit_gb: float
    """GB open to the model on one accelerator."""
    memory_parts_gb: Mapping[str, Floats]
    """(n,) each: `weights`, `kv_cache`, `prefix_cache`, `activations`, `gradients`, `optimizer`, `reserve`; they
    add up to `memory_gb`."""
    max_rate: Floats
    """(n, C) requests/s of a class when the replica serves that class alone, at the highest utilisation not above
    `max_utilisation` that keeps every SLO of the class; 0 where none does or memory does not fit. Training: C = 1, runs
    per deadline, so one replica is enough from 1 on. All figures are medians, also at the operating point of p90."""
    saturation_rate: Floats
    """(n, C) capacity without SLO and without `max_utilisation`, requests/s (training: as `max_rate`)."""
    latency_ms: Floats
    """(n, S, C) predicted percentile of each SLO at `load` x `max_rate`, ms."""
    idle_latency_ms: Floats
    """(n, S, C) the same without load, ms."""
    training_days: Floats
    """(n,) days to train, overheads included; infinite where the replica cannot run; NaN when serving."""
    bottleneck: Strings
    """(n,) what limits the rate: `compute`, `memory_bandwidth`, `interconnect`, `host_link`, `kv_capacity`,
    `data_loading`."""
    precision_supported: bool
    """False: the accelerator has no known rate for the arithmetic, and all arrays are 0."""
    rate_low: Floats = field(default_factory=_none)
    """(n, C) 5 % of the true rates are expected below this multiple of the stated one; given none, 1."""
    rate_high: Floats = field(default_factory=_none)
    """(n, C) 95 % of them are expected below this multiple."""
    latency_low: Floats = field(default_factory=_none)
    """(n, S, C) the same for latencies: 5 %, given none, 1."""
    latency_high: Floats = field(default_factory=_none)
    """(n, S, C) and 95 %."""
    provenance: Strings = field(default_factory=_nothing)
    """(n,) where the rates come from: `measured`, `interpolated` or `modelled`, whichever of them is true of the class
    that is known least well; given none, `modelled`."""
    evidence: Strings = field(default_factory=_nothing)
    """(n,) what says so: engine, file and lines of measurements, another performance model, or the model with its
    calibration and engine."""

    def __post_init__(self) -> None:
        """Figures of which nothing else is said are modelled, and certain."""
        for name in ("rate_low", "rate_high", "latency_low", "latency_high"):
            if getattr(self, name).size == 0:
                shape = self.max_rate.shape if name.startswith("rate") else self.latency_ms.shape
                object.__setattr__(self, name, np.ones(shape))
        for name, word in (("provenance", "modelled"), ("evidence", MODEL)):
            if getattr(self, name).size == 0:
                object.__setattr__(self, name, np.full(self.memory_gb.shape, word))

    @property
    def is_measured(self) -> Bools:
        """(n,) does every rate rest on measurements, so that it is known that the option runs?"""
        return np.asarray(self.provenance != "modelled")


def interleaved(second: Bools, first_part: Estimate, second_part: Estimate) -> Estimate:
    """One estimate of all options from those where `second` (n,) is false and those where it is true, both in order."""

    def woven(ours: Any, theirs: Any) -> Any:
        if isinstance(ours, np.ndarray):
            whole = np.empty((second.size, *ours.shape[1:]), dtype=np.result_type(ours, theirs))
            whole[~second], whole[second] = ours, theirs
            return whole
        return {name: woven(ours[name], theirs[name]) for name in ours} if isinstance(ours, dict) else ours

    return replace(
        first_part,
        **{f.name: woven(getattr(first_part, f.name), getattr(second_part, f.name)) for f in fields(Estimate)},
    )


def total(parts: Mapping[str, Floats]) -> Floats:
    """Sum of the memory parts, (n,)."""
    return np.asarray(sum(parts.values()), dtype=np.float64)


def limits_ms(slo: SLO, classes: Sequence[RequestClass]) -> Floats:
    """(C,) the SLO's limit for each class, ms; infinite for the classes that it does not bind."""
    return np.array([slo.limit_ms if slo.holds_for(group.name) else np.inf for group in classes])


def unsupported(options: int, classes: int, slos: int, memory_limit_gb: float, training: bool) -> Estimate:
    """The estimate of an accelerator that lacks the arithmetic: zeros."""
    zeros, rates = np.zeros(options), np.zeros((options, classes))
    latency = np.zeros((options, slos, classes))
    return Estimate(
        memory_gb=zeros,
        memory_limit_gb=memory_limit_gb,
        memory_parts_gb={},
        max_rate=rates,
        saturation_rate=rates,
        latency_ms=latency,
        idle_latency_ms=latency,
        training_days=zeros if training else np.full(options, np.nan),
        bottleneck=np.full(options, "compute"),
        precision_supported=False,
    )
