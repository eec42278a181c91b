"""A table of modelled operating points for a file, by hand instead of in a solve."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.sources.aiconfigurator import Aiconfigurator, NotCoveredError
from gpufleet.library.sources.package import load_package
from gpufleet.library.wording import did_you_mean, show
from gpufleet.schema.models import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.library.importers.benchmarks.given import Given
    from gpufleet.library.library import Library
    from gpufleet.schema.measurements import Measurement
    from gpufleet.schema.models import ModelCard, Variant

PLACE = "aiconfigurator"
"""Stands for a file in messages."""


def modelled_table(library: Library, given: Given, engine: str, tensors: Sequence[int]) -> list[Measurement]:
    """Operating points of a model on an accelerator by aiconfigurator, one curve for each tensor-parallel size.

    Raises InputError where a name is unknown, a size is missing or cannot be cut, or the package has no answer;
    MissingExtraError where it is not installed.
    """
    card = _card(library, given)
    variant = _variant(card, given)
    size = _size(card, given)
    package = load_package()
    rows: list[Measurement] = []
    with tempfile.TemporaryDirectory() as folder:
        source = Aiconfigurator(package, engine, Path(folder))
        for tensor in tensors:
            shape = (_tensor(card, tensor), given.pipeline, given.data, given.expert)
            try:
                rows += source.rows(card, variant, given.accelerator, given.node_type, shape, [size])
            except NotCoveredError as error:
                what = f"{card.name} {variant.name} on {given.accelerator} with tensor {tensor}"
                raise _wrong("accelerator", f"{what} is not covered: {error}") from None
    if not rows:
        raise _wrong("tensor", "the model does not fit; give a larger --tensor")
    return rows


def _wrong(field: str, message: str) -> InputError:
    return InputError([InputProblem(PLACE, 0, field, message)])


def _card(library: Library, given: Given) -> ModelCard:
    if given.model not in library.model_names:
        raise _wrong("model", f"unknown model {show(given.model)}{did_you_mean(given.model, library.model_names)}")
    card = library.model(given.model)
    if not isinstance(card.architecture, Decoder):
        raise _wrong("model", f"{card.name} is a {card.architecture.kind}; the source covers language models only")
    return card


def _variant(card: ModelCard, given: Given) -> Variant:
    names = [variant.name for variant in card.variants]
    if given.variant not in names:
        hint = did_you_mean(given.variant, names) or f"; there are: {', '.join(names)}"
        raise _wrong("variant", f"{card.name} has no variant {show(given.variant)}{hint}")
    return next(variant for variant in card.variants if variant.name == given.variant)


def _size(card: ModelCard, given: Given) -> tuple[int, int]:
    if given.input_tokens is None or given.output_tokens is None:
        raise _wrong("input_tokens", "give --input-tokens and --output-tokens, the size of a request")
    if given.output_tokens < 2:
        raise _wrong("output_tokens", "a request of one output token has no time per token; give 2 or more")
    assert isinstance(card.architecture, Decoder)
    most, total = card.architecture.max_context_tokens, given.input_tokens + given.output_tokens
    if total > most:
        raise _wrong("input_tokens", f"{total} tokens are more than the {most} of {card.name}; give fewer")
    return given.input_tokens, given.output_tokens


def _tensor(card: ModelCard, tensor: int) -> int:
    assert isinstance(card.architecture, Decoder)
    heads = card.architecture.attention.heads
    if heads % tensor:
        raise _wrong("tensor", f"{tensor} does not divide the {heads} heads of {card.name}")
    return tensor
