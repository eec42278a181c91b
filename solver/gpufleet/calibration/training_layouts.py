"""Layouts of published training runs: what a row states, and all that it may have been where it states nothing.

Published runs are tuned, so of the possible layouts the fastest that fits is taken.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from gpufleet.performance.configurations import Configurations
from gpufleet.schema.models import Decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.calibration.tables import Row
    from gpufleet.calibration.training_names import Place
    from gpufleet.schema.models import ModelCard

TENSOR: Final = (1, 2, 4, 8)
TPU_TENSOR: Final = (1, 4, 8, 16)
PIPELINE: Final = (1, 2, 4, 8, 12, 16)
MICRO: Final = (1, 2, 4, 8)
GPUS_PER_TENSOR_GROUP: Final = 8
MOST_CHUNKS: Final = 6
"""Interleaved chunks per stage where a row states none (assumed; stated ones are 3 to 20)."""


@dataclass(frozen=True)
class Layout:
    """One way to spread a run."""

    tensor: int
    pipeline: int
    data: int
    context: int
    expert: int
    chunks: int
    micro: int
    zero: int
    recomputation: bool


def _model_parallel(row: Row, place: Place, card: ModelCard, accelerators: int) -> list[tuple[int, int]]:
    """(tensor, pipeline) as stated, or those that are possible."""
    tensor, pipeline = row.number("tp"), row.number("pp")
    if tensor and pipeline:
        return [(int(tensor), int(pipeline))]
    stated = re.search(r"model-parallel size \(tp\*pp\) (\d+)", row.text("notes"))
    if stated:
        inside = math.gcd(int(stated[1]), GPUS_PER_TENSOR_GROUP)
        return [(inside, int(stated[1]) // inside)]
    tpu = place.accelerator.startswith("TPU")
    tensors = [int(tensor)] if tensor else list(TPU_TENSOR if tpu else TENSOR)
    stages = [int(pipeline)] if pipeline else [1] if tpu else [p for p in PIPELINE if _layers(card) % p == 0]
    return [pair for pair in product(tensors, stages) if accelerators % math.prod(pair) == 0]


def _layers(card: ModelCard) -> int:
    return card.architecture.layers if isinstance(card.architecture, Decoder) else 1


def _contexts(row: Row, accelerators: int, groups: int) -> int:
    """Context-parallel size: as stated, or what the other sizes leave."""
    stated, data = row.count("cp"), row.count("dp", 0) if row.number("dp") else 0
    if not row.text("cp") and data and accelerators % (groups * data) == 0:
        return accelerators // (groups * data)
    return stated


def _recomputations(row: Row) -> list[bool]:
    """Full recomputation, where the row says so; both where it does not."""
    text = row.text("recompute").lower()
    if text:
        return [text.startswith("full")]
    if "gpt-2" in row.text("model").lower():
        return [True]
    return [False, True]


def _chunks(row: Row, card: ModelCard, pipeline: int) -> int:
    """Model chunks per stage: as stated; DeepSpeed's pipeline has none; else as many as the usual most."""
    if row.number("vp"):
        return row.count("vp")
    return 1 if "2201.11990" in row.text("source") else max(min(_layers(card) // pipeline, MOST_CHUNKS), 1)


def zero_stage(row: Row, place: Place) -> int:
    """ZeRO stage: 3 for FSDP, 1 for Megatron's distributed optimizer, 0 for runs before it."""
    said = f"{row.text('notes')} {row.text('kind')} {row.text('source')}".lower()
    if "shard_grad_op" in said:
        return 2
    sharded = re.search(r"fsdp=([1-9])", said) is not None
    if sharded or "full_shard" in said or "zero-3" in said or "maxtext" in said or place.accelerator.startswith("TPU"):
        return 3
    if "megatron-bridge" not in said and re.search(r"a100|v100", place.accelerator.lower()):
        return 0
    return 1


def layouts(row: Row, place: Place, card: ModelCard, accelerators: int, batch: int) -> Iterator[Layout]:
    """All layouts that the row allows."""
    micros = [row.count("microbatch")] if row.text("microbatch") else list(MICRO)
    expert, zero = row.count("ep"), zero_stage(row, place)
    for tensor, pipeline in _model_parallel(row, place, card, accelerators):
        context = _contexts(row, accelerators, tensor * pipeline)
        if accelerators % (tensor * pipeline * context):
            continue
        data = accelerators // (tensor * pipeline * context)
        if data > batch or (tensor * data * context) % expert:
            continue
        for micro, recomputed in product(micros, _recomputations(row)):
            chunks = _chunks(row, card, pipeline)
            yield Layout(tensor, pipeline, data, context, expert, chunks, micro, zero, recomputed)


def configurations(options: Sequence[Layout]) -> Configurations:
    """As arrays."""
    columns = {
        name: np.array([getattr(option, name) for option in options], dtype=np.float64)
        for name in ("tensor", "pipeline", "data", "expert", "context", "chunks")
    }
    return Configurations(
        **columns,
        zero_stage=np.array([option.zero for option in options], dtype=np.float64),
        recomputation=np.array([option.recomputation for option in options], dtype=np.bool_),
        batch=np.array([option.micro for option in options], dtype=np.float64),
    )
