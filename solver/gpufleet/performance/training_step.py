"""Time of one optimizer step.

    step = max((m + (p - 1) / v) x micro-batch + exposed data-parallel exchange + optimizer, loading)

with m micro-batches per data-parallel rank and p pipeline stages of v interleaved chunks each.
A micro-batch costs 3 forward passes of arithmetic (backward counts 2: gradients of inputs and of weights), 4 with
recomputation. `training_work` says what a transformer computes, `training_exchange` what it exchanges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import collectives, passes, training_exchange, training_work, transformer
from gpufleet.performance import training_memory as states
from gpufleet.performance.arrays import Bools, Floats, ceil_div
from gpufleet.schema.models import Decoder, Encoder, ModelCard, Variant

if TYPE_CHECKING:
    from gpufleet.performance.calibration import Phase
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.performance.training_job import Job

OPTIMIZER_TRAFFIC = 2.0
"""Each byte of gradient and optimizer state is read and written about once per step."""


@dataclass(frozen=True)
class Schedule:
    """How the global batch is cut; (n,) each."""

    micro: Floats
    """Samples per micro-batch and rank."""
    accumulation: Floats
    """Micro-batches per rank and step, m."""
    passes: Floats
    """Forward-pass equivalents of arithmetic per micro-batch: 3, or 4 with recomputation. Frozen parameters have no
    weight gradient: 2 + trained share."""
    exchanges: Floats
    """Passes with tensor-parallel exchange per micro-batch: 2, or 3 with recomputation."""
    possible: Bools
    """Does every rank get at least one sample?"""


def schedule_of(job: Job, conf: Configurations) -> Schedule:
    """Micro-batches are cut to the rank's share of the global batch."""
    share = job.global_batch / conf.data
    micro = np.minimum(conf.batch, np.maximum(np.floor(share), 1.0))
    full = 2.0 + job.trained
    return Schedule(
        micro=micro,
        accumulation=np.maximum(ceil_div(share, micro), 1.0),
        passes=np.where(conf.recomputation, full + 1.0, full),
        exchanges=np.where(conf.recomputation, 3.0, 2.0),
        possible=np.asarray(share >= 1.0),
    )


@dataclass(frozen=True)
class StepTime:
    """Seconds of one optimizer step, (n,) each."""

    arithmetic: Floats
    """Rooflines of all micro-batches of the slowest stage."""
    tensor_exchange: Floats
    """Tensor- and expert-parallel exchange and hand-offs of all micro-batches."""
    bubble: Floats
    """Idle time of the pipeline."""
    data_exchange: Floats
    """Data-parallel exchange that arithmetic does not hide."""
    optimizer: Floats
    loading: Floats
    """Reading the samples of a step, which goes on beside everything else."""
    compute_bound: Bools
    """Is the roofline bound by arithmetic?"""

    @property
    def computing(self) -> Floats:
        """The whole step, were all samples there in time."""
        return self.arithmetic + self.tensor_exchange + self.bubble + self.data_exchange + self.optimizer

    @property
    def seconds(self) -> Floats:
        """The whole step."""
        return np.maximum(self.computing, self.loading)


@dataclass(frozen=True)
class MicroBatch:
    """Seconds of one micro-batch in the slowest stage, (n,) each."""

    compute: Floats
    """Arithmetic."""
    traffic: Floats
    """Streaming of memory."""
    local: Floats
    """Both, as far as they follow each other, or the host's time."""
    exchange: Floats
    """Exchanges within the replica that arithmetic does not hide."""


def micro_batch(
    job: Job, card: ModelCard, variant: Variant, device: Device, conf: Configurations, schedule: Schedule
) -> MicroBatch:
    """Forward, backward and recomputation of one micro-batch, with its exchanges."""
    if isinstance(card.architecture, Decoder | Encoder):
        return _transformer(job, card, card.architecture, device, conf, schedule)
    return _network(card, variant, device, conf, schedule)


def _transformer(
    job: Job,
    card: ModelCard,
    architecture: Decoder | Encoder,
    device: Device,
    conf: Configurations,
    schedule: Schedule,
) -> MicroBatch:
    length = job.tokens
    batch = training_work.MicroBatch(schedule.micro, length, schedule.passes, job.trained)
    work = training_work.work_of(batch, card, architecture, device, conf)
    tokens = schedule.micro * length / conf.context
    sent = schedule.exchanges * training_exchange.block_exchange_s(card, architecture, device, conf, tokens)
    hops = _hops(device, conf, tokens * architecture.hidden_size * transformer.EXCHANGED_BYTES)
    return MicroBatch(
        compute=work.products,
        traffic=work.streams,
        local=work.seconds,
        exchange=sent + hops,
    )


def _hops(device: Device, conf: Configurations, size: Floats) -> Floats:
    """Hand-offs of `size` bytes to the next stage and back, s, (n,)."""
    hops = 2.0 * collectives.point_to_point(device, size / conf.tensor, conf.crosses_nodes(device))
    return np.asarray(np.where(conf.pipeline > 1, hops, 0.0))


def _network(card: ModelCard, variant: Variant, device: Device, conf: Configurations, schedule: Schedule) -> MicroBatch:
    """Recommenders and networks given per sample: the larger of arithmetic and traffic."""
    work = passes.forward(card, variant, device, conf)
    phase: Phase = "train_convolve" if work.phase == "convolve" else "train"
    compute = schedule.passes * schedule.micro * work.flops / device.compute(phase)
    traffic = schedule.passes * schedule.micro * work.traffic / device.bandwidth
    exchange = schedule.exchanges * (work.exchange_fixed + work.exchange * schedule.micro)
    return MicroBatch(
        compute=compute,
        traffic=traffic,
        local=np.maximum(compute, traffic) + schedule.passes * work.launches,
        exchange=exchange * (1.0 - device.figure("tensor_overlap"))
        + _hops(device, conf, schedule.micro * work.hop_bytes),
    )


def step_time(
    job: Job, card: ModelCard, variant: Variant, device: Device, conf: Configurations, schedule: Schedule
) -> StepTime:
    """Time of one optimizer step."""
    one = micro_batch(job, card, variant, device, conf, schedule)
    arithmetic = schedule.accumulation * one.local
    exchange = training_exchange.data_exchange_s(job, card, variant, device, conf, schedule.accumulation)
    last = np.minimum(schedule.accumulation, conf.pipeline)
    room = np.where(conf.zero_stage >= 3, arithmetic, last * one.local)
    hidden = np.minimum(device.figure("data_overlap") * exchange, room)
    touched = states.touched_parameters(job, card, conf)
    return StepTime(
        arithmetic=arithmetic,
        tensor_exchange=schedule.accumulation * one.exchange,
        bubble=(conf.pipeline - 1.0) * (one.local + one.exchange) / _chunks(card, device, conf),
        data_exchange=exchange - hidden,
        optimizer=_optimizer_s(job, variant, device, conf, touched),
        loading=_loading_s(job, device, conf),
        compute_bound=np.asarray(one.compute >= one.traffic),
    )


def _chunks(card: ModelCard, device: Device, conf: Configurations) -> Floats:
    """Model chunks per stage, (n,): as given or calibrated, but at most the blocks of a stage."""
    blocks = float(getattr(card.architecture, "layers", conf.pipeline.max()))
    most = np.maximum(np.floor(blocks / conf.pipeline), 1.0)
    return np.asarray(np.minimum(np.where(conf.chunks > 0, conf.chunks, device.figure("interleaving")), most))


def _loading_s(job: Job, device: Device, conf: Configurations) -> Floats:
    """Seconds in which the input pipelines of the replica's nodes (or its part of one) deliver a global batch, (n,)."""
    nodes = conf.accelerators / device.per_node
    return np.asarray(job.global_batch / (nodes * job.loader_samples_per_s_per_node))


def _optimizer_s(job: Job, variant: Variant, device: Device, conf: Configurations, touched: Floats) -> Floats:
    """Reading and writing gradients and optimizer states once, s, (n,); ZeRO spreads them over the ranks."""
    each = states.working_bytes(variant) + states.optimizer_bytes(variant, job.optimizer)
    ranks = np.where(conf.zero_stage >= 1, conf.data * conf.context, 1.0)
    return np.asarray(OPTIMIZER_TRAFFIC * touched * each / ranks / device.bandwidth)
