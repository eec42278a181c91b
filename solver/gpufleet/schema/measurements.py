"""Measurements: operating points that the user has measured, and what they cover."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from gpufleet.schema.base import Flag, Name, NonNegative, Positive, PositiveCount, Sourced, Text
from gpufleet.schema.workloads import LatencyMetric, LLMServing, RequestServing, Training

MeasurementsPolicy = Literal["strict", "model", "only"]
PerformanceSource = Literal["model", "aiconfigurator", "aiconfigurator-vllm", "aiconfigurator-sglang"]
Kind = Literal["llm_serving", "request_serving", "training"]
Shape = tuple[int, int, int, int]
"""Tensor, pipeline, data and expert parallelism."""
Size = tuple[int, ...]
"""Input and output tokens, or items."""

PERCENTILES: Final = (50, 90, 95, 99)
PREFIXES: Final[dict[LatencyMetric, str]] = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "end_to_end": "e2e"}
"""Metric to the first part of its columns."""
_SERVING: Final = ("requests_per_s", "concurrency", "offered_per_s", "output_tokens", "items")
_NEEDED: Final[dict[Kind, tuple[str, ...]]] = {
    "llm_serving": ("input_tokens", "output_tokens", "concurrency", "requests_per_s"),
    "request_serving": ("items", "batch", "requests_per_s"),
    "training": ("samples_per_s", "batch", "global_batch"),
}


class Measurement(Sourced):
    """One measured operating point of one replica: a row of a file that `measurements` lists."""

    model: Name
    """Model card."""
    variant: Name
    """Variant of the model card."""
    accelerator: Name
    """Accelerator on which it was measured."""
    node_type: Name | None = None
    """Only for this node type; empty = for every node type with the accelerator that has no rows of its own."""
    tensor: PositiveCount = 1
    """Tensor-parallel size of the replica."""
    pipeline: PositiveCount = 1
    """Pipeline-parallel size."""
    data: PositiveCount = 1
    """Data-parallel size inside the replica."""
    expert: PositiveCount = 1
    """Expert-parallel size."""
    zero_stage: Annotated[int, Field(ge=0, le=3, strict=True)] = 0
    """Training: ZeRO stage."""
    recomputation: Flag = False
    """Training: were activations recomputed?"""
    batch: PositiveCount | None = None
    """Request serving: largest inference batch; training: samples per micro-batch and data-parallel rank."""
    global_batch: PositiveCount | None = None
    """Training: samples per optimizer step."""
    engine: Text
    """Serving (or training) software with its version."""
    modelled: Flag = False
    """True where nobody measured it, but another performance model computed it: such rows stand in for the performance
    model, give way to rows that were measured, and count as modelled."""
    input_tokens: PositiveCount | None = None
    """Language: prompt tokens per request; training of a language model: tokens per sample."""
    output_tokens: PositiveCount | None = None
    """Language: generated tokens per request."""
    items: PositiveCount | None = None
    """Request serving: items per request."""
    concurrency: Positive | None = None
    """Requests in flight per replica. Points of one size are ordered by it."""
    offered_per_s: Positive | None = None
    """Request serving: rate that was offered, requests/s per replica, where concurrency is not known."""
    requests_per_s: Positive | None = None
    """Serving: rate that one replica sustained, requests/s."""
    samples_per_s: Positive | None = None
    """Training: samples per second of the whole replica."""
    ttft_p50_ms: NonNegative | None = None
    """Time to first token, ms."""
    ttft_p90_ms: NonNegative | None = None
    """Time to first token, ms."""
    ttft_p95_ms: NonNegative | None = None
    """Time to first token, ms."""
    ttft_p99_ms: NonNegative | None = None
    """Time to first token, ms."""
    ttft_mean_ms: NonNegative | None = None
    """Mean time to first token, ms; for the reader: no SLO is about a mean."""
    tpot_p50_ms: NonNegative | None = None
    """Mean time per output token of a request, ms."""
    tpot_p90_ms: NonNegative | None = None
    """Mean time per output token of a request, ms."""
    tpot_p95_ms: NonNegative | None = None
    """Mean time per output token of a request, ms."""
    tpot_p99_ms: NonNegative | None = None
    """Mean time per output token of a request, ms."""
    tpot_mean_ms: NonNegative | None = None
    """Its mean over requests, ms; for the reader."""
    itl_p50_ms: NonNegative | None = None
    """Gap between two tokens, ms."""
    itl_p90_ms: NonNegative | None = None
    """Gap between two tokens, ms."""
    itl_p95_ms: NonNegative | None = None
    """Gap between two tokens, ms."""
    itl_p99_ms: NonNegative | None = None
    """Gap between two tokens, ms."""
    itl_mean_ms: NonNegative | None = None
    """Mean gap between two tokens, ms; for the reader."""
    e2e_p50_ms: NonNegative | None = None
    """Whole latency of a request, ms."""
    e2e_p90_ms: NonNegative | None = None
    """Whole latency of a request, ms."""
    e2e_p95_ms: NonNegative | None = None
    """Whole latency of a request, ms."""
    e2e_p99_ms: NonNegative | None = None
    """Whole latency of a request, ms."""
    e2e_mean_ms: NonNegative | None = None
    """Mean latency of a request, ms; for the reader."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        for name in _NEEDED[self.kind]:
            if getattr(self, name) is None:
                raise ValueError(f"{name} is missing; a row of {_words(self.kind)} needs {', '.join(self.needed)}")
        for name in _foreign(self.kind):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} does not belong to a row of {_words(self.kind)}; leave it empty")
        if self.kind != "training" and (self.zero_stage or self.recomputation):
            name = "zero_stage" if self.zero_stage else "recomputation"
            raise ValueError(f"{name} does not belong to a row of {_words(self.kind)}; leave it empty")
        if self.kind == "request_serving" and self.load is None:
            raise ValueError("concurrency is missing; a row of request serving needs it, or offered_per_s")
        return self

    @model_validator(mode="after")
    def _percentiles_ascend(self) -> Self:
        for prefix in PREFIXES.values():
            known = [(f"{prefix}_p{p}_ms", getattr(self, f"{prefix}_p{p}_ms")) for p in PERCENTILES]
            known = [(name, value) for name, value in known if value is not None]
            for (low, less), (high, more) in pairwise(known):
                if more < less:
                    raise ValueError(f"{high} is {more:g}, below {low} {less:g}; a higher percentile is never lower")
        return self

    @property
    def kind(self) -> Kind:
        """What kind of workload it is about, by the columns that are filled."""
        if self.samples_per_s is not None:
            return "training"
        return "request_serving" if self.items is not None else "llm_serving"

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that a row of its kind must fill."""
        return _NEEDED[self.kind]

    @property
    def shape(self) -> Shape:
        """How the replica is spread."""
        return self.tensor, self.pipeline, self.data, self.expert

    @property
    def size(self) -> Size:
        """Size of a request."""
        if self.items is not None:
            return (self.items,)
        return self.input_tokens or 0, self.output_tokens or 0

    @property
    def load(self) -> float | None:
        """What points of one size are ordered by: concurrency, else the offered rate."""
        return self.concurrency if self.concurrency is not None else self.offered_per_s

    def latency_ms(self, metric: LatencyMetric, percentile: float) -> float | None:
        """The lowest percentile measured that is at least the one asked for, which is on the safe side; None: none."""
        at_least = (p for p in PERCENTILES if p >= percentile)
        values = (getattr(self, f"{PREFIXES[metric]}_p{p}_ms") for p in at_least)
        return next((float(value) for value in values if value is not None), None)


def latency_columns(metric: LatencyMetric, percentile: float) -> tuple[str, ...]:
    """Columns of which one answers an SLO; none beyond the highest percentile of the format."""
    return tuple(f"{PREFIXES[metric]}_p{p}_ms" for p in PERCENTILES if p >= percentile)


def _words(kind: Kind) -> str:
    return {"llm_serving": "a language model", "request_serving": "request serving", "training": "training"}[kind]


def _foreign(kind: Kind) -> Iterator[str]:
    """Columns that a row of this kind leaves empty."""
    kept = {"llm_serving": ("ttft", "tpot", "itl", "e2e"), "request_serving": ("e2e",), "training": ()}[kind]
    for prefix in PREFIXES.values():
        if prefix not in kept:
            yield from (f"{prefix}_{part}_ms" for part in ("p50", "p90", "p95", "p99", "mean"))
    if kind == "training":
        yield from _SERVING
    else:
        yield from ("global_batch", "samples_per_s")
    if kind == "llm_serving":
        yield from ("offered_per_s", "batch")
    if kind == "request_serving":
        yield from ("input_tokens", "output_tokens")


@dataclass(frozen=True)
class MeasuredPoint:
    """A row and where it stands."""

    place: str
    """File as the instance names it, and line: `own.csv:3`; empty for a point that stands in no file."""
    row: Measurement

    @property
    def file_and_line(self) -> tuple[str, int]:
        """The two parts of the place; nothing and 0 for a point that stands in no file."""
        if not self.place:
            return "", 0
        file, _, line = self.place.rpartition(":")
        return file, int(line)


Points = tuple[MeasuredPoint, ...]


@dataclass(frozen=True)
class Profiles:
    """All measurements of an instance."""

    points: Points = ()
    policy: MeasurementsPolicy = "strict"
    """What holds where nothing was measured; see `Instance.measurements_policy`."""
    modelled: Points = ()
    """Points that another performance model computed: they replace the performance model and give way to `points`."""
    gaps: tuple[str, ...] = ()
    """What the performance source that the instance names does not cover, and why: there, the performance model stands.
    Sentences for the reader, not part of the digest, which follows from the rest."""

    def of(self, kind: Kind, model: str, variant: str, accelerator: str, node_type: str) -> Mapping[Shape, Points]:
        """The points of a variant on a node type, by parallelism; those of the node type alone where it has some."""
        found: dict[Shape, list[MeasuredPoint]] = {}
        for point in self._index.get((kind, model, variant, accelerator), ()):
            if point.row.node_type in (None, node_type):
                found.setdefault(point.row.shape, []).append(point)
        return {shape: _nearest(points) for shape, points in found.items()}

    @cached_property
    def beneath(self) -> Profiles:
        """The modelled points as profiles of their own, class by class before the performance model."""
        return Profiles(self.modelled, "model")

    @cached_property
    def _index(self) -> dict[tuple[str, str, str, str], list[MeasuredPoint]]:
        index: dict[tuple[str, str, str, str], list[MeasuredPoint]] = {}
        for point in self.points:
            row = point.row
            index.setdefault((row.kind, row.model, row.variant, row.accelerator), []).append(point)
        return index

    def records(self) -> dict[str, Measurement]:
        """The rows under names that do not depend on files and order, for digests."""
        every = (*self.points, *self.modelled)
        rows = sorted((point.row for point in every), key=lambda row: row.model_dump_json(exclude_defaults=True))
        return {f"{number:06d}": row for number, row in enumerate(rows)}


def _nearest(points: list[MeasuredPoint]) -> Points:
    own = [point for point in points if point.row.node_type is not None]
    return tuple(own or points)


def sizes_of(workload: LLMServing | RequestServing) -> tuple[Size, ...]:
    """Sizes of a workload's requests by class, in file order."""
    if isinstance(workload, LLMServing):
        return tuple((group.input_tokens, group.output_tokens) for group in workload.classes)
    return tuple((group.items,) for group in workload.classes)


def fits_training(workload: Training, row: Measurement) -> bool:
    """Was it measured with the global batch and the sample length of the workload?"""
    return row.global_batch == workload.global_batch and row.input_tokens == workload.sequence_tokens


def corners(measured: Collection[Size], size: Size) -> tuple[Size, ...]:
    """The measured sizes between which a size lies: itself, or the corners of its cell of the grid that all measured
    sizes span. Empty: outside, or a corner was not measured."""
    if size in measured:
        return (size,)
    sides = [neighbours({known[axis] for known in measured}, value) for axis, value in enumerate(size)]
    cell = tuple(product(*sides))
    return cell if cell and all(corner in measured for corner in cell) else ()


def neighbours(known: Iterable[int], value: int) -> tuple[int, ...]:
    """The value itself if known, else the nearest known values below and above it; empty outside."""
    below = max((entry for entry in known if entry <= value), default=None)
    above = min((entry for entry in known if entry >= value), default=None)
    if below is None or above is None:
        return ()
    return (below,) if below == above else (below, above)


def same_figures(first: Measurement, second: Measurement) -> bool:
    """Do two rows say the same, whatever their source, date and note?"""
    unlike: dict[str, Any] = {"source": "-", "as_of": None, "note": None}
    return first.model_copy(update=unlike) == second.model_copy(update=unlike)
