"""Measurements in the place of the model: what they replace, what they leave, and what they say of themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from performance_samples import estimate

from builders import NET, accelerator, edited, node
from gpufleet.performance.estimate import Configurations, Estimate
from gpufleet.schema.hardware import PeakRates
from gpufleet.schema.measurements import Profiles, corners
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import SLO, ItemClass, RequestServing, Training
from measured import LM, chat, profiles, row

TTFT = SLO(metric="ttft", percentile=95.0, limit_ms=100.0)
CURVE = [
    row(1, 2.0, ttft_p50_ms=10.0, ttft_p99_ms=40.0),
    row(8, 10.0, ttft_p50_ms=20.0, ttft_p99_ms=80.0),
    row(32, 20.0, ttft_p50_ms=60.0, ttft_p99_ms=160.0),
]
"""With 100 ms at p99: a quarter of the way from 8 to 32, so concurrency 14 and 12.5 requests/s."""


def figures(workload: Any, measured: Profiles | None, batch: int = 64, load: float = 1.0, **shape: int) -> Estimate:
    conf = Configurations.of([(Parallelism(**shape), batch)])
    card = NET if workload.model == "net" else LM
    return estimate(workload, card, card.variants[0], accelerator(), node(), conf, load, profiles=measured)


def test_without_measurements_nothing_changes() -> None:
    for none in (None, Profiles(), profiles([row(accelerator="B")]), profiles([row(tensor=2)])):
        found, plain = figures(chat((TTFT,)), none), figures(chat((TTFT,)), None)
        assert (found.max_rate == plain.max_rate).all()
        assert found.provenance.tolist() == ["modelled"]
        assert found.evidence.tolist() == ["performance model, calibration bundled"]


def test_a_point_without_slo() -> None:
    """The highest rate, and `max_utilisation` of it: still measured."""
    found = figures(chat(), profiles(CURVE))
    assert found.max_rate.tolist() == [[20.0]]
    assert found.provenance.tolist() == ["measured"]
    assert found.evidence.tolist() == ["engine 1.0 (own.csv:2-4)"]
    lower = figures(chat(max_utilisation=0.5), profiles(CURVE))
    assert lower.max_rate.tolist() == [[10.0]]
    assert lower.saturation_rate.tolist() == [[20.0]]
    assert lower.provenance.tolist() == ["measured"]


def test_an_slo_between_points_and_at_the_next_higher_percentile() -> None:
    """p95 was not measured; p99 was, and is on the safe side."""
    found = figures(chat((TTFT,)), profiles(CURVE))
    assert found.max_rate[0, 0] == pytest.approx(12.5)
    assert found.latency_ms[0, 0, 0] == pytest.approx(100.0)
    assert found.idle_latency_ms[0, 0, 0] == 40.0
    assert found.provenance.tolist() == ["interpolated"]
    median = figures(chat((edited(TTFT, percentile=50.0, limit_ms=60.0),)), profiles(CURVE))
    assert median.max_rate.tolist() == [[20.0]]
    assert median.provenance.tolist() == ["measured"]


def test_max_utilisation_applies_to_the_highest_rate_of_all() -> None:
    """60 % of 20 is 12, below the 12.5 inside the SLO; 90 % is 18, above it."""
    assert figures(chat((TTFT,), max_utilisation=0.6), profiles(CURVE)).max_rate[0, 0] == pytest.approx(12.0)
    assert figures(chat((TTFT,), max_utilisation=0.9), profiles(CURVE)).max_rate[0, 0] == pytest.approx(12.5)


@pytest.mark.parametrize(("load", "expected"), [(1.0, 100.0), (0.8, 80.0), (0.48, 60.0), (0.1, 40.0), (0.0, 40.0)])
def test_latency_at_a_part_of_the_load(load: float, expected: float) -> None:
    """0.8 x 12.5 = 10 requests/s is the point at 8; 6 is half way from 2 to 10; below 2, the lowest point counts."""
    assert figures(chat((TTFT,)), profiles(CURVE), load=load).latency_ms[0, 0, 0] == pytest.approx(expected)


def test_the_batch_cuts_the_curve() -> None:
    rates = {batch: figures(chat(), profiles(CURVE), batch) for batch in (8, 20, 64)}
    assert [float(found.max_rate[0, 0]) for found in rates.values()] == [10.0, 15.0, 20.0]
    assert [str(found.provenance[0]) for found in rates.values()] == ["measured", "interpolated", "measured"]
    below = figures(chat(), profiles([row(4, 2.0)]), 2)
    assert below.max_rate.tolist() == below.saturation_rate.tolist() == [[0.0]]
    assert below.provenance.tolist() == ["measured"]
    assert below.evidence.tolist() == ["not measured in this form"]
    filled = figures(chat(), profiles([row(4, 2.0)], "model"), 2)
    assert filled.provenance.tolist() == ["modelled"]
    assert (filled.max_rate == figures(chat(), None, 2).max_rate).all()


def test_sizes_between_measured_ones() -> None:
    """Four corners at one concurrency: rates 16, 8, 4, 2; the middle of the logarithms has their geometric mean."""
    grid = [
        row(4, rate, input_tokens=i, output_tokens=o, ttft_p99_ms=ms)
        for i, o, rate, ms in (
            (100, 50, 16.0, 10.0),
            (100, 200, 8.0, 10.0),
            (400, 50, 4.0, 50.0),
            (400, 200, 2.0, 50.0),
        )
    ]
    found = figures(chat((TTFT,), sizes=((200, 100), (100, 50), (100, 100))), profiles(grid))
    assert found.max_rate[0] == pytest.approx([np.sqrt(np.sqrt(16 * 8 * 4 * 2)), 16.0, np.sqrt(16 * 8)])
    assert found.latency_ms[0, 0] == pytest.approx([30.0, 10.0, 10.0])
    assert found.provenance.tolist() == ["interpolated"]


def test_corners() -> None:
    grid = [(1, 1), (1, 4), (4, 1), (4, 4), (9, 9)]
    assert corners(grid, (1, 4)) == ((1, 4),)
    assert set(corners(grid, (2, 3))) == {(1, 1), (1, 4), (4, 1), (4, 4)}
    assert set(corners(grid, (1, 3))) == {(1, 1), (1, 4)}
    assert corners(grid, (5, 5)) == (), "(4, 9) and (9, 4) were not measured"
    assert corners(grid, (2, 10)) == corners(grid, (0, 2)) == corners([], (1, 1)) == ()
    assert corners([(2,), (8,)], (4,)) == ((2,), (8,))


def test_the_policy_where_a_class_is_outside() -> None:
    work = chat(sizes=((100, 50), (900, 50)))
    strict, model = (figures(work, profiles(CURVE, policy)) for policy in ("strict", "model"))
    plain = figures(work, None)
    assert strict.max_rate.tolist() == [[20.0, 0.0]]
    assert model.max_rate[0, 0] == 20.0
    assert model.max_rate[0, 1] == plain.max_rate[0, 1] > 0
    assert model.provenance.tolist() == ["modelled"], "as little is known as of the class known least"
    assert model.evidence.tolist() == ["engine 1.0 (own.csv:2-4); performance model, calibration bundled"]


def test_what_was_measured_runs_whatever_the_model_says() -> None:
    """10 GB hold 1e9 parameters in 16 bits, not 9e9; the accelerator computes in no 16-bit format."""
    large, plain = LM.model_copy(update={"parameters": 9e9}), accelerator()
    blind = accelerator(peak=PeakRates(fp8_tflops=100.0, bf16_tflops=0.0, fp16_tflops=0.0))
    conf = Configurations.of([(Parallelism(), 64)])
    for card, device in ((large, plain), (LM, blind)):
        found = estimate(chat(), card, card.variants[0], device, node(), conf, profiles=profiles(CURVE))
        assert found.max_rate.tolist() == [[20.0]]
        assert found.is_measured.all()
    assert estimate(chat(), large, large.variants[0], plain, node(), conf, profiles=profiles(CURVE)).memory_gb[0] > 10


def test_rows_of_a_node_type_win_over_those_of_its_accelerator() -> None:
    both = [row(4, 9.0, node_type="n1"), row(4, 5.0)]
    assert figures(chat(), profiles(both)).max_rate.tolist() == [[9.0]]
    assert figures(chat(), profiles([row(4, 9.0, node_type="other"), row(4, 5.0)])).max_rate.tolist() == [[5.0]]


def items(**changes: Any) -> Any:
    fields = {"model": "net", "variant": "fp32", "input_tokens": None, "output_tokens": None, "items": 1, "batch": 16}
    return row(**{"concurrency": None, "offered_per_s": 100.0, "requests_per_s": 99.0, **fields, **changes})


def test_request_serving_by_offered_rate() -> None:
    """At 100 offered 20 ms, at 300 offered 60 ms: 50 ms at 250, which sustained 225."""
    slo = (SLO(metric="end_to_end", percentile=99.0, limit_ms=50.0),)
    classes = (ItemClass(name="c", requests_per_s=1.0),)
    work = RequestServing(name="w", kind="request_serving", model="net", classes=classes, slo=slo, max_utilisation=1.0)
    table = profiles([items(requests_per_s=100.0, e2e_p99_ms=20.0),
                      items(offered_per_s=300.0, requests_per_s=266.0, e2e_p99_ms=60.0)])  # fmt: skip
    found = figures(work, table, 16)
    assert found.max_rate[0, 0] == pytest.approx(100 + 0.75 * 166)
    assert found.provenance.tolist() == ["interpolated"]
    assert figures(work, table, 32).saturation_rate.tolist() == [[0.0]], "another batch was not measured"


def test_training_by_samples_per_second() -> None:
    work = Training(name="w", kind="training", model="net", samples=8640.0, epochs=10.0, global_batch=64,
                    deadline_days=2.0, restart_overhead_fraction=0.25)  # fmt: skip
    own = items(items=None, batch=4, offered_per_s=None, requests_per_s=None, samples_per_s=1.0, global_batch=64)
    found = figures(work, profiles([own]), 4)
    assert found.training_days.tolist() == [1.25]
    assert found.max_rate.tolist() == [[1.6]]
    assert found.provenance.tolist() == ["measured"]
    assert figures(work, profiles([own]), 8).training_days.tolist() == [np.inf]
    assert figures(work, profiles([own], "model"), 8).provenance.tolist() == ["modelled"]
    other = work.model_copy(update={"global_batch": 128})
    assert figures(other, profiles([own]), 4).max_rate.tolist() == [[0.0]]
