"""Rate and latency percentiles as functions of the load: of the concurrency, or of the offered rate.

`performance/curves.py` reads measured curves; here the model draws its own. All figures are those of the workload's
first request class, served alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import requests, serving
from gpufleet.performance.arrays import Floats, per_class, quotient
from gpufleet.schema.models import Decoder
from gpufleet.schema.workloads import SLO, LLMServing, RequestServing
from gpufleet.units import MS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.performance.case import Case
    from gpufleet.performance.configurations import Configurations
    from gpufleet.schema.workloads import LatencyMetric

    Quantity = tuple[LatencyMetric, float]

FULLEST = 0.97
"""Highest load of a curve, as a share of the saturation rate: above it waiting grows without bound."""
LEAST_SEQUENCES = 0.5
"""Concurrency at which the curves of language models begin, per data-parallel rank."""
ANY_LIMIT_MS = 1e15
"""Limit of a bound that is there to be asked for its value alone."""


@dataclass(frozen=True)
class LoadCurves:
    """n options at K loads each, from nearly idle to nearly saturated."""

    rate: Floats
    """(n, K) requests/s of the replica, rising."""
    concurrency: Floats
    """(n, K) mean number of requests in service in the replica: sequences that decode together; request serving:
    requests per batch."""
    latency_ms: Mapping[Quantity, Floats]
    """(n, K) each: percentile of a metric, ms."""


@dataclass(frozen=True)
class _Engine:
    """Language serving; its load is the sequences b of one rank, (n, C)."""

    engine: serving.Engine
    workload: LLMServing

    def load_at(self, rate: Floats) -> Floats:
        share = quotient(rate, self.engine.rate(self.engine.most))
        return serving.sequences_at(self.engine, self.engine.most, share)

    def loads(self, points: int) -> list[Floats]:
        """Even steps in the logarithm of the concurrency, closer together where places run out."""
        most = self.engine.most
        top = serving.sequences_at(self.engine, most, np.full_like(most, FULLEST))
        least = np.minimum(top, LEAST_SEQUENCES)
        return [least * quotient(top, least) ** step for step in 1.0 - np.linspace(1.0, 0.0, points) ** 1.5]

    def rate(self, load: Floats) -> Floats:
        return np.where(self.engine.fits, self.engine.rate(load), 0.0)

    def concurrency(self, load: Floats) -> Floats:
        return np.asarray(load * self.engine.ranks)

    def latency_ms(self, quantities: Sequence[Quantity], load: Floats) -> Floats:
        asked = self.workload.model_copy(update={"slo": _bounds(quantities)})
        return serving.latencies_ms(self.engine, asked, load)


@dataclass(frozen=True)
class _Server:
    """Request serving; its load is the rate of the replica, (n, C)."""

    server: requests.Server

    def load_at(self, rate: Floats) -> Floats:
        return rate

    def loads(self, points: int) -> list[Floats]:
        """Evenly spaced."""
        capacity = np.where(self.server.fits, self.server.capacity(), 0.0)
        return [capacity * FULLEST * point / points for point in range(1, points + 1)]

    def rate(self, load: Floats) -> Floats:
        return load

    def concurrency(self, load: Floats) -> Floats:
        return self.server.batch_at(load)

    def latency_ms(self, quantities: Sequence[Quantity], load: Floats) -> Floats:
        found = [requests.quantile_s(self.server, bound, load) * MS_PER_S for bound in _bounds(quantities)]
        return np.stack(found, axis=1)


def _bounds(quantities: Sequence[Quantity]) -> tuple[SLO, ...]:
    return tuple(SLO(metric=metric, percentile=level, limit_ms=ANY_LIMIT_MS) for metric, level in quantities)


def _replica(case: Case, conf: Configurations) -> _Engine | _Server:
    workload, card = case.workload, case.card
    if isinstance(workload, LLMServing) and isinstance(card.architecture, Decoder):
        one = workload.model_copy(update={"classes": workload.classes[:1]})
        engine = serving.engine_of(one, card, card.architecture, case.variant, case.device, conf)
        return _Engine(engine, one)
    if isinstance(workload, RequestServing) and not isinstance(card.architecture, Decoder):
        few = workload.model_copy(update={"classes": workload.classes[:1]})
        return _Server(requests.server_of(few, card, case.variant, case.device, conf))
    raise ValueError(f"{workload.name} is {workload.kind}: {card.name} has no curve over the load for it")


def figures_at(case: Case, conf: Configurations, rate: Floats, quantities: Sequence[Quantity]) -> tuple[Floats, Floats]:
    """(concurrency (n,), percentiles (n, Q) in ms) of n options at a rate each, (n,) requests/s.

    `quantities` are pairs of metric and percentile. Raises ValueError for training, and for a model that cannot serve
    the workload's kind.
    """
    with np.errstate(all="ignore"):
        replica = _replica(case, conf)
        return _figures(replica, replica.load_at(per_class(rate)), quantities)


def _figures(replica: _Engine | _Server, load: Floats, quantities: Sequence[Quantity]) -> tuple[Floats, Floats]:
    return replica.concurrency(load)[:, 0], replica.latency_ms(quantities, load)[:, :, 0]


def curves_by_load(case: Case, conf: Configurations, quantities: Sequence[Quantity], points: int = 41) -> LoadCurves:
    """Curves of n options at `points` loads; rates are 0 where the option cannot run. Raises ValueError as above.

    Language models: spaced by the logarithm of the concurrency; the others evenly by the rate.
    """
    with np.errstate(all="ignore"):
        replica = _replica(case, conf)
        loads = replica.loads(points)
        figures = [_figures(replica, load, quantities) for load in loads]
        rates = [replica.rate(load)[:, 0] for load in loads]
    return LoadCurves(
        rate=np.stack(rates, axis=1),
        concurrency=np.stack([together for together, _ in figures], axis=1),
        latency_ms={
            quantity: np.stack([latency[:, place] for _, latency in figures], axis=1)
            for place, quantity in enumerate(quantities)
        },
    )
