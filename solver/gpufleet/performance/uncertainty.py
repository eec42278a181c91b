"""How far from an estimate the truth may lie, and the estimate that is kept with 90 % confidence.

An interval has two multiples of the estimate: 5 % of the truth lies below the low one, 95 % below the high one. The
calibration states them by domain, cross-validated. Between the median, taken as 1, and such a quantile the logarithm is
taken as normal, on either side by itself, so that

    10 % quantile = low^(z90 / z95)        90 % quantile = high^(z90 / z95)        z90 / z95 = 1.2816 / 1.6449

At `p90` a replica sustains the 10 % quantile of its rate, at an operating point where the 90 % quantile of every
latency keeps its limit. A quantile that would be better than the estimate itself counts as the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from gpufleet.performance.calibration import RELATIVE_UNCERTAINTY, engines
from gpufleet.performance.result import MODEL
from gpufleet.schema.workloads import LLMServing, Training

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.performance.result import Estimate
    from gpufleet.schema.base import Performance
    from gpufleet.schema.calibration import Domain
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.workloads import SLO, LatencyMetric, RequestServing

    Serving = LLMServing | RequestServing
    Modelled = Serving | Training

Z90: Final = 1.2815515655446004
Z95: Final = 1.6448536269514722
"""Standard normal quantiles."""


@dataclass(frozen=True)
class Spread:
    """Multiples of an estimate between which 90 % of the truth lies."""

    low: float
    high: float

    @property
    def inverse(self) -> Spread:
        """The spread of the reciprocal: a time from a rate, or the other way round."""
        return Spread(1.0 / self.high, 1.0 / self.low)

    @property
    def least(self) -> float:
        """What 90 % of the truth exceeds, as a multiple of at most 1."""
        return float(at_least(np.asarray(self.low)))

    @property
    def most(self) -> float:
        """What 90 % of the truth stays below, as a multiple of at least 1."""
        return float(at_most(np.asarray(self.high)))

    def wider(self, other: Spread) -> Spread:
        """The smallest spread around both."""
        return Spread(min(self.low, other.low), max(self.high, other.high))


MEASURED: Final = Spread(0.95, 1.05)
"""Assumed: a benchmark run again, on another machine of its kind, comes out within 5 %."""
INTERPOLATED: Final = Spread(0.90, 1.10)
"""Assumed: straight lines between measured points add as much again."""


def at_least(low: Floats) -> Floats:
    """The 10 % quantile from the 5 % quantile, as multiples of the estimate, at most 1. Shape of `low`."""
    return np.minimum(low, 1.0) ** (Z90 / Z95)


def at_most(high: Floats) -> Floats:
    """The 90 % quantile from the 95 % quantile, as multiples of the estimate, at least 1. Shape of `high`."""
    return np.maximum(high, 1.0) ** (Z90 / Z95)


def assumed(kind: str) -> Spread:
    """Where a calibration states no interval: a log-normal error with the standard deviation that is assumed for the
    kind of workload."""
    reach = (1.0 + RELATIVE_UNCERTAINTY[kind]) ** Z95
    return Spread(1.0 / reach, reach)


def stated(efficiency: Efficiency, domain: Domain, kinds: Iterable[str], workload_kind: str) -> Spread:
    """The interval of the calibration for a domain: that of the first of these kinds that has one, else that of the
    whole domain; the assumed one where there is neither."""
    known = {
        entry.kind or "": Spread(entry.low, entry.high) for entry in efficiency.intervals if entry.domain == domain
    }
    return next((known[kind] for kind in (*kinds, "") if kind in known), assumed(workload_kind))


@dataclass(frozen=True)
class Uncertainty:
    """The spreads of one workload's modelled figures."""

    rate: Spread
    latency: dict[LatencyMetric, Spread]

    @classmethod
    def of(cls, workload: Modelled, card: ModelCard, efficiency: Efficiency, engine: str) -> Uncertainty:
        """What the calibration states; kinds of a domain are looked up by engine, then by architecture."""
        kinds = (*(name for name in engines(engine) if name), card.architecture.kind)

        def spread(domain: Domain) -> Spread:
            return stated(efficiency, domain, kinds, workload.kind)

        if isinstance(workload, Training):
            return cls(spread("training_step").inverse, {})
        if isinstance(workload, LLMServing):
            first, token = spread("llm_ttft"), spread("llm_tpot")
            whole = first.wider(token)
            return cls(spread("llm_rate"), {"ttft": first, "tpot": token, "itl": token, "end_to_end": whole})
        # latencies of request serving have no domain of their own: they are service times, and waits that follow them
        time = spread("request_rate").inverse
        return cls(time.inverse, {"ttft": time, "tpot": time, "itl": time, "end_to_end": time})

    def tightened(self, workload: Modelled) -> Modelled:
        """The workload with limits that an estimate must keep so that 90 % of the truth keeps those asked for."""
        if isinstance(workload, Training):
            return workload
        return workload.model_copy(update={"slo": tuple(self._tightened(slo) for slo in workload.slo)})

    def _tightened(self, slo: SLO) -> SLO:
        return slo.model_copy(update={"limit_ms": slo.limit_ms / self.latency[slo.metric].most})

    def stamped(self, estimate: Estimate, workload: Modelled, efficiency: Efficiency, engine: str) -> Estimate:
        """The estimate with these spreads, and with what it rests on."""
        slos = [] if isinstance(workload, Training) else [self.latency[slo.metric] for slo in workload.slo]
        columns = np.ones_like(estimate.latency_ms)
        return replace(
            estimate,
            rate_low=np.full_like(estimate.max_rate, self.rate.low),
            rate_high=np.full_like(estimate.max_rate, self.rate.high),
            latency_low=columns * np.array([s.low for s in slos])[None, :, None],
            latency_high=columns * np.array([s.high for s in slos])[None, :, None],
            evidence=np.full(estimate.memory_gb.shape, evidence(efficiency, engine)),
        )


def evidence(efficiency: Efficiency, engine: str) -> str:
    """What a modelled figure rests on: `performance model, calibration bundled (vLLM 0.10)`."""
    calibration = f", calibration {efficiency.name}" if efficiency.name else ""
    return f"{MODEL}{calibration}{f' ({engine})' if engine else ''}"


def at_level(estimate: Estimate, performance: Performance) -> Estimate:
    """The estimate at a level: rates and days that are reached, and latencies that are kept, with that confidence.

    The operating point must be that of the level already (`estimate(performance=...)`).
    """
    if performance == "p50":
        return estimate
    rates, latencies = at_least(estimate.rate_low), at_most(estimate.latency_high)
    return replace(
        estimate,
        max_rate=estimate.max_rate * rates,
        saturation_rate=estimate.saturation_rate * rates,
        latency_ms=estimate.latency_ms * latencies,
        idle_latency_ms=estimate.idle_latency_ms * latencies,
        training_days=estimate.training_days / rates[:, 0],
    )
