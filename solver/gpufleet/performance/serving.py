"""Language-model serving with continuous batching: steady state, percentiles, highest rate inside the SLOs.

b sequences decode together; every prompt is read in chunks that fill the steps and delays all of them once. With t(b)
the decoding step, a(b) what one prompt adds to the steps and O output tokens, Little's law over one data-parallel rank
gives

    r(b) = b / (O t(b) + b a(b))       requests/s            TPOT(b) = t(b) + b a(b) / O       seconds

Both grow with b, so rates are found by bisection over b up to the most sequences that batch and cache allow, and that
chunks of prompts can keep running: b (I + O) <= O x tokens per step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, phases, queueing, result, transformer
from gpufleet.performance.arrays import Bools, Floats, Indices, Strings, per_class, quotient
from gpufleet.units import BYTES_PER_GB, MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.models import Decoder, ModelCard, Variant
    from gpufleet.schema.workloads import SLO, LLMServing

VARIABILITY = 1.0
"""(cv^2 of arrivals + cv^2 of service) / 2 with Poisson arrivals and exponentially spread lengths (assumed)."""


@dataclass(frozen=True)
class Engine:
    """One workload on n options; arrays (n, C) unless said otherwise."""

    step: phases.Step
    alone: Floats
    """Latency of reading a prompt on an idle replica, s."""
    chunk: float
    """Tokens of a step at most, of prompts and decoding together."""
    output: Floats
    """(C,) output tokens."""
    new: Floats
    """(C,) prompt tokens outside the prefix cache."""
    most: Floats
    """Most sequences at a time per data-parallel rank, at least 1."""
    ranks: Floats
    """(n, 1) data-parallel ranks."""
    fits: Bools
    """May the class run at all: memory, reach of the links, context length."""
    cache_bound: Bools
    """Does the cache, not the batch, bound the sequences?"""
    parts_gb: Mapping[str, Floats]
    """Memory parts, (n,) each."""

    def residence(self, sequences: Floats) -> Floats:
        """Time a request holds its place: O t(b) + b a(b), seconds."""
        steps = self.output * self.step.seconds(np.maximum(sequences, 1.0))
        return np.asarray(steps + sequences * self.occupancy(sequences))

    def occupancy(self, sequences: Floats) -> Floats:
        """a(b): what reading one prompt takes from every stage, seconds."""
        return self.step.prompt_seconds(np.maximum(sequences, 1.0), self.new, self.chunk)

    def pick(self, options: Indices, classes: Indices) -> Engine:
        """Chosen pairs of option and class, both (k,): an engine of k options with one class, arrays (k, 1)."""
        shape = self.most.shape

        def chosen(part: object) -> object:
            if isinstance(part, np.ndarray):
                return np.broadcast_to(part, shape)[options, classes][:, None]
            if is_dataclass(part) and not isinstance(part, type):
                return replace(part, **{f.name: chosen(getattr(part, f.name)) for f in fields(part)})
            return part

        picked = chosen(replace(self, parts_gb={}))
        assert isinstance(picked, Engine)
        return picked

    def mean_token(self, sequences: Floats) -> Floats:
        """Mean time per output token at b sequences, s."""
        return np.asarray(self.residence(np.maximum(sequences, 1.0)) / self.output)

    def mean_first_token(self, sequences: Floats) -> Floats:
        """Mean time to the first token at b sequences, s: half a running step, other prompts (M/D/1), its own."""
        b = np.maximum(sequences, 1.0)
        occupancy = self.occupancy(b)
        reading = np.minimum(quotient(sequences * occupancy, self.residence(b)), 0.99)
        step = np.minimum(sequences, 1.0) * self.step.seconds(b)
        line = quotient(reading * occupancy, 2.0 * (1.0 - reading))
        others = self.step.seconds(b) - self.step.seconds(np.ones_like(b))
        return np.asarray(step / 2.0 + line + self.alone + others)

    def rate(self, sequences: Floats) -> Floats:
        """r(b) over all ranks, requests/s."""
        return quotient(self.ranks * sequences, self.residence(sequences))

    def quantile_s(self, slo: SLO, sequences: Floats) -> Floats:
        """Percentile of the SLO's metric at b sequences, seconds."""
        level = slo.percentile / 100.0
        crowd = np.clip(queueing.poisson_quantile(level, sequences), 1.0, self.most)
        step = self.step.seconds(crowd)
        if slo.metric == "itl":
            return self._gap(level, sequences, step)
        token = step + crowd * self.occupancy(crowd) / self.output
        if slo.metric == "tpot":
            return np.asarray(token)
        first = self._first_token(level, sequences, step)
        return first if slo.metric == "ttft" else first + (self.output - 1.0) * token

    def _first_token(self, level: float, sequences: Floats, step: Floats) -> Floats:
        """Wait for a place + rest of the running step + wait behind other prompts + own prompt (quantiles added)."""
        residence = self.residence(sequences)
        place = queueing.wait_quantile(level, sequences / self.most, self.most, residence, VARIABILITY)
        running = queueing.residual_quantile(level, np.minimum(sequences, 1.0), step)
        occupancy = self.occupancy(sequences)
        reading = quotient(sequences * occupancy, residence)
        line = queueing.wait_quantile(level, reading, 1.0, occupancy, VARIABILITY)
        return np.asarray(place + running + line + self.alone)

    def _gap(self, level: float, sequences: Floats, step: Floats) -> Floats:
        """Inter-token gap: the step, and a prompt chunk when prompts fall into more than 1 - level of the gaps."""
        prompts = quotient(sequences, self.residence(sequences)) * step
        chunk = self.occupancy(sequences) * np.minimum(self.chunk / self.new, 1.0)
        return np.asarray(step + np.where(prompts > 1.0 - level, np.maximum(prompts, 1.0) * chunk, 0.0))


def _most_sequences(workload: LLMServing, conf: Configurations) -> Floats:
    """Sequences per data-parallel rank that the batch allows, (n,), at least 1."""
    batch = np.minimum(conf.batch, workload.max_batch) if workload.max_batch else conf.batch
    return np.maximum(np.floor(batch / conf.data), 1.0)


def engine_of(
    workload: LLMServing, card: ModelCard, decoder: Decoder, variant: Variant, device: Device, conf: Configurations
) -> Engine:
    """Everything about the options that does not depend on the load."""
    inputs = np.array([float(c.input_tokens) for c in workload.classes])
    outputs = np.array([float(c.output_tokens) for c in workload.classes])
    new = np.maximum(inputs * (1.0 - workload.prefix_cache_hit_fraction), 1.0)
    step = phases.decoding_step(card, decoder, variant, device, conf, inputs + outputs / 2.0, inputs, new)
    chunk = device.figure("step_tokens")
    fed = per_class(conf.pipeline) * np.floor(chunk * outputs / (new + outputs))
    hop = transformer.hand_off(device, conf, decoder.hidden_size, 1.0)
    batch = _most_sequences(workload, conf)
    sequence = memory.kv_bytes(card, variant, inputs + outputs, per_class(conf.tensor), per_class(conf.pipeline))
    prompt, each = memory.decoder_workspace_bytes(decoder, float(new.max()), conf.tensor)
    fixed = {
        "weights": memory.weight_bytes(card, variant, conf),
        "activations": prompt,
        "reserve": np.full_like(batch, memory.RESERVE_BYTES),
    }
    free = device.memory_gb * BYTES_PER_GB - result.total(fixed)
    places = np.floor(quotient(np.maximum(per_class(free), 0.0), sequence + per_class(each)))
    most = np.maximum(np.minimum(np.minimum(per_class(batch), places), fed), 1.0)
    largest = int(np.argmax(inputs + outputs))
    parts = fixed | {"kv_cache": most[:, largest] * sequence[:, largest]}
    parts["activations"] = prompt + most[:, largest] * each
    within = (inputs + outputs <= decoder.max_context_tokens)[None, :]
    return Engine(
        step=step,
        alone=phases.lone_prompt_s(step, hop, new, chunk),
        chunk=chunk,
        output=outputs,
        new=new,
        most=most,
        ranks=per_class(conf.data),
        fits=np.asarray((places >= 1.0) & per_class(conf.reachable(device)) & within),
        cache_bound=np.asarray(places < per_class(batch)),
        parts_gb={name: part / BYTES_PER_GB for name, part in parts.items()},
    )


def highest_load(engine: Engine, workload: LLMServing) -> tuple[Floats, Floats]:
    """(b at the highest rate inside the SLOs and `max_utilisation`, saturation rate r(most)), (n, C) each."""
    saturation = np.where(engine.fits, engine.rate(engine.most), 0.0)
    limits = {slo: result.limits_ms(slo, workload.classes) for slo in workload.slo}

    def holds(sequences: Floats) -> Bools:
        good = engine.fits & (engine.rate(sequences) <= saturation * workload.max_utilisation)
        for slo in workload.slo:
            good &= engine.quantile_s(slo, sequences) * MS_PER_S <= limits[slo]
        return np.asarray(good)

    return queueing.highest(holds, engine.most), saturation


def sequences_at(engine: Engine, sequences: Floats, load: Floats) -> Floats:
    """b at which the rate is `load` (n, 1) times the rate at `sequences`, (n, C)."""
    if bool(np.all(load == 1.0)):
        return sequences
    wanted = load * engine.rate(sequences)
    top = np.where(load > 1.0, engine.most, sequences)
    return queueing.highest(lambda b: np.asarray(engine.rate(b) <= wanted), top)


def latencies_ms(engine: Engine, workload: LLMServing, sequences: Floats) -> Floats:
    """(n, S, C) percentiles of all SLOs, ms."""
    if not workload.slo:
        return np.zeros((sequences.shape[0], 0, sequences.shape[1]))
    return np.stack([engine.quantile_s(slo, sequences) * MS_PER_S for slo in workload.slo], axis=1)


def bottleneck(engine: Engine) -> Strings:
    """(n,) the largest consumer of time at full load, averaged over classes; `kv_capacity` where the cache bounds the
    sequences and the time goes into streaming weights or cache, which more sequences would amortise."""
    decoding = engine.step.parts(engine.most)
    reading = engine.most * engine.occupancy(engine.most) / engine.step.pipeline
    local = decoding.attention + decoding.elementwise + decoding.overhead
    shares = engine.output * decoding.exchange, engine.output * decoding.products * decoding.arithmetic_bound + reading
    traffic = engine.output * (decoding.products * (1.0 - decoding.arithmetic_bound) + local)
    whole = shares[0] + shares[1] + traffic
    parts = (shares[1], traffic, shares[0])
    stacked = np.stack([np.nan_to_num(quotient(part, whole)).mean(axis=1) for part in parts])
    names = np.array(["compute", "memory_bandwidth", "interconnect"])[np.argmax(stacked, axis=0)]
    crowded = engine.cache_bound.any(axis=1) & (names == "memory_bandwidth")
    return np.where(crowded, "kv_capacity", names)
