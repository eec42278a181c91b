"""Percentiles against exact results where there are any."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
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
