"""Disaggregated serving: prompts are read on P instances (prefill), tokens are generated on D others (decode).

Decoding is that of `serving` without prompts: a request arrives as one token with its cache. Prefill is P servers that
take up to K prompts a step, as many as the token budget holds:

    s(k) = fixed + k each        each = max(reading, sending the cache)        seconds

so that they sustain P K / s(K) requests/s. The cache is sent layer by layer while later layers are still read
(assumed; as published for Splitwise, Patel et al., ISCA 2024), over the link of the node, or over the network where
the replica is larger than a node. Every instance is tensor-parallel inside a node, without pipeline stages.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, phases, queueing, result, serving
from gpufleet.performance.arrays import Floats, Strings, per_class, quotient
from gpufleet.units import BYTES_PER_GB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.performance.serving import State
    from gpufleet.schema.models import Decoder, ModelCard, Variant
    from gpufleet.schema.workloads import LLMServing

PROMPTS_HELD = 2.0
"""Caches that a prefill instance holds per prompt of a step: one is read while the one before is sent."""


@dataclass(frozen=True)
class Prefill:
    """The prefill instances of n options; arrays (n, C) unless said otherwise, seconds."""

    fixed: Floats
    """A step beside its prompts: weights, launches, scheduling."""
    reading: Floats
    """What one prompt adds to a step."""
    sending: Floats
    """Time for which one prompt's cache occupies the links of its prefill instance."""
    receiving: Floats
    """The same for the decode instances, all of them together."""
    exposed: Floats
    """From the end of the reading to the arrival of the last layer's cache."""
    most: Floats
    """Prompts in a step at most, K."""
    instances: Floats
    """(n, 1) P."""

    @property
    def each(self) -> Floats:
        """Time for which one more prompt occupies an instance: links and arithmetic work side by side."""
        return np.maximum(self.reading, self.sending)

    @property
    def alone(self) -> Floats:
        """A prompt on an idle instance."""
        return np.asarray(self.fixed + self.reading)

    @property
    def capacity(self) -> Floats:
        """P K / s(K), requests/s."""
        return quotient(self.instances * self.most, self.fixed + self.most * self.each)

    def wait(self, level: float, rate: Floats) -> Floats:
        """Percentile of the delay before and beside the own prompt at `rate` requests/s in all, s.

        A queue of single prompts (G/G/P) and, in quadrature, the rest of a step; those who come meanwhile fill up the
        own step. Every prompt goes to the instance with the least to read.
        """
        each, own = self.each, rate / self.instances
        one = each + self.fixed / self.most
        load = np.minimum(own * one, serving.MOST_READING)
        chance = queueing.probability_of_waiting(load, self.instances)
        variability = (1.0 + serving.SPREAD * np.square(each / one)) / 2.0
        line = queueing.exceeded(level, chance, queueing.wait_if_waiting(load, self.instances, one, variability))
        before = np.hypot(line, np.where(self.most > 1.0, self._rest(level, own), 0.0))
        return np.asarray(before + np.minimum(own * before, self.most - 1.0) * each)

    def _rest(self, level: float, own: Floats) -> Floats:
        """Of the step under way; at `own` prompts/s, what arrives in one step is read in the next."""
        reading = np.minimum(own * self.each, serving.MOST_READING)
        prompts = np.clip(quotient(own * self.fixed, 1.0 - reading), 1.0, self.most)
        length = self.fixed + prompts * self.each
        busy = np.minimum(own * length / prompts, 1.0) ** (1.0 + (self.instances - 1.0) / self.most)
        longer = self.fixed + np.minimum(prompts + own * length, self.most) * self.each
        return queueing.residual_quantile(level, busy, longer)


@dataclass(frozen=True)
class Split(serving.Engine):
    """An engine whose prompts are read elsewhere; the base is the decode side, `ranks` its instances."""

    prefill: Prefill

    def capacity(self) -> Floats:
        """The least of decoding, prefill and the links of the decode instances, requests/s."""
        received = quotient(np.ones_like(self.most), self.prefill.receiving)
        return np.minimum(np.minimum(self.rate(self.most), self.prefill.capacity), received)

    def mean_first_token(self, sequences: Floats) -> Floats:
        """Mean time to the first token at b sequences, s; the line of prompts at its median of those who wait."""
        line = self.prefill.wait(0.5, self.rate(sequences))
        return np.asarray(super().mean_first_token(sequences) + line + self.prefill.alone + self.prefill.exposed)

    def _first_token(self, state: State) -> tuple[Floats, Floats]:
        """Prompt, hand-over and the first decoding step; delays of prefill and decode are independent."""
        step, delay = super()._first_token(state)
        wait = self.prefill.wait(state.level, state.rate * self.ranks)
        return np.asarray(step + self.prefill.alone + self.prefill.exposed), np.hypot(delay, wait)


def split_engine(
    workload: LLMServing, card: ModelCard, decoder: Decoder, variant: Variant, device: Device, conf: Configurations
) -> Split:
    """Engines of options with prefill instances; all of `conf` must have some."""
    decode = serving.engine_of(workload, card, decoder, variant, device, conf, reads_prompts=False)
    inputs = np.array([float(c.input_tokens) for c in workload.classes])
    new = inputs - np.array([workload.cached_tokens(c) for c in workload.classes])
    readers = _readers(conf)
    parts, held = _memory(workload, card, decoder, variant, device, readers, inputs, new)
    budget = np.maximum(np.floor(decode.chunk / new), 1.0)
    prefill = _prefill(card, decoder, variant, device, conf, inputs, new, np.clip(held, 1.0, budget))
    parts["kv_cache"] = np.max(prefill.most * parts["kv_cache"], axis=1)
    own = {field.name: getattr(decode, field.name) for field in fields(decode)}
    own["fits"] = decode.fits & (held >= 1.0)
    own["parts_gb"] = _fuller(decode.parts_gb, {name: part / BYTES_PER_GB for name, part in parts.items()})
    return Split(**own, prefill=prefill)


def _readers(conf: Configurations) -> Configurations:
    """The prefill instances by themselves; experts are spread over their tensor group where decoding spreads them."""
    ones = np.ones_like(conf.tensor)
    expert = np.where(conf.expert > 1, conf.prefill_tensor, ones)
    return replace(
        conf, tensor=conf.prefill_tensor, pipeline=ones, data=ones, expert=expert, prefill_instances=0.0 * ones
    )


def _memory(
    workload: LLMServing,
    card: ModelCard,
    decoder: Decoder,
    variant: Variant,
    device: Device,
    readers: Configurations,
    inputs: Floats,
    new: Floats,
) -> tuple[dict[str, Floats], Floats]:
    """(parts in bytes, (n,), with the cache of one prompt, (n, C)), prompts of a step that fit, (n, C))."""
    prompt, each = memory.decoder_workspace_bytes(decoder, float(new.max()), readers.tensor)
    one = PROMPTS_HELD * memory.kv_bytes(card, variant, new, per_class(readers.tensor), per_class(readers.pipeline))
    prefixes = serving.prefix_bytes(workload, card, variant, readers, inputs - new)
    parts = {
        "weights": memory.weight_bytes(card, variant, readers),
        "activations": prompt + each,
        "reserve": np.full_like(prompt, memory.RESERVE_BYTES),
    }
    if prefixes.any():
        parts["prefix_cache"] = prefixes.max(axis=1)
    free = device.memory_gb * BYTES_PER_GB - result.total(parts)
    return parts | {"kv_cache": one}, np.floor(quotient(np.maximum(per_class(free), 0.0), one))


def _prefill(
    card: ModelCard,
    decoder: Decoder,
    variant: Variant,
    device: Device,
    conf: Configurations,
    inputs: Floats,
    new: Floats,
    most: Floats,
) -> Prefill:
    """Times of prompts of `inputs` tokens, `new` of them outside the prefix cache, (C,); `most` (n, C) per step."""
    step = phases.decoding_step(card, decoder, variant, device, _readers(conf), inputs, inputs, new)
    prompt = phases.prompt_reading(step, np.zeros_like(conf.tensor), new, device.figure("step_tokens"))
    received = memory.kv_bytes(card, variant, new, per_class(conf.tensor), per_class(conf.pipeline))
    across = per_class(conf.crosses_nodes(device))
    one_way = np.where(across > 0, min(device.network, device.link), device.link)
    latency = np.where(across > 0, device.figure("network_latency_s"), device.link_latency)
    sent = received * per_class(conf.tensor / conf.prefill_tensor)
    whole = np.maximum(received, sent) / one_way
    return Prefill(
        fixed=np.asarray(prompt.alone - prompt.occupancy),
        reading=prompt.occupancy,
        sending=sent / one_way,
        receiving=received / one_way / per_class(conf.data),
        exposed=np.asarray(np.maximum(whole / decoder.layers, whole - prompt.alone) + latency),
        most=most,
        instances=per_class(conf.prefill_instances),
    )


def _fuller(decode: Mapping[str, Floats], prefill: Mapping[str, Floats]) -> dict[str, Floats]:
    """Memory parts of whichever kind of instance needs more, option by option."""
    reads = result.total(prefill) > result.total(decode)
    return {name: np.where(reads, prefill[name], part) for name, part in decode.items()}


def bottleneck(engine: Split) -> Strings:
    """(n,) that of decoding where it bounds the rate of most classes; else `compute` of prefill, or the links."""
    prefill = engine.prefill
    reading = quotient(prefill.instances * prefill.most, prefill.fixed + prefill.most * prefill.reading)
    linked = engine.capacity() < reading * (1.0 - 1e-9)
    other = np.where(linked.mean(axis=1) > 0.5, "interconnect", "compute")
    decodes = (engine.rate(engine.most) <= engine.capacity()).mean(axis=1) >= 0.5
    return np.where(decodes, serving.bottleneck(engine), other)
