"""Arithmetic and memory traffic of one micro-batch of a transformer in training, in the slowest pipeline stage.

    products   passes x 2 x tokens x (dense + routed / narrow) / (peak share)       narrow = w / (w + w0)
    logits     passes x 2 x tokens x output matrix, in 16 bits
    scores     (passes + 1/2) x attention scores: the backward pass computes them once more (FlashAttention)
    streams    passes x tokens x 2 bytes x c x (4 h + P / h) per block, 24 bytes per logit, weights and gradients
    overheads  passes x (per block, per routed block)

P / h, parameters that a token meets in a block over its width, counts what the matrix products write per token: 4 h in
attention and 8 h in a plain feed-forward block, three times its width in a gated one, all chosen experts together.
Streams add to products, because normalisations, activations, dropout and casts are kernels of their own: this is why
narrow models train at a lower share of the peak. Sources: Korthikanti et al., arXiv 2205.05198 (what a block keeps and
streams); Dao, arXiv 2307.08691 (backward pass of attention: 2.5 forward passes).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, transformer
from gpufleet.performance.device import peak_flops
from gpufleet.schema.base import BITS
from gpufleet.schema.models import Decoder, Encoder, ModelCard

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device

LOGIT_BYTES = 24.0
"""Streamed per token and word of the vocabulary: 16-bit logits and their gradient, softmax and loss in FP32."""
GRADIENT_BYTES = 8.0
"""Per trained parameter and micro-batch: the FP32 gradient is read and written when it is accumulated."""
SCORES_AGAIN = 0.5
"""Further forward passes of attention scores in the backward pass, which recomputes them."""
GATED_MATRICES = 3.0
"""Matrices of an expert (gate, up, down)."""


@dataclass(frozen=True)
class Work:
    """Seconds of one micro-batch in the slowest stage, (n,) each."""

    products: Floats
    """Matrix products and attention scores."""
    streams: Floats
    """Streaming of activations, logits, weights and gradients."""
    overheads: Floats
    """Launches, and routing that waits for the host."""


@dataclass(frozen=True)
class MicroBatch:
    """What is computed per micro-batch; (n,) each."""

    samples: Floats
    """Samples per data-parallel rank."""
    tokens: float
    """Tokens of one sample."""
    passes: Floats
    """Forward-pass equivalents of the products."""
    trained: float
    """Share of the parameters that is trained."""


def expert_width(card: ModelCard) -> float:
    """Inner width of one expert; 0 for dense models."""
    architecture = card.architecture
    if not isinstance(architecture, Decoder) or not architecture.experts:
        return 0.0
    matrices = architecture.layers * architecture.experts * GATED_MATRICES
    return architecture.expert_parameters / (matrices * architecture.hidden_size)


def _active(card: ModelCard) -> tuple[float, float, float]:
    """(dense blocks, chosen experts, output matrix): parameters that one token multiplies with."""
    architecture = card.architecture
    if isinstance(architecture, Encoder):
        return min(card.parameters_per_token, 12.0 * architecture.layers * architecture.hidden_size**2), 0.0, 0.0
    blocks, ends = transformer.active_parameters(card)
    if not isinstance(architecture, Decoder) or not architecture.experts:
        return blocks, 0.0, ends
    routed = architecture.expert_parameters * architecture.experts_per_token / architecture.experts
    return max(blocks - routed, 0.0), routed, ends


def _scores(architecture: Decoder | Encoder, tokens: float) -> float:
    """Attention scores of one sample in one forward pass, FLOP; half of the square when causal."""
    if isinstance(architecture, Encoder):
        return 4.0 * architecture.layers * architecture.hidden_size * tokens**2
    length = np.full(1, tokens)
    return float(transformer.score_flops(architecture, length, length)[0])


def sixteen_bit_rate(device: Device) -> float:
    """Effective rate of 16-bit products in training, FLOP/s: the output matrix stays in 16 bits in 8-bit training."""
    if device.source.bits >= BITS["fp16"]:
        return device.compute("train")
    peak = max(peak_flops(device.accelerator.peak, "fp16"), peak_flops(device.accelerator.peak, "bf16"))
    return peak * replace(device.source, bits=BITS["fp16"]).figure("compute", "train")


def products_s(
    batch: MicroBatch, card: ModelCard, architecture: Decoder | Encoder, device: Device, conf: Configurations
) -> Floats:
    """Seconds of matrix products and attention scores, (n,)."""
    dense, routed, ends = _active(card)
    tokens = batch.samples * batch.tokens / conf.context
    share = memory.stage_share(card, conf.pipeline)
    width = expert_width(card)
    narrow = width / (width + device.figure("expert_width")) if width else 1.0
    block = (dense + routed / narrow) / device.compute("train")
    head = ends / sixteen_bit_rate(device)
    slowest = np.maximum(share * block, (block + head) / conf.pipeline)
    scores = (batch.passes + SCORES_AGAIN) * batch.samples * _scores(architecture, batch.tokens) * share / conf.context
    return np.asarray(
        (2.0 * batch.passes * tokens * slowest + scores / device.training_attention) / conf.tensor, dtype=np.float64
    )


def streams_s(
    batch: MicroBatch, card: ModelCard, architecture: Decoder | Encoder, device: Device, conf: Configurations
) -> Floats:
    """Seconds of streaming activations, logits, weights and gradients, (n,)."""
    tokens = batch.samples * batch.tokens / conf.context
    layers = architecture.layers * memory.stage_share(card, conf.pipeline)
    written = transformer.written_numbers(card, architecture)
    blocks = 2.0 * batch.passes * tokens * layers * written / conf.tensor * device.figure("train_traffic")
    vocabulary = architecture.vocabulary if isinstance(architecture, Decoder) else 0
    logits = LOGIT_BYTES * tokens * vocabulary / (conf.tensor * conf.pipeline)
    weights = memory.local_parameters(card, conf) * (2.0 * batch.passes + GRADIENT_BYTES * batch.trained)
    return np.asarray((blocks + logits + weights) / device.bandwidth)


def work_of(
    batch: MicroBatch, card: ModelCard, architecture: Decoder | Encoder, device: Device, conf: Configurations
) -> Work:
    """Seconds of one micro-batch."""
    routed = isinstance(architecture, Decoder) and architecture.experts > 0
    each = device.figure("train_overhead_s") + (device.figure("routing_overhead_s") if routed else 0.0)
    layers = architecture.layers * memory.stage_share(card, conf.pipeline)
    return Work(
        products=products_s(batch, card, architecture, device, conf),
        streams=streams_s(batch, card, architecture, device, conf),
        overheads=np.asarray(batch.passes * layers * each),
    )
