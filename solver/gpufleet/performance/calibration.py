"""Efficiencies: which share of a datasheet figure is reached. The only place with fitted numbers.

Compute efficiencies are looked up by (architecture family, phase, precision class), first for the phase, then for any
phase, then for the kind of device. Every entry states where its value comes from; all values lie in (0, 1].
Abbreviations of sources: "MLPerf" = MLPerf Inference closed division, NVIDIA submissions; "TRT-LLM" = TensorRT-LLM
performance overview v0.17/v1.0, maximum throughput; "Megatron" = arXiv 2104.04473 and 2205.05198; "MPT" = llm-foundry
benchmarking tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from gpufleet.schema.base import BITS, Precision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.schema.hardware import AcceleratorKind

Phase = Literal["prefill", "decode", "encode", "convolve", "recommend", "train", "train_convolve"]
"""Kinds of arithmetic that reach different shares of the peak."""
Key = tuple[str, str, int]
"""(family or kind of device, phase or "*", bits of the arithmetic)."""

ASSUMED = "assumed, no public measurement used; the neighbouring family's figure, lowered"


@dataclass(frozen=True)
class Entry:
    """One efficiency in (0, 1] and its source."""

    value: float
    source: str


def _table(rows: tuple[tuple[str, str, int, float, str], ...]) -> Mapping[Key, Entry]:
    return MappingProxyType(
        {(family, phase, bits): Entry(value, source) for family, phase, bits, value, source in rows}
    )


COMPUTE: Mapping[Key, Entry] = _table(
    (
        ("gpu", "*", 32, 0.60, "assumed: vector FP32 or TF32 in library GEMMs"),
        ("gpu", "*", 16, 0.45, ASSUMED),
        ("gpu", "*", 8, 0.40, ASSUMED),
        ("gpu", "*", 4, 0.30, ASSUMED),
        ("tpu", "*", 32, 0.50, ASSUMED),
        ("tpu", "*", 16, 0.50, "MaxText tables: 45-60 % MFU in training"),
        ("tpu", "*", 8, 0.45, ASSUMED),
        ("tpu", "*", 4, 0.30, ASSUMED),
        ("npu", "*", 32, 0.45, ASSUMED),
        ("npu", "*", 16, 0.40, ASSUMED),
        ("npu", "*", 8, 0.35, ASSUMED),
        ("npu", "*", 4, 0.25, ASSUMED),
        ("cpu", "*", 32, 0.55, ASSUMED),
        ("cpu", "*", 16, 0.35, ASSUMED),
        ("cpu", "*", 8, 0.30, ASSUMED),
        ("cpu", "*", 4, 0.20, ASSUMED),
        ("Turing", "*", 16, 0.35, "MLPerf v0.7 T4 BERT-large FP16 205/s; 70 W keeps the clock below boost"),
        ("Turing", "*", 8, 0.37, "MLPerf v0.7 T4 BERT-large INT8 443/s, ResNet-50 6,078/s"),
        ("Turing", "recommend", 8, 0.34, "MLPerf v0.7 T4 DLRM 33.3-34.1k samples/s"),
        ("Volta", "*", 16, 0.45, "Megatron GPT-2 on DGX-2"),
        ("Ampere", "*", 16, 0.68, "TRT-LLM v0.17 Llama-3.1 8B FP16 A100; MLPerf BERT-large FP16 1,750/s"),
        ("Ampere", "*", 8, 0.58, "MLPerf v0.7-v3.0 A100 BERT-large INT8 3,200-3,300/s"),
        ("Ampere", "recommend", 8, 0.62, "MLPerf v1.0-v3.0 A100 DLRM 264-315k samples/s"),
        ("Ampere", "convolve", 8, 0.51, "MLPerf v1.0-v3.0 A100 ResNet-50 38-42k/s"),
        ("Ampere", "train", 16, 0.62, "Megatron GPT-3 175B 153 TFLOP/s, MPT-7b 200 TFLOP/s per A100"),
        ("Ampere", "train_convolve", 16, 0.50, "assumed: three quarters of the GEMM figure"),
        ("Ampere", "train_convolve", 32, 0.45, "assumed: three quarters of the GEMM figure"),
        ("Ada Lovelace", "*", 16, 0.55, "MLPerf v3.0 L4 BERT-large FP16 631/s"),
        ("Ada Lovelace", "*", 8, 0.47, "MLPerf v3.0 L4 BERT-large INT8 1,032/s, ResNet-50 13.2k/s, DLRM 95k/s"),
        ("Hopper", "*", 16, 0.60, "TRT-LLM v0.14 Llama-3.1 BF16 saturation rates"),
        ("Hopper", "*", 8, 0.54, "TRT-LLM v0.17 Llama-3.1 FP8; MLPerf v3.0 H100 BERT-large 9,250/s"),
        ("Hopper", "recommend", 8, 0.46, "MLPerf v2.1-v3.0 H100 DLRM 662-745k samples/s"),
        ("Hopper", "convolve", 8, 0.32, "MLPerf v3.0 H100-PCIe ResNet-50 56.9k/s, H100 3D-UNet 6.9/s"),
        ("Hopper", "train", 16, 0.52, "MPT-7b/30b and Megatron-Core on H100: 0.40-0.48 MFU"),
        ("Hopper", "train", 8, 0.48, "Megatron-Bridge Llama-3 8B 744, 405B 780-830 TFLOP/s per H100"),
        ("Hopper", "train_convolve", 16, 0.40, "assumed: three quarters of the GEMM figure"),
        ("Blackwell", "*", 16, 0.55, ASSUMED),
        ("Blackwell", "*", 8, 0.48, ASSUMED),
        ("Blackwell", "*", 4, 0.35, "TRT-LLM v1.0 Llama-3.3 70B and 3.1 405B FP4 on B200"),
        ("CDNA3", "*", 16, 0.42, ASSUMED),
        ("CDNA3", "*", 8, 0.38, ASSUMED),
    )
)

FAMILY_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "Grace Hopper": "Hopper",
        "Blackwell Ultra": "Blackwell",
        "Grace Blackwell": "Blackwell",
        "Grace Blackwell Ultra": "Blackwell",
        "CDNA2": "CDNA3",
        "CDNA4": "CDNA3",
    }
)
"""Families that take another's figures until they have their own."""

MEMORY_BANDWIDTH: Mapping[str, Entry] = MappingProxyType(
    {
        "gpu": Entry(0.82, "TRT-LLM v0.17 Llama-3.1 8B with long outputs: 70-90 % of the datasheet bandwidth"),
        "tpu": Entry(0.75, ASSUMED),
        "npu": Entry(0.65, ASSUMED),
        "cpu": Entry(0.75, "assumed: STREAM triad against the channel peak"),
    }
)
"""Share of memory bandwidth for streaming reads, by kind of device."""


@dataclass(frozen=True)
class Efficiency:
    """All calibrated figures together; replace fields to recalibrate."""

    compute: Mapping[Key, Entry] = field(default_factory=lambda: COMPUTE)
    """Share of the peak arithmetic rate."""
    bandwidth: Mapping[str, Entry] = field(default_factory=lambda: MEMORY_BANDWIDTH)
    """Share of the peak memory bandwidth."""
    attention: float = 0.5
    """Share of the 16-bit peak in attention score arithmetic (FlashAttention papers: 0.5-0.7 forward)."""
    random_access: float = 0.35
    """Further share of bandwidth in embedding gathers (assumed; rows of 128-512 bytes)."""
    training_attention: float = 0.35
    """The same in training, backward pass included (MPT tables, sequences of 16k-64k tokens)."""
    routing: float = 0.75
    """Further share of compute in mixture-of-experts models: grouped products, uneven experts (TRT-LLM v0.17 Mixtral
    8x7B and 8x22B reach 0.7-0.85 of what dense models reach)."""
    dequantisation: float = 0.85
    """Further share of compute when weights are unpacked to a wider arithmetic (assumed)."""
    usable_memory: float = 0.966
    """Share of nameplate GB open to weights, cache and activations: 90 % (the default of common engines) of a
    nameplate that in truth counts GiB (1.0737 GB)."""
    usable_host_memory: float = 0.90
    """The same for CPU sockets, whose memory is the node's (assumed)."""
    nvlink: float = 0.75
    """Share of one-directional link bandwidth in collectives (NCCL bus bandwidth on NVSwitch)."""
    pcie: float = 0.55
    """The same over PCIe (TRT-LLM v0.17 Llama-3.1 70B on 8 L40S)."""
    network: float = 0.80
    """The same over the network (assumed)."""
    host_link: float = 0.80
    """Share of PCIe bandwidth in host copies (assumed; pinned memory)."""
    nvlink_latency_s: float = 1.5e-6
    """Per ring step (assumed)."""
    pcie_latency_s: float = 4e-6
    """Per ring step (assumed)."""
    network_latency_s: float = 8e-6
    """Per ring step (assumed)."""
    layer_overhead_s: float = 35e-6
    """Launch gaps and small kernels per transformer block (MLPerf single-stream BERT-large on A100: 1.6 ms)."""
    step_overhead_s: float = 0.5e-3
    """Scheduler, sampling and launch per decoding step (TRT-LLM v0.14, inter-token latency at low rates)."""
    batch_overhead_s: float = 0.3e-3
    """The same per inference batch (MLPerf single-stream ResNet-50: 0.36 ms on L4, 0.46 ms on A100)."""
    tensor_overlap: float = 0.3
    """Share of tensor-parallel exchange that hides behind arithmetic in training (Megatron-Core on H100)."""
    interleaving: float = 2.0
    """Model chunks per pipeline stage in training; the bubble shrinks by it (Megatron interleaved 1F1B)."""
    data_overlap: float = 0.8
    """Share of data-parallel exchange that hides behind arithmetic, at most the arithmetic itself (assumed)."""

    def compute_share(self, family: str, kind: AcceleratorKind, phase: Phase, precision: Precision) -> float:
        """Share of the peak; the nearest entry: family and phase, family, kind."""
        bits, name = BITS[precision], family.split(" (")[0]
        for key in (name, FAMILY_ALIASES.get(name, name)):
            for wanted in (phase, "*"):
                if (entry := self.compute.get((key, wanted, bits))) is not None:
                    return entry.value
        return self.compute[kind, "*", bits].value


RELATIVE_UNCERTAINTY: Mapping[str, float] = MappingProxyType(
    {"llm_serving": 0.30, "request_serving": 0.30, "training": 0.20}
)
"""Relative error of rates by kind of workload (one standard deviation), assumed from the spread over the anchors."""

DEFAULT = Efficiency()
"""The figures that the documentation tabulates."""
