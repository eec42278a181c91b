"""Measured curves: the rate found is one that the points allow, and none that they allow is higher."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet.performance.curves import Curve, best_stretch, between, curve_of

NUMBERS = st.integers(1, 40).map(float)


@st.composite
def curves(draw: st.DrawFn) -> tuple[Curve, np.ndarray]:
    """A curve of one to five points with two latencies, in any order and rising or not, and two limits."""
    loads = draw(st.lists(st.integers(1, 64).map(float), min_size=1, max_size=5, unique=True))
    rates = [draw(NUMBERS) for _ in loads]
    latencies = [[draw(NUMBERS), draw(NUMBERS)] for _ in loads]
    return curve_of(loads, rates, latencies), np.array([draw(NUMBERS), draw(NUMBERS)])


def sampled(curve: Curve) -> np.ndarray:
    fine = np.linspace(curve.load[0], curve.load[-1], 501)
    return np.unique(np.concatenate([fine, curve.load]))


@settings(max_examples=100)
@given(curves())
def test_the_rate_is_a_feasible_operating_point_and_no_other_is_higher(case: tuple[Curve, np.ndarray]) -> None:
    curve, limits = case
    stretch = best_stretch(curve, limits)
    loads = sampled(curve)
    rate, latency = curve.at(loads)
    feasible = (latency <= limits).all(axis=1)
    if stretch is None:
        assert not feasible.any()
        return
    assert curve.load[0] <= stretch.best <= curve.load[-1]
    at_best, latencies = curve.at(np.array([stretch.best]))
    assert at_best[0] == pytest.approx(stretch.rate, rel=1e-12)
    assert (latencies[0] <= limits * (1 + 1e-9)).all()
    if feasible.any():
        assert stretch.rate >= rate[feasible].max() * (1 - 1e-9)
    assert stretch.is_measured == (stretch.best in curve.load)


@settings(max_examples=60)
@given(curves(), st.floats(0.0, 1.0))
def test_at_every_lower_rate_the_latencies_keep_the_limits(case: tuple[Curve, np.ndarray], load: float) -> None:
    curve, limits = case
    stretch = best_stretch(curve, limits)
    if stretch is not None:
        assert (stretch.latencies_at(load * stretch.rate) <= limits * (1 + 1e-9)).all()


@settings(max_examples=40)
@given(curves(), st.integers(1, 64))
def test_a_cut_curve_is_the_same_up_to_there(case: tuple[Curve, np.ndarray], most: int) -> None:
    curve, _ = case
    part = curve.cut(float(most))
    if most < curve.load[0]:
        assert part is None
        return
    assert part is not None
    assert part.load[-1] == min(most, curve.load[-1])
    inside = sampled(part)
    for ours, whole in zip(part.at(inside), curve.at(inside), strict=True):
        assert np.allclose(ours, whole, rtol=1e-12)


def test_latency_that_falls_with_load_is_followed_to_the_feasible_side() -> None:
    """1 (too slow), 8 (fine), 16 (too slow), 32 (fine, and the highest rate): a bisection would stop at 8 or before."""
    curve = curve_of([32, 8, 1, 16], [9, 4, 1, 7], [[40], [40], [80], [60]])
    stretch = best_stretch(curve, np.array([50.0]))
    assert stretch is not None
    assert (stretch.best, stretch.rate, stretch.is_measured) == (32.0, 9.0, True)
    assert stretch.curve.load[0] == 24.0, "half way from 60 ms down to 40 ms"
    assert stretch.latencies_at(0.0) == pytest.approx([50.0]), "below the stretch, its lowest point counts"


def test_throughput_that_falls_with_load_leaves_the_peak() -> None:
    stretch = best_stretch(curve_of([1, 8, 64], [1, 5, 3], [[1], [2], [3]]), np.array([10.0]))
    assert stretch is not None
    assert (stretch.best, stretch.rate) == (8.0, 5.0)
    assert stretch.latencies_at(2.0) == pytest.approx([1.25]), "at the lower of the two loads with 2 requests/s"


def test_between_two_points_by_hand() -> None:
    """The limit of 30 ms lies half way from 20 ms at 8 to 40 ms at 16: load 12, rate 5."""
    stretch = best_stretch(curve_of([8, 16], [4, 6], [[20], [40]]), np.array([30.0]))
    assert stretch is not None
    assert (stretch.best, stretch.rate, stretch.is_measured) == (12.0, 5.0, False)


def test_between_sizes_rates_follow_a_power_and_latencies_a_line() -> None:
    """Twice the tokens, half the rate: in the middle of the logarithms 1 / sqrt(2)."""
    small, large = curve_of([1, 9], [8, 16], [[10], [20]]), curve_of([5, 12], [4, 8], [[30], [44]])
    middle = between([small, large], [0.5, 0.5])
    assert middle is not None
    assert middle.load.tolist() == [5, 9], "only where both were measured"
    assert not middle.measured.any()
    assert middle.rate[0] == pytest.approx(np.sqrt(12 * 4))
    assert middle.latency_ms[0, 0] == pytest.approx((15 + 30) / 2)
    assert between([small, curve_of([10, 12], [1, 2], [[1], [1]])], [0.5, 0.5]) is None


@settings(max_examples=60)
@given(st.integers(1, 50), st.integers(1, 50), st.floats(0.01, 0.99))
def test_between_sizes_errs_on_the_safe_side(fixed: int, slope: int, part: float) -> None:
    """A request that takes a + b x tokens: the interpolated rate is never above the true one, nor latency below."""
    low, high = 100.0, 1600.0
    tokens = low * (high / low) ** part

    def time(size: float) -> float:
        return fixed + slope * size / 100.0

    curves = [curve_of([1, 2], [1 / time(size), 2 / time(size)], [[time(size)], [time(size)]]) for size in (low, high)]
    found = between(curves, [1 - part, part])
    assert found is not None
    assert found.rate[0] <= 1 / time(tokens) * (1 + 1e-12)
    assert found.latency_ms[0, 0] >= time(tokens) * (1 - 1e-12)
