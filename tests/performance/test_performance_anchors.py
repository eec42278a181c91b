"""The default efficiencies against published measurements.

Sources: "MLPerf" = MLPerf Inference closed division, NVIDIA submissions, offline, per accelerator (median over the
named rounds); "TRT-LLM" = TensorRT-LLM performance overview, maximum output tokens/s; "Megatron" = Narayanan et al.
2021 (arXiv 2104.04473) and Korthikanti et al. 2022 (arXiv 2205.05198); "MPT" = llm-foundry benchmarking tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import performance_samples as s
import pytest
from performance_samples import estimate

if TYPE_CHECKING:
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import ModelCard, Variant

SHAPES = (
    *((128, 128), (128, 2048), (128, 4096), (500, 2000), (1000, 1000)),
    *((2048, 128), (2048, 2048), (5000, 500), (20000, 2000)),
)
TRT_LLM_FP8: dict[tuple[str, str, int], tuple[float, ...]] = {
    # TRT-LLM v0.17, FP8, one figure per shape
    ("8b", "H100", 1): (28836.77, 21109.38, 13593.65, 16500.69, 15244.78, 3556.73, 9488.42, 3559.36, 1401.31),
    ("8b", "H200", 1): (29526.04, 25398.86, 17370.80, 21020.81, 17537.96, 3794.14, 11968.50, 3987.79, 1804.10),
    ("70b", "H200", 1): (4020.75, 4165.68, 2651.75, 3018.39, 2823.45, 465.99, 1913.80, 560.16, 279.52),
    ("70b", "H100", 2): (6645.12, 6169.58, 3897.06, 4972.57, 4390.53, 772.66, 2898.16, 919.73, 443.01),
    ("70b", "H100", 4): (11127.53, 11511.93, 7439.41, 9836.70, 7430.99, 1302.60, 5480.03, 1602.78, 920.19),
    ("70b", "H200", 4): (11098.63, 14156.00, 10574.06, 12452.79, 8911.29, 1358.06, 7130.44, 1811.55, 1199.68),
    ("70b", "H200", 8): (15355.84, 21195.88, 16941.52, 17278.40, 13181.24, 1983.03, 11142.47, 2717.83, 1920.45),
}
MODELS = {"8b": s.LLAMA_8B, "70b": s.LLAMA_70B}
DEVICES = {"H100": s.H100, "H200": s.H200}


def _llm_errors(key: tuple[str, str, int]) -> list[float]:
    model, device, tensor = key
    result = estimate(
        s.language(*SHAPES),
        MODELS[model],
        s.FP8,
        DEVICES[device],
        s.node(DEVICES[device]),
        s.options(tensor, batch=2048),
    )
    outputs = np.array([output for _, output in SHAPES])
    return list(abs(result.saturation_rate[0] * outputs / np.array(TRT_LLM_FP8[key]) - 1))


def test_llama_throughput_median() -> None:
    errors = [error for key in TRT_LLM_FP8 for error in _llm_errors(key)]
    assert np.median(errors) < 0.15
    assert np.quantile(errors, 0.9) < 0.30


@pytest.mark.parametrize("key", TRT_LLM_FP8, ids=str)
def test_llama_throughput(key: tuple[str, str, int]) -> None:
    assert np.median(_llm_errors(key)) < 0.20


@pytest.mark.parametrize(
    ("card", "items", "variant", "accelerator", "published", "tolerance"),
    [
        (s.DLRM, 270, s.INT8, s.T4, 33_667, 0.15),  # MLPerf v0.7
        (s.DLRM, 270, s.INT8, s.A100_40, 264_189, 0.15),  # v0.7
        (s.DLRM, 270, s.INT8, s.A100, 307_788, 0.15),  # v1.0
        (s.DLRM, 270, s.INT8, s.A100_PCIE, 284_581, 0.15),  # v1.1
        (s.DLRM, 270, s.INT8, s.L4, 94_603, 0.15),  # v3.0
        (s.DLRM, 270, s.INT8, s.H100, 708_166, 0.20),  # v3.0
        (s.DLRM, 270, s.INT8, s.H100_PCIE, 472_208, 0.15),  # v3.0
        (s.RESNET, 1, s.INT8, s.T4, 6_078, 0.15),  # v0.7
        (s.RESNET, 1, s.INT8, s.A100, 39_106, 0.15),  # v2.0
        (s.RESNET, 1, s.INT8, s.L4, 13_158, 0.15),  # v3.0
        (s.RESNET, 1, s.INT8, s.H100_PCIE, 56_875, 0.15),  # v3.0
        (s.BERT, 1, s.INT8, s.T4, 443, 0.15),  # v0.7
        (s.BERT, 1, s.INT8, s.A100_40, 3_332, 0.15),  # v0.7
        (s.BERT, 1, s.INT8, s.L4, 1_032, 0.15),  # v3.0
        (s.BERT, 1, s.INT8, s.H100, 9_254, 0.15),  # v3.0
        (s.BERT, 1, s.FP16, s.A100, 1_751, 0.15),  # v2.1
        (s.BERT, 1, s.FP16, s.T4, 205, 0.15),  # v0.7
        (s.UNET_KITS, 1, s.INT8, s.A100, 3.8, 0.20),  # v3.0
        (s.UNET_KITS, 1, s.INT8, s.L4, 1.1, 0.20),  # v3.1
        (s.UNET_KITS, 1, s.INT8, s.H100, 6.9, 0.20),  # v3.0
    ],
)
def test_mlperf_offline(
    card: ModelCard, items: int, variant: Variant, accelerator: Accelerator, published: float, tolerance: float
) -> None:
    conf = s.options(batch={"dlrm": 2048, "3d-unet-kits19": 1}.get(card.name, 256))
    result = estimate(s.requests(items), card, variant, accelerator, s.node(accelerator, 1), conf)
    assert result.saturation_rate[0, 0] == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize(("accelerator", "published"), [(s.T4, 7.27), (s.A100_PCIE, 57.3), (s.A100, 61.7)])
def test_3d_unet_brats_across_accelerators(accelerator: Accelerator, published: float) -> None:
    # MLPerf v0.7 (T4) and v1.1
    result = estimate(s.requests(1), s.UNET_BRATS, s.INT8, accelerator, s.node(accelerator, 1), s.options(batch=4))
    assert result.saturation_rate[0, 0] == pytest.approx(published, rel=0.15)


def test_dlrm_server_percentile() -> None:
    # MLPerf v0.7, 20 T4: 30,012 requests/s per T4, of 33,282 offline, with a 99 % latency of 8.49 ms.
    work = s.requests(270, slos=(s.slo("end_to_end", 99.0, 30.0),), max_utilisation=1.0)
    top = estimate(work, s.DLRM, s.INT8, s.T4, s.node(s.T4), s.options(batch=1024)).max_rate[0, 0]
    whole = estimate(work, s.DLRM, s.INT8, s.T4, s.node(s.T4), s.options(batch=1024)).saturation_rate[0, 0]
    load = 30_012 / 33_282 * whole / top
    result = estimate(work, s.DLRM, s.INT8, s.T4, s.node(s.T4), s.options(batch=1024), load=load)
    assert result.latency_ms[0, 0, 0] == pytest.approx(8.49, rel=0.30)


SWEEP = "TensorRT-LLM 0.14"
"""Software of the request-rate sweep."""


@pytest.mark.parametrize(
    ("card", "accelerator", "tensor", "rate", "first_ms", "gap_ms"),
    [
        # TRT-LLM v0.14, BF16, 467 tokens in, 256 out: mean TTFT and inter-token latency at the achieved rate
        (s.LLAMA_8B, s.H100, 1, 2.0, 23.0, 8.0),
        (s.LLAMA_8B, s.H100, 1, 15.0, 30.0, 11.0),
        (s.LLAMA_70B, s.H100, 4, 2.0, 62.0, 21.0),
        (s.LLAMA_70B, s.H100, 4, 7.0, 92.0, 32.0),
    ],
)
def test_online_latencies(
    card: ModelCard, accelerator: Accelerator, tensor: int, rate: float, first_ms: float, gap_ms: float
) -> None:
    slos = (s.slo("ttft", 50.0, 1e6), s.slo("tpot", 50.0, 1e6))
    work, conf = s.language((467, 256), slos=slos, max_utilisation=1.0), s.options(tensor, batch=256)
    top = estimate(work, card, s.BF16, accelerator, s.node(accelerator), conf, engine=SWEEP).max_rate[0, 0]
    result = estimate(work, card, s.BF16, accelerator, s.node(accelerator), conf, load=rate / top, engine=SWEEP)
    assert result.latency_ms[0, 0, 0] == pytest.approx(first_ms, rel=0.5)
    assert result.latency_ms[0, 1, 0] == pytest.approx(gap_ms, rel=0.25)


def test_online_saturation() -> None:
    # TRT-LLM v0.14, BF16, 467 in, 256 out, all 500 requests at once: 37 and 16 requests/s.
    for card, tensor, published in ((s.LLAMA_8B, 1, 36.8), (s.LLAMA_70B, 4, 16.0)):
        options = s.options(tensor, batch=512)
        result = estimate(s.language((467, 256)), card, s.BF16, s.H100, s.node(s.H100), options, engine=SWEEP)
        assert result.saturation_rate[0, 0] == pytest.approx(published, rel=0.15)


GPT_175B, GPT_530B, GPT_1T = s.gpt(96, 12288, 96), s.gpt(105, 20480, 128), s.gpt(128, 25600, 160)
MPT_7B, MPT_30B, MPT_70B = s.gpt(32, 4096, 32, 50368), s.gpt(48, 7168, 56, 50368), s.gpt(64, 9216, 72, 50368)
STEPS = [
    # card, accelerator, (t, p, d), ZeRO, recomputation, micro-batch, global batch, tokens, seconds per step
    (GPT_175B, s.A100, (8, 12, 4), 0, True, 1, 1536, 2048, 76.8),  # Megatron 2021: 153 TFLOP/s per GPU
    (GPT_175B, s.A100, (8, 12, 16), 0, True, 1, 1536, 2048, 20.8),  # 141 TFLOP/s
    (GPT_530B, s.A100, (8, 35, 2), 0, True, 1, 2240, 2048, 206.2),  # 171 TFLOP/s
    (GPT_530B, s.A100, (8, 35, 8), 0, True, 1, 2240, 2048, 55.5),  # 159 TFLOP/s
    (GPT_530B, s.A100, (8, 35, 1), 0, True, 1, 280, 2048, 49.05),  # Megatron 2022
    (GPT_1T, s.A100, (8, 64, 1), 0, True, 1, 512, 2048, 94.42),  # Megatron 2022
    (MPT_7B, s.A100, (1, 1, 8), 3, False, 6, 96, 2048, 5.295),  # MPT
    (MPT_70B, s.A100, (1, 1, 64), 3, True, 8, 2048, 2048, 159.6),
    (MPT_7B, s.H100, (1, 1, 8), 3, False, 6, 48, 2048, 1.155),
    (MPT_7B, s.H100, (1, 1, 512), 3, False, 6, 3072, 2048, 1.271),
    (MPT_30B, s.H100, (1, 1, 512), 3, True, 8, 4096, 2048, 7.743),
    (MPT_30B, s.H100, (1, 1, 8), 3, True, 3, 504, 2048, 64.42),
    (s.gpt(48, 10240, 80, 131072), s.H100, (8, 2, 48), 1, False, 1, 384, 4096, 1.93),  # Megatron-Core: 420 TFLOP/s
    (s.gpt(96, 12288, 96, 131072), s.H100, (8, 6, 48), 1, False, 1, 1152, 4096, 5.26),  # Megatron-Core: 433 TFLOP/s
]


def _step_seconds(index: int) -> float:
    card, accelerator, (t, p, d), zero, recomputation, micro, batch, tokens, _ = STEPS[index]
    network = 200.0 if accelerator is s.A100 else 400.0
    engine = "llm-foundry" if zero == 3 else "Megatron-LM until 2022" if recomputation else ""
    conf = s.options(t, p, d, zero=zero, recomputation=recomputation, batch=micro)
    work = s.training(batch, tokens, samples=float(batch))
    return float(
        estimate(work, card, s.BF16, accelerator, s.node(accelerator, 8, network), conf, engine=engine).training_days[0]
        * 86400
    )


@pytest.mark.parametrize("index", range(len(STEPS)))
def test_training_step(index: int) -> None:
    assert _step_seconds(index) == pytest.approx(STEPS[index][-1], rel=0.20)


def test_training_step_median() -> None:
    errors = [abs(_step_seconds(index) / STEPS[index][-1] - 1) for index in range(len(STEPS))]
    assert np.median(errors) < 0.12


def test_small_quantised_assistant_answers_in_two_seconds() -> None:
    work = s.language((2000, 200), slos=(s.slo("end_to_end", 95.0, 2000.0),))
    result = estimate(work, s.BLOOMZ, s.INT4, s.H100, s.node(s.H100), s.options(batch=[8, 32]))
    assert (result.max_rate[:, 0] > 5).all()
    assert (result.idle_latency_ms[:, 0, 0] < 800).all()
