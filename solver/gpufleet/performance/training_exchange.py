"""Exchanges of a training step: tensor, expert and context groups per micro-batch, data groups per step. Seconds, (n,).

With sequence parallelism an all-reduce becomes a reduce-scatter and an all-gather of the same volume (Korthikanti et
al., arXiv 2205.05198), so tensor groups cost the same either way. Context groups pass keys and values round a ring,
which attention hides in part. Dense parameters are exchanged over d x c accelerators, experts over t d c / e: the copies
of one expert stand e accelerators apart, so they meet over the network where an expert group fills a node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import collectives, memory, transformer
from gpufleet.performance import training_memory as states
from gpufleet.schema.models import Convolutional, Decoder, Encoder, ModelCard, Variant

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.workloads import Training


@dataclass(frozen=True)
class Group:
    """Parameters that one group exchanges."""

    weights: Floats
    """Parameters on each accelerator."""
    trained: Floats
    """Parameters whose gradients are exchanged."""
    members: Floats
    stride: Floats
    """Accelerators between neighbours in the group."""


def _groups(workload: Training, card: ModelCard, conf: Configurations) -> tuple[Group, ...]:
    local = memory.local_parameters(card, conf)
    touched = states.touched_parameters(workload, card, conf)
    _, experts, _ = memory.parameter_split(card)
    ranks = conf.data * conf.context
    if not isinstance(card.architecture, Decoder) or not experts:
        return (Group(local, touched, ranks, conf.tensor),)
    routed = experts / conf.expert_shards * memory.stage_share(card, conf.pipeline)
    fraction = workload.parameter_efficient_fraction
    copies = np.maximum(conf.tensor * ranks / conf.expert_shards, 1.0)
    return (
        Group(local - routed, touched - routed * fraction, ranks, conf.tensor),
        Group(routed, routed * fraction, copies, conf.expert_shards),
    )


def data_exchange_s(
    workload: Training, card: ModelCard, variant: Variant, device: Device, conf: Configurations, accumulation: Floats
) -> Floats:
    """Data-parallel exchange per step before overlap, s, (n,).

    ZeRO 0-2: one all-reduce of the gradients per step. ZeRO 3: per micro-batch two all-gathers of the weights (forward,
    backward) and one reduce-scatter of the gradients. Neighbours in the group stand t accelerators apart.
    """
    architecture = card.architecture
    factor = architecture.training_state_multiplier if isinstance(architecture, Convolutional) else 1.0
    each = states.working_bytes(variant)
    total = np.zeros_like(conf.data)
    for group in _groups(workload, card, conf):
        gradients = group.trained * each * factor
        reduced = collectives.all_reduce(device, gradients, group.members, group.stride)
        gathered = collectives.all_gather(device, group.weights * each, group.members, group.stride)
        scattered = collectives.all_gather(device, gradients, group.members, group.stride)
        total = total + np.where(conf.zero_stage >= 3, accumulation * (2.0 * gathered + scattered), reduced)
    return total


def block_exchange_s(
    card: ModelCard, architecture: Decoder | Encoder, device: Device, conf: Configurations, tokens: Floats
) -> Floats:
    """Tensor-, expert- and context-parallel exchange of one forward pass over a stage, before overlap, s, (n,);
    `tokens` per micro-batch and accelerator group."""
    layers = architecture.layers * memory.stage_share(card, conf.pipeline)
    routes = architecture.experts_per_token if isinstance(architecture, Decoder) else 0
    fixed, slope = transformer.block_exchange(device, conf, architecture.hidden_size, layers, routes)
    return np.asarray(fixed + slope * tokens + _ring(architecture, device, conf, layers, tokens))


def _ring(
    architecture: Decoder | Encoder, device: Device, conf: Configurations, layers: Floats, tokens: Floats
) -> Floats:
    """Keys and values passed round a context group, 2 bytes each: c - 1 times one accelerator's part."""
    width = 2.0 * architecture.hidden_size
    if isinstance(architecture, Decoder) and architecture.attention.kind != "mla":
        width = 2.0 * architecture.attention.kv_heads * architecture.attention.head_dim
    part = tokens * width * transformer.EXCHANGED_BYTES / conf.tensor
    steps = collectives.point_to_point(device, part, np.asarray(conf.context * conf.tensor > device.per_node) * 1.0)
    return np.asarray(layers * (conf.context - 1.0) * steps)
