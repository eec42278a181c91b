"""Cells of a training table: software, precision, sequence, and the time of a step by the row's own way of counting."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpufleet.performance.device import peak_flops
from gpufleet.schema.models import Decoder, ModelCard

if TYPE_CHECKING:
    from gpufleet.calibration.tables import Row
    from gpufleet.schema.base import Precision
    from gpufleet.schema.hardware import Accelerator

LORA_FRACTION: Final = 0.002
"""Share of the parameters in adapters of rank 16 (assumed; usual is 0.05 to 0.5 %)."""
TOKENS_PER_CHIP: Final = 8192
"""Where a row states no batch: tokens per step and accelerator. Step and rate grow with it alike (assumed)."""
SEQUENCE: Final = 2048
"""Where a row states no sequence length, tokens (the length of the MaxText scripts)."""
LORA_SEQUENCE: Final = 8192
"""Tokens per packed sample of MLPerf's Llama-2-70B LoRA."""
GPT2_SEQUENCE: Final = 1024
EARLIER_BRIDGE: Final = "Megatron-Bridge until 26.04"
SINGLE_LAUNCH_BRIDGE: Final = "26.06"
"""First release whose tables run mixtures of experts without waiting for the host."""
EARLIER_MEGATRON: Final = "Megatron-LM until 2022"
"""Before FlashAttention: attention scores are written to memory."""
FORMATS: Final[tuple[tuple[str, Precision], ...]] = (
    (r"nvfp4|fp4", "fp4"),
    (r"fp8", "fp8"),
    (r"bf16|bfloat16", "bf16"),
    (r"fp16|float16", "fp16"),
    (r"tf32", "tf32"),
    (r"fp32|float32", "fp32"),
)


def sequence_of(row: Row) -> int:
    name = row.text("model").lower()
    return row.count("seq_len", LORA_SEQUENCE if "lora" in name else GPT2_SEQUENCE if "gpt-2" in name else SEQUENCE)


def precision_of(row: Row, accelerator: Accelerator) -> Precision:
    """Arithmetic of a row; tuned runs that do not say are taken to use 8 bits from Hopper on, else 16."""
    text = row.text("precision").lower()
    for pattern, precision in FORMATS:
        if re.search(pattern, text):
            return precision
    tuned = "megatron-bridge" in row.text("source").lower() or "mlperf" in row.text("kind").lower()
    if tuned and accelerator.family in ("Hopper", "Blackwell"):
        return "fp8"
    return "bf16" if accelerator.peak.bf16_tflops else "fp16"


def engine_of(row: Row) -> str:
    """Software of a row, as the figures know it."""
    said = f"{row.text('source')} {row.text('kind')} {row.text('notes')}".lower()
    if "llm-foundry" in said:
        return "llm-foundry"
    if "maxtext" in said or "tpu" in row.text("accelerator").lower():
        return "MaxText"
    if "megatron-bridge" in said:
        found = re.search(r"\b2[4-9]\.\d\d", row.text("notes"))
        return EARLIER_BRIDGE if found and found[0] < SINGLE_LAUNCH_BRIDGE else "Megatron-Bridge"
    if "mlperf" in said:
        return "NeMo"
    if "megatron" not in said and "arxiv" not in said:
        return "other"
    old = re.search(r"a100|v100", row.text("accelerator").lower()) is not None
    return EARLIER_MEGATRON if old else "Megatron-LM"


def seconds_of(
    row: Row,
    card: ModelCard,
    accelerator: Accelerator,
    precision: Precision,
    tokens: int,
    accelerators: int,
    sequence: int,
) -> float | None:
    """Seconds per step: as stated, from tokens/s, from samples/s, or from TFLOP/s or MFU by the row's own counting."""
    if stated := row.number("measured_iter_s"):
        return stated
    if rate := row.number("measured_tokens_per_s_per_gpu"):
        return tokens / (rate * accelerators)
    if samples := row.number("measured_samples_per_s"):
        return tokens / sequence / samples
    share = row.number("mfu")
    flops = (row.number("measured_tflops_per_gpu") or 0.0) * 1e12
    if share:
        flops = share * peak_flops(accelerator.peak, "bf16" if precision == "fp8" else precision)
    return counted_flops(row, card, sequence) * tokens / (flops * accelerators) if flops else None


def counted_flops(row: Row, card: ModelCard, sequence: int) -> float:
    """FLOP per token as such tables count: 6 per parameter, full (not causal) attention; in tables of 2021 and 2022
    also the recomputed forward pass of the blocks (Narayanan et al., arXiv 2104.04473, appendix)."""
    architecture = card.architecture
    assert isinstance(architecture, Decoder)
    head = float(architecture.vocabulary * architecture.hidden_size)
    width = architecture.attention.heads * architecture.attention.head_dim
    blocks = 6.0 * (card.parameters_per_token - head) + 12.0 * architecture.layers * width * sequence
    again = "full" in row.text("recompute").lower() and (
        "hfu" in row.text("notes").lower() or "2201.11990" in row.text("source")
    )
    return blocks * (4.0 / 3.0 if again else 1.0) + 6.0 * head
