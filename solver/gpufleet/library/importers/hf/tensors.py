"""The weights of a network, tensor by tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Part(StrEnum):
    """What a tensor is for; biases and scales count with what they belong to."""

    EMBEDDING = "embedding"
    """Tables that are looked up: tokens, positions, segments, and the norm over their sum."""
    HEAD = "head"
    """Output head."""
    MATRIX = "matrix"
    """Linear layers inside the blocks."""
    EXPERT = "expert"
    """Routed experts."""
    ROUTER = "router"
    """Routers, gates of shared experts and correction biases."""
    NORM = "norm"
    """Norms and other vectors."""


MATRICES: Final = 2


@dataclass(frozen=True)
class Tensor:
    """One weight, or `copies` equal ones (experts of a layer)."""

    module: str
    """Module in the checkpoint, e.g. `model.layers.0.self_attn.q_proj`; of experts that of the first."""
    shape: tuple[int, ...]
    """Outputs first, as stored by a linear layer."""
    part: Part
    """What it is for."""
    copies: int = 1
    """How many equal ones there are."""

    @property
    def parameters(self) -> int:
        """Numbers in all copies."""
        return math.prod(self.shape) * self.copies

    @property
    def is_matrix(self) -> bool:
        """Two dimensions, so that it can be quantised?"""
        return len(self.shape) == MATRICES


def linear(
    module: str, inputs: int, outputs: int, *, bias: bool = False, part: Part = Part.MATRIX, copies: int = 1
) -> Iterator[Tensor]:
    """A linear layer: its matrix and, if it has one, its bias."""
    yield Tensor(module, (outputs, inputs), part, copies)
    if bias:
        yield Tensor(module, (outputs,), part, copies)


def norm(module: str, size: int, *, bias: bool = False, part: Part = Part.NORM) -> Iterator[Tensor]:
    """A norm: its weight and, if it has one, its bias."""
    yield Tensor(module, (size,), part)
    if bias:
        yield Tensor(module, (size,), part)


def table(module: str, rows: int, size: int) -> Iterator[Tensor]:
    """An embedding table."""
    yield Tensor(module, (rows, size), Part.EMBEDDING)


def head(module: str, hidden: int, vocabulary: int, *, bias: bool = False) -> Iterator[Tensor]:
    """An output head of its own (not tied to the embedding)."""
    return linear(module, hidden, vocabulary, bias=bias, part=Part.HEAD)


def total(tensors: Iterable[Tensor], *parts: Part) -> int:
    """Parameters of the tensors of these parts; of all when none is named."""
    return sum(tensor.parameters for tensor in tensors if not parts or tensor.part in parts)
