"""Figures of the options that run, as records: rates, latencies, parts of a step, curves over the load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpufleet.candidates.configuration import parallelism_at
from gpufleet.performance.breakdown import batch_parts_s, decoding_parts_s, training_figures
from gpufleet.performance.configurations import Configurations
from gpufleet.performance.curves_by_load import curves_by_load, figures_at
from gpufleet.schema.estimate import (
    EstimatedOption,
    LatencyCurve,
    LatencyEstimate,
    LoadCurve,
    ServingEstimate,
    TrainingEstimate,
)
from gpufleet.schema.workloads import LLMServing, Training

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from gpufleet.estimating.question import Question
    from gpufleet.performance.case import Case
    from gpufleet.performance.curves_by_load import Quantity
    from gpufleet.performance.result import Estimate
    from gpufleet.schema.plan import Parallelism

    Floats = npt.NDArray[np.float64]
    Found = tuple[EstimatedOption, Case]

TOKENS: Final[tuple[Quantity, ...]] = (("ttft", 50.0), ("ttft", 95.0), ("tpot", 50.0), ("tpot", 95.0))
ANSWERS: Final[tuple[Quantity, ...]] = (("end_to_end", 50.0), ("end_to_end", 95.0), ("end_to_end", 99.0))
EXCHANGES: Final = ("tensor_exchange", "data_exchange")


def quantities_of(question: Question) -> tuple[Quantity, ...]:
    """Percentiles that are stated, by metric: the usual ones, and those of the SLOs."""
    usual = TOKENS if isinstance(question.workload, LLMServing) else ANSWERS
    asked = tuple((bound.metric, bound.percentile) for bound in question.record.slo)
    metrics = list(dict.fromkeys(metric for metric, _ in (*usual, *asked)))
    return tuple(sorted({*usual, *asked}, key=lambda one: (metrics.index(one[0]), one[1])))


def units_of(question: Question) -> float:
    """Tokens or items that one request, or one sample, counts as."""
    record = question.record
    if record.kind == "training":
        return float(record.sequence_tokens or 1)
    return float(record.output_tokens or record.items or 1)


def options_of(
    question: Question, case: Case, conf: Configurations, figures: Estimate, chosen: npt.NDArray[np.int64]
) -> list[EstimatedOption]:
    """Records of the chosen settings; `conf` holds them alone, `figures` are those of all settings."""
    trains = isinstance(question.workload, Training)
    filled = (
        _training(question, case, conf, figures, chosen) if trains else _serving(question, case, conf, figures, chosen)
    )
    return [
        EstimatedOption(
            variant=case.variant.name,
            precision=case.variant.precision,
            parallelism=parallelism_at(conf, place),
            batch=int(conf.batch[place]),
            accelerators=int(conf.accelerators[place]),
            memory_parts_gb={name: float(part[index]) for name, part in figures.memory_parts_gb.items()},
            memory_gb=float(figures.memory_gb[index]),
            memory_limit_gb=figures.memory_limit_gb,
            bottleneck=str(figures.bottleneck[index]),
            provenance=str(figures.provenance[index]),
            evidence=str(figures.evidence[index]),
            rate_low=float(figures.rate_low[index, 0]),
            rate_high=float(figures.rate_high[index, 0]),
            **filled[place],
        )
        for place, index in enumerate(chosen)
    ]


def _serving(
    question: Question, case: Case, conf: Configurations, figures: Estimate, chosen: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    rate, saturation = figures.max_rate[chosen, 0], figures.saturation_rate[chosen, 0]
    quantities = quantities_of(question)
    together, latency = figures_at(case, conf, rate, quantities)
    decodes = isinstance(question.workload, LLMServing)
    parts = decoding_parts_s(case, conf, together) if decodes else {"batch": batch_parts_s(case, conf, together)}
    served = rate * units_of(question)
    return [
        {
            "parts_s": _at(parts, place),
            "serving": ServingEstimate(
                requests_per_s=float(rate[place]),
                saturation_requests_per_s=float(saturation[place]),
                throughput_per_s=float(served[place]),
                throughput_per_accelerator_per_s=float(served[place] / conf.accelerators[place]),
                concurrency=float(together[place]),
                latencies=tuple(_latencies(question, quantities, latency[place])),
            ),
        }
        for place in range(len(chosen))
    ]


def _at(parts: dict[str, Any], place: int) -> dict[str, dict[str, float]]:
    return {step: {name: float(part[place]) for name, part in of.items()} for step, of in parts.items()}


def _latencies(question: Question, quantities: Sequence[Quantity], values: Floats) -> Iterator[LatencyEstimate]:
    limits = {(bound.metric, bound.percentile): bound.limit_ms for bound in question.record.slo}
    for (metric, percentile), value in zip(quantities, values, strict=True):
        limit = limits.get((metric, percentile))
        yield LatencyEstimate(metric=metric, percentile=percentile, predicted_ms=float(value), limit_ms=limit)


def _training(
    question: Question, case: Case, conf: Configurations, figures: Estimate, chosen: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    step = training_figures(case, conf)
    trained = (question.record.global_batch or 1) * units_of(question) / step.step_s
    return [
        {
            "parts_s": _at({"training": step.parts_s}, place),
            "training": TrainingEstimate(
                step_s=float(step.step_s[place]),
                throughput_per_s=float(trained[place]),
                throughput_per_accelerator_per_s=float(trained[place] / conf.accelerators[place]),
                mfu=float(step.mfu[place]),
                days=float(figures.training_days[index]),
                exposed_communication_s=float(sum(step.parts_s[name][place] for name in EXCHANGES)),
            ),
        }
        for place, index in enumerate(chosen)
    ]


def loads_of(question: Question, best: Sequence[Found]) -> list[LoadCurve]:
    """Curves of the best option of each parallelism, over all variants; none for training."""
    if isinstance(question.workload, Training):
        return []
    first: dict[tuple[int, int, int], Found] = {}
    for found in best:
        parallelism = found[0].parallelism
        first.setdefault((parallelism.tensor, parallelism.pipeline, parallelism.data), found)
    curves: dict[tuple[str, Parallelism], LoadCurve] = {}
    for case in dict.fromkeys(case for _, case in first.values()):
        options = [option for option, other in first.values() if other is case]
        curves |= {(one.variant, one.parallelism): one for one in _curves(question, case, options)}
    return [curves[option.variant, option.parallelism] for option, _ in first.values()]


def _curves(question: Question, case: Case, options: Sequence[EstimatedOption]) -> Iterator[LoadCurve]:
    """Of options of one variant."""
    settings = Configurations.of((option.parallelism, option.batch) for option in options)
    curves = curves_by_load(case, settings, quantities_of(question))
    for place, option in enumerate(options):
        yield LoadCurve(
            variant=option.variant,
            parallelism=option.parallelism,
            batch=option.batch,
            accelerators=option.accelerators,
            concurrency=tuple(curves.concurrency[place].tolist()),
            requests_per_s=tuple(curves.rate[place].tolist()),
            throughput_per_s=tuple((curves.rate[place] * units_of(question)).tolist()),
            latencies=tuple(
                LatencyCurve(metric=metric, percentile=percentile, predicted_ms=tuple(values[place].tolist()))
                for (metric, percentile), values in curves.latency_ms.items()
            ),
        )
