"""Exchanges of a training step: tensor, expert and context groups per micro-batch, data groups per step. Seconds, (n,).

With sequence parallelism an all-reduce becomes a reduce-scatter and an all-gather of the same volume (Korthikanti et
al., arXiv 2205.05198), so tensor groups cost the same either way. Context groups pass keys and values round a ring,
which attention hides in part. Dense parameters are exchanged over d x c accelerators, experts over t d c / e: the
copies of one expert stand e accelerators apart, so they meet over the network where an expert group fills a node.
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
    from gpufleet.performance.training_job import Job

PROBE_BYTES = 1e9
"""Size at which the slope of an exchange is taken."""


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


def _groups(job: Job, card: ModelCard, conf: Configurations) -> tuple[Group, ...]:
    local = memory.local_parameters(card, conf)
    touched = states.touched_parameters(job, card, conf)
    _, experts, _ = memory.parameter_split(card)
    ranks = conf.data * conf.context
    if not isinstance(card.architecture, Decoder) or not experts:
        return (Group(local, touched, ranks, conf.tensor),)
    routed = experts / conf.expert_shards * memory.stage_share(card, conf.pipeline)
    fraction = job.trained
    copies = np.maximum(conf.tensor * ranks / conf.expert_shards, 1.0)
    return (
        Group(local - routed, touched - routed * fraction, ranks, conf.tensor),
        Group(routed, routed * fraction, copies, conf.expert_shards),
    )


def data_exchange_s(
    job: Job, card: ModelCard, variant: Variant, device: Device, conf: Configurations, accumulation: Floats
) -> Floats:
    """Data-parallel exchange per step before overlap, s, (n,).

    ZeRO 0-2: one all-reduce of the gradients per step. ZeRO 3: per micro-batch two all-gathers of the weights (forward,
    backward) and one reduce-scatter of the gradients, block by block. Neighbours in the group stand t accelerators
    apart.
    """
    architecture = card.architecture
    factor = architecture.training_state_multiplier if isinstance(architecture, Convolutional) else 1.0
    each = states.working_bytes(variant)
    blocks = np.ceil(getattr(architecture, "layers", 1.0) / conf.pipeline)
    total = np.zeros_like(conf.data)
    for group in _groups(job, card, conf):
        wait, rate = _all_reduce_parts(device, group)
        gradients, weights = group.trained * each * factor, group.weights * each
        sharded = 1.5 * blocks * wait + rate * (weights + gradients / 2.0)
        total = total + np.where(conf.zero_stage >= 3, accumulation * sharded, wait + rate * gradients)
    return total


def _all_reduce_parts(device: Device, group: Group) -> tuple[Floats, Floats]:
    """(s whatever the size, s per byte) of an all-reduce; an all-gather or reduce-scatter takes half of both."""
    wait = collectives.all_reduce(device, 0.0, group.members, group.stride)
    return wait, (collectives.all_reduce(device, PROBE_BYTES, group.members, group.stride) - wait) / PROBE_BYTES


def block_exchange_s(
    card: ModelCard, architecture: Decoder | Encoder, device: Device, conf: Configurations, tokens: Floats
) -> Floats:
    """Tensor-, expert- and context-parallel exchange of one forward pass over a stage that arithmetic does not hide, s,
    (n,); `tokens` per micro-batch and accelerator group."""
    layers = architecture.layers * memory.stage_share(card, conf.pipeline)
    token = architecture.hidden_size * transformer.EXCHANGED_BYTES
    seconds, exposed = np.zeros_like(tokens), 1.0 - device.figure("tensor_overlap")
    if (conf.tensor > 1).any():
        reduces = collectives.all_reduce(device, token * tokens, conf.tensor)
        seconds = seconds + np.where(conf.expert > 1, 1.0, 2.0) * layers * reduces * exposed
    if isinstance(architecture, Decoder) and (conf.expert > 1).any():
        routes = _routes(architecture.experts_per_token, device, conf, token * tokens / conf.tensor)
        seconds = seconds + 2.0 * layers * routes * (1.0 - device.figure("expert_overlap"))
    if (conf.context > 1).any():
        seconds = seconds + _ring(architecture, device, conf, layers, tokens) * exposed
    return np.asarray(seconds)


def _routes(routes: int, device: Device, conf: Configurations, size: Floats) -> Floats:
    """One dispatch (or combine) of `size` bytes of tokens to k experts each over e accelerators, s, (n,).

    Within a node every token goes to each of its experts' accelerators; to another node it is sent once for all experts
    there: expected copies (m - 1) (1 - (1 - 1 / m)^k) over m nodes, each through the sender's share of the network.
    """
    local = collectives.local_members(device, conf.expert, 1.0)
    nodes = conf.expert / local
    inside = size * routes * (local - 1.0) / local / device.link
    across = size * (nodes - 1.0) * (1.0 - (1.0 - 1.0 / nodes) ** routes) / device.network
    latency = np.where(nodes > 1, device.figure("network_latency_s"), device.link_latency)
    return np.asarray(np.where(conf.expert > 1, np.maximum(inside, across) + latency, 0.0))


def _ring(
    architecture: Decoder | Encoder, device: Device, conf: Configurations, layers: Floats, tokens: Floats
) -> Floats:
    """Keys and values passed round a context group, 2 bytes each: c - 1 times one accelerator's part."""
    width = 2.0 * architecture.hidden_size
    if isinstance(architecture, Decoder) and architecture.attention.kind != "mla":
        width = 2.0 * architecture.attention.kv_heads * architecture.attention.head_dim
    part = tokens * width * transformer.EXCHANGED_BYTES / conf.tensor
    crosses = np.asarray(conf.context * conf.tensor > device.per_node, dtype=np.float64)
    steps = collectives.point_to_point(device, part, crosses)
    return np.asarray(layers * (conf.context - 1.0) * steps)
