"""Language-model serving with continuous batching: steady state, percentiles, highest rate inside the SLOs.

b sequences decode together; every prompt is read in chunks that fill the steps and delays all of them once. With t(b)
the decoding step, a what one prompt adds to the steps and O output tokens, Little's law over one data-parallel rank
gives

    r(b) = b / (O t(b) + b a)          requests/s            TPOT(b) = t(b) + b a / O          seconds

Both grow with b, so rates are found by root search over b up to the most sequences that batch and cache allow, and that
chunks of prompts can keep running: b (I + O) <= O x tokens of a step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, phases, queueing, result, transformer
from gpufleet.performance.arrays import Bools, Floats, Indices, Rows, Strings, per_class, quotient, take
from gpufleet.units import BYTES_PER_GB, MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.models import Decoder, ModelCard, Variant
    from gpufleet.schema.workloads import SLO, LatencyMetric, LLMServing

SPREAD = 1.0
"""Squared coefficient of variation of prompt and output lengths within a class (assumed: exponentially spread)."""
VARIABILITY = (1.0 + SPREAD) / 2.0
"""(cv^2 of arrivals + cv^2 of service) / 2 with Poisson arrivals."""
SKEWNESS = (1.0 + 2.0 * SPREAD) / (1.0 + SPREAD) ** 0.5
"""Of the prompts that n arrivals bring, times sqrt(n): E[a^3] / E[a^2]^1.5 for gamma-distributed lengths."""
LATE_IN_LINE = 0.3
"""Least part of the late requests kept for the line of prompts, whatever the wait for a place takes (fitted)."""
MOST_READING = 0.99
"""Highest load of the line of prompts that is computed with, so that delays stay finite."""


@dataclass(frozen=True)
class Engine:
    """One workload on n options; arrays (n, C) unless said otherwise."""

    step: phases.Step
    prompt: phases.Prompt
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
        """Time a request holds its place: O t(b) + b a, seconds."""
        steps = self.output * self.step.seconds(np.maximum(sequences, 1.0))
        return np.asarray(steps + sequences * self.prompt.occupancy)

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
        here = np.maximum(sequences, 1.0)
        reading = np.minimum(quotient(sequences * self.prompt.occupancy, self.residence(here)), MOST_READING)
        line = quotient(reading * self.prompt.occupancy, 2.0 * (1.0 - reading))
        running = np.minimum(sequences, 1.0) * self.step.seconds(here) / 2.0
        others = self.step.seconds(here) - self.step.seconds(np.ones_like(here))
        return np.asarray(running + line + self.prompt.alone + others)

    def rate(self, sequences: Floats) -> Floats:
        """r(b) over all ranks, requests/s."""
        return quotient(self.ranks * sequences, self.residence(sequences))

    def capacity(self) -> Floats:
        """Highest rate without SLO, r(most), requests/s."""
        return self.rate(self.most)

    def quantile_s(self, slo: SLO, sequences: Floats) -> Floats:
        """Percentile of the SLO's metric at b sequences, seconds."""
        return self.quantiles_s((slo,), sequences)[0]

    def quantiles_s(self, slos: Sequence[SLO], sequences: Floats) -> list[Floats]:
        """The same for several SLOs; what depends on the percentile alone is computed once."""
        states = {slo.percentile: State.of(self, slo.percentile / 100.0, sequences) for slo in slos}
        return [self._at(states[slo.percentile], slo.metric) for slo in slos]

    @cached_property
    def _full(self) -> tuple[Floats, Floats]:
        """(t, residence over the places), both with all places taken, s."""
        step = self.step.seconds(self.most)
        return step, np.asarray(self.output * step / self.most + self.prompt.occupancy)

    def _at(self, state: State, metric: LatencyMetric) -> Floats:
        if metric == "itl":
            return self._gap(state)
        if metric == "tpot":
            return self._token(state)
        own, delay = self._first_token(state)
        if metric == "ttft":
            return np.asarray(own + delay)
        rest = self.output - 1.0
        # the delays are independent: what each adds at its percentile adds up in quadrature
        return np.asarray(own + rest * state.mean + np.hypot(delay, rest * (self._token(state) - state.mean)))

    def _token(self, state: State) -> Floats:
        """TPOT: mean, plus in quadrature (half correlated) the crowd and the prompts that happen to come meanwhile."""
        one = self.prompt.occupancy / self.output
        present = np.maximum(state.sequences, 0.05)
        swing = np.maximum(queueing.skewed(state.z, SKEWNESS / np.sqrt(present)), 0.0) if state.z else 0.0
        prompts = np.sqrt(state.sequences * (1.0 + SPREAD)) * one / state.spare * swing
        crowd = (state.crowd_step - state.step) / state.spare
        extra = np.sqrt(prompts * prompts + crowd * crowd + prompts * crowd)
        full = self._full[0] + (self.most + state.z * np.sqrt(SPREAD * self.most)) * one
        return np.asarray(np.minimum(state.mean + extra, np.maximum(full, state.mean)))

    def _first_token(self, state: State) -> tuple[Floats, Floats]:
        """(own prompt merged with decoding, delay): for a place, behind other prompts, for the iteration under way."""
        own = np.maximum(self.prompt.occupancy + state.step * np.ceil(self.new / self.chunk), self.prompt.alone)
        own = np.where(np.exp(-state.sequences) > state.level, self.prompt.alone, own)
        place_s = self._full[1]
        busy = state.rate * place_s
        full = queueing.probability_full(state.sequences, state.variance, self.most, busy)
        freed = quotient(VARIABILITY * place_s, np.maximum(1.0 - busy, 0.0))
        place = queueing.exceeded(state.level, full, freed)
        # those who wait for a place are late anyway: the line need only hold for the rest
        late = 1.0 - state.level
        tail = np.maximum(late - full, LATE_IN_LINE * late)
        return own, np.hypot(place, self._line(state, tail))

    def _line(self, state: State, tail: Floats) -> Floats:
        """Delay exceeded by a share `tail`: prompts before the own one as in M/G/1, then the iteration under way."""
        each = self.prompt.occupancy + state.step * self.new / self.chunk
        load = np.minimum(state.rate * each, MOST_READING)
        waiting = 1.0 - (1.0 - load) * np.exp(-state.rate * state.step)
        behind = queueing.exceeded(1.0 - tail, waiting, VARIABILITY * each / (1.0 - load))
        running = queueing.residual_quantile(1.0 - tail, 1.0 - np.exp(-state.sequences), state.mean)
        present = np.minimum(state.sequences, 1.0)
        behind = np.where(behind > 0.0, behind + present * state.step, 0.0)
        return np.asarray(np.maximum(behind, np.minimum(running, state.step)))

    def _gap(self, state: State) -> Floats:
        """ITL: the step, and the chunks read in it, a compound Poisson amount of at most the token budget."""
        arrivals = state.rate * state.mean
        budget = self.chunk / self.new
        pieces = 1.0 / -np.expm1(-budget)
        some = -np.expm1(-arrivals * pieces)
        few = queueing.exceeded(state.level, some, quotient(arrivals, some))
        swing = queueing.skewed(state.z, SKEWNESS / np.sqrt(np.maximum(arrivals, 1e-9)))
        many = arrivals + np.sqrt(arrivals * (1.0 + SPREAD)) * swing
        chunk = np.minimum(np.minimum(few, np.maximum(many, 0.0)) * pieces, budget)
        chunk = np.where(some > 1.0 - state.level, chunk, 0.0)
        return np.asarray(state.step + np.hypot(state.crowd_step - state.step, self.prompt.occupancy * chunk))


@dataclass(frozen=True)
class State:
    """The steady state of an engine at b sequences per rank, seen at a percentile; arrays (n, C), seconds."""

    level: float
    z: float
    """Normal quantile of the level, at least 0."""
    sequences: Floats
    """b."""
    step: Floats
    """t(b)."""
    mean: Floats
    """Mean time per token, O t(b) + b a over O."""
    rate: Floats
    """Requests/s of one rank."""
    spare: Floats
    """Share of the time that prompts leave to decoding, 1 - r a."""
    variance: Floats
    """Of the number of sequences: processor sharing, b TPOT / (t - b t'), and what spread prompts add."""
    crowd_step: Floats
    """t at the percentile of the number of sequences."""

    @classmethod
    def of(cls, engine: Engine, level: float, sequences: Floats) -> State:
        """The state at `sequences` per rank."""
        here = np.maximum(sequences, 1.0)
        step = engine.step.seconds(here)
        residence = engine.output * step + sequences * engine.prompt.occupancy
        rate = sequences / residence
        reading = np.minimum(rate * engine.prompt.occupancy, MOST_READING)
        reach = np.sqrt(here)
        growth = here * (engine.step.seconds(here + reach) - step) / reach
        # what does not grow with b damps the swings; at least a fiftieth, against a division by nothing
        swings = np.minimum(residence / engine.output / np.maximum(step - growth, 0.02 * step), 50.0)
        variance = sequences * (swings + SPREAD * np.square(reading / (1.0 - reading)))
        z = max(queueing.normal_quantile(level), 0.0)
        crowd = np.clip(sequences + z * np.sqrt(variance), 1.0, np.maximum(engine.most, sequences))
        return cls(
            level=level,
            z=z,
            sequences=sequences,
            step=step,
            mean=residence / engine.output,
            rate=rate,
            spare=1.0 - reading,
            variance=variance,
            crowd_step=np.maximum(engine.step.seconds(crowd), step),
        )


def _most_sequences(workload: LLMServing, conf: Configurations) -> Floats:
    """Sequences per data-parallel rank that the batch allows, (n,), at least 1."""
    batch = np.minimum(conf.batch, workload.max_batch) if workload.max_batch else conf.batch
    return np.maximum(np.floor(batch / conf.data), 1.0)


def prefix_bytes(
    workload: LLMServing, card: ModelCard, variant: Variant, conf: Configurations, cached: Floats
) -> Floats:
    """Cached prefixes in the memory of one accelerator, bytes, (n, C); `cached` (C,) tokens found by one prompt.

    One prefix of the class, or `prefix_cache_tokens` / `cached` of them, whatever the class; those of the class that
    needs most bytes per token where windowed layers keep less of the longer ones.
    """
    one = memory.kv_bytes(card, variant, cached, per_class(conf.tensor), per_class(conf.pipeline))
    if workload.prefix_cache_tokens is None:
        return one
    every = quotient(workload.prefix_cache_tokens * one, cached)
    return np.broadcast_to(every.max(axis=1, keepdims=True), one.shape)


def engine_of(
    workload: LLMServing,
    card: ModelCard,
    decoder: Decoder,
    variant: Variant,
    device: Device,
    conf: Configurations,
    reads_prompts: bool = True,
) -> Engine:
    """Everything about the options that does not depend on the load.

    An engine that does not read prompts gets them with their cache, as one token that its next step continues.
    """
    inputs = np.array([float(c.input_tokens) for c in workload.classes])
    outputs = np.array([float(c.output_tokens) for c in workload.classes])
    new = inputs - np.array([workload.cached_tokens(c) for c in workload.classes])
    step = phases.decoding_step(card, decoder, variant, device, conf, inputs + outputs / 2.0, inputs, new)
    chunk = device.figure("step_tokens")
    fed = per_class(conf.pipeline) * (np.floor(chunk * outputs / (new + outputs)) if reads_prompts else chunk)
    hop = transformer.hand_off(device, conf, decoder.hidden_size, 1.0)
    batch = _most_sequences(workload, conf)
    sequence = memory.kv_bytes(card, variant, new + outputs, per_class(conf.tensor), per_class(conf.pipeline))
    prefixes = prefix_bytes(workload, card, variant, conf, inputs - new)
    prompt, each = memory.decoder_workspace_bytes(decoder, float(new.max()), conf.tensor)
    prompt = prompt if reads_prompts else np.zeros_like(prompt)
    fixed = {
        "weights": memory.weight_bytes(card, variant, conf),
        "activations": prompt,
        "reserve": np.full_like(batch, memory.RESERVE_BYTES),
    }
    free = device.memory_gb * BYTES_PER_GB - result.total(fixed)
    places = np.floor(quotient(np.maximum(per_class(free) - prefixes, 0.0), sequence + per_class(each)))
    most = np.maximum(np.minimum(np.minimum(per_class(batch), places), fed), 1.0)
    largest = int(np.argmax(inputs + outputs))
    parts = fixed | {"kv_cache": most[:, largest] * sequence[:, largest]}
    parts["activations"] = prompt + most[:, largest] * each
    if prefixes.any():
        parts["prefix_cache"] = prefixes[:, largest]
    within = (inputs + outputs <= decoder.max_context_tokens)[None, :]
    handed = phases.Prompt(np.zeros_like(most), step.seconds(np.ones_like(most)))
    return Engine(
        step=step,
        prompt=phases.prompt_reading(step, hop, new, chunk) if reads_prompts else handed,
        chunk=chunk,
        output=outputs,
        new=new if reads_prompts else np.ones_like(new),
        most=most,
        ranks=per_class(conf.data),
        fits=np.asarray((places >= 1.0) & per_class(conf.reachable(device)) & within),
        cache_bound=np.asarray(places < per_class(batch)),
        parts_gb={name: part / BYTES_PER_GB for name, part in parts.items()},
    )


def highest_load(engine: Engine, workload: LLMServing) -> tuple[Floats, Floats]:
    """(b at the highest rate inside the SLOs and `max_utilisation`, saturation rate r(most)), (n, C) each."""
    saturation = np.where(engine.fits, engine.capacity(), 0.0)
    limits = {slo: result.limits_ms(slo, workload.classes) for slo in workload.slo}

    allowed = saturation * workload.max_utilisation

    def excess_of(rows: Rows) -> Callable[[Floats], Floats]:
        part, most = (engine, allowed) if len(rows) == len(allowed) else (take(engine, rows), allowed[rows])

        def excess(sequences: Floats) -> Floats:
            found = np.where(part.fits, quotient(part.rate(sequences), most) - 1.0, np.inf)
            for slo, seconds in zip(workload.slo, part.quantiles_s(workload.slo, sequences), strict=True):
                found = np.maximum(found, seconds * MS_PER_S / limits[slo] - 1.0)
            return np.asarray(found)

        return excess

    return queueing.crossing(excess_of, engine.most), saturation


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
    return np.stack(engine.quantiles_s(workload.slo, sequences), axis=1) * MS_PER_S


def bottleneck(engine: Engine) -> Strings:
    """(n,) the largest consumer of time at full load, averaged over classes; `kv_capacity` where the cache bounds the
    sequences and the time goes into streaming weights or cache, which more sequences would amortise."""
    stage = engine.step.parts(engine.most)
    prompts = engine.most / engine.step.pipeline * engine.new
    compute = engine.output * stage.products + prompts * (engine.step.token + engine.step.scores) / engine.step.pace
    traffic = engine.output * (stage.weights + stage.attention + stage.overhead)
    traffic += (
        (engine.output * engine.most / engine.step.pipeline + prompts) * engine.step.elementwise / engine.step.pace
    )
    exchange = engine.output * stage.exchange + prompts * engine.step.exchange / engine.step.pace
    whole = compute + traffic + exchange
    shares = np.stack([np.nan_to_num(quotient(part, whole)).mean(axis=1) for part in (compute, traffic, exchange)])
    names = np.array(["compute", "memory_bandwidth", "interconnect"])[np.argmax(shares, axis=0)]
    crowded = engine.cache_bound.any(axis=1) & (names == "memory_bandwidth")
    return np.where(crowded, "kv_capacity", names)
