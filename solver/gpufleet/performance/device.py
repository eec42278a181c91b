"""What one accelerator in one node type offers to one variant: effective rates, memory, links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.performance.calibration import GRAPHICS_MEMORY, Key
from gpufleet.schema.base import BITS, Precision
from gpufleet.units import BYTES_PER_GB, FLOPS_PER_TFLOP

if TYPE_CHECKING:
    from gpufleet.performance.calibration import Efficiency, Phase
    from gpufleet.schema.hardware import Accelerator, NodeType, PeakRates
    from gpufleet.schema.models import Variant

PCIE_GB_S: dict[int, float] = {1: 4.0, 2: 8.0, 3: 16.0, 4: 32.0, 5: 64.0, 6: 128.0}
"""x16, one direction, GB/s by generation (PCI-SIG, encoding overhead ignored)."""
MATRIX_TO_VECTOR = 16.0
"""16-bit matrix rate over FP32 vector rate, where a sheet gives only the former (NVIDIA A100: 312 / 19.5)."""
OLDEST_PCIE = 3
"""Assumed when a sheet names no generation."""
WIDER: dict[Precision, tuple[Precision, ...]] = {
    "fp32": (),
    "tf32": ("fp32",),
    "fp16": ("fp32",),
    "bf16": ("fp32",),
    "fp8": ("fp16", "bf16"),
    "int8": ("fp16", "bf16", "fp32"),
    "int4": ("int8", "fp16", "fp32"),
    "fp4": ("fp8", "fp16"),
}
"""Formats that hold every value of the narrower one: their rate bounds an unknown rate from below."""


def _sheet_rate(peak: PeakRates, precision: Precision) -> float | None:
    suffix = "tops" if precision in ("int8", "int4") else "tflops"
    value: float | None = getattr(peak, f"{precision}_{suffix}")
    return value


def peak_flops(peak: PeakRates, precision: Precision) -> float:
    """Dense peak in FLOP/s; 0 = unsupported, or unknown without a known wider format to bound it from below."""
    for candidate in (precision, *WIDER[precision]):
        rate = _sheet_rate(peak, candidate)
        if rate is not None and (rate > 0 or candidate == precision):
            return rate * FLOPS_PER_TFLOP
    return 0.0


@dataclass(frozen=True)
class Device:
    """Effective figures of one accelerator; bytes, FLOP and seconds."""

    accelerator: Accelerator
    precision: Precision
    peak: float
    """Dense peak of the arithmetic precision, FLOP/s; 0 = unsupported."""
    attention: float
    """Effective rate of attention scores, FLOP/s (16-bit arithmetic where there is any)."""
    training_attention: float
    """The same in training, FLOP/s."""
    vector: float
    """Datasheet rate of vector arithmetic (FP32), FLOP/s; without one, a sixteenth of the 16-bit matrix rate."""
    unpacking: float
    """Factor on compute when weights are stored narrower than they are multiplied."""
    bandwidth: float
    """Effective streaming memory bandwidth, B/s."""
    sheet_bandwidth: float
    """Datasheet memory bandwidth, B/s."""
    memory_gb: float
    """Memory open to the model, GB."""
    per_node: int
    """Accelerators in the node."""
    link: float
    """Effective device-to-device bandwidth in the node, one direction, B/s."""
    link_latency: float
    """Seconds per ring step in the node."""
    network: float
    """Effective network bandwidth per accelerator, one direction, B/s; 1 where there is none, to stay finite."""
    networked: bool
    """May replicas span nodes?"""
    host: float
    """Effective host link bandwidth, B/s."""
    source: Figures
    """Where calibrated figures are looked up."""

    def figure(self, parameter: str, phase: str = "") -> float:
        """A calibrated figure for this device, precision, model and engine."""
        return self.source.figure(parameter, phase)

    def compute(self, phase: Phase) -> float:
        """Effective arithmetic rate of a phase, FLOP/s."""
        return self.peak * self.unpacking * self.figure("compute", phase)


@dataclass(frozen=True)
class Figures:
    """Calibrated figures as seen by one accelerator, precision, model and engine."""

    efficiency: Efficiency
    family: str
    kind: str
    bits: int
    model: str = ""
    engine: str = ""
    phase: str = ""
    """What the device is used for, where a question names no phase."""

    def figure(self, parameter: str, phase: str = "") -> float:
        """The most specific figure. Raises KeyError if the calibration has none."""
        wanted = Key(parameter, self.engine, self.model, self.family, phase or self.phase, self.bits)
        return self.efficiency.figure(wanted, self.kind)


def family_of(accelerator: Accelerator) -> str:
    """The family under which figures are looked up: with ` GDDR` for graphics memory."""
    graphics = (accelerator.memory_kind or "").startswith("GDDR")
    return accelerator.family + GRAPHICS_MEMORY if graphics else accelerator.family


def usable_memory_gb(accelerator: Accelerator, node: NodeType, figures: Figures) -> float:
    """Memory of one accelerator open to the model, GB; a CPU socket has its share of the node's; unknown is 0."""
    if accelerator.memory_gb is not None:
        return accelerator.memory_gb * figures.figure("usable_memory")
    return (node.host_memory_gb or 0.0) / node.accelerators * figures.figure("usable_host_memory")


def _pcie(accelerator: Accelerator) -> float:
    generation = min(max(accelerator.pcie_generation or OLDEST_PCIE, 1), max(PCIE_GB_S))
    return PCIE_GB_S[generation] * BYTES_PER_GB


def _link(accelerator: Accelerator, node: NodeType, figures: Figures) -> tuple[float, float]:
    """(B/s one direction, seconds per step): the node's own figure, the accelerator's, else PCIe."""
    both_ways = node.interconnect_gb_s or accelerator.interconnect_gb_s
    pcie = _pcie(accelerator)
    one_way = both_ways / 2 * BYTES_PER_GB if both_ways else pcie
    if one_way > pcie:
        return one_way * figures.figure("nvlink"), figures.figure("nvlink_latency_s")
    return one_way * figures.figure("pcie"), figures.figure("pcie_latency_s")


def device_of(
    accelerator: Accelerator,
    node: NodeType,
    variant: Variant,
    efficiency: Efficiency,
    model: str = "",
    engine: str = "",
    phase: str = "",
) -> Device:
    """The device as the variant of a model sees it under an engine; `phase` is what it is mainly used for."""
    precision = variant.compute_precision
    figures = Figures(efficiency, family_of(accelerator), accelerator.kind, BITS[precision], model, engine, phase)
    peak = peak_flops(accelerator.peak, precision)
    sixteen = max(peak_flops(accelerator.peak, "fp16"), peak_flops(accelerator.peak, "bf16"))
    scores = (sixteen or peak) if BITS[precision] <= BITS["fp16"] else peak
    link, link_latency = _link(accelerator, node, figures)
    return Device(
        accelerator=accelerator,
        precision=precision,
        peak=peak,
        attention=scores * figures.figure("attention"),
        training_attention=scores * figures.figure("training_attention"),
        vector=peak_flops(accelerator.peak, "fp32") or sixteen / MATRIX_TO_VECTOR or 1.0,
        unpacking=figures.figure("dequantisation") if variant.bits_per_weight < BITS[precision] else 1.0,
        sheet_bandwidth=accelerator.memory_bandwidth_gb_s * BYTES_PER_GB,
        bandwidth=accelerator.memory_bandwidth_gb_s * BYTES_PER_GB * figures.figure("bandwidth"),
        memory_gb=usable_memory_gb(accelerator, node, figures),
        per_node=node.accelerators,
        link=link,
        link_latency=link_latency,
        network=(node.network_gb_s or 0.0) / node.accelerators * BYTES_PER_GB * figures.figure("network") or 1.0,
        networked=node.network_gb_s is not None,
        host=_pcie(accelerator) * figures.figure("host_link"),
        source=figures,
    )
