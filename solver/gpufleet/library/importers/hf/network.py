"""What a family's counter finds out about a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gpufleet.library.importers.hf.tensors import Part, Tensor, total

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Network:
    """A model's weights and the shapes that a card needs."""

    tensors: tuple[Tensor, ...]
    """All weights that are counted."""
    layers: int
    """Blocks."""
    hidden: int
    """Width of the residual stream."""
    vocabulary: int
    """Tokens in the vocabulary."""
    context: int
    """Longest input it was made for, tokens."""
    attention: dict[str, Any] | None
    """Fields of the card's `attention`; None for an encoder."""
    experts: int = 0
    """Routed experts per MoE layer."""
    experts_per_token: int = 0
    """Of which a token visits."""
    left_out: int = 0
    """Parameters of layers for multi-token prediction, which are not counted."""
    copies_left_out: int = 0
    """Parameters of the copies of embedding and head that repositories store with those layers."""
    remarks: tuple[str, ...] = field(default=())
    """Sentences for the card's note."""

    @property
    def parameters(self) -> int:
        """All of them."""
        return total(self.tensors)

    @property
    def expert_parameters(self) -> int:
        """In all routed experts."""
        return total(self.tensors, Part.EXPERT)

    @property
    def active_parameters(self) -> int | None:
        """All but the experts that a token does not visit; of an encoder all but embeddings; None: all."""
        if self.attention is None:
            return self.parameters - total(self.tensors, Part.EMBEDDING)
        if not self.experts:
            return None
        return self.parameters - self.expert_parameters * (self.experts - self.experts_per_token) // self.experts


def attention_fields(
    heads: int, kv_heads: int, head_dim: int, windowed: Sequence[bool] = (), window: int | None = None
) -> dict[str, Any]:
    """Attention of a card: `sliding` when some layers see a window, else `full`."""
    fields: dict[str, Any] = {"heads": heads, "kv_heads": kv_heads, "head_dim": head_dim}
    if window is None or not any(windowed):
        return {"kind": "full", **fields}
    return {"kind": "sliding", **fields, "window": window, "sliding_layers": sum(windowed)}
