"""Training: schedule and times by hand, and properties."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import performance_samples as s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from performance_samples import estimate

from gpufleet.performance import training_exchange, training_step, training_work, transformer
from gpufleet.performance.device import device_of

if TYPE_CHECKING:
    from gpufleet.performance.estimate import Configurations, Estimate
    from gpufleet.schema.workloads import Training

GPT = s.gpt(32, 4096, 32)
NODE = s.node(s.A100, 8, 200.0)


def _train(work: Training, conf: Configurations) -> Estimate:
    return estimate(work, GPT, s.FP16, s.A100, NODE, conf)


def test_schedule() -> None:
    plan = training_step.schedule_of(s.job(64, 2048), s.options(data=[8, 8, 64, 128], batch=[2, 100, 1, 1]))
    assert plan.micro.tolist() == [2, 8, 1, 1]
    assert plan.accumulation.tolist() == [4, 1, 1, 1]
    assert plan.possible.tolist() == [True, True, True, False]


def test_arithmetic_of_a_step_by_hand() -> None:
    # 8 samples of 2048 tokens, 3 passes: 3 x 2 x N x 16384 FLOP; attention 3.5 x 8 x 4 x 4096 x 2048^2 / 2 x 32; a
    # token writes 4 h + 12 h numbers per block, 2 bytes each; 24 bytes per logit. Weights: 6 bytes read, 8 gradients.
    device, conf, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.options(batch=8), s.job(8, 2048, GPT)
    step = training_step.step_time(work, GPT, s.FP16, device, conf, training_step.schedule_of(work, conf))
    bandwidth = s.A100.memory_bandwidth_gb_s * 1e9 * s.figure("bandwidth", "gpu")
    share, fed = (
        312e12 * s.figure("compute", "Ampere", "train", 16),
        (s.A100.tdp_w or 0) / s.figure("train_energy_pj") * 1e12,
    )
    products = 6 * GPT.parameters * 8 * 2048 * (share**-4 + fed**-4) ** 0.25
    products = (products**4 + (14 * GPT.parameters / bandwidth) ** 4) ** 0.25
    scores = 3.5 * 8 * 4 * 4096 * 2048**2 / 2 * 32 / (312e12 * s.figure("training_attention", "Ampere"))
    blocks = 8 * 2048 * 32 * 3 * 2 * s.figure("train_traffic") * 16 * 4096 / bandwidth
    logits = 8 * 2048 * 24 * GPT.architecture.vocabulary / bandwidth
    host = 3 * 32 * s.figure("train_overhead_s")
    expected = ((products + scores + blocks + logits) ** 4 + host**4) ** 0.25
    assert step.arithmetic[0] == pytest.approx(expected, rel=1e-3)
    assert step.tensor_exchange[0] == step.bubble[0] == step.data_exchange[0] == 0.0


def test_pipeline_bubble_by_hand() -> None:
    device, conf, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.options(pipeline=4), s.job(16, 2048, GPT)
    step = training_step.step_time(work, GPT, s.FP16, device, conf, training_step.schedule_of(work, conf))
    # 16 micro-batches on 4 stages, interleaved twice: the bubble is 3 / 2 micro-batches of 16.
    assert step.bubble[0] == pytest.approx((step.arithmetic + step.tensor_exchange)[0] / 16 * 3 / 2)


def test_gradient_exchange_by_hand() -> None:
    device, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.job(64, 2048, GPT)
    conf = s.options(data=8, zero=[0, 3])
    raw = training_exchange.data_exchange_s(work, GPT, s.FP16, device, conf, np.full(2, 8.0))
    ring = 2 * 7 / 8 * 2 * GPT.parameters / (300e9 * s.figure("nvlink")) + 6 * s.figure("nvlink_latency_s")
    # ZeRO 3 exchanges block by block: 31 more waits of log2(8) steps, three times a micro-batch.
    waits = 31 * 3 * s.figure("nvlink_latency_s")
    assert raw == pytest.approx([ring, 8 * 3 * (ring / 2 + waits)])


def test_frozen_weights_have_no_gradient() -> None:
    plans = [
        training_step.schedule_of(s.job(8, 2048, GPT, parameter_efficient_fraction=f), s.options(recomputation=r))
        for f, r in ((1.0, False), (1.0, True), (0.01, False), (0.01, True))
    ]
    assert [plan.passes[0] for plan in plans] == pytest.approx([3.0, 4.0, 2.01, 3.01])


def test_context_groups_halve_the_arithmetic_of_a_sample() -> None:
    device, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.job(8, 8192, GPT)
    one, two = s.options(2), replace(s.options(2), context=np.full(1, 2.0))
    times = [training_step.step_time(work, GPT, s.FP16, device, conf, training_step.schedule_of(work, conf))
             for conf in (one, two)]  # fmt: skip
    assert 0.5 <= times[1].arithmetic[0] / times[0].arithmetic[0] < 0.53
    assert times[1].tensor_exchange[0] > 0.5 * times[0].tensor_exchange[0]


def test_more_chunks_shorten_the_bubble() -> None:
    device, work = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.job(16, 2048, GPT)
    bubbles = []
    for chunks in (1.0, 2.0, 8.0, 99.0):
        conf = replace(s.options(pipeline=4), chunks=np.full(1, chunks))
        plan = training_step.schedule_of(work, conf)
        bubbles.append(training_step.step_time(work, GPT, s.FP16, device, conf, plan).bubble[0])
    assert bubbles == pytest.approx([bubbles[0], bubbles[0] / 2, bubbles[0] / 8, bubbles[0] / 8])


def test_narrow_experts_compute_at_a_lower_share() -> None:
    wide = s.decoder("wide", 26e9, 24, 4096, 32000, GPT.architecture.attention)
    routed = {"experts": 16, "experts_per_token": 2, "expert_parameters": 16.0 * 24 * 3 * 4096 * 1024}
    narrow = wide.model_copy(update={"architecture": wide.architecture.model_copy(update=routed)})
    assert transformer.expert_width(wide.architecture) == 0.0
    assert transformer.expert_width(narrow.architecture) == pytest.approx(1024)


def test_power_bends_the_rate_of_products() -> None:
    ample = s.A100.model_copy(update={"tdp_w": 4000.0})
    scarce = s.A100.model_copy(update={"tdp_w": 100.0})
    rates = [training_work.products_rate(device_of(a, NODE, s.FP16, s.DEFAULT)) for a in (ample, scarce)]
    share = 312e12 * s.figure("compute", "Ampere", "train", 16)
    fed = 100.0 / (s.figure("train_energy_pj") * 1e-12)
    assert rates == pytest.approx([share, (share**-4 + fed**-4) ** -0.25], rel=1e-3)


def test_a_token_goes_to_another_node_once() -> None:
    # 16 experts' groups on two nodes of 8, 4 experts a token: half of its experts stand elsewhere in the mean, at least
    # one with probability 15/16, and the token crosses once.
    device, conf = device_of(s.A100, NODE, s.FP16, s.DEFAULT), s.options(data=16, expert=16)
    card = s.decoder("routed", 26e9, 1, 4096, 32000, GPT.architecture.attention)
    routed = {"experts": 16, "experts_per_token": 4, "expert_parameters": 16.0 * 3 * 4096 * 1024}
    architecture = card.architecture.model_copy(update=routed)
    seconds = training_exchange.block_exchange_s(card, architecture, device, conf, np.full(1, 1000.0))
    across = 15 / 16 * 1000 * 4096 * 2 / (25e9 * s.figure("network")) + s.figure("network_latency_s")
    assert seconds[0] == pytest.approx(2 * across * (1 - s.figure("expert_overlap")))


def test_late_samples_set_the_pace() -> None:
    free = _train(s.training(64, 2048), s.options(8, data=8, batch=4))
    slow = s.training(64, 2048, loader_samples_per_s_per_node=2.0)
    late = _train(slow, s.options(8, data=8, batch=4))
    # 8 nodes read 2 samples/s each: 64 samples take 4 s.
    assert late.training_days[0] == pytest.approx(slow.samples / 64 * 4.0 / 86400)
    assert (free.bottleneck[0] != "data_loading", late.bottleneck[0]) == (True, "data_loading")
    ample = _train(s.training(64, 2048, loader_samples_per_s_per_node=1e6), s.options(8, data=8, batch=4))
    assert ample.training_days == pytest.approx(free.training_days)


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
