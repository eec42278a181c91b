"""Training: schedule and times by hand, and properties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import performance_samples as s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from performance_samples import estimate

from gpufleet.performance import training_step
from gpufleet.performance.device import device_of

if TYPE_CHECKING:
    from gpufleet.performance.estimate import Configurations, Estimate
    from gpufleet.schema.workloads import Training

GPT = s.gpt(32, 4096, 32)
NODE = s.node(s.A100, 8, 200.0)


def _train(work: Training, conf: Configurations) -> Estimate:
    return estimate(work, GPT, s.FP16, s.A100, NODE, conf)


def test_schedule() -> None:
    plan = training_step.schedule_of(s.training(64, 2048), s.options(data=[8, 8, 64, 128], batch=[2, 100, 1, 1]))
    assert plan.micro.tolist() == [2, 8, 1, 1]
    assert plan.accumulation.tolist() == [4, 1, 1, 1]
    assert plan.possible.tolist() == [True, True, True, False]


def test_arithmetic_of_a_step_by_hand() -> None:
    # 8 samples of 2048 tokens, 3 passes: 3 x 2 x N x 16384 FLOP + attention 3 x 8 x 4 x 4096 x 2048^2 / 2 x 32.
    device, conf, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.options(batch=8), s.training(8, 2048)
    step = training_step.step_time(work, GPT, s.FP16, device, conf, training_step.schedule_of(work, conf))
    products = 6 * GPT.parameters * 8 * 2048 / (312e12 * s.figure("compute", "Ampere", "train", 16))
    scores = 3 * 8 * 4 * 4096 * 2048**2 / 2 * 32 / (312e12 * s.figure("training_attention"))
    assert step.arithmetic[0] == pytest.approx(products + scores + 3 * 32 * s.figure("layer_overhead_s"))
    assert step.tensor_exchange[0] == step.bubble[0] == step.data_exchange[0] == 0.0


def test_pipeline_bubble_by_hand() -> None:
    device, conf, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.options(pipeline=4), s.training(16, 2048)
    step = training_step.step_time(work, GPT, s.FP16, device, conf, training_step.schedule_of(work, conf))
    # 16 micro-batches on 4 stages, interleaved twice: the bubble is 3 / 2 micro-batches of 16.
    assert step.bubble[0] == pytest.approx((step.arithmetic + step.tensor_exchange)[0] / 16 * 3 / 2)


def test_gradient_exchange_by_hand() -> None:
    device, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.training(64, 2048)
    conf = s.options(data=8, zero=[0, 3])
    raw = training_step.data_exchange_s(work, GPT, s.FP16, device, conf, np.full(2, 8.0))
    ring = 2 * 7 / 8 * 2 * GPT.parameters / (300e9 * s.figure("nvlink")) + 6 * s.figure("nvlink_latency_s")
    assert raw == pytest.approx([ring, 8 * 3 * ring / 2])


def test_days_and_rate() -> None:
    one = _train(s.training(64, 2048), s.options(8, data=8, batch=4))
    twice = _train(s.training(64, 2048, epochs=2.0, restart_overhead_fraction=0.1), s.options(8, data=8, batch=4))
    assert twice.training_days[0] == pytest.approx(2.2 * one.training_days[0])
    assert one.max_rate[0, 0] == pytest.approx(14.0 / one.training_days[0])
    assert one.max_rate.shape == (1, 1)


def test_recomputation_trades_time_for_memory() -> None:
    result = _train(s.training(64, 2048), s.options(8, data=8, batch=4, recomputation=[False, True]))
    assert 1.2 < result.training_days[1] / result.training_days[0] < 1.5
    assert result.memory_parts_gb["activations"][1] < 0.25 * result.memory_parts_gb["activations"][0]


def test_impossible_options_have_rate_zero() -> None:
    lonely = estimate(s.training(64, 2048), GPT, s.FP16, s.A100, s.node(s.A100), s.options(8, data=[1, 2], batch=1))
    assert (lonely.max_rate[:, 0] > 0).tolist() == [True, False]
    assert np.isinf(lonely.training_days[1])
    too_many_ranks = _train(s.training(4, 2048), s.options(data=8))
    assert too_many_ranks.max_rate[0, 0] == 0.0
    too_big = _train(s.training(64, 2048), s.options(data=8))
    assert too_big.memory_gb[0] > too_big.memory_limit_gb
    assert too_big.max_rate[0, 0] == 0.0 < too_big.training_days[0]


def test_medical_imaging_shape_takes_about_ten_days() -> None:
    # 200,000 samples x 20 epochs of 0.6 PFLOP forward on 64 A100: 45 % MFU is 9.3 days.
    work = s.training(64, samples=200_000.0, epochs=20.0)
    result = estimate(work, s.UNET_15B, s.FP16, s.A100, NODE, s.options(8, data=8, zero=3))
    assert 8.5 < result.training_days[0] < 10.5
    assert result.bottleneck[0] == "compute"
    assert result.max_rate[0, 0] > 1.0


def test_weak_memory_needs_splitting() -> None:
    v100 = s.accelerator("V100", "Volta", 32.0, 900.0, 125.0, 0.0, link=300.0, pcie=3)
    work = s.training(64, samples=200_000.0)
    result = estimate(work, s.UNET_15B, s.FP16, v100, s.node(v100, 8, 12.5), s.options([1, 8], data=8, zero=[0, 3]))
    assert (result.max_rate[:, 0] > 0).tolist() == [False, True]


def test_recommenders_and_encoders_train() -> None:
    for card, tokens in ((s.DLRM, None), (s.BERT, 512)):
        result = estimate(s.training(4096, tokens), card, s.FP16, s.A100, NODE, s.options(data=8, batch=32))
        assert result.max_rate[0, 0] > 0
        assert np.isfinite(result.training_days[0])


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 8]), st.integers(0, 3),
    st.sampled_from(["memory_bandwidth_gb_s", "interconnect_gb_s"]), st.floats(1.0, 3.0),
)  # fmt: skip
def test_more_bandwidth_is_never_slower(t: int, p: int, d: int, zero: int, name: str, factor: float) -> None:
    faster = s.A100.model_copy(update={name: getattr(s.A100, name) * factor})
    work, conf = s.training(64, 2048), s.options(t, p, d, zero=zero, batch=2)
    days = [estimate(work, GPT, s.FP16, device, NODE, conf).training_days[0] for device in (s.A100, faster)]
    assert days[1] <= days[0] * (1 + 1e-9)
    wide = NODE.model_copy(update={"network_gb_s": 200.0 * factor})
    assert estimate(work, GPT, s.FP16, s.A100, wide, conf).training_days[0] <= days[0] * (1 + 1e-9)
