"""What the performance model says to rows of MLPerf inference that are not about language models.

Offline is the rate with full batches, server the highest rate within the bound on the 99th percentile, single stream
the reciprocal of the latency of one sample on an idle accelerator. All rates are per accelerator.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from gpufleet.calibration import request_names as names
from gpufleet.calibration.observations import Batch, Observation, Skipped
from gpufleet.errors import InputError
from gpufleet.performance import requests
from gpufleet.performance.configurations import Configurations
from gpufleet.performance.device import device_of, peak_flops
from gpufleet.schema.hardware import NodeType
from gpufleet.schema.models import Decoder
from gpufleet.schema.workloads import SLO, ItemClass, RequestServing
from gpufleet.units import MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpufleet.calibration.tables import Row, Table
    from gpufleet.library import Library
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import ModelCard, Variant

PAIRS_PER_SAMPLE: Final = {"dlrm": 270, "dlrm-v2": 270}
"""User-item pairs of a sample (NVIDIA performance tuning guide, github.com/mlcommons/inference_results_v1.1)."""
BATCHES: Final = np.array(
    [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048], dtype=float
)
"""Largest batches that are tried; the best counts, as a tuned submission would choose it."""
PARTS: Final = np.concatenate([np.arange(1.0, 0.1, -0.025), np.geomspace(0.1, 1e-4, 12)])
"""Parts of the reachable rate that are tried against a bound on latency."""
KINDS: Final = {
    "bert-large": "encoder",
    "dlrm": "recommender",
    "dlrm-v2": "recommender",
    "rnnt": "speech",
    "stable-diffusion-xl": "diffusion",
}
"""Parts whose errors are stated together; the others are convolutional."""
_SCENARIOS: Final = {"offline": "offline", "server": "server", "singlestream": "single stream"}
_ONES: Final = np.ones_like(BATCHES)
_NONE: Final = np.zeros_like(BATCHES)
_OPTIONS: Final = Configurations(_ONES, _ONES, _ONES, _ONES, _NONE, _NONE > 0, BATCHES)


class _UnpredictableError(Exception):
    """Why a row is skipped."""


@dataclass(frozen=True)
class Question:
    """What one row asks."""

    scenario: str
    variant: Variant
    power_w: float | None
    bound_ms: float
    """Bound on the 99th percentile; only of the server scenario."""


@dataclass(frozen=True)
class Served:
    """Predicts rows of one model card on one accelerator."""

    card: ModelCard
    settings: tuple[tuple[Variant, Accelerator], ...]
    """Arithmetic, and the accelerator with its power limit."""
    questions: tuple[tuple[int, Question], ...]
    """What each row asks in which of the settings."""

    @classmethod
    def of(cls, card: ModelCard, accelerator: Accelerator, questions: Sequence[Question]) -> Self:
        """Rows in equal settings share the service times."""
        kinds = list(dict.fromkeys((q.variant, q.power_w) for q in questions))
        settings = tuple((variant, accelerator.model_copy(update={"tdp_w": power})) for variant, power in kinds)
        return cls(card, settings, tuple((kinds.index((q.variant, q.power_w)), q) for q in questions))

    def __call__(self, efficiency: Efficiency) -> Floats:
        """Samples/s of one accelerator, (n,)."""
        with np.errstate(all="ignore"):
            servers = [self._server(variant, accelerator, efficiency) for variant, accelerator in self.settings]
            return np.array([self._rate(question, servers[at]) for at, question in self.questions], dtype=np.float64)

    def _server(self, variant: Variant, accelerator: Accelerator, efficiency: Efficiency) -> requests.Server:
        device = device_of(accelerator, _node(accelerator.name), variant, efficiency, self.card.name)
        return requests.server_of(_workload(self.card.name), self.card, variant, device, _OPTIONS)

    def _rate(self, question: Question, server: requests.Server) -> float:
        if question.scenario == "single stream":
            return float(1.0 / (server.on_device(np.ones_like(server.most)) + server.host)[0, 0])
        # tables of a recommender that do not fit lie partly in host memory in published runs, rarely read rows first
        fits = server.fits if server.fits.any() else np.ones_like(server.fits)
        capacity = np.where(fits, server.capacity(), 0.0)
        if question.scenario == "offline":
            return float(capacity.max())
        return self._within_bound(question, server, capacity)

    def _within_bound(self, question: Question, server: requests.Server, capacity: Floats) -> float:
        """The largest of the tried parts of the reachable rate that keeps the bound."""
        rate = capacity * server.online * PARTS
        kept = requests.quantile_s(server, _bound(question.bound_ms), rate) * MS_PER_S <= question.bound_ms
        return float(np.where(kept, rate, 0.0).max())


@cache
def _node(accelerator: str) -> NodeType:
    return NodeType(name="reference", accelerator=accelerator, accelerators=1, source="one accelerator")


@cache
def _bound(limit_ms: float) -> SLO:
    return SLO(metric="end_to_end", percentile=99.0, limit_ms=limit_ms)


@cache
def _workload(card: str, *slo: SLO) -> RequestServing:
    sample = ItemClass(name="sample", items=PAIRS_PER_SAMPLE.get(card, 1), requests_per_s=1.0)
    return RequestServing(
        name="mlperf", kind="request_serving", model=card, classes=(sample,), slo=slo, max_utilisation=1.0
    )


def batches(table: Table, library: Library) -> tuple[list[Batch], list[Skipped]]:
    """Rows of the table by model card and accelerator, and what cannot be predicted. Language models are left to
    `llm_rows`."""
    skipped: list[Skipped] = []
    groups: dict[tuple[str, str], list[tuple[Observation, Question]]] = {}
    if table.kind not in ("mlperf_inference", "mlperf_single_stream"):
        return [], []
    for row in table.rows:
        if names.is_language(row.text("model")):
            continue
        try:
            observation, question = _understood(row, table, library)
        except _UnpredictableError as reason:
            skipped.append(Skipped(table.name, row.line, str(reason)))
        except InputError as error:
            skipped.append(Skipped(table.name, row.line, error.problems[0].message))
        else:
            groups.setdefault(observation.group, []).append((observation, question))
    return [_batch(library, group) for group in groups.values()], skipped


def _batch(library: Library, group: Iterable[tuple[Observation, Question]]) -> Batch:
    observations, questions = zip(*group, strict=True)
    first: Observation = observations[0]
    served = Served.of(library.model(first.model), library.accelerators[first.accelerator], questions)
    return Batch(observations, served)


def _understood(row: Row, table: Table, library: Library) -> tuple[Observation, Question]:
    """Raises _UnpredictableError or InputError with the reason."""
    when = names.round_of(row)
    card, accelerator = _card(row, when, library), _accelerator(row, library)
    scenario = _scenario(row, table)
    variant = names.variant_of(row, card.name, accelerator, when)
    if peak_flops(accelerator.peak, variant.precision) <= 0.0:
        raise _UnpredictableError(f"{accelerator.name} has no {variant.precision} arithmetic")
    bound = (row.number("latency_bound_ms") or names.BOUNDS_MS.get(card.name, 0.0)) if scenario == "server" else 0.0
    if scenario == "server" and not bound:
        raise _UnpredictableError(f"the latency bound of {card.name} is not known")
    question = Question(scenario, variant, names.power_limit_w(row, accelerator), bound)
    return _observation(row, table, card, accelerator, question), question


def _card(row: Row, when: tuple[int, int] | None, library: Library) -> ModelCard:
    model = row.text("model")
    name = names.card_of(model, when)
    if name is None or name not in library.model_names:
        why = "tell its round: the model changed in v2.0" if "unet" in model.lower() else "no model card describes it"
        raise _UnpredictableError(f"model {model!r}: {why}")
    card = library.model(name)
    if isinstance(card.architecture, Decoder):
        raise _UnpredictableError(f"model {model!r} is a language model")
    return card


def _accelerator(row: Row, library: Library) -> Accelerator:
    if (reason := names.special(row)) is not None:
        raise _UnpredictableError(f"{row.text('accelerator_norm')}: {reason}")
    name = names.accelerator_of(row)
    if name is None or name not in library.accelerators:
        raise _UnpredictableError(f"accelerator {row.text('accelerator_norm')!r} is not in the catalogue")
    return library.accelerators[name]


def _scenario(row: Row, table: Table) -> str:
    if row.text("result_valid").upper() not in ("", "VALID", "TRUE"):
        raise _UnpredictableError("the result is marked as not valid")
    given = row.text("scenario") or ("SingleStream" if table.kind == "mlperf_single_stream" else "")
    scenario = _SCENARIOS.get(given.lower().replace(" ", "").replace("-", ""))
    if scenario is None:
        raise _UnpredictableError(f"scenario {given!r} is not predicted, only Offline, Server and SingleStream")
    if scenario == "single stream" and table.kind != "mlperf_single_stream":
        raise _UnpredictableError("single stream belongs into a table with mean_latency_ms")
    return scenario


def _measured(row: Row, table: Table, accelerator: Accelerator) -> float:
    """Samples/s of one accelerator, or of one stream."""
    if table.kind == "mlperf_single_stream":
        latency = row.number("mean_latency_ms") or row.number("p50_latency_ms")
        if not latency:
            raise _UnpredictableError("no mean latency")
        if (row.number("samples_per_query") or 1.0) != 1.0:
            raise _UnpredictableError("more than one sample per query")
        return MS_PER_S / latency
    if row.text("metric").lower() not in ("", "samples/s", "queries/s"):
        raise _UnpredictableError(f"metric {row.text('metric')!r} is no rate of samples")
    value = row.number("value")
    if not value:
        raise _UnpredictableError("no value")
    return value / row.count("accelerators_n") * names.CORES_PER_CHIP.get(accelerator.name, 1)


def _observation(row: Row, table: Table, card: ModelCard, accelerator: Accelerator, question: Question) -> Observation:
    within = f", p99 within {question.bound_ms:g} ms" if question.bound_ms else ""
    return Observation(
        table=table.name,
        line=row.line,
        domain="request_rate",
        kind=f"MLPerf {question.scenario} {KINDS.get(card.name, 'convolutional')}",
        model=card.name,
        accelerator=accelerator.name,
        engine=row.text("framework"),
        setting=f"{row.text('system') or accelerator.name} {row.text('round')}, {question.variant.name}{within}",
        measured=_measured(row, table, accelerator),
        source=row.text("source"),
    )
