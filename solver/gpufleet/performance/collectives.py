"""Time of collective exchanges: latency and bandwidth terms, inside a node and across nodes.

Sizes are bytes per member, times seconds. A group of `members` with `local` of them per node exchanges hierarchically:
a ring inside each node, then rings over the nodes in which every member carries 1/local of the data over its own
share of the node's network. Source: Thakur, Rabenseifner, Gropp 2005 (ring); NCCL's documented bus-bandwidth factors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance.arrays import Floats, ceil_div, quotient

if TYPE_CHECKING:
    from gpufleet.performance.device import Device


def ring_all_reduce(size: Floats | float, members: Floats | float, bandwidth: float, latency: float) -> Floats:
    """2 (g - 1) / g x size / bandwidth + 2 log2(g) x latency; 0 for g = 1. Any common shape.

    Small messages go by a tree, large ones round a ring: the latency is that of the one, the bandwidth of the other.
    """
    group = np.asarray(members, dtype=np.float64)
    steps = 2.0 * (group - 1.0)
    seconds = quotient(steps / group * size, bandwidth) + 2.0 * np.log2(np.maximum(group, 1.0)) * latency
    return np.asarray(np.where(steps > 0, seconds, 0.0))


def local_members(device: Device, members: Floats, stride: Floats | float) -> Floats:
    """Members of a group in one node when neighbours are `stride` accelerators apart, at least 1."""
    return np.minimum(members, np.maximum(np.floor(device.per_node / np.asarray(stride)), 1.0))


def all_reduce(device: Device, size: Floats | float, members: Floats, stride: Floats | float = 1.0) -> Floats:
    """All-reduce of `size` bytes over groups of `members` accelerators; seconds, common shape."""
    local = local_members(device, members, stride)
    nodes = ceil_div(members, local)
    inside = ring_all_reduce(size, local, device.link, device.link_latency)
    across = ring_all_reduce(np.asarray(size) / local, nodes, device.network, device.figure("network_latency_s"))
    return inside + across


def all_gather(device: Device, size: Floats | float, members: Floats, stride: Floats | float = 1.0) -> Floats:
    """All-gather (or reduce-scatter) of `size` bytes in the whole: half of an all-reduce."""
    return all_reduce(device, size, members, stride) / 2.0


def all_to_all(device: Device, size: Floats | float, members: Floats) -> Floats:
    """Every member sends `size` bytes in all, evenly to the others: the part for other nodes by network.

    Time = latency + max(inside, across): size x (local - 1) / g / link and size x (g - local) / g / network.
    """
    local = local_members(device, members, 1.0)
    inside = quotient(np.asarray(size) * (local - 1.0) / members, device.link)
    across = quotient(np.asarray(size) * (members - local) / members, device.network)
    latency = np.where(members > local, device.figure("network_latency_s"), device.link_latency)
    return np.asarray(np.where(members > 1, np.maximum(inside, across) + latency, 0.0))


def point_to_point(device: Device, size: Floats | float, crosses_nodes: Floats) -> Floats:
    """`size` bytes to the neighbour: size / bandwidth + latency; `crosses_nodes` is 0 or 1."""
    inside = quotient(size, device.link) + device.link_latency
    across = quotient(size, device.network) + device.figure("network_latency_s")
    return np.asarray(np.where(crosses_nodes > 0, across, inside))
