"""What one accelerator in one node type offers to one variant: effective rates, memory, links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.schema.base import BITS, Precision
from gpufleet.units import BYTES_PER_GB, FLOPS_PER_TFLOP

if TYPE_CHECKING:
    from gpufleet.performance.calibration import Efficiency, Phase
    from gpufleet.schema.hardware import Accelerator, NodeType, PeakRates
    from gpufleet.schema.models import Variant

PCIE_GB_S: dict[int, float] = {1: 4.0, 2: 8.0, 3: 16.0, 4: 32.0, 5: 64.0, 6: 128.0}
"""x16, one direction, GB/s by generation (PCI-SIG, encoding overhead ignored)."""
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
    unpacking: float
    """Factor on compute when weights are stored narrower than they are multiplied."""
    bandwidth: float
    """Effective streaming memory bandwidth, B/s."""
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
    efficiency: Efficiency

    def compute(self, phase: Phase) -> float:
        """Effective arithmetic rate of a phase, FLOP/s."""
        sheet = self.accelerator
        return (
            self.peak * self.unpacking * self.efficiency.compute_share(sheet.family, sheet.kind, phase, self.precision)
        )


def usable_memory_gb(accelerator: Accelerator, node: NodeType, efficiency: Efficiency) -> float:
    """Memory of one accelerator open to the model, GB; a CPU socket has its share of the node's; unknown is 0."""
    if accelerator.memory_gb is not None:
        return accelerator.memory_gb * efficiency.usable_memory
    return (node.host_memory_gb or 0.0) / node.accelerators * efficiency.usable_host_memory


def _pcie(accelerator: Accelerator) -> float:
    generation = min(max(accelerator.pcie_generation or OLDEST_PCIE, 1), max(PCIE_GB_S))
    return PCIE_GB_S[generation] * BYTES_PER_GB


def _link(accelerator: Accelerator, node: NodeType, efficiency: Efficiency) -> tuple[float, float]:
    """(B/s one direction, seconds per step): the node's own figure, the accelerator's, else PCIe."""
    both_ways = node.interconnect_gb_s or accelerator.interconnect_gb_s
    pcie = _pcie(accelerator)
    one_way = both_ways / 2 * BYTES_PER_GB if both_ways else pcie
    if one_way > pcie:
        return one_way * efficiency.nvlink, efficiency.nvlink_latency_s
    return one_way * efficiency.pcie, efficiency.pcie_latency_s


def device_of(accelerator: Accelerator, node: NodeType, variant: Variant, efficiency: Efficiency) -> Device:
    """The device as the variant sees it."""
    precision = variant.compute_precision
    peak = peak_flops(accelerator.peak, precision)
    sixteen = max(peak_flops(accelerator.peak, "fp16"), peak_flops(accelerator.peak, "bf16"))
    scores = (sixteen or peak) if BITS[precision] <= BITS["fp16"] else peak
    link, link_latency = _link(accelerator, node, efficiency)
    return Device(
        accelerator=accelerator,
        precision=precision,
        peak=peak,
        attention=scores * efficiency.attention,
        training_attention=scores * efficiency.training_attention,
        unpacking=efficiency.dequantisation if variant.bits_per_weight < BITS[precision] else 1.0,
        bandwidth=accelerator.memory_bandwidth_gb_s * BYTES_PER_GB * efficiency.bandwidth[accelerator.kind].value,
        memory_gb=usable_memory_gb(accelerator, node, efficiency),
        per_node=node.accelerators,
        link=link,
        link_latency=link_latency,
        network=(node.network_gb_s or 0.0) / node.accelerators * BYTES_PER_GB * efficiency.network or 1.0,
        networked=node.network_gb_s is not None,
        host=_pcie(accelerator) * efficiency.host_link,
        efficiency=efficiency,
    )
