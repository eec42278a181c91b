"""Where the time of a step goes, part by part, and what a training step makes of the datasheet.

Parts are seconds of one option, (n,) each, of the workload's first request class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import passes, requests, serving, training_step
from gpufleet.performance.arrays import Floats, per_class, quotient
from gpufleet.performance.configurations import Configurations
from gpufleet.performance.training_job import job_of, sequence_tokens
from gpufleet.schema.models import Decoder
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import LLMServing, RequestServing, Training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.performance.case import Case

USEFUL_PASSES = 3.0
"""Forward passes of arithmetic that a training step needs: backward counts 2; recomputation is no use of its own."""


@dataclass(frozen=True)
class TrainingFigures:
    """What a training step of n options does; (n,) each."""

    step_s: Floats
    """Seconds of an optimizer step."""
    parts_s: Mapping[str, Floats]
    """`arithmetic`, `tensor_exchange`, `pipeline_bubble`, `data_exchange` (what arithmetic does not hide),
    `optimizer` and `data_loading` (waiting for samples); they add up to `step_s`."""
    mfu: Floats
    """Model FLOPs utilisation: arithmetic that the model needs, without recomputation, over the dense peak."""


def decoding_parts_s(case: Case, conf: Configurations, concurrency: Floats) -> dict[str, Mapping[str, Floats]]:
    """Parts of two kinds of step of a language model at a concurrency, (n,), of the replica.

    `decoding`: a step of all its sequences; `decoding_with_prompt`: the same with the largest chunk of one prompt.
    Parts: `products`, `weights`, `attention`, `elementwise`, `exchange`, `overhead`. Raises ValueError for other
    workloads.
    """
    workload, card = case.workload, case.card
    if not isinstance(workload, LLMServing) or not isinstance(card.architecture, Decoder):
        raise ValueError(f"{workload.name} decodes nothing")
    one = workload.model_copy(update={"classes": workload.classes[:1]})
    with np.errstate(all="ignore"):
        engine = serving.engine_of(one, card, card.architecture, case.variant, case.device, conf)
        here = np.maximum(per_class(concurrency) / engine.ranks, 1.0)
        chunk = np.minimum(engine.new, engine.chunk)
        return {
            "decoding": _fields(engine.step.parts(here), engine.step.pipeline),
            "decoding_with_prompt": _fields(engine.step.parts(here, chunk), engine.step.pipeline),
        }


def _fields(parts: object, times: Floats) -> dict[str, Floats]:
    return {name: np.asarray((value * times)[:, 0]) for name, value in vars(parts).items()}


def batch_parts_s(case: Case, conf: Configurations, batch: Floats) -> dict[str, Floats]:
    """Parts of one batch of so many requests, (n,), in all pipeline stages.

    `products` overlap with `activations` and `weights`, `host_link` with everything else. Raises ValueError for other
    workloads.
    """
    workload = case.workload
    if not isinstance(workload, RequestServing):
        raise ValueError(f"{workload.name} has no batches of requests")
    few = workload.model_copy(update={"classes": workload.classes[:1]})
    with np.errstate(all="ignore"):
        server = requests.server_of(few, case.card, case.variant, case.device, conf)
        requests_here = per_class(batch)
        parts = {
            "products": server.arithmetic * requests_here,
            "weights": server.weights,
            "activations": server.streaming * requests_here,
            "exchange": server.exchange_fixed + server.exchange * requests_here,
            "overhead": server.overhead,
        }
        staged = {name: np.asarray((part * server.stages)[:, 0]) for name, part in parts.items()}
        return {**staged, "host_link": np.asarray((server.host * requests_here)[:, 0])}


def training_figures(case: Case, conf: Configurations) -> TrainingFigures:
    """Step time with its parts, and MFU. Raises ValueError for other workloads."""
    workload = case.workload
    if not isinstance(workload, Training):
        raise ValueError(f"{workload.name} is no training")
    with np.errstate(all="ignore"):
        job = job_of(workload, case.card)
        schedule = training_step.schedule_of(job, conf)
        step = training_step.step_time(job, case.card, case.variant, case.device, conf, schedule)
        useful = USEFUL_PASSES * workload.global_batch * _forward_flops(case, workload)
        peak = conf.accelerators * case.device.peak * step.seconds
    return TrainingFigures(
        step_s=step.seconds,
        parts_s={
            "arithmetic": step.arithmetic,
            "tensor_exchange": step.tensor_exchange,
            "pipeline_bubble": step.bubble,
            "data_exchange": step.data_exchange,
            "optimizer": step.optimizer,
            "data_loading": np.maximum(step.loading - step.computing, 0.0),
        },
        mfu=quotient(useful, peak),
    )


def _forward_flops(case: Case, workload: Training) -> float:
    """A forward pass of one sample through the whole model, FLOP."""
    tokens = sequence_tokens(workload, case.card) or None
    whole = Configurations.of([(Parallelism(), 1)])
    work = passes.forward(case.card, case.variant, case.device, whole, tokens)
    return float((work.flops + work.scores)[0])
