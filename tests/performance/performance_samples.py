"""Accelerators, model cards and workloads built in code, so that these tests read no file but the
bundled calibration.

Accelerator figures are the vendors' dense datasheet figures; architectures are those of the published configurations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gpufleet.library import Library
from gpufleet.performance import estimate as model
from gpufleet.performance.calibration import Efficiency, Key
from gpufleet.performance.estimate import Configurations, Estimate
from gpufleet.performance.training_job import Job, job_of
from gpufleet.schema.hardware import Accelerator, NodeType, PeakRates
from gpufleet.schema.models import (
    Attention,
    Convolutional,
    Decoder,
    Encoder,
    ModelCard,
    Recommender,
    Variant,
)
from gpufleet.schema.workloads import SLO, ItemClass, LLMServing, RequestServing, TokenClass, Training

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from gpufleet.schema.models import Architecture
    from gpufleet.schema.workloads import LatencyMetric

SOURCE = "test"
DEFAULT = Efficiency.of(Library.open().calibration)


def figure(parameter: str, family: str = "", phase: str = "", bits: int = 0, kind: str = "gpu") -> float:
    """A figure of the bundled calibration."""
    return DEFAULT.figure(Key(parameter, family=family, phase=phase, bits=bits), kind)


def estimate(*arguments: Any, **named: Any) -> Estimate:
    """An estimate with the bundled calibration."""
    return model.estimate(*arguments, **({"efficiency": DEFAULT} | named))


FP32 = Variant(name="fp32", precision="fp32")
FP16 = Variant(name="fp16", precision="fp16")
BF16 = Variant(name="bf16", precision="bf16")
FP8 = Variant(name="fp8", precision="fp8")
INT8 = Variant(name="int8", precision="int8")
INT4 = Variant(name="int4", precision="int4", compute="fp16")
VARIANTS = (FP32, FP16, BF16, FP8, INT8, INT4)


def accelerator(
    name: str,
    family: str,
    memory_gb: float,
    bandwidth: float,
    fp16: float,
    int8: float,
    fp8: float = 0.0,
    link: float | None = None,
    pcie: int = 4,
    tdp: float | None = None,
) -> Accelerator:
    """A GPU: GB, GB/s, dense TFLOP/s (TOP/s), NVLink GB/s both ways, W."""
    return Accelerator(
        name=name,
        vendor="NVIDIA",
        country="US",
        kind="gpu",
        family=family,
        memory_gb=memory_gb,
        memory_kind="HBM2" if bandwidth > 1000 else "GDDR6",
        tdp_w=tdp,
        memory_bandwidth_gb_s=bandwidth,
        peak=PeakRates(
            fp32_tflops=fp16 / 8,
            tf32_tflops=fp16 / 2,
            fp16_tflops=fp16,
            bf16_tflops=0.0 if family == "Turing" else fp16,
            fp8_tflops=fp8,
            int8_tops=int8,
            int4_tops=0.0,
        ),
        interconnect_gb_s=link,
        pcie_generation=pcie,
        verification="recalled",
        source=SOURCE,
    )


T4 = accelerator("T4", "Turing", 16.0, 320.0, 65.0, 130.0, pcie=3, tdp=70.0)
L4 = accelerator("L4", "Ada Lovelace", 24.0, 300.0, 121.0, 242.5, fp8=242.5, tdp=72.0)
A100 = accelerator("A100-SXM-80GB", "Ampere", 80.0, 2039.0, 312.0, 624.0, link=600.0, tdp=400.0)
A100_PCIE = accelerator("A100-PCIe-80GB", "Ampere", 80.0, 1935.0, 312.0, 624.0, tdp=300.0)
A100_40 = accelerator("A100-SXM-40GB", "Ampere", 40.0, 1555.0, 312.0, 624.0, link=600.0, tdp=400.0)
H100 = accelerator("H100-SXM-80GB", "Hopper", 80.0, 3350.0, 989.4, 1978.9, fp8=1978.9, link=900.0, pcie=5, tdp=700.0)
H100_PCIE = accelerator("H100-PCIe-80GB", "Hopper", 80.0, 2000.0, 756.0, 1513.0, fp8=1513.0, pcie=5, tdp=350.0)
H200 = accelerator("H200-SXM-141GB", "Hopper", 141.0, 4800.0, 989.4, 1978.9, fp8=1978.9, link=900.0, pcie=5, tdp=700.0)


def node(device: Accelerator, accelerators: int = 8, network_gb_s: float | None = None) -> NodeType:
    """A server with such accelerators."""
    return NodeType(
        name="node", accelerator=device.name, accelerators=accelerators, network_gb_s=network_gb_s, source=SOURCE
    )


def card(name: str, parameters: float, architecture: Architecture, active: float | None = None) -> ModelCard:
    """A model card with all test variants."""
    return ModelCard(
        name=name,
        title=name,
        parameters=parameters,
        active_parameters=active,
        architecture=architecture,
        variants=VARIANTS,
        source=SOURCE,
    )


def decoder(
    name: str, parameters: float, layers: int, hidden: int, vocabulary: int, attention: Attention, **more: float
) -> ModelCard:
    """A language model; `more`: experts, experts_per_token, expert_parameters, active, context."""
    active, context = more.pop("active", None), int(more.pop("context", 131072))
    experts = {key: int(more.pop(key)) for key in ("experts", "experts_per_token") if key in more}
    architecture = Decoder(
        kind="decoder",
        layers=layers,
        hidden_size=hidden,
        vocabulary=vocabulary,
        attention=attention,
        max_context_tokens=context,
        **experts,
        **more,
    )
    return card(name, parameters, architecture, active)


def gpt(layers: int, hidden: int, heads: int, vocabulary: int = 51200) -> ModelCard:
    """A GPT with 12 L h^2 + V h parameters."""
    attention = Attention(heads=heads, kv_heads=heads, head_dim=hidden // heads)
    return decoder("gpt", 12.0 * layers * hidden**2 + vocabulary * hidden, layers, hidden, vocabulary, attention)


GQA_8B = Attention(heads=32, kv_heads=8, head_dim=128)
GQA_70B = Attention(heads=64, kv_heads=8, head_dim=128)
LLAMA_8B = decoder("llama-3.1-8b", 8.03e9, 32, 4096, 128256, GQA_8B)
LLAMA_70B = decoder("llama-3.1-70b", 70.55e9, 80, 8192, 128256, GQA_70B)
LLAMA2_70B = decoder("llama-2-70b", 68.98e9, 80, 8192, 32000, GQA_70B, context=4096)
MIXTRAL = decoder(
    "mixtral-8x7b",
    46.7e9,
    32,
    4096,
    32000,
    GQA_8B,
    active=12.9e9,
    experts=8,
    experts_per_token=2,
    expert_parameters=32 * 8 * 3 * 4096 * 14336.0,
)
BLOOMZ = decoder("bloomz", 559e6, 24, 1024, 250880, Attention(heads=16, kv_heads=16, head_dim=64), context=8192)
BERT = card(
    "bert-large",
    335e6,
    Encoder(kind="encoder", layers=24, hidden_size=1024, sequence_tokens=177),
)
"""177 tokens: mean length of the SQuAD samples, which the MLPerf submissions pack instead of padding to 384."""
DLRM = card(
    "dlrm",
    2.56e9,
    Recommender(
        kind="recommender",
        embedding_rows=20e6,
        embedding_dim=128,
        lookups_per_item=26,
        flops_per_item=4.8e6,
        host_bytes_per_item=120.0,
        dense_parameters=2.4e6,
        cached_lookups_per_item=18,
    ),
)
RESNET = card(
    "resnet-50",
    25.6e6,
    Convolutional(
        kind="convolutional",
        flops_per_item=8.2e9,
        activation_bytes_per_item=1e7,
        traffic_bytes_per_item=50e6,
        host_bytes_per_item=150528.0,
    ),
)
UNET_KITS = card(
    "3d-unet-kits19",
    31e6,
    Convolutional(
        kind="convolutional",
        flops_per_item=6.13e13,
        activation_bytes_per_item=6e8,
        traffic_bytes_per_item=1.16e11,
        host_bytes_per_item=6.6e7,
        kernels=1900,
        weight_passes=64.2,
    ),
)
"""0.954 TFLOP per window of 128^3 (counted from the layers) x 64.2 windows per KiTS19 case."""
UNET_BRATS = card(
    "3d-unet-brats",
    30e6,
    Convolutional(
        kind="convolutional",
        flops_per_item=3.26e12,
        activation_bytes_per_item=1.45e9,
        traffic_bytes_per_item=6.5e9,
        host_bytes_per_item=6.42e7,
        kernels=30,
    ),
)
UNET_15B = card(
    "unet3d-15b",
    15e9,
    Convolutional(
        kind="convolutional",
        flops_per_item=6.0e14,
        activation_bytes_per_item=2e10,
        traffic_bytes_per_item=2e11,
        host_bytes_per_item=1e8,
        training_activation_bytes_per_item=8e10,
    ),
)


def options(
    tensor: ArrayLike = 1,
    pipeline: ArrayLike = 1,
    data: ArrayLike = 1,
    expert: ArrayLike = 1,
    zero: ArrayLike = 0,
    recomputation: ArrayLike = False,
    batch: ArrayLike = 1,
) -> Configurations:
    """Options from scalars and sequences."""
    return Configurations(
        *np.broadcast_arrays(
            *map(np.atleast_1d, (tensor, pipeline, data, expert, zero)), *map(np.atleast_1d, (recomputation, batch))
        )
    )


def slo(metric: LatencyMetric, percentile: float, limit_ms: float) -> SLO:
    """A latency bound."""
    return SLO(metric=metric, percentile=percentile, limit_ms=limit_ms)


def language(*classes: tuple[int, int], slos: tuple[SLO, ...] = (), **more: float) -> LLMServing:
    """A language workload with (input, output) classes."""
    return LLMServing.model_validate(
        {
            "name": "chat",
            "kind": "llm_serving",
            "model": "m",
            "slo": slos,
            "classes": tuple(
                TokenClass(name=f"c{index}", input_tokens=tokens, output_tokens=output, requests_per_s=1.0)
                for index, (tokens, output) in enumerate(classes)
            ),
            **more,
        }
    )


def requests(*items: int, slos: tuple[SLO, ...] = (), **more: float) -> RequestServing:
    """A request workload with classes of so many items."""
    return RequestServing.model_validate(
        {
            "name": "rank",
            "kind": "request_serving",
            "model": "m",
            "slo": slos,
            "classes": tuple(
                ItemClass(name=f"c{index}", items=count, requests_per_s=1.0) for index, count in enumerate(items)
            ),
            **more,
        }
    )


def training(global_batch: int, tokens: int | None = None, samples: float = 1000.0, **more: object) -> Training:
    """A training workload, one epoch unless told."""
    fields: dict[str, object] = {"epochs": 1.0, "deadline_days": 14.0, **more}
    return Training.model_validate(
        {
            "name": "train",
            "kind": "training",
            "model": "m",
            "samples": samples,
            "global_batch": global_batch,
            "sequence_tokens": tokens,
            **fields,
        }
    )


def job(global_batch: int, tokens: int | None = None, card: ModelCard | None = None, **more: object) -> Job:
    """One step of such a workload."""
    return job_of(training(global_batch, tokens, **more), card or LLAMA_8B)
