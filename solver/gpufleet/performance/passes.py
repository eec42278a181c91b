"""One forward pass over items (encoder, recommender, network given per sample): work, traffic and exchanges.

Shared by request serving and training. All figures are per item on the fullest accelerator and pipeline stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gpufleet.performance import collectives, memory, transformer
from gpufleet.schema.base import BITS, Precision
from gpufleet.schema.models import Convolutional, Decoder, Encoder, ModelCard, Recommender, Variant

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device

MatrixPhase = Literal["encode", "recommend", "convolve"]
GATHER_GRANULE_BYTES = 64.0
"""Least bytes that one embedding row costs (two 32-byte memory sectors)."""
BLOCK_TRAFFIC_NUMBERS = 16.0
"""Numbers of the hidden width read and written per token and block around the matrix products (fused kernels)."""
ENCODER_KERNELS = 6.0
"""Kernels of one encoder block after fusion: query, key and value; attention; projection; sum and norm; two of the
MLP."""
RECOMMENDER_KERNELS = 15.0
"""Kernels of a recommender: one gather over all tables, the interaction, layers of two small networks."""
KEPT_IN_16_BITS: frozenset[Precision] = frozenset({"fp8", "fp4"})
"""Formats whose activations travel between kernels in 16 bits; INT8 networks hand INT8 on."""
HALO_FRACTION = 0.05
"""Share of its activation traffic that an accelerator exchanges with its neighbours when samples are split in space
and channels (assumed: halos of one voxel on slabs of 64, plus channel sums in the low-resolution layers)."""


@dataclass(frozen=True)
class Pass:
    """A forward pass per item; (n,) each."""

    phase: MatrixPhase
    flops: Floats
    """FLOP per item and accelerator, attention scores apart."""
    scores: Floats
    """FLOP of attention scores per item and accelerator."""
    traffic: Floats
    """Activation (and gathered) bytes per item and accelerator, as streaming bytes."""
    exchange_fixed: Floats
    exchange: Floats
    """Tensor-parallel exchange: s per pass and s per item."""
    host_bytes: float
    """Bytes over the host link per item."""
    launches: Floats
    """Launch overhead per pass and stage in training, s."""
    hop_bytes: float
    """Bytes handed to the next pipeline stage per item."""
    kernels: Floats
    """Kernels per pass and stage, one after the other."""
    weight_passes: float = 1.0
    """How often a pass reads the weights."""


def _activation_bytes(precision: Precision) -> float:
    """Bytes of one number that a kernel hands to the next."""
    return 2.0 if precision in KEPT_IN_16_BITS else BITS[precision] / 8.0


def forward(
    card: ModelCard, variant: Variant, device: Device, conf: Configurations, tokens: float | None = None
) -> Pass:
    """The pass of a model; `tokens` per item for language models in training."""
    architecture = card.architecture
    if isinstance(architecture, Recommender):
        return _recommender(architecture, variant, device, conf)
    if isinstance(architecture, Convolutional):
        return _convolutional(architecture, variant, device, conf)
    length = tokens if tokens is not None else float(getattr(architecture, "sequence_tokens", 0))
    return _transformer(card, architecture, variant, device, conf, length)


def _work(
    card: ModelCard, architecture: Decoder | Encoder, conf: Configurations, tokens: float
) -> tuple[Floats, Floats]:
    """(products, scores) per item, FLOP, (n,): 2 x active parameters x tokens; 4 L h T^2, half of it when causal.

    Encoders: parameters outside the blocks do no arithmetic, so at most 12 L h^2 count.
    """
    share = memory.stage_share(card, conf.pipeline) / conf.tensor
    if isinstance(architecture, Encoder):
        blocks = min(card.parameters_per_token, 12.0 * architecture.layers * architecture.hidden_size**2)
        return 2.0 * blocks * tokens * share, 4.0 * architecture.layers * architecture.hidden_size * tokens**2 * share
    length = np.full(1, tokens)
    products = 2.0 * tokens * transformer.local_active(card, conf, ends=True)
    return products, transformer.score_flops(architecture, length, length) * share


def _transformer(
    card: ModelCard,
    architecture: Decoder | Encoder,
    variant: Variant,
    device: Device,
    conf: Configurations,
    tokens: float,
) -> Pass:
    layers = architecture.layers * memory.stage_share(card, conf.pipeline)
    routed = architecture.experts_per_token if isinstance(architecture, Decoder) else 0
    fixed, slope = transformer.block_exchange(device, conf, architecture.hidden_size, layers, routed)
    products, scores = _work(card, architecture, conf, tokens)
    encodes = isinstance(architecture, Encoder)
    number = _activation_bytes(variant.compute_precision) if encodes else BITS[variant.compute_precision] / 8.0
    return Pass(
        phase="encode",
        flops=products,
        scores=scores,
        traffic=BLOCK_TRAFFIC_NUMBERS * architecture.hidden_size * number * tokens * layers / conf.tensor,
        exchange_fixed=fixed,
        exchange=slope * tokens,
        host_bytes=4.0 * tokens,
        launches=layers * device.figure("layer_overhead_s"),
        hop_bytes=tokens * architecture.hidden_size * transformer.EXCHANGED_BYTES,
        kernels=layers * ENCODER_KERNELS,
    )


def _recommender(architecture: Recommender, variant: Variant, device: Device, conf: Configurations) -> Pass:
    """Rows are gathered where they lie (tables split by rows over t), then swapped so that each accelerator runs the
    dense layers for its share of the items."""
    row = architecture.embedding_dim * variant.bits_per_weight / 8.0
    from_memory = architecture.lookups_per_item - architecture.cached_lookups_per_item
    gathered = from_memory * max(row, GATHER_GRANULE_BYTES) / device.figure("random_access")
    sent = architecture.lookups_per_item * row / conf.tensor
    swap = [collectives.all_to_all(device, sent * items, conf.tensor) for items in (0.0, transformer.PROBE_TOKENS)]
    fixed, slope = transformer.affine(*swap)
    ways = conf.tensor * conf.pipeline
    return Pass(
        phase="recommend",
        flops=architecture.flops_per_item / ways,
        scores=np.zeros_like(ways),
        traffic=gathered / ways,
        exchange_fixed=fixed,
        exchange=slope,
        host_bytes=architecture.host_bytes_per_item,
        launches=np.zeros_like(ways),
        hop_bytes=0.0,
        kernels=RECOMMENDER_KERNELS / conf.pipeline,
    )


def _convolutional(architecture: Convolutional, variant: Variant, device: Device, conf: Configurations) -> Pass:
    ways = conf.tensor * conf.pipeline
    traffic = architecture.traffic_bytes_per_item / 2.0 * _activation_bytes(variant.compute_precision) / ways
    halo = np.where(conf.tensor > 1, HALO_FRACTION * traffic / device.link, 0.0)
    remote = np.where(conf.tensor > device.per_node, HALO_FRACTION * traffic / device.network, 0.0)
    return Pass(
        phase="convolve",
        flops=(architecture.flops_per_item - architecture.attention_flops_per_item) / ways,
        scores=architecture.attention_flops_per_item / ways,
        traffic=traffic,
        exchange_fixed=np.zeros_like(ways),
        exchange=np.maximum(halo, remote),
        host_bytes=architecture.host_bytes_per_item,
        launches=np.zeros_like(ways),
        hop_bytes=architecture.activation_bytes_per_item * HALO_FRACTION,
        kernels=architecture.kernels / conf.pipeline,
        weight_passes=architecture.weight_passes,
    )
