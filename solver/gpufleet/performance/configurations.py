"""Deployment options of one workload as arrays, and where their groups of accelerators stand."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.performance.arrays import Bools, Floats, Indices
    from gpufleet.performance.device import Device
    from gpufleet.schema.plan import Parallelism


COUNTS = ("tensor", "pipeline", "data", "expert", "zero_stage", "prefill_instances", "prefill_tensor")
"""Fields that a parallelism has too."""


@dataclass(frozen=True)
class Configurations:
    """n deployment options of one workload on one node type with one variant; every field has shape (n,)."""

    tensor: Floats
    """Tensor-parallel size."""
    pipeline: Floats
    """Pipeline-parallel size."""
    data: Floats
    """Data-parallel size."""
    expert: Floats
    """Expert-parallel size; divides tensor x data."""
    zero_stage: Floats
    """ZeRO stage 0-3 (training)."""
    recomputation: Bools
    """Are activations recomputed in the backward pass (training)?"""
    batch: Floats
    """LLM serving: most sequences at a time per replica; request serving: most requests per inference batch;
    training: samples per micro-batch and data-parallel rank."""
    context: Floats = field(default_factory=lambda: np.ones(1))
    """Context-parallel size (training): pieces into which each sequence is cut; one number stands for all options."""
    chunks: Floats = field(default_factory=lambda: np.zeros(1))
    """Model chunks per pipeline stage (training); 0 = as calibrated; one number stands for all options."""
    prefill_instances: Floats = field(default_factory=lambda: np.zeros(0))
    """Instances that only read prompts; the others, `data` of them, then only decode. 0: no such split."""
    prefill_tensor: Floats = field(default_factory=lambda: np.zeros(0))
    """Tensor-parallel size of a prefill instance; 1 where there is none."""

    def __post_init__(self) -> None:
        """Take any array-like of numbers; all must have one length. Left out, there are no prefill instances."""
        for name, usual in (("prefill_instances", 0.0), ("prefill_tensor", 1.0)):
            if np.size(getattr(self, name)) == 0:
                object.__setattr__(self, name, np.full(np.shape(np.atleast_1d(self.tensor)), usual))
        for name in (*COUNTS, "batch"):
            object.__setattr__(self, name, np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float64)))
        object.__setattr__(self, "recomputation", np.atleast_1d(np.asarray(self.recomputation, dtype=np.bool_)))
        for name in ("context", "chunks"):
            given = np.atleast_1d(np.asarray(getattr(self, name), dtype=np.float64))
            object.__setattr__(self, name, np.broadcast_to(given, self.batch.shape) if given.size == 1 else given)
        if len({getattr(self, name).shape for name in self.__dataclass_fields__}) != 1:
            raise ValueError("all fields of Configurations must have the same length")

    @classmethod
    def of(cls, options: Iterable[tuple[Parallelism, int]]) -> Configurations:
        """From pairs of parallelism and batch."""
        pairs = list(options)
        columns = {
            name: np.array([getattr(parallelism, name) for parallelism, _ in pairs], dtype=np.float64)
            for name in COUNTS
        }
        recomputation = np.array([parallelism.recomputation for parallelism, _ in pairs], dtype=np.bool_)
        batch = np.array([batch for _, batch in pairs], dtype=np.float64)
        return cls(**columns, recomputation=recomputation, batch=batch)

    def at(self, rows: Bools | Indices) -> Configurations:
        """The options at these positions, or where a mask is true."""
        return replace(self, **{part.name: getattr(self, part.name)[rows] for part in fields(self)})

    @property
    def accelerators(self) -> Floats:
        """Accelerators per replica."""
        serving = self.tensor * self.pipeline * self.data * self.context
        return serving + self.prefill_instances * self.prefill_tensor

    @property
    def expert_shards(self) -> Floats:
        """Pieces into which the experts of a layer are split: by tensor parallelism alone, or by expert groups."""
        return np.maximum(self.tensor, self.expert)

    def reachable(self, device: Device) -> Bools:
        """May the replica span the nodes it needs? Replicas larger than a node need a network."""
        return np.asarray((self.accelerators <= device.per_node) | device.networked)

    def crosses_nodes(self, device: Device) -> Floats:
        """1 where neighbouring pipeline stages stand in different nodes, else 0."""
        return np.asarray(self.accelerators > device.per_node, dtype=np.float64)
