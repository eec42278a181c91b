"""How a checkpoint stores its quantised weights, and what that takes per weight on average."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.hf.tensors import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.library.importers.hf.tensors import Tensor
    from gpufleet.schema.base import Precision
    from gpufleet.schema.models import Method

WHOLE: Final = None
"""One scale for the whole side of a matrix."""
BLOCK_PARTS: Final = frozenset({Part.MATRIX, Part.EXPERT})
"""What is quantised unless a scheme says otherwise; routers, embeddings and norms never are."""
DECIMALS: Final = 6


@dataclass(frozen=True)
class Scheme:
    """A quantised form of the weights."""

    name: str
    """Name of the variant."""
    precision: Precision
    bits: float
    """Stored bits of a weight, without scales."""
    method: Method
    block: tuple[int | None, int | None] = (WHOLE, WHOLE)
    """Weights that share a scale: outputs x inputs."""
    scale_bits: float = 32
    """Bits per scale, zero point included."""
    matrix_bits: int = 0
    """Bits per matrix on top: NVFP4 has a scale for its scales."""
    index_bits: int = 0
    """Bits per input of a matrix: GPTQ keeps the group of every input."""
    weight_only: bool = False
    """Does the arithmetic stay in 16 bits?"""
    parts: frozenset[Part] = BLOCK_PARTS
    kept: tuple[str, ...] = ()
    """Modules left as they are: names, patterns with `*`, or regular expressions after `re:`."""
    kv_cache: Precision | None = None
    """Precision of the cache where the checkpoint says it."""

    def covers(self, tensor: Tensor) -> bool:
        """Is this tensor quantised?"""
        return tensor.is_matrix and tensor.part in self.parts and not any(matches(p, tensor.module) for p in self.kept)

    def stored_bits(self, tensor: Tensor) -> float:
        """Bits of a quantised tensor with its scales."""
        outputs, inputs = tensor.shape
        rows, columns = (
            1 if size is WHOLE else -(-side // size) for side, size in zip(tensor.shape, self.block, strict=True)
        )
        each = (
            outputs * inputs * self.bits
            + rows * columns * self.scale_bits
            + inputs * self.index_bits
            + self.matrix_bits
        )
        return each * tensor.copies

    def weight_bits(self, tensors: Iterable[Tensor], plain_bits: int) -> float:
        """Effective stored bits per weight; tensors that are not covered take `plain_bits` each."""
        stored = parameters = 0.0
        for tensor in tensors:
            parameters += tensor.parameters
            stored += self.stored_bits(tensor) if self.covers(tensor) else tensor.parameters * plain_bits
        return round(stored / parameters, DECIMALS)


def matches(pattern: str, module: str) -> bool:
    """Does a pattern of a quantisation config name this module, or one that it lies in?"""
    if pattern.startswith("re:"):
        return re.match(pattern.removeprefix("re:"), module) is not None
    plain = re.sub(r"^(model\.)?language_model\.(model\.)?", r"model." if "layers" in pattern else "", pattern)
    if "*" not in plain:
        return f".{plain}." in f".{module}."
    parts = module.split(".")
    return any(fnmatchcase(".".join(parts[: end + 1]), plain) for end in range(len(parts)))
