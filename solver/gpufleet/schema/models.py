"""Model cards: what has to be computed and stored, per model and numeric variant."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gpufleet.schema.base import (
    BITS,
    Count,
    Flag,
    Name,
    NonNegative,
    Positive,
    PositiveCount,
    Precision,
    Record,
    Sourced,
    Text,
)
from gpufleet.schema.hardware import Accelerator, AcceleratorKind

Method = Literal["native", "mixed", "ptq", "qat", "awq", "gptq"]
TRAINABLE: frozenset[Method] = frozenset({"native", "mixed", "qat"})
"""Methods whose result comes out of training; the others quantise a finished model."""


class Accuracy(Sourced):
    """One measured (or assumed) quality figure of a variant."""

    metric: Name
    """What is measured, e.g. `dice`, `auc`, `f1`, `term_accuracy`, `mmlu`. Larger is better."""
    value: NonNegative
    """The figure, in the metric's own unit."""
    assumed: Flag = False
    """True when the figure is an assumption, not a measurement."""


class Variant(Record):
    """A numeric form of a model."""

    name: Name
    """Unique within the card, e.g. `int8-ptq`."""
    precision: Precision
    """Precision in which weights are stored (for `mixed` training: of the working copy)."""
    compute: Precision | None = None
    """Precision of the matrix arithmetic when it is not that of the weights: a weight-only INT4 model
    computes in `fp16`. Empty = as stored."""
    kv_cache: Precision | None = None
    """Precision of the KV cache; empty = `fp16`-sized, or `fp8` when the arithmetic is fp8/int8/fp4."""
    method: Method = "native"
    """How it was made: `native`, `mixed` (training), `ptq`, `qat`, `awq`, `gptq`."""
    derived_from: Name | None = None
    """The variant it was quantised from."""
    weight_bits: Positive | None = None
    """Effective stored bits per weight including scales, when not that of the precision (4.25 for grouped INT4)."""
    accuracy: tuple[Accuracy, ...] = ()
    """Quality figures; a workload's accuracy floor needs one for its metric."""

    @property
    def bits_per_weight(self) -> float:
        """Stored bits per weight."""
        return self.weight_bits if self.weight_bits is not None else float(BITS[self.precision])

    @property
    def compute_precision(self) -> Precision:
        """Precision of the matrix arithmetic."""
        return self.compute or self.precision


class Attention(Record):
    """How a decoder keeps its past."""

    kind: Literal["full", "mla", "sliding"] = "full"
    """`full` (MHA, GQA, MQA by head counts), `mla` (latent cache), `sliding` (some layers see a window only)."""
    heads: PositiveCount
    """Query heads."""
    kv_heads: PositiveCount
    """Key/value heads (equal to heads: MHA; 1: MQA; between: GQA). Ignored by `mla`."""
    head_dim: PositiveCount
    """Dimension of one head."""
    latent_dim: PositiveCount | None = None
    """`mla`: numbers cached per token and layer (compressed KV rank + rotary part)."""
    window: PositiveCount | None = None
    """`sliding`: tokens in the window."""
    sliding_layers: Count = 0
    """`sliding`: how many layers see only the window."""
    global_kv_heads: PositiveCount | None = None
    """`sliding`: KV heads of the full-attention layers when they differ."""
    global_head_dim: PositiveCount | None = None
    """`sliding`: head dimension of the full-attention layers when it differs."""

    @model_validator(mode="after")
    def _kind_has_its_fields(self) -> Self:
        if self.kv_heads > self.heads:
            raise ValueError(f"kv_heads is {self.kv_heads}, more than the {self.heads} query heads")
        if self.kind == "mla" and self.latent_dim is None:
            raise ValueError("attention kind mla needs latent_dim")
        if self.kind == "sliding" and (self.window is None or not self.sliding_layers):
            raise ValueError("attention kind sliding needs window and sliding_layers")
        return self


class Decoder(Record):
    """A decoder-only language model."""

    kind: Literal["decoder"]
    """Tag: `decoder`."""
    layers: PositiveCount
    """Transformer blocks."""
    hidden_size: PositiveCount
    """Width of the residual stream."""
    vocabulary: PositiveCount
    """Tokens in the vocabulary."""
    attention: Attention
    """Attention shape."""
    max_context_tokens: PositiveCount
    """Longest context it was made for."""
    experts: Count = 0
    """Routed experts per MoE layer; 0 for a dense model."""
    experts_per_token: Count = 0
    """Routed experts that one token visits."""
    expert_parameters: NonNegative = 0.0
    """Parameters in all routed experts together (MoE)."""

    @model_validator(mode="after")
    def _experts_fit(self) -> Self:
        if self.experts_per_token > self.experts:
            raise ValueError(f"experts_per_token is {self.experts_per_token} but there are {self.experts} experts")
        return self


class Encoder(Record):
    """A transformer encoder (BERT-like): the whole input in one pass."""

    kind: Literal["encoder"]
    """Tag: `encoder`."""
    layers: PositiveCount
    """Transformer blocks."""
    hidden_size: PositiveCount
    """Width of the residual stream."""
    sequence_tokens: PositiveCount
    """Tokens per item after padding or packing, used for FLOPs and activations."""


class Recommender(Record):
    """A DLRM-like model: gathers embeddings, then runs dense layers, per user-item pair."""

    kind: Literal["recommender"]
    """Tag: `recommender`."""
    embedding_rows: Positive
    """Rows over all embedding tables."""
    embedding_dim: PositiveCount
    """Numbers per row."""
    lookups_per_item: PositiveCount
    """Rows gathered per user-item pair."""
    flops_per_item: Positive
    """Dense arithmetic per user-item pair, FLOP (a multiply-add is 2)."""
    host_bytes_per_item: NonNegative
    """Bytes that cross the host link per user-item pair."""
    dense_parameters: Positive
    """Parameters outside the embedding tables."""
    cached_lookups_per_item: Count = 0
    """Of the look-ups, those into tables so small (some ten MB together) that they stay in the accelerator's cache."""

    @model_validator(mode="after")
    def _lookups_are_counted_once(self) -> Self:
        if self.cached_lookups_per_item > self.lookups_per_item:
            cached, every = self.cached_lookups_per_item, self.lookups_per_item
            raise ValueError(f"cached_lookups_per_item is {cached}, more than the {every} of lookups_per_item")
        return self


class Convolutional(Record):
    """A network given by its figures per sample (CNN, U-Net, diffusion step, speech)."""

    kind: Literal["convolutional"]
    """Tag: `convolutional`."""
    flops_per_item: Positive
    """Forward arithmetic per sample, FLOP (a multiply-add is 2)."""
    activation_bytes_per_item: NonNegative
    """Bytes of activations alive at the forward pass's peak, per sample, at 2 bytes per number."""
    traffic_bytes_per_item: NonNegative
    """Bytes of activations read and written per sample in a forward pass, at 2 bytes per number."""
    host_bytes_per_item: NonNegative
    """Bytes that cross the host link per sample."""
    attention_flops_per_item: NonNegative = 0.0
    """Of the arithmetic, attention scores, which stay in 16 bits whatever the variant (diffusion)."""
    kernels: PositiveCount = 50
    """Kernels that a pass launches one after the other; sets the latency of small batches. 50: a usual depth."""
    weight_passes: Positive = 1.0
    """How often a pass reads the weights: a recurrent network at every step, a diffusion model in every evaluation."""
    training_activation_bytes_per_item: NonNegative | None = None
    """Bytes of activations kept for the backward pass per sample at 2 bytes per number, without recomputation."""
    training_state_multiplier: Positive = 1.0
    """Factor on gradient traffic of the data-parallel exchange (1 = every gradient once)."""

    @model_validator(mode="after")
    def _attention_is_part_of_it(self) -> Self:
        if self.attention_flops_per_item > self.flops_per_item:
            part, whole = self.attention_flops_per_item, self.flops_per_item
            raise ValueError(f"attention_flops_per_item is {part:g}, more than the {whole:g} of flops_per_item")
        return self


class Runtime(Sourced):
    """Software that runs the model, and on what. Every filter that is given must match."""

    name: Name
    """Name of the software, e.g. `TensorRT`."""
    vendors: tuple[Name, ...] | None = None
    """Only accelerators of these vendors; empty = all."""
    kinds: tuple[AcceleratorKind, ...] | None = None
    """Only these kinds of accelerator; empty = all."""
    families: tuple[Name, ...] | None = None
    """Only these architectures; empty = all."""
    precisions: tuple[Precision, ...] | None = None
    """Only variants stored in these precisions; empty = all."""

    def runs(self, accelerator: Accelerator, variant: Variant) -> bool:
        """Does it run this variant on this accelerator?"""
        pairs = (
            (self.vendors, accelerator.vendor),
            (self.kinds, accelerator.kind),
            (self.families, accelerator.family),
            (self.precisions, variant.precision),
        )
        return all(allowed is None or value in allowed for allowed, value in pairs)


Architecture = Annotated[Decoder | Encoder | Recommender | Convolutional, Field(discriminator="kind")]


class ModelCard(Sourced):
    """An AI model: sizes, arithmetic, and its numeric variants."""

    name: Name
    """Unique name, e.g. `llama-3.1-70b`."""
    title: Text
    """Human name."""
    parameters: Positive
    """Trainable parameters, all of them."""
    active_parameters: Positive | None = None
    """Parameters that one token visits (MoE); empty = all."""
    architecture: Architecture
    """Architecture numbers, by `kind`."""
    variants: tuple[Variant, ...] = Field(min_length=1)
    """Numeric variants."""
    runtimes: tuple[Runtime, ...] = ()
    """Software that runs it; where none matches an accelerator, the model does not run there. Empty = not known, and
    taken to run wherever the arithmetic is supported."""
    assumed: Flag = False
    """True when architecture figures are assumptions (a brief that gave only the parameter count, say)."""

    @property
    def parameters_per_token(self) -> float:
        """Parameters that take part in the arithmetic of one token or item."""
        return self.active_parameters or self.parameters

    @model_validator(mode="after")
    def _variants_are_consistent(self) -> Self:
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise ValueError(f"variant names repeat: {', '.join(sorted({n for n in names if names.count(n) > 1}))}")
        if self.active_parameters is not None and self.active_parameters > self.parameters:
            raise ValueError(
                f"active_parameters is {self.active_parameters:g}, more than parameters {self.parameters:g}"
            )
        for variant in self.variants:
            self._follow_derivation(variant.name)
        return self

    def _follow_derivation(self, name: str) -> None:
        parents = {variant.name: variant.derived_from for variant in self.variants}
        chain = [name]
        while (parent := parents[chain[-1]]) is not None:
            if parent not in parents:
                raise ValueError(f"variant {chain[-1]} is derived_from {parent}, which is not a variant of {self.name}")
            if parent in chain:
                raise ValueError(f"variants are derived from each other in a circle: {' -> '.join([*chain, parent])}")
            chain.append(parent)
