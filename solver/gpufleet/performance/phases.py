"""One step of a serving engine, as coefficients: decoding, alone or together with a chunk of prompts.

Matrix products overlap with the streaming of weights only in part. Attention, the elementwise kernels between the
products and the exchanges follow. With p pipeline stages the sequences run as p micro-batches, so that a step of all
sequences takes p stage times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, transformer
from gpufleet.performance.arrays import Floats, per_class, quotient
from gpufleet.performance.roofline import distinct_experts, overlapped

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
class Parts:
    """Seconds of one stage, (n, C) each."""

    products: Floats
    """Matrix products and the streaming of weights, overlapped."""
    arithmetic_bound: Floats
    """1 where the products take longer than the weights, else 0."""
    attention: Floats
    elementwise: Floats
    exchange: Floats
    overhead: Floats
    """Launches and scheduling."""

    @property
    def seconds(self) -> Floats:
        """The stage."""
        return np.asarray(self.products + self.attention + self.elementwise + self.exchange + self.overhead)


@dataclass(frozen=True)
class Step:
    """One step as a function of what is in it; coefficients (n, 1), or (n, C) where classes differ."""

    token: Floats
    """Matrix products of the blocks, s per token and stage."""
    logits: Floats
    """Output matrix, s per sequence and stage."""
    weights: Weights
    sharpness: float
    """How well products and streaming of weights overlap (`roofline.overlapped`)."""
    cache: Floats
    """Attention over the cache, s per sequence and stage, (n, C)."""
    scores: Floats
    """Attention inside prompts, s per prompt token and stage, (n, C)."""
    elementwise: Floats
    """Normalisation, activation functions, residuals, s per token and stage."""
    exchange_fixed: Floats
    exchange: Floats
    """Exchanges: s per stage, and s per token and stage."""
    overhead: Floats
    """Launches and scheduling, s per stage."""
    sequence: Floats
    """Scheduling and sampling, s per sequence and stage."""
    pipeline: Floats
    """(n, 1) stages."""
    pace: float
    """Share of the speed that the engine reaches in all but launches and scheduling."""

    def parts(self, sequences: Floats, prompt: Floats | float = 0.0) -> Parts:
        """One stage with the decoding of `sequences` / p sequences and `prompt` prompt tokens."""
        here = np.maximum(sequences / self.pipeline, 1.0)
        tokens = here + prompt
        arithmetic = self.token * tokens + self.logits * here
        streaming = self.weights.seconds(tokens)
        return Parts(
            products=overlapped(arithmetic, streaming, self.sharpness) / self.pace,
            arithmetic_bound=np.asarray(arithmetic >= streaming, dtype=np.float64),
            attention=(self.cache * here + self.scores * prompt) / self.pace,
            elementwise=self.elementwise * tokens / self.pace,
            exchange=(self.exchange_fixed + self.exchange * tokens) / self.pace,
            overhead=self.overhead + self.sequence * here,
        )

    def seconds(self, sequences: Floats) -> Floats:
        """A decoding step of all sequences: p stages, (n, C)."""
        return self.pipeline * self.parts(sequences).seconds

    def prompt_seconds(self, sequences: Floats, tokens: Floats, chunk: float) -> Floats:
        """What reading one prompt of `tokens` tokens takes from every stage beside the decoding, s, (n, C).

        Prompts are read in chunks that fill the decoding steps up to `chunk` tokens; the weights are streamed anyway.
        """
        here = np.maximum(sequences / self.pipeline, 1.0)
        size = np.minimum(np.maximum(chunk - here, chunk / 16.0), np.maximum(here, 1.0) * tokens)
        added = self.parts(sequences, size).seconds - self.parts(sequences).seconds
        return np.asarray(added * tokens / size)


def _rate(decoder: Decoder, device: Device, phase: Phase) -> float:
    """Effective arithmetic rate, FLOP/s; lower where tokens are routed to experts, the more the narrower they are."""
    return device.compute(phase) * expert_share(decoder, device)


def expert_share(decoder: Decoder, device: Device) -> float:
    """Further share of compute in mixture-of-experts models: `routing` x w / (w + `expert_width`), w the width of an
    expert (parameters / (3 hidden sizes)); 1 for dense models."""
    if not decoder.experts:
        return 1.0
    width = decoder.expert_parameters / (decoder.experts * decoder.layers * 3.0 * decoder.hidden_size)
    return device.figure("routing") * width / (width + device.figure("expert_width"))


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
    card: ModelCard,
    decoder: Decoder,
    variant: Variant,
    device: Device,
    conf: Configurations,
    context: Floats,
    prompts: Floats,
    new: Floats,
) -> Step:
    """Coefficients of a step at mean context lengths `context`, with prompts of `prompts` tokens of which `new` are not
    in the prefix cache; (C,) tokens each."""
    share = memory.stage_share(card, conf.pipeline)
    fixed, slope = transformer.block_exchange(
        device, conf, decoder.hidden_size, decoder.layers * share, decoder.experts_per_token
    )
    cached = memory.kv_bytes(card, variant, context, per_class(conf.tensor), per_class(conf.pipeline))
    scores = transformer.cached_score_flops(decoder, context) * per_class(share / conf.tensor)
    inside = transformer.score_flops(decoder, new, prompts) / new * per_class(share / conf.tensor)
    hop = transformer.hand_off(device, conf, decoder.hidden_size, 1.0)
    blocks, logits = transformer.active_parameters(card)
    block = 2.0 * blocks * share / conf.tensor
    read = device.sheet_bandwidth * device.figure("cache_bandwidth")
    numbers = device.figure("activation_traffic") * transformer.EXCHANGED_BYTES * decoder.hidden_size * decoder.layers
    staged = np.where(conf.pipeline > 1, device.figure("stage_overhead_s"), 0.0)
    return Step(
        token=per_class(block) / _rate(decoder, device, "decode"),
        logits=per_class(2.0 * logits / conf.tensor) / device.compute("decode"),
        weights=_weights(card, decoder, variant, device, conf),
        sharpness=device.figure("sharpness"),
        cache=np.maximum(quotient(scores, device.attention), quotient(cached, read)),
        scores=inside / device.attention,
        elementwise=per_class(numbers * share * (1.0 + 1.0 / conf.tensor) / 2.0 / device.bandwidth),
        exchange_fixed=per_class(fixed + hop),
        exchange=per_class(slope),
        overhead=per_class(
            decoder.layers * share * device.figure("layer_overhead_s")
            + device.figure("step_overhead_s") / conf.pipeline
        ),
        sequence=per_class(device.figure("sequence_overhead_s") + staged),
        pipeline=per_class(conf.pipeline),
        pace=device.figure("pace"),
    )


def lone_prompt_s(step: Step, hop: Floats, tokens: Floats, chunk: float) -> Floats:
    """Reading a prompt of `tokens` tokens, (C,), on an idle replica, up to its first output token: s, (n, C).

    Its chunks follow each other through the p stages; `hop` (n,) is a hand-off between two of them.
    """
    chunks = np.ceil(tokens / chunk)
    stage = step.parts(np.zeros_like(step.cache), tokens / chunks).seconds + per_class(hop)
    return np.asarray((chunks + step.pipeline - 1.0) * stage - per_class(hop))
