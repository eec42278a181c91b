"""The entry of the room: memory, rates and latencies of many deployment options at once."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import disaggregation, requests, result, serving, training
from gpufleet.performance.arrays import Floats, per_class
from gpufleet.performance.configurations import Configurations
from gpufleet.performance.device import Device, device_of
from gpufleet.performance.profiles import with_measurements, with_modelled
from gpufleet.performance.result import Estimate, limits_ms
from gpufleet.performance.uncertainty import Uncertainty, at_level
from gpufleet.schema.models import Decoder, ModelCard, Variant
from gpufleet.schema.workloads import LLMServing, RequestServing, Training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from gpufleet.performance.calibration import Efficiency, Phase
    from gpufleet.schema.base import Performance
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.measurements import Profiles

__all__ = ["Configurations", "Estimate", "at_level", "estimate", "limits_ms"]

AnyWorkload = LLMServing | RequestServing | Training
PHASES: Mapping[str, Phase] = MappingProxyType(
    {"llm_serving": "decode", "request_serving": "encode", "training": "train"}
)
"""What an accelerator is mainly used for."""


def estimate(
    workload: AnyWorkload,
    card: ModelCard,
    variant: Variant,
    accelerator: Accelerator,
    node_type: NodeType,
    configurations: Configurations,
    load: ArrayLike = 1.0,
    *,
    efficiency: Efficiency,
    engine: str = "",
    profiles: Profiles | None = None,
    performance: Performance = "p50",
) -> Estimate:
    """Estimate n options of one workload on one node type with one variant.

    `load` (a number or (n,)) is the fraction of `max_rate` at which `latency_ms` is reported; `engine` names the
    software whose figures count, where the calibration has figures of its own for it; `profiles` replace the model
    where they cover an option, measured points before modelled ones. With `performance` p90, the operating point is
    one at which the latencies of 90 % confidence keep their limits; all figures stay medians (`at_level` takes them to
    the level). Raises ValueError when the model's architecture cannot serve the workload's kind (a language workload
    needs a decoder).
    """
    device = device_of(accelerator, node_type, variant, efficiency, card.name, engine, PHASES[workload.kind])
    share = per_class(np.broadcast_to(np.asarray(load, dtype=np.float64), configurations.batch.shape))
    uncertainty = Uncertainty.of(workload, card, efficiency, engine)
    held = workload if performance == "p50" else uncertainty.tightened(workload)
    found = _modelled(held, card, variant, device, configurations, share)
    modelled = uncertainty.stamped(found, workload, efficiency, engine)
    if profiles is None or not (profiles.points or profiles.modelled):
        return modelled
    names = (variant.name, accelerator.name, node_type.name)
    modelled = with_modelled(modelled, profiles, workload, card, names, configurations, share, performance)
    return with_measurements(modelled, profiles, workload, card, names, configurations, share, performance)


def _modelled(
    workload: AnyWorkload,
    card: ModelCard,
    variant: Variant,
    device: Device,
    configurations: Configurations,
    share: Floats,
) -> Estimate:
    with np.errstate(all="ignore"):
        if device.peak <= 0.0:
            return _unsupported(workload, configurations, device)
        if isinstance(workload, Training):
            return training.estimate(workload, card, variant, device, configurations)
        if isinstance(workload, RequestServing):
            return requests.estimate(workload, card, variant, device, configurations, share)
        return _serve(workload, card, variant, device, configurations, share)


def _unsupported(workload: AnyWorkload, configurations: Configurations, device: Device) -> Estimate:
    trains = isinstance(workload, Training)
    classes = 1 if isinstance(workload, Training) else len(workload.classes)
    slos = 0 if isinstance(workload, Training) else len(workload.slo)
    return result.unsupported(configurations.batch.size, classes, slos, device.memory_gb, trains)


def _serve(
    workload: LLMServing, card: ModelCard, variant: Variant, device: Device, conf: Configurations, load: Floats
) -> Estimate:
    if not isinstance(card.architecture, Decoder):
        raise ValueError(f"{workload.name} is llm_serving, but {card.name} is not a decoder: {card.architecture.kind}")
    split = conf.prefill_instances > 0
    if split.any() and not split.all():
        parts = (_serve(workload, card, variant, device, conf.at(rows), load[rows]) for rows in (~split, split))
        return result.interleaved(split, *parts)
    engine_of = disaggregation.split_engine if split.any() else serving.engine_of
    engine = engine_of(workload, card, card.architecture, variant, device, conf)
    sequences, saturation = serving.highest_load(engine, workload)
    at_load = serving.sequences_at(engine, sequences, load)
    return Estimate(
        memory_gb=result.total(engine.parts_gb),
        memory_limit_gb=device.memory_gb,
        memory_parts_gb=engine.parts_gb,
        max_rate=engine.rate(sequences),
        saturation_rate=saturation,
        latency_ms=serving.latencies_ms(engine, workload, at_load),
        idle_latency_ms=serving.latencies_ms(engine, workload, np.zeros_like(sequences)),
        training_days=np.full(conf.batch.size, np.nan),
        bottleneck=disaggregation.bottleneck(engine)
        if isinstance(engine, disaggregation.Split)
        else serving.bottleneck(engine),
        precision_supported=True,
    )
