"""What a workload's configurations reach on a node type, worked out once for all instances that ask the same.

Sweeps, explanations and prices of requirements enumerate the candidates of many instances that differ in money, demand
or stock. The performance model knows nothing of these, and takes most of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from gpufleet.candidates.grid import configurations
from gpufleet.performance.calibration import Efficiency
from gpufleet.performance.estimate import at_level, estimate
from gpufleet.schema.workloads import engine_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.candidates.grid import Row
    from gpufleet.performance.estimate import Configurations, Estimate
    from gpufleet.schema.base import Performance
    from gpufleet.schema.calibration import Calibration
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.measurements import Profiles
    from gpufleet.schema.models import ModelCard, Variant
    from gpufleet.schema.workloads import LLMServing, RequestServing, Training

    ModelledWorkload = LLMServing | RequestServing | Training

MOST_KNOWN = 500
"""Batches of configurations whose figures are kept: up to some 100 MB."""
OTHERS_MATTERS: Mapping[str, bool | Mapping[str, set[str]]] = {
    **dict.fromkeys(("note", "privacy", "accuracy", "precisions", "accelerators", "parallelism", "service"), True),
    **dict.fromkeys(("min_replicas", "max_replicas", "redundancy", "max_spot_share", "restart_minutes"), True),
    **dict.fromkeys(("priority", "unserved_weight", "value_usd", "growth_per_year", "relaxed_deadline_days"), True),
    **dict.fromkeys(("demand_factors", "stage_factors", "periods", "stages"), True),
    "classes": {"__all__": {"requests_per_s", "accuracy", "demand_factors"}},
}
"""Fields of workloads that neither the grid nor the performance model reads; a field that is missing here costs time,
never a wrong figure."""


@dataclass(frozen=True)
class Calibrated:
    """A calibration that can be looked up."""

    calibration: Calibration

    def __hash__(self) -> int:
        return hash(self.calibration.name)


@dataclass(frozen=True)
class Machine:
    """What the grid of a workload depends on: a model on nodes of one type."""

    workload: ModelledWorkload = field(compare=False)
    """Compared by `asked`."""
    asked: str
    """What grid and performance model read of the workload (`asked_of`)."""
    card: ModelCard
    node: NodeType
    most_nodes: int | None
    """Nodes that can be had at one site; None: no limit."""

    def __hash__(self) -> int:
        return hash((self.asked, self.card.name, self.node.name, self.most_nodes))


@dataclass(frozen=True)
class Batch:
    """What the figures of all configurations of one variant on one node type depend on."""

    machine: Machine
    variant: Variant
    accelerator: Accelerator
    measured: tuple[Row, ...]
    """Configurations that were measured, beside those of the grid."""
    profiles: Profiles
    performance: Performance
    calibrated: Calibrated

    def __hash__(self) -> int:
        return hash((self.machine, self.variant.name, self.performance, self.calibrated))


def asked_of(workload: ModelledWorkload) -> str:
    """What grid and performance model read of a workload, as text that can be compared."""
    return workload.model_dump_json(exclude=OTHERS_MATTERS)


@lru_cache(maxsize=8)
def _efficiency(known: Calibrated) -> Efficiency:
    """With one memo of lookups for all instances."""
    return Efficiency.of(known.calibration)


@lru_cache(maxsize=MOST_KNOWN)
def _grid(machine: Machine, measured: tuple[Row, ...]) -> Configurations:
    return configurations(machine.workload, machine.card, machine.node, machine.most_nodes, measured)


def forget() -> None:
    """Empty the memo, for who measures how long candidates take."""
    for memo in (_efficiency, _grid, figures):
        memo.cache_clear()


@lru_cache(maxsize=MOST_KNOWN)
def figures(batch: Batch) -> tuple[Configurations, Estimate]:
    """The configurations to try, and what they reach at the batch's level of confidence; both are shared: read only."""
    machine, workload = batch.machine, batch.machine.workload
    grid = _grid(machine, batch.measured)
    found = estimate(
        workload,
        machine.card,
        batch.variant,
        batch.accelerator,
        machine.node,
        grid,
        efficiency=_efficiency(batch.calibrated),
        engine=engine_of(workload),
        profiles=batch.profiles,
        performance=batch.performance,
    )
    return grid, at_level(found, batch.performance)
