"""Language models that stand in published tables of training speed only, by their shapes.

Nobody deploys them, so they are no model cards of the library. All are decoders; parameters are counted from the shape.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gpufleet.schema.models import Attention, Decoder, ModelCard, Variant

MATRICES_PLAIN: Final = 2
MATRICES_GATED: Final = 3


class Shape(NamedTuple):
    """A dense decoder."""

    layers: int
    hidden: int
    heads: int
    vocabulary: int
    inner: int
    """Width of the feed-forward block."""
    gated: bool = False
    head_dim: int = 0
    """0 = hidden / heads."""
    output: bool = False
    """Has an output matrix of its own, beside the embedding."""
    context: int = 2048


def _gpt(layers: int, hidden: int, heads: int, vocabulary: int = 51200) -> Shape:
    return Shape(layers, hidden, heads, vocabulary, 4 * hidden)


def _llama(layers: int, hidden: int, heads: int, inner: int) -> Shape:
    return Shape(layers, hidden, heads, 32000, inner, gated=True, output=True)


def _maxtext(layers: int, hidden: int, heads: int, inner: int) -> Shape:
    return Shape(layers, hidden, heads, 32000, inner, gated=True, head_dim=128, output=True)


MPT: Final = "mosaicml/llm-foundry scripts/train/yamls/pretrain"
NARAYANAN: Final = "Narayanan et al., arXiv 2104.04473, table 1; vocabulary 51200"
MEGATRON: Final = "Megatron-LM tables and papers (arXiv 1909.08053, 2201.11990, 2205.05198)"
LLAMA: Final = "Touvron et al., arXiv 2302.13971 and 2307.09288, table 2"
MAXTEXT: Final = "AI-Hypercomputer/maxtext configs/base.yml with global_parameter_scale"

SHAPES: Final[dict[str, tuple[Shape, str]]] = {
    "mpt-125m": (_gpt(12, 768, 12, 50368), MPT),
    "mpt-350m": (_gpt(24, 1024, 16, 50368), MPT),
    "mpt-760m": (_gpt(24, 1536, 12, 50368), MPT),
    "mpt-1b": (_gpt(24, 2048, 16, 50368), MPT),
    "mpt-3b": (_gpt(32, 2560, 20, 50368), MPT),
    "mpt-7b": (_gpt(32, 4096, 32, 50368), MPT),
    "mpt-13b": (_gpt(40, 5120, 40, 50368), MPT),
    "mpt-30b": (_gpt(48, 7168, 56, 50368), MPT),
    "mpt-70b": (_gpt(64, 9216, 72, 50368), MPT),
    "gpt-1.7b": (_gpt(24, 2304, 24), NARAYANAN),
    "gpt-3.6b": (_gpt(30, 3072, 32), NARAYANAN),
    "gpt-7.5b": (_gpt(36, 4096, 32), NARAYANAN),
    "gpt-18.4b": (_gpt(40, 6144, 48), NARAYANAN),
    "gpt-39.1b": (_gpt(48, 8192, 64), NARAYANAN),
    "gpt-76.1b": (_gpt(60, 10240, 80), NARAYANAN),
    "gpt-145.6b": (_gpt(80, 12288, 96), NARAYANAN),
    "gpt-310.1b": (_gpt(96, 16384, 128), NARAYANAN),
    "gpt-530b": (_gpt(105, 20480, 128), NARAYANAN),
    "gpt-1t": (_gpt(128, 25600, 160), NARAYANAN),
    "gpt-22b": (_gpt(48, 6144, 64), MEGATRON),
    "gpt-2-1b": (_gpt(24, 1920, 15, 50304), MEGATRON),
    "gpt-2-2b": (_gpt(54, 1920, 20, 50304), MEGATRON),
    "gpt-2-4b": (_gpt(36, 3072, 24, 50304), MEGATRON),
    "gpt-2-8b": (_gpt(42, 4096, 32, 50304), MEGATRON),
    "llama-7b": (_llama(32, 4096, 32, 11008), LLAMA),
    "llama-13b": (_llama(40, 5120, 40, 13824), LLAMA),
    "llama-33b": (_llama(60, 6656, 52, 17920), LLAMA),
    "llama-65b": (_llama(80, 8192, 64, 22016), LLAMA),
    "maxtext-1b": (_maxtext(16, 2048, 16, 7168), MAXTEXT),
    "maxtext-2b": (_maxtext(16, 2048, 32, 14336), MAXTEXT),
    "maxtext-4b": (_maxtext(16, 4096, 32, 14336), MAXTEXT),
    "maxtext-8b": (_maxtext(32, 4096, 32, 14336), MAXTEXT),
    "maxtext-16b": (_maxtext(32, 4096, 64, 28672), MAXTEXT),
    "maxtext-32b": (_maxtext(32, 8192, 64, 28672), MAXTEXT),
    "maxtext-64b": (_maxtext(64, 8192, 64, 28672), MAXTEXT),
    "maxtext-128b": (_maxtext(64, 8192, 128, 57344), MAXTEXT),
    "maxtext-256b": (_maxtext(64, 16384, 128, 57344), MAXTEXT),
    "maxtext-512b": (_maxtext(128, 16384, 128, 57344), MAXTEXT),
    "maxtext-1024b": (_maxtext(128, 16384, 256, 114688), MAXTEXT),
}
"""Shapes with where they were published."""

VARIANTS: Final = (Variant(name="bf16", precision="bf16"),)
HEAD_DIM: Final = 128
DEPTH_PER_WIDTH: Final = 128.0
"""Width over depth of a GPT of which only the size is known (usual between 3 and 300 billion parameters)."""
_SIZED = re.compile(r"gpt-([0-9.]+)b$")


def parameters(shape: Shape) -> float:
    """Numbers in the matrices of the shape; norms, biases and learned positions are below 0.1 %."""
    width = shape.heads * (shape.head_dim or shape.hidden // shape.heads)
    matrices = MATRICES_GATED if shape.gated else MATRICES_PLAIN
    block = shape.hidden * (4 * width + matrices * shape.inner)
    return float(shape.layers * block + shape.vocabulary * shape.hidden * (2 if shape.output else 1))


def _card(name: str, shape: Shape, source: str) -> ModelCard:
    head = shape.head_dim or shape.hidden // shape.heads
    attention = Attention(heads=shape.heads, kv_heads=shape.heads, head_dim=head)
    architecture = Decoder(
        kind="decoder",
        layers=shape.layers,
        hidden_size=shape.hidden,
        vocabulary=shape.vocabulary,
        attention=attention,
        max_context_tokens=shape.context,
    )
    total = parameters(shape)
    inputs = float(shape.vocabulary * shape.hidden) if shape.output else 0.0
    return ModelCard(
        name=name,
        title=name,
        source=source,
        parameters=total,
        active_parameters=total - inputs,
        architecture=architecture,
        variants=VARIANTS,
    )


def network(name: str) -> ModelCard | None:
    """The card of a network by its name here; `gpt-<size>b` of any size gets the usual proportions."""
    if name in SHAPES:
        return _card(name, *SHAPES[name])
    found = _SIZED.fullmatch(name)
    if found is None or not 0.05 <= float(found[1]) <= 5000:
        return None
    hidden = max(round((float(found[1]) * 1e9 * DEPTH_PER_WIDTH / 12.0) ** (1 / 3) / HEAD_DIM), 1) * HEAD_DIM
    layers = max(round(float(found[1]) * 1e9 / (12.0 * hidden**2)), 1)
    source = "Shape assumed: the usual proportions of a GPT of this size"
    return _card(name, _gpt(layers, hidden, hidden // HEAD_DIM, 131072), source)
