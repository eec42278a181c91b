"""Percentiles against exact results where there are any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet.performance import queueing


def _erlang_c(servers: int, load: float) -> float:
    offered = servers * load
    head = sum(offered**k / math.factorial(k) for k in range(servers))
    tail = offered**servers / math.factorial(servers) / (1 - load)
    return tail / (head + tail)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_one_exponential_server_is_exact(load: float, level: float) -> None:
    # M/M/1: P(W > t) = rho exp(-(1 - rho) t / s); the 99 % quantile at rho = 0.9, s = 1 is 10 ln 90 = 45.0.
    exact = max(0.0, math.log(load / (1 - level)) / (1 - load))
    got = queueing.wait_quantile(level, np.array([load]), 1.0, np.ones(1), 1.0)[0]
    assert got == pytest.approx(exact)


def test_hand_value() -> None:
    got = queueing.wait_quantile(0.99, np.array([0.9]), 1.0, np.ones(1), 1.0)[0]
    assert got == pytest.approx(44.998, abs=1e-3)


@pytest.mark.parametrize(("servers", "load"), [(2, 0.8), (8, 0.8), (8, 0.95), (32, 0.95)])
def test_mean_wait_of_several_servers_is_near_erlang(servers: int, load: float) -> None:
    exact = _erlang_c(servers, load) / (servers * (1 - load))
    waiting = queueing.probability_of_waiting(np.array([load]), servers)[0]
    mean = waiting * queueing.wait_if_waiting(np.array([load]), servers, np.ones(1), 1.0)[0]
    assert mean == pytest.approx(exact, rel=0.12)


def test_constant_service_halves_the_wait() -> None:
    # M/D/1 waits half of M/M/1 in the mean (Pollaczek and Khinchine).
    assert queueing.wait_if_waiting(np.array([0.5]), 1.0, np.ones(1), 0.5)[0] == pytest.approx(1.0)


def test_saturation_waits_for_ever() -> None:
    assert np.isinf(queueing.wait_quantile(0.5, np.ones(1), 4.0, np.ones(1), 1.0)[0])


def test_rest_of_a_service() -> None:
    # Busy half of the time: 99 % of arrivals see at most 98 % of a service; the median sees none.
    got = [queueing.residual_quantile(level, np.array([0.5]), np.ones(1))[0] for level in (0.5, 0.99)]
    assert got == pytest.approx([0.0, 0.98])
    assert queueing.residual_quantile(0.99, np.zeros(1), np.ones(1))[0] == 0.0


@pytest.mark.parametrize(("level", "z"), [(0.5, 0.0), (0.9, 1.2816), (0.99, 2.3263), (0.999, 3.0902), (0.1, -1.2816)])
def test_normal_quantile(level: float, z: float) -> None:
    assert queueing.normal_quantile(level) == pytest.approx(z, abs=5e-4)


@given(st.floats(0.0, 10.0), st.floats(0.01, 10.0))
def test_bisection_finds_the_last_feasible_point(limit: float, top: float) -> None:
    found = queueing.highest(lambda x: x <= limit, np.array([top]))[0]
    assert found <= limit
    assert found == pytest.approx(min(limit, top), abs=1e-8)


@given(st.floats(0.0, 0.999), st.floats(0.0, 0.999), st.integers(1, 64), st.floats(0.5, 0.999))
def test_wait_grows_with_load(one: float, other: float, servers: int, level: float) -> None:
    loads = np.sort(np.array([one, other]))
    low, high = queueing.wait_quantile(level, loads, float(servers), np.ones(2), 1.0)
    assert low <= high


@pytest.mark.parametrize("tail", [0.999, 0.7, 0.5, 0.2, 0.01, 0.0001])
def test_normal_tail_and_its_quantile_are_inverse(tail: float) -> None:
    z = queueing.quantile_of_tail(np.array(tail))
    assert float(queueing.normal_tail(z)) == pytest.approx(tail, abs=4e-4)
    assert float(z) == pytest.approx(queueing.normal_quantile(1.0 - tail), abs=1e-9)


@pytest.mark.parametrize(("places", "load"), [(4, 0.6), (16, 0.6), (16, 0.85), (64, 0.85), (128, 0.95)])
def test_probability_that_all_places_are_taken_is_near_erlang(places: int, load: float) -> None:
    # Without feedback of the crowd on the speed, places are servers: the number present is Poisson, mean = variance.
    busy = np.array([places * load])
    got = queueing.probability_full(busy, busy, np.array([float(places)]), np.array([load]))[0]
    assert got == pytest.approx(_erlang_c(places, load), abs=0.035)


def test_what_is_rarely_exceeded_is_nothing() -> None:
    # 8 % wait, 2 s on average: the 95 % quantile is 2 ln(0.08 / 0.05), the 90 % quantile 0.
    got = [queueing.exceeded(level, np.array([0.08]), np.array([2.0]))[0] for level in (0.95, 0.9)]
    assert got == pytest.approx([2.0 * math.log(1.6), 0.0])
    assert np.isfinite(queueing.exceeded(0.99, np.ones(1), np.array([np.inf]))).all()


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.1, 8.0), st.floats(0.0, 3.0)), min_size=1, max_size=8),
    st.floats(0.1, 100.0),
)
def test_crossing_finds_what_bisection_finds(curves: list[tuple[float, float, float]], top: float) -> None:
    """Powers with a jump at a place of their own: every row crosses at another point, or not at all."""
    place, power, jump = (np.array(column)[:, None] for column in zip(*curves, strict=True))
    tops = np.full(place.shape, top)

    def excess(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        relative = x / top
        return relative ** power[rows] - 0.5 + jump[rows] * (relative > place[rows] / 2.0)

    everywhere = np.arange(len(place))
    wanted = queueing.highest(lambda x: excess(x, everywhere) <= 0.0, tops)
    found = queueing.crossing(lambda rows: lambda x: excess(x, rows), tops)
    assert found == pytest.approx(wanted, abs=1e-8 * top)
    assert (excess(found, everywhere) <= 0.0).all()
