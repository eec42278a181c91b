"""Arithmetic and memory traffic of one micro-batch of a transformer in training, in the slowest pipeline stage.

    products   passes x 2 x tokens x (dense + routed / narrow) / (peak share)       narrow = w / (w + w0)
               or reading weights and adding to gradients, where that takes longer
    logits     passes x 2 x tokens x output matrix, in 16 bits
    scores     (passes + 1/2) x attention scores: the backward pass computes them once more (FlashAttention)
    streams    passes x tokens x 2 bytes x c x (4 h + P / h) per block, 24 bytes per logit
    host       passes x (per block, and more per routed block); it issues kernels ahead, so the longer time counts

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
    from gpufleet.performance.device import Device, Figures

LOGIT_BYTES = 24.0
"""Streamed per token and word of the vocabulary: 16-bit logits and their gradient, softmax and loss in FP32."""
GRADIENT_BYTES = 8.0
"""Per trained parameter and micro-batch: the FP32 gradient is read and written when it is accumulated."""
SCORES_AGAIN = 0.5
"""Further forward passes of attention scores in the backward pass, which recomputes them."""
BEND = 4.0
"""How sharply one limit turns into the other where two are alike (assumed)."""
PICO = 1e-12


@dataclass(frozen=True)
class Work:
    """Seconds of one micro-batch in the slowest stage, (n,) each."""

    products: Floats
    """Matrix products and attention scores."""
    streams: Floats
    """Streaming of activations and logits."""
    host: Floats
    """What the host takes to issue the kernels, and to route tokens to experts."""

    @property
    def seconds(self) -> Floats:
        """The device's time, or the host's where that is longer; smooth where they are alike."""
        return smooth_max(self.products + self.streams, self.host)


@dataclass(frozen=True)
class MicroBatch:
    """What is computed per micro-batch; (n,) each."""

    samples: Floats
    """Samples per data-parallel rank."""
    tokens: Floats
    """Tokens of one sample."""
    passes: Floats
    """Forward-pass equivalents of the products."""
    trained: float
    """Share of the parameters that is trained."""


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


def _scores(architecture: Decoder | Encoder, tokens: Floats) -> Floats:
    """Attention scores of one sample in one forward pass, FLOP; half of the square when causal."""
    if isinstance(architecture, Encoder):
        return np.asarray(4.0 * architecture.layers * architecture.hidden_size * tokens**2)
    return transformer.score_flops(architecture, tokens, tokens)


def products_rate(device: Device) -> float:
    """Effective rate of matrix products in training, FLOP/s."""
    return _sustained(device, device.peak, device.source)


def sixteen_bit_rate(device: Device) -> float:
    """The same in 16 bits, FLOP/s: the output matrix stays in 16 bits when the blocks compute in 8 or 4."""
    if device.source.bits >= BITS["fp16"]:
        return products_rate(device)
    peak = max(peak_flops(device.accelerator.peak, "fp16"), peak_flops(device.accelerator.peak, "bf16"))
    return _sustained(device, peak, replace(device.source, bits=BITS["fp16"]))


def _sustained(device: Device, peak: float, figures: Figures) -> float:
    """Peak x share, bent towards what the design power feeds: rate^-4 = (peak share)^-4 + (power / energy)^-4."""
    share = peak * figures.figure("compute", "train")
    power = device.accelerator.tdp_w
    if power is None:
        return share
    fed = power / (figures.figure("train_energy_pj") * PICO)
    return float((share**-BEND + fed**-BEND) ** (-1.0 / BEND))


def smooth_max(one: Floats, other: Floats) -> Floats:
    """(a^4 + b^4)^(1/4): the larger of two times, and a fifth more where they are equal."""
    return np.asarray((one**BEND + other**BEND) ** (1.0 / BEND))


def products_s(
    batch: MicroBatch, card: ModelCard, architecture: Decoder | Encoder, device: Device, conf: Configurations
) -> Floats:
    """Seconds of matrix products (or of streaming weights and gradients beside them) and attention scores, (n,)."""
    dense, routed, ends = _active(card)
    tokens = batch.samples * batch.tokens / conf.context
    share = memory.stage_share(card, conf.pipeline)
    width = transformer.expert_width(architecture) if isinstance(architecture, Decoder) else 0.0
    narrow = width / (width + device.figure("expert_width")) if width else 1.0
    block = (dense + routed / narrow) / products_rate(device)
    head = ends / sixteen_bit_rate(device)
    slowest = np.maximum(share * block, (block + head) / conf.pipeline)
    scores = (batch.passes + SCORES_AGAIN) * batch.samples * _scores(architecture, batch.tokens) * share / conf.context
    matrices = 2.0 * batch.passes * tokens * slowest / conf.tensor
    weights = memory.local_parameters(card, conf) * (2.0 * batch.passes + GRADIENT_BYTES * batch.trained)
    bound = smooth_max(matrices, weights / device.bandwidth)
    return np.asarray(bound + scores / device.training_attention / conf.tensor)


def streams_s(
    batch: MicroBatch, card: ModelCard, architecture: Decoder | Encoder, device: Device, conf: Configurations
) -> Floats:
    """Seconds of streaming activations and logits, (n,)."""
    tokens = batch.samples * batch.tokens / conf.context
    layers = architecture.layers * memory.stage_share(card, conf.pipeline)
    written = transformer.written_numbers(card, architecture)
    blocks = 2.0 * batch.passes * tokens * layers * written / conf.tensor * device.figure("train_traffic")
    vocabulary = architecture.vocabulary if isinstance(architecture, Decoder) else 0
    logits = LOGIT_BYTES * tokens * vocabulary / (conf.tensor * conf.pipeline)
    return np.asarray((blocks + logits) / device.bandwidth)


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
        host=np.asarray(batch.passes * layers * each),
    )
