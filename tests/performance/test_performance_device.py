"""What a device offers to a variant."""

from __future__ import annotations

import performance_samples as s
import pytest

from gpufleet.performance.calibration import FAMILY_ALIASES, Efficiency, Key
from gpufleet.performance.device import Figures, device_of, peak_flops, usable_memory_gb
from gpufleet.schema.hardware import Accelerator, NodeType, PeakRates

FIGURES = Figures(s.DEFAULT, "Hopper", "gpu", 8)


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
    device = device_of(s.H100, s.node(s.H100), s.INT4, s.DEFAULT)
    assert device.peak == pytest.approx(989.4e12)
    assert device.unpacking == s.figure("dequantisation")


def test_usable_memory() -> None:
    assert usable_memory_gb(s.H100, s.node(s.H100), FIGURES) == pytest.approx(80 * s.figure("usable_memory"))


def test_cpu_sockets_take_the_memory_of_the_node() -> None:
    socket = Accelerator.model_validate(
        s.T4.model_dump() | {"name": "cpu", "kind": "cpu", "family": "Zen 4", "memory_gb": None}
    )
    host = NodeType(name="n", accelerator="cpu", accelerators=2, host_memory_gb=1000.0, source="test")
    assert usable_memory_gb(socket, host, FIGURES) == pytest.approx(500 * s.figure("usable_host_memory"))
    bare = NodeType(name="n", accelerator="cpu", accelerators=2, source="test")
    assert usable_memory_gb(socket, bare, FIGURES) == 0.0


@pytest.mark.parametrize(
    ("accelerator", "override", "expected"),
    [
        (s.H100, None, 450e9 * s.figure("nvlink")),
        (s.H100, 600.0, 300e9 * s.figure("nvlink")),
        (s.L4, None, 32e9 * s.figure("pcie")),
        (s.T4, None, 16e9 * s.figure("pcie")),
    ],
)
def test_links(accelerator: Accelerator, override: float | None, expected: float) -> None:
    node = s.node(accelerator).model_copy(update={"interconnect_gb_s": override})
    assert device_of(accelerator, node, s.FP16, s.DEFAULT).link == pytest.approx(expected)


def test_network_is_shared_by_the_node() -> None:
    device = device_of(s.H100, s.node(s.H100, 8, 400.0), s.FP16, s.DEFAULT)
    assert device.network == pytest.approx(400e9 / 8 * s.figure("network"))
    assert device.networked
    assert not device_of(s.H100, s.node(s.H100), s.FP16, s.DEFAULT).networked


def test_the_most_specific_figure_wins() -> None:
    figures = {
        Key("compute", family="gpu", bits=8): 0.1,
        Key("compute", family="Hopper", bits=8): 0.2,
        Key("compute", family="Hopper", phase="train", bits=8): 0.3,
        Key("compute", model="m", family="gpu"): 0.4,
        Key("compute", engine="e", phase="decode"): 0.5,
    }
    efficiency = Efficiency(figures)

    def share(family: str, phase: str, model: str = "", engine: str = "", kind: str = "gpu", bits: int = 8) -> float:
        return efficiency.figure(Key("compute", engine, model, family, phase, bits), kind)

    assert share("Hopper", "train") == 0.3
    assert share("Hopper", "decode") == share("Hopper (export)", "decode") == share("Grace Hopper", "decode") == 0.2
    assert share("Ada", "train") == 0.1
    assert share("Hopper", "train", model="m") == 0.4
    assert share("Hopper", "decode", model="m", engine="e") == 0.5
    with pytest.raises(KeyError, match="no figure"):
        share("Ada", "train", kind="tpu")


def test_the_bundled_calibration_knows_every_kind_of_device() -> None:
    for kind in ("gpu", "tpu", "npu", "cpu"):
        assert 0 < s.figure("bandwidth", "unheard-of", kind=kind) <= 1
        for bits in (32, 16, 8, 4):
            assert 0 < s.figure("compute", "unheard-of", "decode", bits, kind) <= 1
    for family in FAMILY_ALIASES:
        assert s.figure("compute", family, "decode", 8) > 0
