"""The facade's contract: shapes, determinism, finite numbers, no warnings, what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import performance_samples as s
import pytest
from performance_samples import estimate

from gpufleet.performance.estimate import Configurations, Estimate
from gpufleet.schema.hardware import Accelerator
from gpufleet.schema.models import ModelCard, Variant
from gpufleet.schema.plan import Parallelism
from gpufleet.schema.workloads import LLMServing, RequestServing, Training

SLOS = (s.slo("ttft", 95.0, 500.0), s.slo("itl", 99.0, 80.0))
GRID = np.array(np.meshgrid([1, 2, 8, 16], [1, 2, 4], [1, 4], [1, 8], [0, 3], [0, 1], [1, 7, 300])).reshape(7, -1)
CASES = [
    (s.language((1000, 200), (30, 1), (9000, 900), slos=SLOS), s.LLAMA_70B, s.FP8, s.H100),
    (s.language((1000, 200), (30, 1), slos=SLOS), s.MIXTRAL, s.FP16, s.A100),
    (s.requests(1, 100, slos=SLOS[:1]), s.DLRM, s.INT8, s.T4),
    (s.requests(4, slos=SLOS), s.BERT, s.FP16, s.L4),
    (s.requests(4), s.RESNET, s.INT8, s.A100),
    (s.training(256, 2048), s.LLAMA_8B, s.BF16, s.H100),
    (s.training(256), s.UNET_15B, s.FP32, s.A100),
]
Case = tuple[LLMServing | RequestServing | Training, ModelCard, Variant, Accelerator]


def _grid() -> Configurations:
    return Configurations(*GRID)


def _arrays(result: Estimate) -> dict[str, np.ndarray]:
    return {name: value for name, value in vars(result).items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("network", [None, 100.0])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].kind}-{case[1].name}")
def test_shapes_and_finite_numbers(case: Case, network: float | None) -> None:
    work, card, variant, accelerator = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = estimate(work, card, variant, accelerator, s.node(accelerator, 8, network), _grid(), load=0.5)
    n = GRID.shape[1]
    serves = not isinstance(work, Training)
    classes, slos = (len(work.classes), len(work.slo)) if not isinstance(work, Training) else (1, 0)
    assert result.memory_gb.shape == result.training_days.shape == result.bottleneck.shape == (n,)
    assert result.max_rate.shape == result.saturation_rate.shape == (n, classes)
    assert result.latency_ms.shape == result.idle_latency_ms.shape == (n, slos, classes)
    assert np.isnan(result.training_days).all() == serves
    for name in ("memory_gb", "max_rate", "saturation_rate", "latency_ms", "idle_latency_ms"):
        values = getattr(result, name)
        assert np.isfinite(values).all(), name
        assert (values >= 0).all(), name
    assert (result.max_rate <= result.saturation_rate * (1 + 1e-9)).all()
    assert set(result.bottleneck) <= {"compute", "memory_bandwidth", "interconnect", "host_link", "kv_capacity"}
    assert (result.max_rate[result.memory_gb > result.memory_limit_gb] == 0).all()
    assert set(result.provenance) == {"modelled"}
    assert result.provenance.shape == result.evidence.shape == (n,)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].kind}-{case[1].name}")
def test_same_input_same_bytes(case: Case) -> None:
    work, card, variant, accelerator = case
    results = [estimate(work, card, variant, accelerator, s.node(accelerator, 8, 50.0), _grid()) for _ in range(2)]
    first, second = map(_arrays, results)
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.mark.parametrize("case", CASES[:5], ids=lambda case: f"{case[0].kind}-{case[1].name}")
def test_options_do_not_influence_each_other(case: Case) -> None:
    work, card, variant, accelerator = case
    node = s.node(accelerator, 8, 50.0)
    together = estimate(work, card, variant, accelerator, node, _grid())
    for index in (0, 57, GRID.shape[1] - 1):
        alone = estimate(work, card, variant, accelerator, node, Configurations(*GRID[:, index]))
        assert alone.max_rate[0] == pytest.approx(together.max_rate[index], rel=1e-9)


def test_unsupported_precision_is_zeros() -> None:
    result = estimate(s.language((10, 10), slos=SLOS), s.LLAMA_8B, s.BF16, s.T4, s.node(s.T4), s.options([1, 2]))
    assert not result.precision_supported
    assert result.max_rate.shape == (2, 1)
    assert result.latency_ms.shape == (2, 2, 1)
    assert not result.max_rate.any()


def test_load_may_differ_between_options() -> None:
    work = s.language((500, 200), slos=(s.slo("tpot", 95.0, 100.0),))
    conf = s.options(batch=[128, 128, 128])
    result = estimate(work, s.LLAMA_8B, s.FP8, s.H100, s.node(s.H100), conf, load=np.array([0.1, 0.5, 1.0]))
    assert (np.diff(result.latency_ms[:, 0, 0]) > 0).all()


def test_a_language_workload_needs_a_decoder() -> None:
    with pytest.raises(ValueError, match="not a decoder"):
        estimate(s.language((10, 10)), s.RESNET, s.INT8, s.T4, s.node(s.T4), s.options())


def test_configurations_from_records() -> None:
    made = Configurations.of([(Parallelism(tensor=4, data=2, zero_stage=3, recomputation=True), 16)])
    assert made.accelerators.tolist() == [8]
    assert (made.zero_stage[0], made.recomputation[0], made.batch[0]) == (3, True, 16)
    with pytest.raises(ValueError, match="same length"):
        Configurations(np.ones(2), np.ones(1), np.ones(1), np.ones(1), np.zeros(1), np.zeros(1), np.ones(1))
