"""Memory of one accelerator when serving: weights, key/value cache, activations. Bytes unless the name says GB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance.arrays import Floats, ceil_div
from gpufleet.schema.base import BITS
from gpufleet.schema.models import Attention, Convolutional, Decoder, Encoder, ModelCard, Recommender, Variant

if TYPE_CHECKING:
    from gpufleet.performance.configurations import Configurations

RESERVE_BYTES = 1.0e9
"""Driver context, communication buffers and captured graphs (assumed; 0.5-1.5 GB is usual)."""
PREFILL_CHUNK_TOKENS = 8192
"""Tokens that one engine step takes at most (a common default of serving engines)."""


def parameter_split(card: ModelCard) -> tuple[float, float, float]:
    """(blocks, experts, ends): parameters in dense blocks, in routed experts, and in one embedding or output matrix."""
    if isinstance(card.architecture, Decoder):
        ends = float(card.architecture.vocabulary * card.architecture.hidden_size)
        experts = card.architecture.expert_parameters
        return max(card.parameters - experts - ends, 0.0), experts, min(ends, card.parameters - experts)
    if isinstance(card.architecture, Recommender):
        return card.architecture.dense_parameters, 0.0, embedding_parameters(card.architecture)
    return card.parameters, 0.0, 0.0


def embedding_parameters(architecture: Recommender) -> float:
    """Numbers in all embedding tables: rows x dimension."""
    return architecture.embedding_rows * architecture.embedding_dim


def stage_share(card: ModelCard, pipeline: Floats) -> Floats:
    """Share of the blocks in the largest pipeline stage: ceil(L / p) / L; 1 / p where layers are not known."""
    layers = getattr(card.architecture, "layers", None)
    if layers is None:
        return np.asarray(1.0 / pipeline)
    return np.asarray(ceil_div(layers, pipeline) / layers)


def local_parameters(card: ModelCard, configurations: Configurations) -> Floats:
    """Parameters on the fullest accelerator before ZeRO, (n,).

    (blocks / t + experts / max(t, e)) x ceil(L / p) / L + ends / t. The tables of a recommender are split by rows over
    all t; its dense layers are copied on each.
    """
    blocks, experts, ends = parameter_split(card)
    if isinstance(card.architecture, Recommender):
        return np.asarray(blocks + ends / configurations.tensor)
    share = stage_share(card, configurations.pipeline)
    split = blocks / configurations.tensor + experts / configurations.expert_shards
    return np.asarray(split * share + ends / configurations.tensor)


def weight_bytes(card: ModelCard, variant: Variant, configurations: Configurations) -> Floats:
    """Stored weights on the fullest accelerator, bytes, (n,)."""
    return local_parameters(card, configurations) * variant.bits_per_weight / 8.0


def kv_bytes_per_number(variant: Variant) -> float:
    """Bytes per cached number: as the variant says, else 1 when the arithmetic has 8 bits or fewer, else 2."""
    if variant.kv_cache is not None:
        return BITS[variant.kv_cache] / 8.0
    return 1.0 if BITS[variant.compute_precision] <= 8 else 2.0


def _numbers_per_layer(heads: float, head_dim: float, tensor: Floats) -> Floats:
    """Keys and values per token and layer; heads are split over t, and copied when there are fewer heads than t."""
    return np.asarray(2.0 * ceil_div(heads, tensor) * head_dim)


def kv_numbers(attention: Attention, layers: int, tokens: Floats, tensor: Floats) -> Floats:
    """Numbers cached for one sequence of `tokens` tokens over all layers on one of t accelerators; common shape.

    full: 2 x ceil(kv_heads / t) x head_dim x tokens x L;  mla: latent_dim x tokens x L, copied on every accelerator;
    sliding: the windowed layers hold min(tokens, window), the others all tokens with their own head shape.
    """
    if attention.kind == "mla":
        return np.asarray(float(attention.latent_dim or 0) * tokens * layers * np.ones_like(tensor))
    local = _numbers_per_layer(attention.kv_heads, attention.head_dim, tensor)
    if attention.kind == "full":
        return np.asarray(local * tokens * layers)
    windowed = min(attention.sliding_layers, layers)
    wide = _numbers_per_layer(
        attention.global_kv_heads or attention.kv_heads, attention.global_head_dim or attention.head_dim, tensor
    )
    seen = np.minimum(tokens, float(attention.window or 0))
    return np.asarray(local * seen * windowed + wide * tokens * (layers - windowed))


def kv_bytes(card: ModelCard, variant: Variant, tokens: Floats, tensor: Floats, pipeline: Floats) -> Floats:
    """Cache of one sequence on the fullest accelerator, bytes; shapes broadcast. 0 for models without a cache."""
    if not isinstance(card.architecture, Decoder):
        return np.zeros(np.broadcast(tokens, tensor, pipeline).shape)
    numbers = kv_numbers(card.architecture.attention, card.architecture.layers, tokens, tensor)
    return np.asarray(numbers * stage_share(card, pipeline) * kv_bytes_per_number(variant))


def decoder_workspace_bytes(card: Decoder, prompt: float, tensor: Floats) -> tuple[Floats, Floats]:
    """Activations alive in one engine step: (for a prompt chunk, per decoding sequence), bytes, (n,) each.

    2 bytes x tokens x h x (4 + 8 / t): residual stream and the widest split intermediate; a sequence adds FP32 logits,
    4 V / t bytes.
    """
    token = 2.0 * card.hidden_size * (4.0 + 8.0 / tensor)
    return min(prompt, PREFILL_CHUNK_TOKENS) * token, token + 4.0 * card.vocabulary / tensor


def batch_workspace_bytes(card: ModelCard, variant: Variant, items: Floats, tensor: Floats) -> Floats:
    """Activations of one inference batch of `items` items on one accelerator, bytes.

    encoder: 2 bytes x tokens x h x (4 + 8 / t);  recommender: the gathered rows;  convolutional: the card's figure.
    Cards count 2 bytes per number; 8-bit arithmetic halves, 32-bit doubles it.
    """
    architecture, scale = card.architecture, BITS[variant.compute_precision] / 16.0
    if isinstance(architecture, Encoder):
        tokens = items * architecture.sequence_tokens
        return np.asarray(2.0 * scale * tokens * architecture.hidden_size * (4.0 + 8.0 / tensor))
    if isinstance(architecture, Recommender):
        return np.asarray(2.0 * scale * items * architecture.lookups_per_item * architecture.embedding_dim)
    if isinstance(architecture, Convolutional):
        return np.asarray(scale * items * architecture.activation_bytes_per_item / tensor)
    return np.zeros(np.broadcast(items, tensor).shape)
