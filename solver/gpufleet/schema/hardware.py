"""Accelerators and node types: what the machines are, without prices."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from gpufleet.schema.base import Country, Name, NonNegative, Positive, PositiveCount, Record, Sourced, Text

AcceleratorKind = Literal["gpu", "tpu", "npu", "cpu"]
Verification = Literal["cross-checked", "partly cross-checked", "recalled", "derived", "low confidence"]


class PeakRates(Record):
    """Dense peak arithmetic rates of one accelerator; `0` = known to be unsupported, empty = unknown.

    `fp64` and `fp32` are vector rates; `tf32` and below are tensor (matrix) rates. Never the sparse figures.
    """

    fp64_tflops: NonNegative | None = None
    """Vector FP64, TFLOP/s."""
    fp32_tflops: NonNegative | None = None
    """Vector FP32, TFLOP/s."""
    tf32_tflops: NonNegative | None = None
    """Tensor TF32, TFLOP/s."""
    fp16_tflops: NonNegative | None = None
    """Tensor FP16, TFLOP/s."""
    bf16_tflops: NonNegative | None = None
    """Tensor BF16, TFLOP/s."""
    fp8_tflops: NonNegative | None = None
    """Tensor FP8, TFLOP/s."""
    int8_tops: NonNegative | None = None
    """Tensor INT8, TOP/s."""
    int4_tops: NonNegative | None = None
    """Tensor INT4, TOP/s."""
    fp4_tflops: NonNegative | None = None
    """Tensor FP4, TFLOP/s."""


class Accelerator(Sourced):
    """One device as sold: a GPU, TPU, NPU, or a CPU socket."""

    name: Name
    """Unique name, e.g. `H100-SXM-80GB`."""
    vendor: Name
    """Who makes it, e.g. `NVIDIA`."""
    country: Country
    """Country of the vendor's seat, for rules on the share of domestic hardware."""
    kind: AcceleratorKind
    """`gpu`, `tpu`, `npu` or `cpu` (one socket)."""
    family: Name
    """Architecture, e.g. `Hopper`; efficiencies are calibrated per family."""
    launch_year: PositiveCount | None = None
    """Year of general availability."""
    memory_gb: Positive | None = None
    """Memory of the device in decimal GB; empty for CPU sockets, whose memory is the node's."""
    memory_kind: Text | None = None
    """Memory technology, e.g. `HBM3`."""
    memory_bandwidth_gb_s: Positive
    """Peak memory bandwidth, GB/s."""
    peak: PeakRates
    """Dense peak rates."""
    interconnect: Text | None = None
    """Device-to-device link, e.g. `NVLink4`."""
    interconnect_gb_s: Positive | None = None
    """Device-to-device bandwidth within a node, GB/s, both directions together; empty when only PCIe joins them."""
    pcie_generation: PositiveCount | None = None
    """PCIe generation of the host link (x16)."""
    tdp_w: Positive | None = None
    """Thermal design power, W."""
    form_factor: Text | None = None
    """Mechanical form, e.g. `SXM5`."""
    verification: Verification
    """How far the figures were checked against documents."""

    @model_validator(mode="after")
    def _memory_is_known(self) -> Self:
        if self.kind != "cpu" and self.memory_gb is None:
            raise ValueError(f"accelerator {self.name} has no memory_gb; only cpu sockets take theirs from the node")
        return self


class NodeType(Sourced):
    """A server shape: how many accelerators, how they are joined, and what surrounds them."""

    name: Name
    """Unique name, e.g. `aws-p4d.24xlarge` or `dgx-a100-640gb`."""
    accelerator: Name
    """Name of the accelerator (or CPU socket type) in it."""
    accelerators: PositiveCount
    """Accelerators per node (sockets, for a CPU node)."""
    interconnect_gb_s: Positive | None = None
    """Device-to-device bandwidth if it differs from the accelerator's, GB/s, both directions together."""
    network_gb_s: Positive | None = None
    """Network bandwidth of the whole node, GB/s, one direction; empty when replicas may not span nodes."""
    host_vcpus: PositiveCount | None = None
    """Virtual CPUs (hardware threads) of the host."""
    host_memory_gb: Positive | None = None
    """Host memory, GB."""
    power_kw: Positive | None = None
    """Maximum power of the node, kW; empty when the provider pays for it."""
    rack_units: Positive | None = None
    """Rack units it takes; empty when the provider houses it."""
    partition_of: Name | None = None
    """The node type of which this is another way to run the same physical node, its accelerators cut into equal
    instances (NVIDIA MIG); it then counts instances in `accelerators`. A replica takes one instance: instances do not
    reach each other over NVLink or PCIe. Instances that may use it list it under `partitions`; offers sell the node."""

    @model_validator(mode="after")
    def _a_partition_is_no_node(self) -> Self:
        fields = ("interconnect_gb_s", "network_gb_s", "power_kw", "rack_units") if self.partition_of else ()
        for field in fields:
            if getattr(self, field) is not None:
                where = "instances work alone" if field.endswith("gb_s") else f"that of {self.partition_of} counts"
                raise ValueError(f"{field} does not belong to {self.name}, a partition of {self.partition_of}: {where}")
        return self

    @property
    def largest_replica(self) -> int | None:
        """Most accelerators of one replica, where the shape itself limits it; None = whatever packs and fits."""
        return 1 if self.partition_of is not None else None
