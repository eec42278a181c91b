"""One step of a serving engine, as coefficients: decoding, alone or together with a chunk of prompts.

The time of a stage is linear in the tokens of the step: weights are streamed once, and every token adds its matrix
products, its attention, its share of the elementwise kernels and of the exchanges. Published rates show next to no
overlap between weights and products: with few tokens the products run far below the peak, which the sum describes and
a roofline does not. With p pipeline stages the sequences run as p micro-batches, so that a step of all sequences
takes p stage times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, transformer
from gpufleet.performance.arrays import Floats, per_class, quotient
from gpufleet.performance.roofline import distinct_experts, overlapped

if TYPE_CHECKING:
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.models import Decoder, ModelCard, Variant


LAUNCH_OVERLAP = 4.0
"""How well launches hide behind kernels (`roofline.overlapped`; assumed)."""


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
    """Matrix products."""
    weights: Floats
    """Streaming of the weights."""
    attention: Floats
    """Attention over the cache."""
    elementwise: Floats
    exchange: Floats
    overhead: Floats
    """Launches, as far as they are not hidden, and scheduling."""

    @property
    def seconds(self) -> Floats:
        """The parts together."""
        kernels = self.products + self.weights + self.attention + self.elementwise + self.exchange
        return np.asarray(kernels + self.overhead)


@dataclass(frozen=True)
class Step:
    """One step as a function of what is in it; coefficients (n, 1), or (n, C) where classes differ."""

    token: Floats
    """Matrix products of the blocks, s per token and stage."""
    logits: Floats
    """Output matrix, s per sequence and stage."""
    weights: Weights
    cache: Floats
    """Attention over the cache, s per sequence and stage, (n, C)."""
    scores: Floats
    """Attention inside prompts, s per prompt token and stage, (n, C)."""
    elementwise: Floats
    """Normalisation, activation functions, residuals, s per token and stage."""
    exchange_fixed: Floats
    exchange: Floats
    """Exchanges: s per stage, and s per token and stage."""
    launches: Floats
    """Launching the kernels of a stage, s; hidden behind the kernels as far as those last longer."""
    overhead: Floats
    """Scheduling, s per stage."""
    sequence: Floats
    """Scheduling and sampling, s per sequence and stage."""
    pipeline: Floats
    """(n, 1) stages."""
    pace: float
    """Share of the speed that the engine reaches in all but launches and scheduling."""

    def parts(self, sequences: Floats, prompt: Floats | float = 0.0) -> Parts:
        """One stage with the decoding of `sequences` / p sequences, at least one, and `prompt` prompt tokens."""
        here = np.maximum(sequences / self.pipeline, 1.0)
        tokens = here + prompt
        products = (self.token * tokens + self.logits * here) / self.pace
        weights = self.weights.seconds(tokens) / self.pace
        attention = (self.cache * here + self.scores * prompt) / self.pace
        elementwise = self.elementwise * tokens / self.pace
        exchange = (self.exchange_fixed + self.exchange * tokens) / self.pace
        kernels = products + weights + attention + elementwise + exchange
        late = overlapped(kernels, self.launches, LAUNCH_OVERLAP) - kernels
        return Parts(products, weights, attention, elementwise, exchange, late + self.overhead + self.sequence * here)

    def stage_seconds(self, sequences: Floats, prompt: Floats | float = 0.0) -> Floats:
        """The parts together, (n, C)."""
        return self.parts(sequences, prompt).seconds

    def seconds(self, sequences: Floats) -> Floats:
        """A decoding step of all sequences: p stages, (n, C)."""
        return np.asarray(self.pipeline * self.stage_seconds(sequences))


@dataclass(frozen=True)
class Prompt:
    """Reading one prompt; (n, C), seconds."""

    occupancy: Floats
    """What it takes from every stage beside the decoding, whose steps its chunks fill: weights are streamed anyway."""
    alone: Floats
    """Latency on an idle replica, all stages, with the first output token."""


def expert_share(decoder: Decoder, device: Device) -> float:
    """Further share of compute in mixture-of-experts models: `routing` x w / (w + `expert_width`), w the width of an
    expert (parameters / (3 hidden sizes)); 1 for dense models."""
    if not decoder.experts:
        return 1.0
    width = transformer.expert_width(decoder)
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
    numbers = decoder.hidden_size * decoder.layers * share * (1.0 + 1.0 / conf.tensor) / 2.0
    each = device.figure("elementwise_traffic") * transformer.EXCHANGED_BYTES / device.sheet_bandwidth
    each += device.figure("elementwise_operations") / device.vector
    staged = np.where(conf.pipeline > 1, device.figure("stage_overhead_s"), 0.0)
    return Step(
        token=per_class(block) / (device.compute("decode") * expert_share(decoder, device)),
        logits=per_class(2.0 * logits / conf.tensor) / device.compute("decode"),
        weights=_weights(card, decoder, variant, device, conf),
        cache=np.maximum(quotient(scores, device.attention), quotient(cached, read)),
        scores=inside / device.attention,
        elementwise=per_class(numbers * each),
        exchange_fixed=per_class(fixed + hop),
        exchange=per_class(slope),
        launches=per_class(decoder.layers * share * device.figure("layer_overhead_s") * device.figure("kernels")),
        overhead=per_class(device.figure("step_overhead_s") / conf.pipeline),
        sequence=per_class(device.figure("sequence_overhead_s") + staged),
        pipeline=per_class(conf.pipeline),
        pace=device.figure("pace"),
    )


def prompt_reading(step: Step, hop: Floats, tokens: Floats, chunk: float) -> Prompt:
    """Reading a prompt of `tokens` tokens, (C,), in chunks of `chunk` tokens at most.

    On an idle replica its chunks follow each other through the p stages; `hop` (n,) is a hand-off between two of them.
    """
    each = (step.token + step.scores + step.elementwise + step.exchange) / step.pace
    chunks = np.ceil(tokens / chunk)
    stage = step.stage_seconds(np.zeros_like(step.cache), tokens / chunks) + per_class(hop)
    alone = (chunks + step.pipeline - 1.0) * stage - per_class(hop)
    return Prompt(occupancy=np.asarray(each * tokens), alone=np.asarray(alone))
