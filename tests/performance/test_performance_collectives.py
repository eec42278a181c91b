"""Collectives and rooflines against sums done by hand."""

from __future__ import annotations

import numpy as np
import performance_samples as s
import pytest

from gpufleet.performance import collectives
from gpufleet.performance.device import device_of
from gpufleet.performance.roofline import distinct_experts, roofline

NVLINK = 450e9 * s.figure("nvlink")
NETWORK = 400e9 / 8 * s.figure("network")
DEVICE = device_of(s.H100, s.node(s.H100, network_gb_s=400.0), s.FP8, s.DEFAULT)


def _members(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_ring_all_reduce() -> None:
    # 2 (g - 1) / g x 800 B / 100 B/s + 2 log2(g) x 0.5 s
    times = collectives.ring_all_reduce(800.0, _members(1, 2, 4, 8), 100.0, 0.5)
    assert times == pytest.approx([0.0, 8.0 + 1.0, 12.0 + 2.0, 14.0 + 3.0])


def test_all_reduce_inside_a_node() -> None:
    time = collectives.all_reduce(DEVICE, 1e9, _members(8))
    assert time[0] == pytest.approx(2 * 7 / 8 * 1e9 / NVLINK + 6 * s.figure("nvlink_latency_s"))


def test_all_reduce_across_nodes_is_hierarchical() -> None:
    time = collectives.all_reduce(DEVICE, 1e9, _members(32))
    inside = 2 * 7 / 8 * 1e9 / NVLINK + 6 * s.figure("nvlink_latency_s")
    across = 2 * 3 / 4 * (1e9 / 8) / NETWORK + 4 * s.figure("network_latency_s")
    assert time[0] == pytest.approx(inside + across)


def test_strided_groups_have_fewer_members_per_node() -> None:
    assert collectives.local_members(DEVICE, _members(8, 8, 8, 8), _members(1, 2, 8, 16)).tolist() == [8, 4, 1, 1]


def test_all_gather_is_half_an_all_reduce() -> None:
    assert collectives.all_gather(DEVICE, 1e9, _members(8)) == pytest.approx(
        collectives.all_reduce(DEVICE, 1e9, _members(8)) / 2
    )


def test_all_to_all() -> None:
    times = collectives.all_to_all(DEVICE, 1e9, _members(1, 8, 16))
    inside = 1e9 * 7 / 8 / NVLINK + s.figure("nvlink_latency_s")
    across = 1e9 * 8 / 16 / NETWORK + s.figure("network_latency_s")
    assert times == pytest.approx([0.0, inside, across])


def test_point_to_point() -> None:
    times = collectives.point_to_point(DEVICE, 1e9, _members(0, 1))
    assert times == pytest.approx(
        [1e9 / NVLINK + s.figure("nvlink_latency_s"), 1e9 / NETWORK + s.figure("network_latency_s")]
    )


def test_roofline() -> None:
    assert roofline(_members(100, 100), 10.0, _members(50, 500), 20.0).tolist() == [10.0, 25.0]


def test_distinct_experts() -> None:
    # One token visits k of E; two tokens visit E (1 - (1 - k / E)^2).
    assert distinct_experts(8, 2, _members(1, 2)) == pytest.approx([2.0, 8 * (1 - 0.75**2)])
    assert distinct_experts(8, 2, _members(1000))[0] == pytest.approx(8.0)
    assert distinct_experts(0, 0, _members(5)).tolist() == [0.0]
