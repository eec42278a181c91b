"""Arithmetic and exchanges of transformer blocks, shared by serving and training. FLOP, bytes, seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gpufleet.performance import collectives
from gpufleet.performance.memory import parameter_split, stage_share
from gpufleet.schema.models import Encoder

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.schema.models import Attention, Decoder, ModelCard

EXCHANGED_BYTES = 2.0
"""Activations are exchanged with 16 bits."""


def active_parameters(card: ModelCard) -> tuple[float, float]:
    """(blocks, ends): parameters that one token multiplies with in the blocks, and in the output matrix."""
    _, _, ends = parameter_split(card)
    return max(card.parameters_per_token - ends, 0.0), ends


def local_active(card: ModelCard, configurations: Configurations, ends: bool) -> Floats:
    """Active parameters of the fullest accelerator, (n,): blocks x ceil(L / p) / L / t, with or without the output
    matrix (a prompt needs its logits only for the last token)."""
    blocks, output = active_parameters(card)
    share = stage_share(card, configurations.pipeline)
    return np.asarray((blocks * share + (output if ends else 0.0)) / configurations.tensor)


def _score_width(attention: Attention) -> float:
    """FLOP per query token, layer and attended token: 4 x heads x head_dim (scores and weighted sum)."""
    return 4.0 * attention.heads * attention.head_dim


def score_flops(card: Decoder, new: Floats, total: Floats) -> Floats:
    """Attention arithmetic over all layers for `new` tokens that end a context of `total`, FLOP; causal.

    4 heads head_dim x new x (total - new / 2) per layer; windowed layers attend at most to the window.
    """
    attention = card.attention
    reach = total - new / 2.0
    windowed = min(attention.sliding_layers, card.layers) if attention.kind == "sliding" else 0
    seen = np.minimum(reach, float(attention.window or 0))
    return np.asarray(_score_width(attention) * new * ((card.layers - windowed) * reach + windowed * seen))


def cached_score_flops(card: Decoder, total: Floats) -> Floats:
    """The same for one new token on a full cache; `mla` multiplies with the latent vectors (4 heads latent_dim)."""
    if card.attention.kind == "mla":
        return np.asarray(4.0 * card.attention.heads * float(card.attention.latent_dim or 0) * total * card.layers)
    return score_flops(card, np.ones_like(total), total + 0.5)


def written_numbers(card: ModelCard, architecture: Decoder | Encoder) -> float:
    """Numbers that a token writes in a block: 4 h + P / h, and 2 h more for each expert that it is sent to and back.

    P / h, parameters met in a block over its width, is what the matrix products write: 4 h in attention, 8 h in a plain
    feed-forward block, three times its width in a gated one. Norms, residuals and the attention output add 4 h.
    """
    hidden, layers = float(architecture.hidden_size), architecture.layers
    if isinstance(architecture, Encoder):
        return 16.0 * hidden
    blocks, _ = active_parameters(card)
    return (4.0 + 2.0 * architecture.experts_per_token) * hidden + blocks / (layers * hidden)


GATED_MATRICES = 3.0
"""Matrices of a gated feed-forward block, and so of an expert."""


def expert_width(decoder: Decoder) -> float:
    """Inner width of one expert; 0 for dense models."""
    matrices = decoder.layers * decoder.experts * GATED_MATRICES
    return decoder.expert_parameters / (matrices * decoder.hidden_size) if matrices else 0.0


def block_exchange(
    device: Device, configurations: Configurations, hidden: float, layers: Floats, experts_per_token: int
) -> tuple[Floats, Floats]:
    """Tensor- and expert-parallel exchange of a forward pass over `layers` blocks: (s fixed, s per token).

    Two all-reduces of hidden x 2 bytes per token and block over t; with expert groups the second is replaced by two
    all-to-alls (dispatch, combine) of k x hidden x 2 / t bytes over e. Both are affine in the number of tokens.
    """
    routed = configurations.expert > 1
    token = hidden * EXCHANGED_BYTES

    def seconds(tokens: float) -> Floats:
        reduces = collectives.all_reduce(device, token * tokens, configurations.tensor)
        size = token * tokens * experts_per_token / configurations.tensor
        routes = collectives.all_to_all(device, size, configurations.expert)
        return np.asarray(layers * (np.where(routed, 1.0, 2.0) * reduces + 2.0 * routes))

    return affine(seconds(0.0), seconds(PROBE_TOKENS))


PROBE_TOKENS = 1e6
"""Tokens at which the slope of an affine time is taken."""


def affine(at_zero: Floats, at_probe: Floats) -> tuple[Floats, Floats]:
    """(fixed, per token) of a time that is affine in tokens, from its values at 0 and at `PROBE_TOKENS` tokens."""
    return at_zero, np.asarray((at_probe - at_zero) / PROBE_TOKENS)


def hand_off(device: Device, configurations: Configurations, hidden: float, tokens: float) -> Floats:
    """Seconds to pass `tokens` tokens of activations to the next pipeline stage, (n,); 0 without pipeline."""
    seconds = collectives.point_to_point(
        device, tokens * hidden * EXCHANGED_BYTES / configurations.tensor, configurations.crosses_nodes(device)
    )
    return np.asarray(np.where(configurations.pipeline > 1, seconds, 0.0))
