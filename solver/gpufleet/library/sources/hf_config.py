"""A model card as a Hugging Face config.json, for tools that read those."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from gpufleet.schema.models import Decoder

if TYPE_CHECKING:
    from gpufleet.schema.models import ModelCard

MATRICES = 3
"""Of a gated feed-forward block: gate, up, down."""


def hf_config(card: ModelCard) -> dict[str, Any] | None:
    """The configuration of a decoder with full attention and gated feed-forward blocks, all of its layers alike.

    A card does not say how wide the feed-forward blocks are; the parameter count does, if it was counted from such a
    shape to the last digit. None where it was not, or the model is of another kind.
    """
    shape = card.architecture
    if not isinstance(shape, Decoder) or shape.attention.kind != "full":
        return None
    width = _feed_forward(card, shape)
    if width is None:
        return None
    config = {
        "architectures": ["Qwen3MoeForCausalLM" if shape.experts else "LlamaForCausalLM"],
        "hidden_size": shape.hidden_size,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.attention.heads,
        "num_key_value_heads": shape.attention.kv_heads,
        "head_dim": shape.attention.head_dim,
        "intermediate_size": width,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.max_context_tokens,
        "torch_dtype": "bfloat16",
    }
    if shape.experts:
        experts = {"num_experts": shape.experts, "num_experts_per_tok": shape.experts_per_token}
        config |= {**experts, "moe_intermediate_size": width}
    return config


def _feed_forward(card: ModelCard, shape: Decoder) -> int | None:
    """Width of a feed-forward block (of one expert), from the parameters that nothing else accounts for.

    Embeddings may be tied; queries and keys may have norms, or all three projections biases.
    """
    heads, hidden, layers = shape.attention, shape.hidden_size, shape.layers
    copies = max(shape.experts, 1)
    routers = hidden * shape.experts
    attention = 2 * hidden * heads.head_dim * (heads.heads + heads.kv_heads)
    biases = (heads.heads + 2 * heads.kv_heads) * heads.head_dim
    for embeddings, extra in product((2, 1), (0, 2 * heads.head_dim, biases)):
        known = embeddings * shape.vocabulary * hidden + hidden
        known += layers * (attention + 2 * hidden + routers + extra)
        width, rest = divmod(card.parameters - known, MATRICES * hidden * layers * copies)
        if rest == 0 and width > 0 and width % 8 == 0 and _experts_agree(shape, width):
            return int(width)
    return None


def _experts_agree(shape: Decoder, width: float) -> bool:
    """Do the routed experts make up what the card says?"""
    found = MATRICES * shape.hidden_size * width * shape.layers * shape.experts
    return not shape.experts or found == shape.expert_parameters
