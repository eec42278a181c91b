"""Training memory of one accelerator: weights, gradients, optimizer states by ZeRO stage, activations. Bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, transformer
from gpufleet.schema.base import BITS
from gpufleet.schema.models import Convolutional, Decoder, Encoder, ModelCard, Recommender, Variant

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.training_job import Job

RECOMPUTED_FRACTION = 0.15
"""Share of activations still kept with recomputation where layers are not known (assumed; between the square-root
schedule of Chen et al. 2016 and block checkpoints)."""
GATHERED_FRACTION = 0.05
"""Share of the weights that ZeRO-3 holds unsharded at a time where layers are not known (assumed)."""
GATHERED_LAYERS = 2.0
"""Blocks that ZeRO-3 holds unsharded at a time: the current one and the next."""

KEPT_BYTES = 2.0
"""Per number kept for the backward pass."""
FOR_WEIGHT_GRADIENTS = 0.4
"""Share of the kept numbers that only gradients of weights need: inputs of the matrix products (assumed; a gated block
keeps norms, queries, keys, values and both halves of the gate for the others)."""
LOGIT_BYTES = 4.0
"""Per logit: itself and its gradient, in 16 bits (fused cross-entropy)."""


def working_bytes(variant: Variant) -> float:
    """Bytes per weight and per gradient in the pass: 4 in 32-bit arithmetic, else 2 (8-bit copies are transient)."""
    return 4.0 if BITS[variant.compute_precision] >= 32 else 2.0


def optimizer_bytes(variant: Variant, optimizer: str) -> float:
    """FP32 states per trained parameter: Adam 8, SGD with momentum 4; + 4 for the FP32 copy in mixed precision."""
    states = 8.0 if optimizer == "adam" else 4.0
    return states + (4.0 if working_bytes(variant) < 4.0 else 0.0)


def _gathered(card: ModelCard, sharded: Floats) -> Floats:
    layers = getattr(card.architecture, "layers", None)
    return sharded * (min(GATHERED_LAYERS / layers, 1.0) if layers else GATHERED_FRACTION)


def state_parts(job: Job, card: ModelCard, variant: Variant, conf: Configurations) -> tuple[Floats, Floats, Floats]:
    """(weights, gradients, optimizer), bytes, (n,).

    Per local parameter: w + g + o; ZeRO 1 divides o by d, ZeRO 2 also g, ZeRO 3 also w (plus the blocks gathered at a
    time). With a trained fraction f the frozen weights stay as stored, and g, o and their working copy exist for f.
    """
    ranks = conf.data * conf.context
    local, fraction = memory.local_parameters(card, conf), job.trained
    frozen = variant.bits_per_weight / 8.0 if fraction < 1.0 else 0.0
    weights = local * (frozen + fraction * working_bytes(variant))
    gradients = local * fraction * working_bytes(variant)
    states = local * fraction * optimizer_bytes(variant, job.optimizer)
    sharded = weights / ranks + _gathered(card, weights)
    return (
        np.asarray(np.where(conf.zero_stage >= 3, np.minimum(sharded, weights), weights)),
        np.asarray(np.where(conf.zero_stage >= 2, gradients / ranks, gradients)),
        np.asarray(np.where(conf.zero_stage >= 1, states / ranks, states)),
    )


def touched_parameters(job: Job, card: ModelCard, conf: Configurations) -> Floats:
    """Local parameters that a step changes, (n,): the trained ones; of embedding tables at most the gathered rows."""
    if isinstance(card.architecture, Recommender):
        blocks, _, tables = memory.parameter_split(card)
        rows = job.global_batch * float(card.architecture.lookups_per_item * card.architecture.embedding_dim)
        return (blocks + np.minimum(tables, rows) / conf.tensor) * job.trained
    return memory.local_parameters(card, conf) * job.trained


def activation_bytes(
    job: Job, card: ModelCard, variant: Variant, conf: Configurations, micro: Floats, in_flight: Floats
) -> Floats:
    """Activations kept for the backward pass, bytes, (n,); `micro` samples per micro-batch, `in_flight` micro-batches.

    transformer: 2 bytes x tokens x (4 h + P / h) / t per block (32 h / t in a plain one), or 2 bytes x tokens x h / t
    with recomputation plus one block: sequence parallelism, no dropout, attention scores never stored; after
    Korthikanti et al., arXiv 2205.05198. Logits add 4 V / t per token.
    others: the card's training figure / t, or 15 % of it with recomputation.
    """
    architecture, scale = card.architecture, working_bytes(variant) / 2.0
    if isinstance(architecture, Decoder | Encoder):
        return _transformer_activations(job, card, architecture, conf, micro, in_flight) * scale
    if isinstance(architecture, Convolutional):
        kept = architecture.training_activation_bytes_per_item
        whole = 2.0 * architecture.traffic_bytes_per_item / 2.0 if kept is None else kept
        per_item = whole / (conf.tensor * conf.pipeline) * in_flight
        return np.asarray(scale * micro * per_item * np.where(conf.recomputation, RECOMPUTED_FRACTION, 1.0))
    return _recommender_activations(architecture, micro) * scale


def _recommender_activations(architecture: Recommender, micro: Floats) -> Floats:
    """Gathered rows and their gradients, 2 bytes each, (n,)."""
    return np.asarray(4.0 * micro * architecture.lookups_per_item * architecture.embedding_dim)


def _transformer_activations(
    job: Job,
    card: ModelCard,
    architecture: Decoder | Encoder,
    conf: Configurations,
    micro: Floats,
    in_flight: Floats,
) -> Floats:
    tokens = micro * job.tokens / conf.context
    layers = architecture.layers * memory.stage_share(card, conf.pipeline) * in_flight
    kept_share = 1.0 - (1.0 - job.trained) * FOR_WEIGHT_GRADIENTS
    block = KEPT_BYTES * kept_share * tokens * transformer.written_numbers(card, architecture) / conf.tensor
    border = KEPT_BYTES * tokens * architecture.hidden_size / conf.tensor
    kept = np.where(conf.recomputation, layers * border + block, layers * block)
    vocabulary = architecture.vocabulary if isinstance(architecture, Decoder) else 0
    return np.asarray(kept + LOGIT_BYTES * tokens * vocabulary / conf.tensor)
