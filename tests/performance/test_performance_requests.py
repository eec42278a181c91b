"""Request serving: one case by hand, and properties."""

from __future__ import annotations

import numpy as np
import performance_samples as s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from performance_samples import estimate

from builders import edited
from gpufleet.performance import kernel_times, requests
from gpufleet.performance.calibration import Key
from gpufleet.performance.device import device_of

P99 = s.slo("end_to_end", 99.0, 50.0)
NODE = s.node(s.T4, 4)


def _server(batch: float, items: int = 270) -> requests.Server:
    device = device_of(s.T4, NODE, s.INT8, s.DEFAULT)
    return requests.server_of(s.requests(items), s.DLRM, s.INT8, device, s.options(batch=batch))


def _full(value: float) -> np.ndarray:
    return np.full((1, 1), value)


def test_service_time_by_hand() -> None:
    # INT8 on 70 W: 270 pairs x 4.8e6 FLOP, and rows of 128 B of the 8 tables that do not stay in the cache
    server = _server(512)
    share = s.figure("item_compute", "Turing", "recommend", 8) * s.figure("generation", "Turing", "recommend", 8)
    size = (130e12 * 8 / 2e15) ** -s.figure("size_exponent", "Turing", "recommend", 8)
    products = 270 * 4.8e6 / (130e12 * share * size * _mapping())
    rows = 270 * 8 * 128
    traffic = rows / s.figure("random_access")
    joule = 270 * 4.8e6 / _mapping() * 8 * s.figure("energy_per_bit_pj", "Turing", "gddr") * 1e-12
    joule += traffic * s.figure("energy_per_byte_pj", "Turing", "gddr") * 1e-12
    power = joule / (70 * (1 - s.figure("idle_power")))
    streaming = traffic / (320e9 * s.figure("bandwidth", "Turing"))
    p = s.figure("roofline_exponent")
    together = (products**p + power**p + streaming**p) ** (1 / p)
    assert server.streaming[0, 0] == pytest.approx(streaming)
    assert server.arithmetic[0, 0] == pytest.approx(together)
    assert server.compute[0, 0] == pytest.approx((products**p + power**p) ** (1 / p))
    assert (server.host * 512)[0, 0] == pytest.approx(512 * 270 * 120 / (16e9 * 0.8))
    weights = 2.4e6 / (320e9 * s.figure("bandwidth", "Turing"))
    q = s.figure("weights_exponent")
    exposed = max((together**q + weights**q) ** (1 / q) - max(together, streaming + weights), 0.0)
    launches = 15 * s.figure("kernel_overhead_s", "Turing") + s.figure("batch_overhead_s", "Turing")
    assert server.overhead[0, 0] == pytest.approx(launches + exposed)
    batch_s = max(512 * together, 512 * streaming + weights) + launches + exposed
    assert server.capacity()[0, 0] == pytest.approx(512 / batch_s, rel=1e-6)


def _mapping() -> float:
    return s.DEFAULT.figure(Key("mapping"), "gpu")


def test_batch_settles_where_arrivals_fill_it() -> None:
    server = _server(2048)
    for rate in (100.0, 10_000.0, 30_000.0):
        batch = server.batch_at(_full(rate))
        arriving = rate * server.interval(batch)[0, 0]
        assert arriving <= batch[0, 0] * (1 + 1e-9)
        # one request where nothing arrives meanwhile, which Poisson arrivals do with probability exp(-mean)
        assert batch[0, 0] == pytest.approx(max(arriving + np.exp(-arriving), 1.0), rel=0.01)


def test_host_link_can_limit() -> None:
    heavy = s.card("heavy", 1e6, s.RESNET.architecture.model_copy(update={"host_bytes_per_item": 1e8}))
    result = estimate(s.requests(1), heavy, s.INT8, s.T4, NODE, s.options(batch=8))
    assert result.bottleneck[0] == "host_link"
    assert result.saturation_rate[0, 0] == pytest.approx(16e9 * 0.8 / 1e8)


def test_ecommerce_shape_keeps_50_ms_at_nine_tenths() -> None:
    result = estimate(s.requests(270, slos=(P99,)), s.DLRM, s.INT8, s.T4, NODE, s.options(batch=512))
    assert 24_000 < result.max_rate[0, 0] < 32_000
    assert result.latency_ms[0, 0, 0] < 50.0


def test_data_parallel_servers_pool() -> None:
    result = estimate(s.requests(270, slos=(P99,)), s.DLRM, s.INT8, s.T4, NODE, s.options(data=[1, 4], batch=256))
    assert result.saturation_rate[1, 0] == pytest.approx(4 * result.saturation_rate[0, 0])
    assert result.max_rate[1, 0] >= 4 * result.max_rate[0, 0] * (1 - 1e-9)


def test_token_metrics_are_zero_and_first_token_is_the_answer() -> None:
    slos = (s.slo("tpot", 99.0, 1.0), s.slo("ttft", 99.0, 50.0), P99)
    result = estimate(s.requests(1, slos=slos), s.BERT, s.INT8, s.T4, NODE, s.options(batch=16))
    assert result.latency_ms[0, 0, 0] == 0.0
    assert result.latency_ms[0, 1, 0] == result.latency_ms[0, 2, 0] > 0.0


def test_impossible_slo() -> None:
    result = estimate(
        s.requests(1, slos=(s.slo("end_to_end", 99.0, 1.0),)), s.BERT, s.INT8, s.T4, NODE, s.options(batch=16)
    )
    assert result.max_rate[0, 0] == 0.0
    assert result.idle_latency_ms[0, 0, 0] > 1.0


def test_a_decoder_is_refused() -> None:
    with pytest.raises(ValueError, match="use llm_serving"):
        estimate(s.requests(1), s.LLAMA_8B, s.FP16, s.H100, s.node(s.H100), s.options())


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2048), st.integers(1, 500), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_load_never_shortens_latency(batch: int, items: int, one: float, other: float) -> None:
    server, (low, high) = _server(float(batch), items), sorted((one, other))
    rates = (_full(share * server.capacity()[0, 0]) for share in (low, high))
    first, second = (server.latency_s(0.99, rate)[0, 0] for rate in rates)
    assert first <= second * (1 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2048), st.floats(2.0, 100.0), st.floats(0.2, 1.0))
def test_tighter_slo_never_raises_the_rate(batch: int, limit: float, factor: float) -> None:
    rates = [
        estimate(
            s.requests(270, slos=(s.slo("end_to_end", 99.0, limit * share),)),
            s.DLRM,
            s.INT8,
            s.T4,
            NODE,
            s.options(batch=batch),
        ).max_rate[0, 0]
        for share in (1.0, factor)
    ]
    assert rates[1] <= rates[0] * (1 + 1e-6)


def test_an_slo_of_one_class_leaves_the_others_alone() -> None:
    """The class that it names is rated as if all were bound, the other as if none were."""
    bound = s.slo("end_to_end", 99.0, 2.0)
    rates = [
        estimate(s.requests(200, 200, slos=slos), s.DLRM, s.FP16, s.T4, NODE, s.options(batch=64)).max_rate[0].tolist()
        for slos in ((bound,), (), (edited(bound, classes=("c1",)),))
    ]
    assert 0 < rates[0][0] < rates[1][0]
    assert rates[2] == [rates[1][0], rates[0][1]]


def _limited(tdp: float | None) -> float:
    card = s.T4.model_copy(update={"tdp_w": tdp})
    return float(estimate(s.requests(1), s.BERT, s.INT8, card, NODE, s.options(batch=64)).saturation_rate[0, 0])


def test_a_power_limit_costs_rate_and_an_unknown_one_does_not() -> None:
    rates = [_limited(tdp) for tdp in (50.0, 70.0, 140.0, 1000.0, None)]
    assert rates == sorted(rates)
    assert rates[1] < 0.75 * rates[-1]
    assert rates[3] == pytest.approx(rates[4], rel=0.01)


def test_activations_of_fp8_travel_in_sixteen_bits() -> None:
    device = device_of(s.H100, s.node(s.H100), s.FP8, s.DEFAULT)
    narrow = device_of(s.H100, s.node(s.H100), s.INT8, s.DEFAULT)
    conf = s.options(batch=1)
    wide_bytes = requests.passes.forward(s.BERT, s.FP8, device, conf).traffic
    assert wide_bytes == pytest.approx(2 * requests.passes.forward(s.BERT, s.INT8, narrow, conf).traffic)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-9, 10.0), min_size=2, max_size=4), st.floats(1.0, 10.0))
def test_a_soft_maximum_lies_between_the_maximum_and_the_sum(times: list[float], exponent: float) -> None:
    soft = float(kernel_times._soft_maximum(exponent, *(np.array([time]) for time in times))[0])
    assert max(times) * (1 - 1e-12) <= soft <= sum(times) * (1 + 1e-9)


def test_weights_read_in_every_step_dominate_a_batch_of_one() -> None:
    once, often = (
        s.card("net", 45e6, s.RESNET.architecture.model_copy(update={"weight_passes": passes}))
        for passes in (1.0, 100.0)
    )
    slow, fast = (
        estimate(s.requests(1, slos=(P99,)), card, s.INT8, s.T4, NODE, s.options(batch=1)).idle_latency_ms[0, 0, 0]
        for card in (often, once)
    )
    reading_ms = 99 * 45e6 / (320e9 * s.figure("bandwidth", "Turing")) * 1e3
    assert slow - fast == pytest.approx(reading_ms, rel=0.1)
