"""MIG instances of the catalogue: parts of their GPU as published, and nodes cut into as many as fit."""

from __future__ import annotations

import pytest

from gpufleet import Library
from gpufleet.performance.device import PCIE_GB_S
from gpufleet.schema.hardware import NodeType, PeakRates

LIBRARY = Library.open()
PARTITIONS = [node for node in LIBRARY.node_types.values() if node.partition_of is not None]
# GPU: its SMs and memory slices; profile: SMs, memory slices, instances per GPU (nvidia-smi mig -lgip, MIG user guide)
A100 = ((14, 1, 7), (28, 2, 3), (42, 4, 2))
H100 = ((16, 1, 7), (32, 2, 3), (60, 4, 2))
PROFILES = {
    "A30": (56, 4, dict(zip(("1g.6gb", "2g.12gb"), ((14, 1, 4), (28, 2, 2)), strict=True))),
    "A100-SXM-40GB": (108, 8, dict(zip(("1g.5gb", "2g.10gb", "3g.20gb"), A100, strict=True))),
    "A100-PCIe-80GB": (108, 8, dict(zip(("1g.10gb", "2g.20gb", "3g.40gb"), A100, strict=True))),
    "A100-SXM-80GB": (108, 8, dict(zip(("1g.10gb", "2g.20gb", "3g.40gb"), A100, strict=True))),
    "H100-PCIe-80GB": (
        114,
        8,
        dict(zip(("1g.10gb", "2g.20gb", "3g.40gb"), ((14, 1, 7), (30, 2, 3), (46, 4, 2)), strict=True)),
    ),
    "H100-SXM-80GB": (132, 8, dict(zip(("1g.10gb", "2g.20gb", "3g.40gb"), H100, strict=True))),
    "H200-SXM-141GB": (132, 8, dict(zip(("1g.18gb", "2g.35gb", "3g.71gb"), H100, strict=True))),
}
INSTANCES = [(base, profile) for base, (_, _, profiles) in PROFILES.items() for profile in profiles]


@pytest.mark.parametrize(("base", "profile"), INSTANCES, ids="-".join)
def test_an_instance_is_its_share_of_the_gpu(base: str, profile: str) -> None:
    sms, slices, profiles = PROFILES[base]
    own, memory, count = profiles[profile]
    whole, part = LIBRARY.accelerators[base], LIBRARY.accelerators[f"{base}-{profile}"]
    assert whole.memory_gb is not None
    assert part.memory_gb == whole.memory_gb * memory / slices
    assert part.memory_bandwidth_gb_s == pytest.approx(whole.memory_bandwidth_gb_s * memory / slices, rel=5e-4)
    for rate in PeakRates.model_fields:
        published = getattr(whole.peak, rate)
        expected = None if published is None else pytest.approx(published * own / sms, rel=5e-4)
        assert getattr(part.peak, rate) == expected, rate
    assert (part.family, part.vendor, part.country) == (whole.family, whole.vendor, whole.country)
    assert part.interconnect_gb_s is None
    assert part.verification == "derived"
    # all instances of a GPU together are not more than the GPU
    assert count * own <= sms
    assert count * memory <= slices
    assert part.pcie_generation is not None
    assert whole.pcie_generation is not None
    assert count * PCIE_GB_S[part.pcie_generation] <= PCIE_GB_S[whole.pcie_generation]


@pytest.mark.parametrize("node", PARTITIONS, ids=lambda node: node.name)
def test_a_node_is_cut_into_all_instances_that_fit(node: NodeType) -> None:
    base = LIBRARY.node_types[node.partition_of]
    _, _, profiles = PROFILES[base.accelerator]
    profile = node.name.removeprefix(f"{base.name}-mig-")
    assert node.accelerator == f"{base.accelerator}-{profile}"
    assert node.accelerators == base.accelerators * profiles[profile][2]


def test_every_node_of_such_gpus_has_its_partitions() -> None:
    nodes = [node for node in LIBRARY.node_types.values() if not node.name.startswith("runpod-")]
    expected = {
        f"{node.name}-mig-{profile}"
        for node in nodes
        if node.accelerator in PROFILES
        for profile in PROFILES[node.accelerator][2]
    }
    assert {node.name for node in PARTITIONS} == expected
    assert len(expected) >= 90
