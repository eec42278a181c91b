"""Intervals of estimates, and what they become at 90 % confidence."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import performance_samples as s
import pytest

from builders import NET, accelerator, node
from gpufleet.performance.estimate import Configurations, at_level, estimate
from gpufleet.performance.uncertainty import INTERPOLATED, MEASURED, Spread, Uncertainty, assumed, at_least, at_most
from gpufleet.schema.calibration import Interval
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import SLO
from measured import LM, chat, profiles, row

if TYPE_CHECKING:
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.performance.estimate import Estimate
    from gpufleet.schema.base import Performance
    from gpufleet.schema.calibration import Domain

PLAIN = replace(s.DEFAULT, intervals=())


def interval(domain: Domain, low: float, high: float, kind: str | None = None) -> Interval:
    return Interval(domain=domain, kind=kind, low=low, high=high, median_error=0.1, p90_error=0.2, rows=9, groups=3)


def stating(*intervals: Interval) -> Efficiency:
    return replace(s.DEFAULT, intervals=intervals)


def test_quantiles_of_a_log_normal_error() -> None:
    """Of exp(0.2 Z), 5 % lie below exp(-0.2 x 1.64485) and 10 % below exp(-0.2 x 1.28155)."""
    exact = NormalDist(0.0, 0.2)
    low, high = (math.exp(exact.inv_cdf(p)) for p in (0.05, 0.95))
    assert float(at_least(np.array(low))) == pytest.approx(math.exp(exact.inv_cdf(0.10)))
    assert float(at_most(np.array(high))) == pytest.approx(math.exp(exact.inv_cdf(0.90)))
    assert Spread(low, high).least * Spread(low, high).most == pytest.approx(1.0)


def test_an_estimate_is_never_bettered_by_its_interval() -> None:
    """A model that is too pessimistic by half is no reason to count on more than it says."""
    hopeful = Spread(1.2, 1.8)
    assert hopeful.least == 1.0
    assert Spread(0.5, 0.9).most == 1.0


def test_the_interval_of_the_engine_then_of_the_architecture_then_of_all() -> None:
    known = stating(
        interval("llm_rate", 0.5, 2.0),
        interval("llm_rate", 0.6, 1.7, "decoder"),
        interval("llm_rate", 0.8, 1.2, "vLLM"),
        interval("llm_ttft", 0.7, 1.6),
    )
    named, plain = (Uncertainty.of(chat(), LM, known, engine) for engine in ("vLLM 0.10.1", "TensorRT-LLM 1.0"))
    assert named.rate == Spread(0.8, 1.2)
    assert plain.rate == Spread(0.6, 1.7)
    assert plain.latency["ttft"] == Spread(0.7, 1.6)
    # the calibration says nothing of TPOT: assumed, and the whole latency is as unsure as the worse of its parts
    assert plain.latency["tpot"] == plain.latency["itl"] == assumed("llm_serving")
    assert plain.latency["end_to_end"] == Spread(assumed("llm_serving").low, 1.6)


def test_times_of_training_and_of_requests_are_reciprocal_to_rates() -> None:
    known = stating(interval("training_step", 0.8, 1.25), interval("request_rate", 0.5, 4.0))
    assert Uncertainty.of(s.training(8, 2048), NET, known, "").rate == Spread(0.8, 1.25)
    served = Uncertainty.of(s.requests(1), NET, known, "")
    assert served.rate == Spread(0.5, 4.0)
    assert served.latency["end_to_end"] == Spread(0.25, 2.0)
    slow = stating(interval("training_step", 0.9, 2.0))
    assert Uncertainty.of(s.training(8, 2048), NET, slow, "").rate.low == 0.5


def test_the_assumed_interval() -> None:
    """One standard deviation of 30 %, log-normal: 1.3^-1.645 = 0.65 and 1.3^1.645 = 1.54."""
    found = Uncertainty.of(chat(), LM, PLAIN, "")
    assert found.rate.low == pytest.approx(0.6495, abs=1e-4)
    assert found.rate.high == pytest.approx(1.5397, abs=1e-4)


def language(performance: Performance, limit_ms: float | None = None, **named: Any) -> Estimate:
    slo = () if limit_ms is None else (SLO(metric="tpot", percentile=95.0, limit_ms=limit_ms),)
    options = Configurations.of([(Parallelism(tensor=t), b) for t in (1, 2) for b in (4, 64)])
    given = {"efficiency": PLAIN, "performance": performance, **named}
    found = estimate(chat(slo), LM, LM.variants[0], accelerator(), node("n2", 2), options, **given)
    return at_level(found, performance)


def test_p90_scales_rates_and_keeps_latencies_inside_their_limits() -> None:
    usual, sure = language("p50"), language("p90")
    assert sure.max_rate == pytest.approx(usual.max_rate * 1.3**-1.2815516)
    limit = float(language("p50", 1e6).latency_ms.mean())
    usual, sure = language("p50", limit), language("p90", limit)
    assert (usual.max_rate > sure.max_rate).any()
    assert (sure.max_rate <= usual.max_rate).all()
    served = sure.max_rate > 0
    assert served.any()
    assert (sure.latency_ms[:, 0][served] <= limit * (1 + 1e-6)).all()
    # where the limit binds, it is used to the full at p90 as at p50
    binds = (usual.latency_ms[:, 0] > limit * 0.999) & served
    assert binds.any()
    assert sure.latency_ms[:, 0][binds] == pytest.approx(limit, rel=1e-3)


def test_what_a_modelled_figure_rests_on() -> None:
    assert set(language("p50").evidence) == {"performance model, calibration bundled"}
    assert set(language("p50", engine="vLLM 0.10").evidence) == {"performance model, calibration bundled (vLLM 0.10)"}


CURVE = [row(8, 4.0, ttft_p99_ms=40.0), row(16, 6.0, ttft_p99_ms=58.0), row(32, 8.0, ttft_p99_ms=90.0)]


def measured(performance: Performance, limit_ms: float) -> Estimate:
    slo = (SLO(metric="ttft", percentile=99.0, limit_ms=limit_ms),)
    options = Configurations.of([(Parallelism(), 64)])
    known = {"efficiency": PLAIN, "profiles": profiles(CURVE), "performance": performance}
    return at_level(estimate(chat(slo), LM, LM.variants[0], accelerator(), node(), options, **known), performance)


def test_a_measured_point_is_sure_within_5_percent() -> None:
    """A limit of 100 ms: 90 x 1.05^0.7791 = 93.5 ms keeps it, so the last point counts, 8 x 0.95^0.7791 = 7.687."""
    found = measured("p90", 100.0)
    assert found.max_rate[0, 0] == pytest.approx(7.6866, abs=1e-4)
    assert found.latency_ms[0, 0, 0] == pytest.approx(90 * MEASURED.most)
    assert found.provenance.tolist() == ["measured"]


def test_between_points_the_wider_interval_holds_for_rate_and_latency() -> None:
    """A limit of 92 ms: the last point, at 93.5 ms, is too slow. Between points 92 / 1.10^0.7791 = 85.414 ms are open:
    (85.414 - 58) / 32 = 0.8567 of the way, 7.7134 requests/s, of which 0.90^0.7791 = 0.92120 are counted on."""
    assert measured("p50", 92.0).provenance.tolist() == ["measured"]
    found = measured("p90", 92.0)
    assert found.provenance.tolist() == ["interpolated"]
    assert found.max_rate[0, 0] == pytest.approx(7.7134 * 0.92120, rel=1e-4)
    assert found.latency_ms[0, 0, 0] == pytest.approx(92.0)
    assert (found.rate_low[0, 0], found.rate_high[0, 0]) == (INTERPOLATED.low, INTERPOLATED.high)


def test_a_measurement_is_surer_than_the_model() -> None:
    gaps = [measured(level, 1e6).max_rate[0, 0] for level in ("p50", "p90")]
    modelled = [language(level).max_rate[0, 0] for level in ("p50", "p90")]
    assert gaps[1] / gaps[0] > modelled[1] / modelled[0]


def test_training_takes_longer_in_the_same_proportion_as_its_rate_falls() -> None:
    work, conf = s.training(4096, 2048), s.options(8, data=8, batch=1)
    results = [
        at_level(s.estimate(work, s.LLAMA_8B, s.BF16, s.H100, s.node(s.H100), conf, efficiency=PLAIN, performance=p), p)
        for p in ("p50", "p90")
    ]
    assert results[1].training_days[0] == pytest.approx(results[0].training_days[0] * 1.2**1.2815516)
    assert results[1].max_rate[0, 0] == pytest.approx(results[0].max_rate[0, 0] * 1.2**-1.2815516)
