"""One variant of a model on one node type: what every question about single options starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gpufleet.performance.device import Device, device_of
from gpufleet.performance.estimate import PHASES, AnyWorkload, estimate

if TYPE_CHECKING:
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.result import Estimate
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.models import ModelCard, Variant


@dataclass(frozen=True, eq=False)
class Case:
    """A workload on one variant and node type, under one engine (empty: the figures that hold for every engine)."""

    workload: AnyWorkload
    card: ModelCard
    variant: Variant
    accelerator: Accelerator
    node_type: NodeType
    efficiency: Efficiency
    engine: str = ""

    @cached_property
    def device(self) -> Device:
        """The accelerator as the variant sees it."""
        phase = PHASES[self.workload.kind]
        arguments = (self.accelerator, self.node_type, self.variant, self.efficiency, self.card.name, self.engine)
        return device_of(*arguments, phase)

    def estimate(self, configurations: Configurations) -> Estimate:
        """Memory, rates and latencies of n options."""
        return estimate(
            self.workload,
            self.card,
            self.variant,
            self.accelerator,
            self.node_type,
            configurations,
            efficiency=self.efficiency,
            engine=self.engine,
        )
