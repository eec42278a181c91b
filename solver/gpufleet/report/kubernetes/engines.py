"""Which engine serves a language model on an accelerator, and how a variant is said to it.

Formats by hardware: docs.vllm.ai, features/quantization, "Supported Hardware" (v0.15.1); FP8 on Blackwell: the page on
FP8 W8A8; MXFP4: the gpt-oss recipe (recalled). What is not in the table gets no argument but a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.performance.memory import kv_bytes_per_number

if TYPE_CHECKING:
    from gpufleet.schema.base import Precision
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import Variant

MODERN = ("Ampere", "Ada Lovelace", "Hopper", "Blackwell")
OLDER = ("Volta", "Turing")
FP8 = ("Ada Lovelace", "Hopper", "Blackwell", "CDNA3", "CDNA4")
ENGINES = {
    ("NVIDIA", "gpu"): "vllm",
    ("AMD", "gpu"): "vllm-rocm",
    ("Google", "tpu"): "vllm-tpu",
    ("Huawei", "npu"): "vllm-ascend",
    ("Intel", "npu"): "vllm-gaudi",
    ("AWS", "npu"): "vllm-neuron",
}
FULL = ("vllm", "vllm-rocm")
"""Engines whose arguments for formats and caches we know."""
DTYPES: dict[Precision, str] = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


@dataclass(frozen=True)
class Rule:
    """How a stored format is said to vLLM."""

    precision: Precision
    methods: tuple[str, ...]
    families: tuple[str, ...] | None
    """Architectures on which vLLM runs it; None = all."""
    quantization: str | None
    """Value of --quantization; None: no argument, the checkpoint says it."""
    checkpoint: str
    """What must lie under the model's path."""


RULES = (
    Rule("fp32", ("native",), None, None, "original weights"),
    Rule("fp16", ("native", "mixed", "qat"), None, None, "16-bit weights"),
    Rule("bf16", ("native", "mixed", "qat"), (*MODERN, "CDNA2", "CDNA3", "CDNA4"), None, "16-bit weights"),
    Rule("fp8", ("native",), FP8, None, "the published FP8 checkpoint, which says its format"),
    Rule("fp8", ("ptq",), FP8, "fp8", "16-bit weights, quantised while they are loaded"),
    Rule("int8", ("ptq", "qat"), ("Turing", "Ampere", "Ada Lovelace", "Hopper"), "compressed-tensors", "INT8 W8A8"),
    Rule("int4", ("awq",), MODERN, "awq_marlin", "AWQ INT4"),
    Rule("int4", ("awq",), ("Turing",), "awq", "AWQ INT4"),
    Rule("int4", ("gptq",), MODERN, "gptq_marlin", "GPTQ INT4"),
    Rule("int4", ("gptq",), OLDER, "gptq", "GPTQ INT4"),
    Rule("int4", ("ptq", "qat"), MODERN, "compressed-tensors", "INT4 W4A16 in compressed-tensors"),
    Rule("fp4", ("ptq",), ("Blackwell",), "compressed-tensors", "NVFP4 in compressed-tensors"),
    Rule("fp4", ("native",), ("Ampere", "Ada Lovelace", "Hopper", "Blackwell", "CDNA3", "CDNA4"), None, "MXFP4"),
)


@dataclass(frozen=True)
class Form:
    """How a variant is said to an engine."""

    arguments: tuple[str, ...]
    checkpoint: str
    warnings: tuple[str, ...]


def engine_of(accelerator: Accelerator) -> str:
    """Key of the engine's image; `other` where there is none that we know."""
    if accelerator.kind == "cpu":
        return "vllm-cpu"
    return ENGINES.get((accelerator.vendor, accelerator.kind), "other")


def form_of(variant: Variant, accelerator: Accelerator) -> Form:
    """Arguments for the numbers of a variant; where no rule matches, none and a warning."""
    engine = engine_of(accelerator)
    if engine not in FULL:
        dtype = DTYPES.get(variant.precision)
        if dtype is not None:
            return Form((f"--dtype={dtype}",), "16- or 32-bit weights", ())
        words = (
            f"the arguments of {engine} for {variant.name} ({variant.precision}) are not known here; add them by hand"
        )
        return Form((), f"weights in the form of {variant.name}", (f"format-not-mapped: {words}",))
    rule = _rule(variant, accelerator)
    if rule is None:
        words = (
            f"vLLM is not known to run {variant.name} ({variant.precision}, {variant.method}) on {accelerator.family}"
        )
        return Form((), f"weights in the form of {variant.name}", (f"format-not-mapped: {words}; no argument written",))
    arguments = [] if rule.quantization is None else [f"--quantization={rule.quantization}"]
    cache, warnings = _cache(variant, accelerator)
    return Form((_dtype(variant, accelerator), *arguments, *cache), rule.checkpoint, warnings)


def _rule(variant: Variant, accelerator: Accelerator) -> Rule | None:
    for rule in RULES:
        fits = rule.precision == variant.precision and variant.method in rule.methods
        if fits and (rule.families is None or accelerator.family in rule.families):
            return rule
    return None


def _dtype(variant: Variant, accelerator: Accelerator) -> str:
    """Arithmetic beside quantised products: as the variant says, else the checkpoint's own; no BF16 before Ampere."""
    if accelerator.family in OLDER and variant.compute_precision != "fp32":
        return "--dtype=float16"
    return f"--dtype={DTYPES.get(variant.compute_precision, 'auto')}"


def _cache(variant: Variant, accelerator: Accelerator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The KV cache as the plan counts it."""
    if kv_bytes_per_number(variant) > 1:
        return ("--kv-cache-dtype=auto",), ()
    if accelerator.family in FP8:
        return ("--kv-cache-dtype=fp8",), ()
    words = (
        f"the plan counts on a KV cache of 8 bits, which vLLM is not known to run on {accelerator.family}; with 16 "
        "bits a replica holds about half the sequences. Solve with kv_cache: fp16 in the variant, or try fp8"
    )
    return ("--kv-cache-dtype=auto",), (f"kv-cache-16-bit: {words}",)
