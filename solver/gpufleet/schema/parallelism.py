"""How one replica is spread over accelerators."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from gpufleet.schema.base import Count, Flag, PositiveCount, Record


class Parallelism(Record):
    """How one replica is spread over accelerators."""

    tensor: PositiveCount = 1
    """Tensor-parallel size (TP)."""
    pipeline: PositiveCount = 1
    """Pipeline-parallel size (PP)."""
    data: PositiveCount = 1
    """Data-parallel size (DP); for serving, replicas are counted instead. With `prefill_instances`: the number of
    instances that decode."""
    expert: PositiveCount = 1
    """Expert-parallel size (EP); divides TP x DP."""
    zero_stage: Annotated[int, Field(ge=0, le=3, strict=True)] = 0
    """ZeRO stage: 0 none, 1 optimizer states, 2 also gradients, 3 also weights sharded over DP."""
    recomputation: Flag = False
    """Are activations recomputed in the backward pass?"""
    prefill_instances: Count = 0
    """Disaggregated serving: instances that only read prompts; the other `data` instances of `tensor` accelerators then
    only decode. 0 = every accelerator does both."""
    prefill_tensor: PositiveCount = 1
    """Tensor-parallel size of a prefill instance."""

    @model_validator(mode="after")
    def _prefill_has_instances(self) -> Self:
        if self.prefill_tensor > 1 and not self.prefill_instances:
            raise ValueError(f"prefill_tensor is {self.prefill_tensor}, but there are no prefill_instances")
        return self

    @property
    def accelerators(self) -> int:
        """Accelerators per replica."""
        return self.tensor * self.pipeline * self.data + self.prefill_instances * self.prefill_tensor

    @property
    def label(self) -> str:
        """Short form, e.g. `tp8-dp8-zero3-recompute`, or `prefill2xtp2-decode1xtp4`."""
        if self.prefill_instances:
            split = f"prefill{self.prefill_instances}xtp{self.prefill_tensor}-decode{self.data}xtp{self.tensor}"
            return f"{split}-ep{self.expert}" if self.expert > 1 else split
        parts = [f"tp{self.tensor}"]
        parts += [f"pp{self.pipeline}"] if self.pipeline > 1 else []
        parts += [f"dp{self.data}"] if self.data > 1 else []
        parts += [f"ep{self.expert}"] if self.expert > 1 else []
        parts += [f"zero{self.zero_stage}"] if self.zero_stage else []
        parts += ["recompute"] if self.recomputation else []
        return "-".join(parts)
