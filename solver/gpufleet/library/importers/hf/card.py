"""A `config.json` to a model card: weights counted tensor by tensor, variants, and what a reader must know."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.findings import Findings
from gpufleet.library.importers.hf.keys import OTHER_TOWERS
from gpufleet.library.importers.hf.naming import default_name, default_title, repository
from gpufleet.library.importers.hf.quantisation import read_modelopt_file, read_scheme
from gpufleet.library.importers.hf.registry import measure, section
from gpufleet.library.importers.hf.words import BY_HAND
from gpufleet.library.reader import read_document
from gpufleet.library.validation import validate
from gpufleet.library.wording import show
from gpufleet.schema.base import BITS, Precision
from gpufleet.schema.models import ModelCard

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from gpufleet.library.importers.hf.config import Config
    from gpufleet.library.importers.hf.network import Network
    from gpufleet.library.importers.hf.scheme import Scheme
    from gpufleet.library.reader import Document

PRECISIONS: Final[dict[str, Precision]] = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
"""By `torch_dtype`."""

PUBLISHED_AS: Final = {
    "deepseek_v3": "fp8", "deepseek_v32": "fp8", "kimi_k2": "fp8", "gpt_oss": "mxfp4",
}  # fmt: skip
"""Types whose models were trained for a quantised form and published in it; their 16-bit form derives from it."""


@dataclass(frozen=True)
class Wishes:
    """What the caller adds to a file. Empty fields follow from the file."""

    name: str | None = None
    source: str | None = None
    as_of: datetime.date | None = None
    sequence_tokens: int | None = None
    """Encoders: tokens per item; empty: the longest input."""
    ignored: frozenset[str] = field(default=frozenset())
    """Keys that the caller knows to change no weight and no cache."""


def import_hf_config(
    path: Path | str, quant_config: Path | str | None = None, wishes: Wishes | None = None
) -> ModelCard:
    """Read the `config.json` of a Hugging Face repository as a model card, without accuracy figures.

    `quant_config` is the repository's `hf_quant_config.json`, if it has one. Raises InputError with every problem: keys
    that are missing or wrong, and every architecture, layer type or key that is not known; nothing is guessed.
    """
    document, wishes = read_document(path), wishes or Wishes()
    findings = Findings(document.path, document.line_of)
    config = section(document.value, findings)
    network = measure(config)
    scheme = _scheme(config, quant_config, findings)
    precision = _precision(config)
    _refuse(config)
    _check(wishes, config, network, findings)
    unread = config.finish(wishes.ignored) if network else []
    findings.stop()
    assert network is not None
    facts = _Facts(document, config, network, precision, scheme, tuple(unread))
    return validate(ModelCard, facts.card(path, wishes), document)


def _scheme(config: Config, quant_config: Path | str | None, findings: Findings) -> Scheme | None:
    """What the separate file says, else what the config says."""
    if quant_config is not None:
        document = read_document(quant_config)
        own = Findings(document.path, document.line_of)
        scheme = read_modelopt_file(document.value, own)
        findings.problems += own.problems
        return scheme
    stated = config.values.get("quantization_config")
    return read_scheme(stated, ("quantization_config",), findings) if stated else None


def _precision(config: Config) -> Precision:
    key, value = config.given(["torch_dtype", "dtype"])
    word = str(value).removeprefix("torch.") if value is not None else "bfloat16"
    if word not in PRECISIONS:
        config.add(key, f"{show(value)} is not known here; known: {', '.join(PRECISIONS)}; {BY_HAND}")
    return PRECISIONS.get(word, "bf16")


def _refuse(config: Config) -> None:
    for key in ("is_encoder_decoder", "add_cross_attention"):
        if config.values.get(key):
            config.add(key, f"is true: cross-attention is not known to the importer; {BY_HAND}")


def _check(wishes: Wishes, config: Config, network: Network | None, findings: Findings) -> None:
    for key in sorted(wishes.ignored - set(config.values)):
        findings.add((), f"there is no key {show(key)} to ignore; leave it out")
    if wishes.sequence_tokens and network and network.attention is not None:
        findings.add((), "sequence_tokens is for encoders, and this is a decoder; leave it out")


@dataclass(frozen=True)
class _Facts:
    """Everything known about a model, on the way to its card."""

    document: Document
    config: Config
    network: Network
    precision: Precision
    scheme: Scheme | None
    unread: tuple[str, ...]

    def card(self, path: Path | str, wishes: Wishes) -> dict[str, Any]:
        """The card's fields."""
        network, kind = self.network, str(self.config.values["model_type"])
        origin = repository(path, self.document.value.get("_name_or_path"))
        file = f"{origin} config.json (Hugging Face)" if origin else Path(path).name
        fields = {
            "name": wishes.name or default_name(origin, kind, network.parameters),
            "title": default_title(origin, kind, network.parameters),
            "source": wishes.source or f"{file}; parameters counted tensor by tensor from it",
            "as_of": wishes.as_of,
            "note": " ".join(self._notes(wishes)) or None,
            "parameters": network.parameters,
            "active_parameters": network.active_parameters,
            "architecture": self._architecture(wishes),
            "variants": list(self._variants()),
        }
        return {key: value for key, value in fields.items() if value is not None}

    def _architecture(self, wishes: Wishes) -> dict[str, Any]:
        network = self.network
        shape = {"layers": network.layers, "hidden_size": network.hidden}
        if network.attention is None:
            return {"kind": "encoder", **shape, "sequence_tokens": wishes.sequence_tokens or network.context}
        experts = {
            "experts": network.experts,
            "experts_per_token": network.experts_per_token,
            "expert_parameters": network.expert_parameters,
        }
        return {
            "kind": "decoder", **shape, "vocabulary": network.vocabulary, "attention": network.attention,
            "max_context_tokens": network.context, **(experts if network.experts else {}),
        }  # fmt: skip

    def _variants(self) -> Iterator[dict[str, Any]]:
        plain: dict[str, Any] = {"name": self.precision, "precision": self.precision}
        if self.scheme is None:
            yield plain
            return
        quantised = self._quantised(self.scheme)
        if self._is_native(self.scheme):
            yield quantised
            yield {**plain, "derived_from": self.scheme.name}
        else:
            yield plain
            yield {**quantised, "derived_from": self.precision}

    def _is_native(self, scheme: Scheme) -> bool:
        return PUBLISHED_AS.get(str(self.config.values["model_type"])) == scheme.name

    def _quantised(self, scheme: Scheme) -> dict[str, Any]:
        bits = scheme.weight_bits(self.network.tensors, BITS[self.precision])
        method = "native" if self._is_native(scheme) else scheme.method
        fields: dict[str, Any] = {"name": scheme.name, "precision": scheme.precision, "method": method}
        if scheme.weight_only:
            fields["compute"] = self.precision
        if self.network.attention is not None:
            fields["kv_cache"] = scheme.kv_cache or ("fp16" if self.precision == "fp16" else "bf16")
        return {**fields, "weight_bits": bits}

    def _notes(self, wishes: Wishes) -> Iterator[str]:
        yield from self.network.remarks
        left_out = [key for key, value in self.document.value.items() if key in OTHER_TOWERS and value]
        if left_out:
            yield f"The language model alone: {', '.join(left_out)} and what joins them to it are left out."
        if self.network.attention is None and wishes.sequence_tokens is None:
            yield "sequence_tokens is the longest input: replace it by what your items have on average."
        if self.config.given(["torch_dtype", "dtype"])[1] is None:
            yield "The file does not say in which precision the weights are stored: BF16 is taken."
        if self.scheme is not None:
            yield from self._quantisation_notes(self.scheme)
        if self.unread:
            yield f"Keys that were not looked at: {', '.join(self.unread)}."

    def _quantisation_notes(self, scheme: Scheme) -> Iterator[str]:
        covered = sum(tensor.parameters for tensor in self.network.tensors if scheme.covers(tensor))
        share = covered / self.network.parameters
        yield (
            f"Effective bits of {scheme.name}: {share:.2%} of the weights are quantised, scales counted; the rest "
            f"stays {BITS[self.precision]}-bit."
        )
