"""What a device offers to a variant."""

from __future__ import annotations

import performance_samples as s
import pytest

from gpufleet.performance.calibration import COMPUTE, DEFAULT, FAMILY_ALIASES, MEMORY_BANDWIDTH
from gpufleet.performance.device import device_of, peak_flops, usable_memory_gb
from gpufleet.schema.hardware import Accelerator, NodeType, PeakRates


def test_known_rates_count_in_flops() -> None:
    assert peak_flops(s.H100.peak, "fp8") == pytest.approx(1978.9e12)
    assert peak_flops(s.T4.peak, "int8") == pytest.approx(130e12)


def test_zero_means_unsupported_even_when_a_wider_format_runs() -> None:
    assert peak_flops(s.T4.peak, "bf16") == 0.0
    assert peak_flops(PeakRates(fp16_tflops=100.0, fp8_tflops=0.0), "fp8") == 0.0


def test_unknown_is_bounded_by_a_wider_format() -> None:
    assert peak_flops(PeakRates(fp16_tflops=100.0), "int8") == pytest.approx(100e12)
    assert peak_flops(PeakRates(fp32_tflops=10.0), "tf32") == pytest.approx(10e12)
    assert peak_flops(PeakRates(), "fp16") == 0.0


def test_weight_only_int4_computes_in_fp16() -> None:
    device = device_of(s.H100, s.node(s.H100), s.INT4, DEFAULT)
    assert device.peak == pytest.approx(989.4e12)
    assert device.unpacking == DEFAULT.dequantisation


def test_usable_memory() -> None:
    assert usable_memory_gb(s.H100, s.node(s.H100), DEFAULT) == pytest.approx(80 * DEFAULT.usable_memory)


def test_cpu_sockets_take_the_memory_of_the_node() -> None:
    socket = Accelerator.model_validate(
        s.T4.model_dump() | {"name": "cpu", "kind": "cpu", "family": "Zen 4", "memory_gb": None}
    )
    host = NodeType(name="n", accelerator="cpu", accelerators=2, host_memory_gb=1000.0, source="test")
    assert usable_memory_gb(socket, host, DEFAULT) == pytest.approx(500 * DEFAULT.usable_host_memory)
    bare = NodeType(name="n", accelerator="cpu", accelerators=2, source="test")
    assert usable_memory_gb(socket, bare, DEFAULT) == 0.0


@pytest.mark.parametrize(
    ("accelerator", "override", "expected"),
    [
        (s.H100, None, 450e9 * DEFAULT.nvlink),
        (s.H100, 600.0, 300e9 * DEFAULT.nvlink),
        (s.L4, None, 32e9 * DEFAULT.pcie),
        (s.T4, None, 16e9 * DEFAULT.pcie),
    ],
)
def test_links(accelerator: Accelerator, override: float | None, expected: float) -> None:
    node = s.node(accelerator).model_copy(update={"interconnect_gb_s": override})
    assert device_of(accelerator, node, s.FP16, DEFAULT).link == pytest.approx(expected)


def test_network_is_shared_by_the_node() -> None:
    device = device_of(s.H100, s.node(s.H100, 8, 400.0), s.FP16, DEFAULT)
    assert device.network == pytest.approx(400e9 / 8 * DEFAULT.network)
    assert device.networked
    assert not device_of(s.H100, s.node(s.H100), s.FP16, DEFAULT).networked


def test_efficiency_lookup_goes_from_phase_to_family_to_kind() -> None:
    share = DEFAULT.compute_share
    assert share("Hopper", "gpu", "train", "bf16") == COMPUTE["Hopper", "train", 16].value
    assert share("Hopper (export)", "gpu", "prefill", "fp8") == COMPUTE["Hopper", "*", 8].value
    assert share("Grace Hopper", "gpu", "prefill", "fp8") == COMPUTE["Hopper", "*", 8].value
    assert share("Unheard-of", "npu", "prefill", "fp16") == COMPUTE["npu", "*", 16].value


def test_every_efficiency_is_a_share_with_a_source() -> None:
    entries = [*COMPUTE.values(), *MEMORY_BANDWIDTH.values()]
    assert all(0 < entry.value <= 1 and entry.source for entry in entries)
    assert all((target, "*", 8) in COMPUTE for target in FAMILY_ALIASES.values())
    kinds = {"gpu", "tpu", "npu", "cpu"}
    assert {(kind, "*", bits) for kind in kinds for bits in (32, 16, 8, 4)} <= set(COMPUTE)
    assert set(MEMORY_BANDWIDTH) == kinds
