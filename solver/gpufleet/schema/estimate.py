"""What `gpufleet estimate` answers: options of one model on one accelerator, with figures, reasons and curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gpufleet.schema.base import Count, Name, NonNegative, Positive, PositiveCount, Precision, Record, Text
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import SLO, LatencyMetric

if TYPE_CHECKING:
    import pandas

Bottleneck = Literal["compute", "memory_bandwidth", "interconnect", "host_link", "kv_capacity"]


class EstimateQuestion(Record):
    """What was asked, defaults filled in."""

    kind: Literal["llm_serving", "request_serving", "training"]
    """What the model does."""
    model: Name
    """Model card."""
    accelerator: Name
    """Accelerator."""
    node_type: Name
    """Node type that the accelerators stand in."""
    node_chosen: Literal["given", "reference", "assumed"]
    """`given` by name or by size; `reference`: the catalogue's node nearest to 8 accelerators; `assumed`: the catalogue
    has no node with this accelerator."""
    node_accelerators: PositiveCount
    """Accelerators per node."""
    network_gb_s: Positive | None = None
    """Network bandwidth of a node, GB/s, one direction; empty = replicas stay inside a node."""
    engine: Text | None = None
    """Engine whose calibrated figures count; empty = those that hold for every engine."""
    input_tokens: PositiveCount | None = None
    """Language serving: prompt tokens per request."""
    output_tokens: PositiveCount | None = None
    """Language serving: generated tokens per request."""
    items: PositiveCount | None = None
    """Request serving: items per request."""
    slo: tuple[SLO, ...] = ()
    """Latency bounds."""
    max_utilisation: Positive | None = None
    """Serving: most of the saturation rate that may be used."""
    global_batch: PositiveCount | None = None
    """Training: samples per optimizer step."""
    sequence_tokens: PositiveCount | None = None
    """Training of language models: tokens per sample."""
    samples: Positive | None = None
    """Training: samples per epoch."""
    epochs: Positive | None = None
    """Training: passes over the samples."""


class LatencyEstimate(Record):
    """A percentile of a latency at the highest rate inside the SLOs."""

    metric: LatencyMetric
    """`ttft`, `tpot`, `itl` or `end_to_end`."""
    percentile: Positive
    """Percentile."""
    predicted_ms: NonNegative
    """At `requests_per_s`, ms."""
    limit_ms: Positive | None = None
    """The SLO's limit, ms; empty = none was asked for."""


class ServingEstimate(Record):
    """What one replica serves."""

    requests_per_s: NonNegative
    """Highest rate inside every SLO and `max_utilisation`, requests/s."""
    saturation_requests_per_s: NonNegative
    """Capacity without SLOs and without `max_utilisation`, requests/s."""
    throughput_per_s: NonNegative
    """At `requests_per_s`: output tokens/s, or items/s."""
    throughput_per_accelerator_per_s: NonNegative
    """The same per accelerator."""
    concurrency: NonNegative
    """At `requests_per_s`: sequences that decode together, or requests per batch."""
    latencies: tuple[LatencyEstimate, ...]
    """Percentiles at `requests_per_s`, those of the SLOs among them."""


class TrainingEstimate(Record):
    """What one replica (all ranks together) trains."""

    step_s: Positive
    """Seconds of an optimizer step."""
    throughput_per_s: NonNegative
    """Tokens/s (language models) or samples/s."""
    throughput_per_accelerator_per_s: NonNegative
    """The same per accelerator."""
    mfu: NonNegative
    """Model FLOPs utilisation: arithmetic that the model needs, over the dense peak of the variant's arithmetic."""
    days: NonNegative
    """Days for all epochs."""
    exposed_communication_s: NonNegative
    """Seconds of a step in exchanges that arithmetic does not hide."""


class EstimatedOption(Record):
    """One way to run the model."""

    variant: Name
    """Variant of the model card."""
    precision: Precision
    """Precision in which its weights are stored."""
    parallelism: Parallelism
    """How the replica is spread."""
    batch: PositiveCount
    """Most sequences at a time per replica (language serving), most requests per batch, or samples per micro-batch."""
    accelerators: PositiveCount
    """Accelerators per replica."""
    memory_parts_gb: dict[str, NonNegative]
    """Memory of the fullest accelerator by part, GB."""
    memory_gb: NonNegative
    """Their sum, GB."""
    memory_limit_gb: NonNegative
    """What is open to the model on one accelerator, GB."""
    bottleneck: Bottleneck
    """What limits the rate at full load."""
    provenance: Literal["measured", "interpolated", "modelled"]
    """Where the figures come from."""
    evidence: Text
    """What says so."""
    rate_low: Positive
    """5 % of true rates are expected below this multiple of the stated one."""
    rate_high: Positive
    """95 % of true rates are expected below this multiple."""
    parts_s: dict[str, dict[str, NonNegative]]
    """Seconds of a step by part, for each kind of step: `decoding` and `decoding_with_prompt` (the same with the
    largest chunk of one prompt), `batch`, or `training`."""
    serving: ServingEstimate | None = None
    """Serving figures."""
    training: TrainingEstimate | None = None
    """Training figures."""

    @property
    def throughput_per_accelerator_per_s(self) -> float:
        """Tokens/s, items/s or samples/s per accelerator: what the best option has most of."""
        figures = self.serving or self.training
        return 0.0 if figures is None else figures.throughput_per_accelerator_per_s


class RejectedOption(Record):
    """A variant in a parallelism none of whose settings runs; the figures are those of the nearest setting."""

    variant: Name
    """Variant of the model card."""
    parallelism: Parallelism
    """How the replica would be spread."""
    batch: PositiveCount
    """As in an option."""
    accelerators: PositiveCount
    """Accelerators per replica."""
    count: PositiveCount
    """Settings tried."""
    rule: Name
    """The rule that it fails: `memory`, `precision`, `replica_size`, `latency`, `throughput`, `software`, `method`."""
    limit: float | Text
    """What the rule allows."""
    actual: float | Text
    """What the nearest setting has."""
    unit: Text
    """Unit of both."""
    reason: Text
    """The same in words."""


class LatencyCurve(Record):
    """A percentile of a latency at every point of a curve."""

    metric: LatencyMetric
    """`ttft`, `tpot`, `itl` or `end_to_end`."""
    percentile: Positive
    """Percentile."""
    predicted_ms: tuple[NonNegative, ...]
    """ms."""


class LoadCurve(Record):
    """Rate and latencies of one option from nearly idle to nearly saturated; all lists have one length."""

    variant: Name
    """Variant of the model card."""
    parallelism: Parallelism
    """How the replica is spread."""
    batch: PositiveCount
    """As in the option."""
    accelerators: PositiveCount
    """Accelerators per replica."""
    concurrency: tuple[NonNegative, ...]
    """Sequences that decode together, or requests per batch."""
    requests_per_s: tuple[NonNegative, ...]
    """Offered rate, requests/s."""
    throughput_per_s: tuple[NonNegative, ...]
    """Output tokens/s, or items/s."""
    latencies: tuple[LatencyCurve, ...]
    """Percentiles."""


class EstimateResult(Record):
    """Options, the best first; what runs in no setting; curves over the load."""

    schema_version: Literal[1] = 1
    """Version of this form."""
    question: EstimateQuestion
    """What was asked."""
    tried: Count
    """Settings tried: variants x parallelisms x batches."""
    feasible: Count
    """Settings that run inside every limit."""
    options: tuple[EstimatedOption, ...]
    """The best setting for each variant and for everything that was listed by name, by throughput per accelerator."""
    rejected: tuple[RejectedOption, ...]
    """Variants and parallelisms of which no setting runs."""
    curves: tuple[LoadCurve, ...] = ()
    """Serving: the best option of each parallelism, in the order of `options`."""

    def to_frame(self) -> pandas.DataFrame:
        """The options as a table, one row each; units are in the names of the columns."""
        import pandas  # slow to import, and not needed to estimate

        return pandas.DataFrame([_row(option) for option in self.options])

    def rejections_frame(self) -> pandas.DataFrame:
        """What runs in no setting as a table, one row each."""
        import pandas

        rows = [{**option.model_dump(), "parallelism": option.parallelism.label} for option in self.rejected]
        return pandas.DataFrame(rows, columns=list(RejectedOption.model_fields))

    def curves_frame(self) -> pandas.DataFrame:
        """The curves as a table, one row per option and point."""
        import pandas

        return pandas.DataFrame([row for curve in self.curves for row in _points(curve)])


def latency_column(metric: str, percentile: float) -> str:
    """Name of a column: `ttft_p95_ms`."""
    return f"{metric}_p{percentile:g}_ms"


def _row(option: EstimatedOption) -> dict[str, Any]:
    fields = option.model_dump(exclude={"parts_s", "memory_parts_gb", "serving", "training", "parallelism"})
    row: dict[str, Any] = {"parallelism": option.parallelism.label, **option.parallelism.model_dump(), **fields}
    row |= {f"memory_{name}_gb": value for name, value in option.memory_parts_gb.items()}
    for figures in (option.serving, option.training):
        row |= figures.model_dump(exclude={"latencies"}) if figures else {}
    if option.serving:
        row |= {latency_column(one.metric, one.percentile): one.predicted_ms for one in option.serving.latencies}
    return row | {f"{step}_{part}_s": value for step, parts in option.parts_s.items() for part, value in parts.items()}


def _points(curve: LoadCurve) -> list[dict[str, Any]]:
    fixed = {"variant": curve.variant, "parallelism": curve.parallelism.label, "batch": curve.batch}
    return [
        {
            **fixed,
            "concurrency": curve.concurrency[point],
            "requests_per_s": curve.requests_per_s[point],
            "throughput_per_s": curve.throughput_per_s[point],
            **{latency_column(one.metric, one.percentile): one.predicted_ms[point] for one in curve.latencies},
        }
        for point in range(len(curve.concurrency))
    ]
