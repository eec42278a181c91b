"""Training: memory, and days to the end.

days = samples x epochs / global batch x step time x (1 + restart overhead)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import memory, result
from gpufleet.performance import training_memory as states
from gpufleet.performance.arrays import Floats, Strings, per_class, quotient
from gpufleet.performance.result import Estimate
from gpufleet.performance.training_job import Job, job_of
from gpufleet.performance.training_step import Schedule, StepTime, schedule_of, step_time
from gpufleet.units import BYTES_PER_GB, SECONDS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.models import ModelCard, Variant
    from gpufleet.schema.workloads import Training


def memory_parts_gb(
    job: Job, card: ModelCard, variant: Variant, conf: Configurations, schedule: Schedule
) -> Mapping[str, Floats]:
    """Memory parts, GB, (n,); the first pipeline stage holds up to p micro-batches (1F1B)."""
    weights, gradients, optimizer = states.state_parts(job, card, variant, conf)
    flight = np.minimum(conf.pipeline, schedule.accumulation)
    parts = {
        "weights": weights,
        "gradients": gradients,
        "optimizer": optimizer,
        "activations": states.activation_bytes(job, card, variant, conf, schedule.micro, flight),
        "reserve": np.full_like(weights, memory.RESERVE_BYTES),
    }
    return {name: part / BYTES_PER_GB for name, part in parts.items()}


def bottleneck(step: StepTime) -> Strings:
    """(n,) data_loading where the samples come late; else the largest of arithmetic (compute or memory_bandwidth by its
    roofline) and all exchanges."""
    exchange = step.tensor_exchange + step.data_exchange
    local = np.where(step.compute_bound, "compute", "memory_bandwidth")
    working = np.where(exchange > step.arithmetic, "interconnect", local)
    return np.where(step.loading > step.computing, "data_loading", working)


def estimate(workload: Training, card: ModelCard, variant: Variant, device: Device, conf: Configurations) -> Estimate:
    """Estimate n options; one class, rate = deadline / days."""
    job = job_of(workload, card)
    schedule = schedule_of(job, conf)
    parts = memory_parts_gb(job, card, variant, conf, schedule)
    needed = result.total(parts)
    step = step_time(job, card, variant, device, conf, schedule)
    possible = schedule.possible & conf.reachable(device)
    steps = workload.samples * workload.epochs / workload.global_batch
    days = steps * step.seconds * (1.0 + workload.restart_overhead_fraction) / SECONDS_PER_DAY
    days = np.where(possible, days, np.inf)
    rate = per_class(np.where(needed <= device.memory_gb, quotient(workload.deadline_days, days), 0.0))
    none = np.zeros((conf.batch.size, 0, 1))
    return Estimate(
        memory_gb=needed,
        memory_limit_gb=device.memory_gb,
        memory_parts_gb=parts,
        max_rate=rate,
        saturation_rate=rate,
        latency_ms=none,
        idle_latency_ms=none,
        training_days=days,
        bottleneck=bottleneck(step),
        precision_supported=True,
    )
