"""Serving of recommenders, vision models and encoders with dynamic batching.

A batch is a number of requests. A free server takes all requests that wait, up to the largest batch B. At rate l the
batch settles where what arrives during a service fills the next: b = l s(b) / c, with c data-parallel servers and
service time s. A request waits for the rest of a gap between two batches and shares its batch with those that came in
the same gap. Above B the queue is one of full batches, with Erlang-B arrivals (cv^2 = 1 / B) and constant service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import kernel_times, memory, passes, queueing, result
from gpufleet.performance.arrays import Bools, Floats, Strings, per_class, quotient
from gpufleet.performance.collectives import point_to_point
from gpufleet.performance.result import Estimate
from gpufleet.performance.transformer import PROBE_TOKENS, affine
from gpufleet.schema.models import Decoder, ModelCard, Variant
from gpufleet.units import BYTES_PER_GB, MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.workloads import SLO, RequestServing

BATCH_STEPS = 3
"""Fixed-point steps for the mean batch; the third changes it by less than 1 %."""


@dataclass(frozen=True)
class Server:
    """Service times of one workload on n options; (n, 1) or (n, C)."""

    compute: Floats
    """Products alone, at the share that they reach or at what the power limit allows, s per request and stage."""
    arithmetic: Floats
    """Kernels: products and streaming, softly overlapped, s per request and stage; at least `streaming`."""
    streaming: Floats
    """Activations and gathers, s per request and stage."""
    weights: Floats
    """Weights, s per batch and stage."""
    exchange_fixed: Floats
    """s per batch and stage."""
    overhead: Floats
    """Launches, scheduling, and what the reading of weights does not overlap, s per batch and stage."""
    exchange: Floats
    """s per request and stage."""
    host: Floats
    """Host link, s per request."""
    most: Floats
    """Largest batch B, requests."""
    servers: Floats
    """Data-parallel servers c."""
    stages: Floats
    """Pipeline stages."""
    online: float
    """Share of the capacity that requests arriving one by one can use, whatever their latency may be."""
    fits: Bools
    parts_gb: Mapping[str, Floats]

    def on_device(self, batch: Floats) -> Floats:
        """Time of a batch in one stage: max(arithmetic, memory traffic) + exchanges and launches, s."""
        kernels = np.maximum(self.arithmetic * batch, self.streaming * batch + self.weights)
        return np.asarray(kernels + self.exchange_fixed + self.overhead + self.exchange * batch)

    def interval(self, batch: Floats) -> Floats:
        """Time between batches: device stage and host copy overlap, s."""
        return np.maximum(self.on_device(batch), self.host * batch)

    def capacity(self) -> Floats:
        """c B / interval(B), requests/s."""
        return quotient(self.servers * self.most, self.interval(self.most))

    def batch_at(self, rate: Floats) -> Floats:
        """Mean batch: what arrives during a service, or one request where nothing does, at most B.

        The interval is the largest of lines F + S b, so that l s(b) / c = b where b = max of l F / (c - l S); Poisson
        arrivals leave the server idle with probability exp(-b), and the next batch is then one request.
        """
        fixed = self.exchange_fixed + self.overhead
        lines = (
            (fixed, self.arithmetic + self.exchange),
            (fixed + self.weights, self.streaming + self.exchange),
        )
        wanted = [quotient(rate * start, np.maximum(self.servers - rate * slope, 0.0)) for start, slope in lines]
        arriving = np.minimum(np.maximum(*wanted), self.most)
        for _ in range(BATCH_STEPS):
            mean = np.clip(arriving + np.exp(-arriving), 1.0, self.most)
            arriving = np.minimum(rate * self.interval(mean) / self.servers, self.most)
        return np.asarray(mean)

    def answer(self, batch: Floats) -> Floats:
        """From the start of a batch to its answers: all stages + host copy, s."""
        return np.asarray(self.stages * self.on_device(batch) + self.host * batch)

    def latency_s(self, level: float, rate: Floats) -> Floats:
        """Rest of the gap between two batches, own batch, queue of full batches; s.

        The last is independent of the others, so what the two add at the percentile adds up in quadrature.
        """
        gap = self._gap(rate)
        mean, high = self._joining(level, rate, gap)
        load = quotient(rate, self.capacity())
        chance = self._backlog(load, gap)
        wait = queueing.wait_if_waiting(load, self.servers, self.interval(self.most), 0.5 / self.most)
        expected = chance * np.minimum(wait, queueing.LONGEST_S)
        first, second = high - mean, queueing.exceeded(level, chance, wait) - expected
        both = first * np.abs(first) + second * np.abs(second)
        total = mean + expected + np.sign(both) * np.sqrt(np.abs(both))
        return np.asarray(np.maximum(total, high))

    def _gap(self, rate: Floats) -> Gap:
        """Gap between two batches as an arrival finds it.

        One server keeps time, so that only the batches vary; the gaps of c servers are those of c random points on a
        circle, cv^2 = (c - 1) / (c + 1). Arrivals see long gaps more often: mean x (1 + cv^2), gamma-distributed.
        """
        batch = self.batch_at(rate)
        service = self.interval(batch)
        more = np.minimum(batch * 1.1, self.most)
        growth = np.where(more > batch, quotient(self.interval(more) - service, more - batch), 0.0)
        feedback = np.minimum(rate * growth / self.servers, 0.98)
        noise = quotient(growth * growth * rate, service * (1.0 - feedback * feedback))
        spread = (self.servers - 1.0) / (self.servers + 1.0) + np.minimum(noise, 1.0)
        gap = service / self.servers
        mean = gap * (1.0 + spread)
        return Gap(mean, gap * mean * spread, growth, feedback, rate * mean, np.minimum(rate * gap / batch, 1.0))

    def _joining(self, level: float, rate: Floats, gap: Gap) -> tuple[Floats, Floats]:
        """(mean, percentile) of rest of the gap + own batch, without full batches, s."""
        busy = queueing.probability_of_waiting(gap.utilisation, self.servers)
        least = self.answer(np.ones_like(rate))
        crowded = gap.mean / 2.0 + self.answer(np.minimum(1.0 + gap.others, self.most))
        square, follow = gap.mean * gap.mean, 0.5 + gap.feedback
        uniform, length = (square + gap.variance) / 12.0, follow * follow * gap.variance
        variance = np.maximum(length + uniform + gap.growth * gap.growth * gap.others, 1e-30)
        tail = quotient(1.0 - level, busy)
        z = queueing.quantile_of_tail(np.clip(tail, 1e-9, 1.0 - 1e-9))
        skewness = 2.0 * np.sqrt(quotient(gap.variance, gap.variance + square) * length / variance)
        # a uniform part has thinner tails than a normal one
        swing = queueing.skewed(z, skewness) - 0.05 * (z * z - 3.0) * z * np.square(uniform / variance)
        latest = self.answer(self.most) + 2.0 * self.interval(self.most) / self.servers
        high = np.where(tail < 1.0, np.clip(crowded + np.sqrt(variance) * swing, least, latest), least)
        return least + busy * (np.minimum(crowded, latest) - least), high

    def _backlog(self, load: Floats, gap: Gap) -> Floats:
        """Probability that more than a full batch waits: that of c B slots, and that of so many in one gap."""
        spread = np.sqrt(gap.others + np.square(quotient(gap.others, gap.mean)) * gap.variance)
        far = quotient(np.maximum(self.most - gap.others, 0.0), spread)
        slots = load * queueing.probability_of_waiting(load, self.most * self.servers)
        return np.minimum(slots, np.where(self.most > 1.0, 2.0 * queueing.normal_tail(far), 1.0))


@dataclass(frozen=True)
class Gap:
    """What an arrival finds at a rate: the gap between two batches, all (n, C)."""

    mean: Floats
    """Length-biased mean, s."""
    variance: Floats
    """Length-biased, s^2."""
    growth: Floats
    """s that one more request adds to a service."""
    feedback: Floats
    """Requests that come in the service of one more request, below 1."""
    others: Floats
    """Requests that arrive in it."""
    utilisation: Floats
    """Of the servers."""


def _parts(card: ModelCard, variant: Variant, conf: Configurations, items: Floats) -> dict[str, Floats]:
    """Memory parts in bytes, (n,); `items` in the largest batch."""
    return {
        "weights": memory.weight_bytes(card, variant, conf),
        "activations": memory.batch_workspace_bytes(card, variant, items, conf.tensor),
        "reserve": np.full_like(items, memory.RESERVE_BYTES),
    }


def _hand_off(work: passes.Pass, device: Device, conf: Configurations) -> tuple[Floats, Floats]:
    """Hand-off between pipeline stages: (s per batch, s per item), (n,); 0 without pipeline."""
    across = conf.crosses_nodes(device)
    staged = np.where(conf.pipeline > 1, 1.0, 0.0)
    fixed, probe = (point_to_point(device, work.hop_bytes * n, across) * staged for n in (0.0, PROBE_TOKENS))
    return affine(fixed, probe)


def _weight_reading_s(
    card: ModelCard, variant: Variant, device: Device, conf: Configurations, work: passes.Pass
) -> Floats:
    """Reading a stage's weights in a pass, s, (n,); without embedding tables, of which only rows are read."""
    blocks, _, _ = memory.parameter_split(card)
    read = blocks * variant.bits_per_weight / 8.0 * work.weight_passes
    return np.asarray(read / (conf.tensor * conf.pipeline) / device.bandwidth)


def server_of(
    workload: RequestServing, card: ModelCard, variant: Variant, device: Device, conf: Configurations
) -> Server:
    """Coefficients of the service time."""
    items = np.array([float(c.items) for c in workload.classes])
    work = passes.forward(card, variant, device, conf)
    batch = np.minimum(conf.batch, workload.max_batch) if workload.max_batch else conf.batch
    hop_fixed, hop = _hand_off(work, device, conf)
    parts = _parts(card, variant, conf, batch * items.max())
    fits = conf.reachable(device) & (result.total(parts) <= device.memory_gb * BYTES_PER_GB)
    shape = np.ones((batch.size, items.size))
    kernels = kernel_times.of_item(work, device)
    together, streaming = per_class(kernels.together) * items, per_class(kernels.streaming) * items
    weights = per_class(_weight_reading_s(card, variant, device, conf, work))
    launches = work.kernels * device.figure("kernel_overhead_s") + device.figure("batch_overhead_s") / conf.pipeline
    return Server(
        compute=per_class(kernels.compute) * items,
        arithmetic=together,
        streaming=streaming,
        weights=weights,
        exchange_fixed=per_class(work.exchange_fixed + hop_fixed),
        overhead=per_class(launches) + kernel_times.exposed_weights(together, streaming, weights, device),
        exchange=per_class(work.exchange + hop) * items,
        host=work.host_bytes * items / device.host * shape,
        most=per_class(batch) * shape,
        servers=per_class(conf.data),
        stages=per_class(conf.pipeline),
        online=device.figure("online", work.phase),
        fits=np.asarray(per_class(fits) & (shape > 0)),
        parts_gb={name: part / BYTES_PER_GB for name, part in parts.items()},
    )


def quantile_s(server: Server, slo: SLO, rate: Floats) -> Floats:
    """Percentile of the metric; the answer comes at once, so `ttft` is the whole latency and gaps are 0."""
    if slo.metric in ("tpot", "itl"):
        return np.zeros_like(rate)
    return server.latency_s(slo.percentile / 100.0, rate)


def highest_rate(server: Server, workload: RequestServing, capacity: Floats) -> Floats:
    """Highest rate that keeps `max_utilisation` of what is reachable online and every SLO, requests/s, (n, C)."""
    limits = {slo: result.limits_ms(slo, workload.classes) for slo in workload.slo}

    def holds(rate: Floats) -> Bools:
        good = server.fits.copy()
        for slo in workload.slo:
            good &= quantile_s(server, slo, rate) * MS_PER_S <= limits[slo]
        return good

    return queueing.highest(holds, capacity * server.online * workload.max_utilisation)


def bottleneck(server: Server) -> Strings:
    """(n,) the largest consumer of time at full batches, averaged over classes."""
    compute = server.compute * server.most
    traffic = server.streaming * server.most + server.weights
    exchange = server.exchange * server.most + server.exchange_fixed
    host = server.host * server.most
    stacked = np.stack(np.broadcast_arrays(compute, traffic, exchange, host))
    shares = quotient(stacked, stacked.max(axis=0)).mean(axis=2)
    names = np.array(["compute", "memory_bandwidth", "interconnect", "host_link"])
    return np.asarray(names[np.argmax(shares, axis=0)])


def _latencies(server: Server, workload: RequestServing, rate: Floats) -> Floats:
    if not workload.slo:
        return np.zeros((rate.shape[0], 0, rate.shape[1]))
    return np.stack([quantile_s(server, slo, rate) * MS_PER_S for slo in workload.slo], axis=1)


def estimate(
    workload: RequestServing, card: ModelCard, variant: Variant, device: Device, conf: Configurations, load: Floats
) -> Estimate:
    """Estimate n options; `load` (n, 1). Raises ValueError for a decoder, which `llm_serving` describes."""
    if isinstance(card.architecture, Decoder):
        raise ValueError(f"{workload.name} is request_serving, but {card.name} is a decoder: use llm_serving")
    server = server_of(workload, card, variant, device, conf)
    capacity = np.where(server.fits, server.capacity(), 0.0)
    rate = highest_rate(server, workload, capacity)
    return Estimate(
        memory_gb=result.total(server.parts_gb),
        memory_limit_gb=device.memory_gb,
        memory_parts_gb=server.parts_gb,
        max_rate=rate,
        saturation_rate=capacity,
        latency_ms=_latencies(server, workload, rate * load),
        idle_latency_ms=_latencies(server, workload, np.zeros_like(rate)),
        training_days=np.full(conf.batch.size, np.nan),
        bottleneck=bottleneck(server),
        precision_supported=True,
    )
