"""What a training run computes per step, apart from how it is spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.schema.models import Decoder, Encoder, ModelCard

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.schema.workloads import Training


@dataclass(frozen=True)
class Job:
    """One optimizer step; arrays are (n,), one entry per option, or of one entry for all."""

    global_batch: Floats
    """Samples per step, over all accelerators."""
    tokens: Floats
    """Tokens of one sample; 0 for models that have none."""
    trained: float
    """Share of the parameters that is trained."""
    optimizer: str
    """`adam` or `sgd`."""
    loader_samples_per_s_per_node: float = np.inf
    """Samples/s that the input pipeline of one node sustains."""


def sequence_tokens(workload: Training, card: ModelCard) -> float:
    """Tokens per sample: the workload's figure, else the encoder's sequence, else the decoder's longest context."""
    architecture = card.architecture
    if not isinstance(architecture, Decoder | Encoder):
        return 0.0
    if workload.sequence_tokens is not None:
        return float(workload.sequence_tokens)
    if isinstance(architecture, Encoder):
        return float(architecture.sequence_tokens)
    return float(architecture.max_context_tokens)


def job_of(workload: Training, card: ModelCard) -> Job:
    """The step of a workload."""
    loader = workload.loader_samples_per_s_per_node
    return Job(
        global_batch=np.full(1, float(workload.global_batch)),
        tokens=np.full(1, sequence_tokens(workload, card)),
        trained=workload.parameter_efficient_fraction,
        optimizer=workload.optimizer,
        loader_samples_per_s_per_node=np.inf if loader is None else loader,
    )
