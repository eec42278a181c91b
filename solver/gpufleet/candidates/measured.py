"""Measured deployment options: they are tried also where the grid would not, and rejected where they cannot be used.

Of a language model, a measured parallelism is tried with a batch of the highest measured concurrency; of request
serving and training, with the measured batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.candidates.filters import Check
from gpufleet.candidates.replica_size import describe_chain, packs_exactly
from gpufleet.schema.measurements import fits_training
from gpufleet.schema.workloads import LLMServing, RequestServing, Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.grid import Row
    from gpufleet.performance.estimate import Configurations, Estimate
    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.measurements import Points, Profiles, Shape
    from gpufleet.schema.models import ModelCard, Variant


def measured_rows(
    profiles: Profiles,
    workload: LLMServing | RequestServing | Training,
    card: ModelCard,
    variant: Variant,
    node: NodeType,
) -> tuple[Row, ...]:
    """Rows of the grid for what was measured of a variant on a node type; none without measurements."""
    found = profiles.of(workload.kind, card.name, variant.name, node.accelerator, node.name) if profiles.points else {}
    return tuple(row for shape, points in found.items() for row in _rows(workload, shape, points))


def _rows(workload: LLMServing | RequestServing | Training, shape: Shape, points: Points) -> Iterator[Row]:
    if isinstance(workload, Training):
        for row in (point.row for point in points if fits_training(workload, point.row)):
            yield (*shape, row.zero_stage, row.recomputation, row.batch or 1)
        return
    most = math.inf if workload.max_batch is None else workload.max_batch
    if isinstance(workload, LLMServing):
        highest = math.ceil(max(point.row.load or 0.0 for point in points))
        yield (*shape, 0, False, int(min(highest, most)))
    else:
        yield from ((*shape, 0, False, batch) for p in points if (batch := p.row.batch or 1) <= most)


def measured_checks(
    profiles: Profiles, figures: Estimate, candidates: Configurations, node: NodeType
) -> Iterator[Check]:
    """Measured replicas must pack; a measured parallelism is used as it was measured; `only` leaves nothing else."""
    measured = figures.is_measured
    if measured.any():
        sizes, tensor = candidates.accelerators, candidates.tensor
        most = node.largest_replica
        chained = np.array([packs_exactly(int(size), node.accelerators) for size in sizes])
        wrong = ~chained | (tensor > node.accelerators) | (sizes > (np.inf if most is None else most))
        limit = describe_chain(node.accelerators) if most is None else f"at most {most}"
        yield Check("replica_size", wrong, limit, sizes, "accelerators per replica")
        silent = measured & (figures.saturation_rate.max(axis=1) <= 0)
        yield Check(
            "measured", silent, "the batch that was measured, or more", candidates.batch, "batch", at_least=True
        )
    if profiles.policy == "only":
        yield Check("measured", ~measured, "measured", "not measured", "policy only")
