"""The two phases of a language model, as coefficients: a decoding step and the reading of a prompt.

Inside a block the matrix products and the attention over the cache follow each other, so their times add; each of
them is a roofline of its own. With p pipeline stages the sequences run as p micro-batches, so that a step takes
p stage times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, transformer
from gpufleet.performance.arrays import Floats, per_class
from gpufleet.performance.roofline import distinct_experts, roofline

if TYPE_CHECKING:
    from gpufleet.performance.calibration import Phase
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.models import Decoder, ModelCard, Variant


@dataclass(frozen=True)
class Weights:
    """Seconds to stream the weights of one stage; all (n, 1)."""

    dense: Floats
    """Everything but routed experts."""
    experts: Floats
    """All routed experts held by the accelerator."""
    total: int
    """Routed experts per layer."""
    per_token: int
    """Routed experts per token."""
    spread: Floats
    """Tokens that meet at the experts per token of this rank (expert groups span data-parallel ranks)."""

    def seconds(self, tokens: Floats) -> Floats:
        """Weights that `tokens` tokens touch: dense + experts x expected share of experts visited."""
        if not self.total:
            return self.dense
        hit = distinct_experts(self.total, self.per_token, tokens * self.spread) / self.total
        return self.dense + self.experts * hit


@dataclass(frozen=True)
class Step:
    """One decoding step as a function of the sequences in it; coefficients (n, 1), or (n, C) where classes differ."""

    product: Floats
    """Arithmetic of the matrix products per sequence and stage, s."""
    weights: Weights
    attention: Floats
    """Attention over the cache per sequence and stage, s, (n, C)."""
    exchange_fixed: Floats
    exchange: Floats
    """Exchanges: s per stage, and s per sequence and stage."""
    overhead: Floats
    """Launches and scheduling, s per stage."""
    pipeline: Floats

    def parts(self, sequences: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Seconds per step of (products, weight streaming, attention, exchange and overhead), each (n, C)."""
        here = np.maximum(sequences / self.pipeline, 1.0)
        exchange = self.exchange_fixed + self.exchange * here + self.overhead
        parts = (self.product * here, self.weights.seconds(here), self.attention * here, exchange)
        return tuple(self.pipeline * part for part in parts)  # type: ignore[return-value]

    def seconds(self, sequences: Floats) -> Floats:
        """max(products, weight streaming) + attention + exchange + overhead, for all p stages, (n, C)."""
        product, streaming, attention, rest = self.parts(sequences)
        return np.asarray(np.maximum(product, streaming) + attention + rest)


@dataclass(frozen=True)
class Prompt:
    """Reading one prompt; all (n, C), seconds."""

    arithmetic: Floats
    """Arithmetic per stage."""
    exchange: Floats
    """Exchange per stage."""
    alone: Floats
    """Latency on an idle replica, all stages."""

    @property
    def occupancy(self) -> Floats:
        """Time that it takes from every stage when merged with other work (weights are streamed anyway)."""
        return self.arithmetic + self.exchange


def _overhead(device: Device, card: ModelCard, layers: float, pipeline: Floats) -> Floats:
    share = memory.stage_share(card, pipeline)
    return per_class(layers * share * device.figure("layer_overhead_s") + device.figure("step_overhead_s") / pipeline)


def _rate(decoder: Decoder, device: Device, phase: Phase) -> float:
    """Effective arithmetic rate, FLOP/s; lower where tokens are routed to experts."""
    return device.compute(phase) * (device.figure("routing") if decoder.experts else 1.0)


def _weights(card: ModelCard, decoder: Decoder, variant: Variant, device: Device, conf: Configurations) -> Weights:
    rate = variant.bits_per_weight / 8.0 / device.bandwidth
    _, experts, _ = memory.parameter_split(card)
    held = experts / conf.expert_shards * memory.stage_share(card, conf.pipeline)
    return Weights(
        dense=per_class((memory.local_parameters(card, conf) - held) * rate),
        experts=per_class(held * rate),
        total=decoder.experts,
        per_token=decoder.experts_per_token,
        spread=per_class(conf.expert_shards / conf.tensor),
    )


def decoding_step(
    card: ModelCard, decoder: Decoder, variant: Variant, device: Device, conf: Configurations, context: Floats
) -> Step:
    """Coefficients of a decoding step at mean context lengths `context`, (C,) tokens."""
    share = memory.stage_share(card, conf.pipeline)
    fixed, slope = transformer.block_exchange(
        device, conf, decoder.hidden_size, decoder.layers * share, decoder.experts_per_token
    )
    cache = memory.kv_bytes(card, variant, context, per_class(conf.tensor), per_class(conf.pipeline))
    scores = transformer.cached_score_flops(decoder, context) * per_class(share / conf.tensor)
    hop = transformer.hand_off(device, conf, decoder.hidden_size, 1.0)
    return Step(
        product=per_class(2.0 * transformer.local_active(card, conf, ends=True)) / _rate(decoder, device, "decode"),
        weights=_weights(card, decoder, variant, device, conf),
        attention=roofline(scores, device.attention, cache, device.bandwidth),
        exchange_fixed=per_class(fixed + hop),
        exchange=per_class(slope),
        overhead=_overhead(device, card, decoder.layers, conf.pipeline),
        pipeline=per_class(conf.pipeline),
    )


def prompt_reading(
    card: ModelCard, decoder: Decoder, step: Step, device: Device, conf: Configurations, tokens: Floats, new: Floats
) -> Prompt:
    """Reading prompts of `tokens` tokens of which `new` are not in the prefix cache, both (C,)."""
    share = memory.stage_share(card, conf.pipeline)
    fixed, slope = transformer.block_exchange(
        device, conf, decoder.hidden_size, decoder.layers * share, decoder.experts_per_token
    )
    rate = _rate(decoder, device, "prefill")
    products = new * per_class(2.0 * transformer.local_active(card, conf, ends=False)) / rate
    scores = transformer.score_flops(decoder, new, tokens) * per_class(share / conf.tensor) / device.attention
    exchange = per_class(fixed) + per_class(slope) * new
    stage = np.maximum(products, step.weights.seconds(new)) + scores + exchange + step.overhead
    hops = per_class(transformer.hand_off(device, conf, decoder.hidden_size, 1.0)) * (step.pipeline - 1.0)
    return Prompt(arithmetic=products + scores, exchange=exchange, alone=np.asarray(stage * step.pipeline + hops))
