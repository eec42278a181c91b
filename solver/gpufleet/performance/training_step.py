"""Time of one optimizer step.

    step = (m + (p - 1) / v) x micro-batch + exposed data-parallel exchange + optimizer

with m micro-batches per data-parallel rank and p pipeline stages of v interleaved chunks each.
A micro-batch costs 3 forward passes of arithmetic (backward counts 2), 4 with recomputation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import collectives, memory, passes
from gpufleet.performance import training_memory as states
from gpufleet.performance.arrays import Bools, Floats, ceil_div
from gpufleet.schema.models import Convolutional, Decoder, Encoder, ModelCard, Variant

if TYPE_CHECKING:
    from gpufleet.performance.calibration import Phase
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.workloads import Training

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
    """Forward-pass equivalents of arithmetic per micro-batch: 3, or 4 with recomputation."""
    exchanges: Floats
    """Passes with tensor-parallel exchange per micro-batch: 2, or 3 with recomputation."""
    possible: Bools
    """Does every rank get at least one sample?"""


def schedule_of(workload: Training, conf: Configurations) -> Schedule:
    """Micro-batches are cut to the rank's share of the global batch."""
    share = workload.global_batch / conf.data
    micro = np.minimum(conf.batch, np.maximum(np.floor(share), 1.0))
    return Schedule(
        micro=micro,
        accumulation=np.maximum(ceil_div(share, micro), 1.0),
        passes=np.where(conf.recomputation, 4.0, 3.0),
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
    compute_bound: Bools
    """Is the roofline bound by arithmetic?"""

    @property
    def seconds(self) -> Floats:
        """The whole step."""
        return self.arithmetic + self.tensor_exchange + self.bubble + self.data_exchange + self.optimizer


def _forward(
    workload: Training, card: ModelCard, variant: Variant, device: Device, conf: Configurations
) -> passes.Pass:
    architecture = card.architecture
    tokens = states.sequence_tokens(workload, architecture) if isinstance(architecture, Decoder | Encoder) else None
    return passes.forward(card, variant, device, conf, tokens)


def data_exchange_s(
    workload: Training, card: ModelCard, variant: Variant, device: Device, conf: Configurations, accumulation: Floats
) -> Floats:
    """Data-parallel exchange per step before overlap, s, (n,).

    ZeRO 0-2: one all-reduce of the gradients per step. ZeRO 3: per micro-batch two all-gathers of the weights (forward,
    backward) and one reduce-scatter of the gradients. Neighbours in the group stand t accelerators apart.
    """
    bytes_each = states.working_bytes(variant)
    architecture = card.architecture
    factor = architecture.training_state_multiplier if isinstance(architecture, Convolutional) else 1.0
    gradients = states.touched_parameters(workload, card, conf) * bytes_each * factor
    reduced = collectives.all_reduce(device, gradients, conf.data, conf.tensor)
    weights = memory.local_parameters(card, conf) * bytes_each
    gathered = collectives.all_gather(device, weights, conf.data, conf.tensor)
    scattered = collectives.all_gather(device, gradients, conf.data, conf.tensor)
    return np.where(conf.zero_stage >= 3, accumulation * (2.0 * gathered + scattered), reduced)


@dataclass(frozen=True)
class MicroBatch:
    """Seconds of one micro-batch in the slowest stage, (n,) each."""

    compute: Floats
    traffic: Floats
    launches: Floats
    exchange: Floats

    @property
    def local(self) -> Floats:
        """Roofline and launches."""
        return np.maximum(self.compute, self.traffic) + self.launches


def micro_batch(
    workload: Training, card: ModelCard, variant: Variant, device: Device, conf: Configurations, schedule: Schedule
) -> MicroBatch:
    """Forward, backward and recomputation of one micro-batch, with its exchanges."""
    work = _forward(workload, card, variant, device, conf)
    phase: Phase = "train_convolve" if work.phase == "convolve" else "train"
    forward = work.flops / _rate(card, device, phase) + work.scores / device.training_attention
    hop_bytes = schedule.micro * work.hop_bytes / conf.tensor
    hops = 2.0 * collectives.point_to_point(device, hop_bytes, conf.crosses_nodes(device))
    exchange = schedule.exchanges * (work.exchange_fixed + work.exchange * schedule.micro)
    return MicroBatch(
        compute=schedule.passes * schedule.micro * forward,
        traffic=schedule.passes * schedule.micro * work.traffic / device.bandwidth,
        launches=schedule.passes * work.launches,
        exchange=exchange * (1.0 - device.figure("tensor_overlap")) + np.where(conf.pipeline > 1, hops, 0.0),
    )


def step_time(
    workload: Training, card: ModelCard, variant: Variant, device: Device, conf: Configurations, schedule: Schedule
) -> StepTime:
    """Time of one optimizer step."""
    one = micro_batch(workload, card, variant, device, conf, schedule)
    arithmetic = schedule.accumulation * one.local
    exchange = data_exchange_s(workload, card, variant, device, conf, schedule.accumulation)
    hidden = np.minimum(device.figure("data_overlap") * exchange, arithmetic)
    touched = states.touched_parameters(workload, card, conf)
    return StepTime(
        arithmetic=arithmetic,
        tensor_exchange=schedule.accumulation * one.exchange,
        bubble=(conf.pipeline - 1.0) * (one.local + one.exchange) / _chunks(card, device, conf),
        data_exchange=exchange - hidden,
        optimizer=_optimizer_s(workload, variant, device, conf, touched),
        compute_bound=np.asarray(one.compute >= one.traffic),
    )


def _rate(card: ModelCard, device: Device, phase: Phase) -> float:
    """Effective arithmetic rate, FLOP/s; lower where tokens are routed to experts."""
    routed = isinstance(card.architecture, Decoder) and card.architecture.experts > 0
    return device.compute(phase) * (device.figure("routing") if routed else 1.0)


def _chunks(card: ModelCard, device: Device, conf: Configurations) -> Floats:
    """Model chunks per stage, (n,): as calibrated, but at most the blocks of a stage."""
    blocks = float(getattr(card.architecture, "layers", conf.pipeline.max()))
    return np.clip(np.floor(blocks / conf.pipeline), 1.0, device.figure("interleaving"))


def _optimizer_s(workload: Training, variant: Variant, device: Device, conf: Configurations, touched: Floats) -> Floats:
    """Reading and writing gradients and optimizer states once, s, (n,); ZeRO spreads them over the ranks."""
    each = states.working_bytes(variant) + states.optimizer_bytes(variant, workload.optimizer)
    ranks = np.where(conf.zero_stage >= 1, conf.data, 1.0)
    return np.asarray(OPTIMIZER_TRAFFIC * touched * each / ranks / device.bandwidth)
