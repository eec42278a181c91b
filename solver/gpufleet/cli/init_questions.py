"""The questions of `gpufleet init`: what is asked, when, with which default, and what an answer may be.

A question is answered by its option, else at the prompt, else (`--yes`) by its default; never twice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gpufleet.library.starter import (
    KINDS,
    SITE_KINDS,
    country_of,
    fits_kind,
    metrics_of,
    providers_of,
    regions_of,
)
from gpufleet.library.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpufleet.library import Library
    from gpufleet.schema.models import ModelCard

NONE = "none"
"""What is typed for no budget and no floor."""
ABOVE_ZERO: Any = click.FloatRange(min=0, min_open=True)
USUAL = {"llm_serving": "llama-3.1-8b", "request_serving": "resnet-50", "training": "llama-3.1-8b"}
"""The model that is offered; where the library lacks it, its first one."""
SUSTAINED_FLOP_S = 5e13
"""What defaults count on: a small accelerator in 8 or 16 bits; assumed."""


class Whole(click.IntRange):
    """A whole number within bounds, called so in messages."""

    name = "whole number"


COUNT = Whole(min=1)


class OneOf(click.ParamType):  # type: ignore[type-arg]  # no generic class in older releases of click
    """One of several names; what is nearest is suggested."""

    name = "name"

    def __init__(self, what: str, names: Sequence[str], where: str = "", others: dict[str, str] | None = None) -> None:
        self._what, self._names, self._where, self._others = what, names, where, others or {}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name itself."""
        text = str(value).strip()
        if text in self._names:
            return text
        if text in self._others:
            self.fail(f"{text!r} {self._others[text]}", param, ctx)
        hint = did_you_mean(text, self._names) or f"; one of {', '.join(self._names)}"
        return self.fail(f"unknown {self._what} {text!r}{hint if len(hint) < 600 else ''}{self._where}", param, ctx)


class Country(click.ParamType):  # type: ignore[type-arg]
    """Two capital letters."""

    name = "country"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """In capitals."""
        text = str(value).strip().upper()
        if not re.fullmatch("[A-Z]{2}", text):
            self.fail(f"{value!r} is no country code of two letters (ISO 3166-1), e.g. DE", param, ctx)
        return text


class Amount(click.ParamType):  # type: ignore[type-arg]
    """A number above zero, or none."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """`none` to None."""
        return None if str(value).strip().lower() == NONE else float(ABOVE_ZERO.convert(value, param, ctx))


class Floor(click.ParamType):  # type: ignore[type-arg]
    """Least quality, as METRIC=VALUE, as a value of the card's first metric, or none."""

    name = "floor"

    def __init__(self, card: ModelCard) -> None:
        self._metrics = metrics_of(card)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        """`mmlu=65` to {"mmlu": 65}; no floor to {}."""
        text = str(value).strip()
        if text.lower() == NONE:
            return {}
        metric, equals, number = text.rpartition("=")
        metric = metric.strip() if equals else next(iter(self._metrics), "")
        if metric not in self._metrics:
            hint = did_you_mean(metric, self._metrics) or f"; its card has {', '.join(self._metrics) or 'none'}"
            self.fail(f"unknown metric {metric!r}{hint}", param, ctx)
        return {metric: float(ABOVE_ZERO.convert(number, param, ctx))}


@dataclass(frozen=True)
class Asking:
    """What is known when a question is put."""

    library: Library
    answers: dict[str, Any]

    @property
    def card(self) -> ModelCard:
        """The card of the model that was chosen."""
        return self.library.model(self.answers["model"])

    @property
    def context_tokens(self) -> int:
        """Tokens that the model takes at most."""
        return int(getattr(self.card.architecture, "max_context_tokens", 2**31))


@dataclass(frozen=True)
class Question:
    """One field of the file."""

    name: str
    text: str
    default: Callable[[Asking], Any]
    type: Callable[[Asking], Any]
    kinds: tuple[str, ...] = KINDS
    sites: tuple[str, ...] = SITE_KINDS

    @property
    def flag(self) -> str:
        """The option that answers it."""
        return "--" + self.name.replace("_", "-")

    def goes_with(self, answers: dict[str, Any]) -> bool:
        """Does it make sense after the answers so far?"""
        return answers.get("kind", KINDS[0]) in self.kinds and answers.get("site", SITE_KINDS[0]) in self.sites

    @property
    def where(self) -> str:
        """What it goes with, for a message."""
        if self.kinds != KINDS:
            return f"--kind {' or '.join(self.kinds)}"
        return f"--site {' or '.join(self.sites)}"


def _models(asking: Asking) -> OneOf:
    kind = asking.answers["kind"]
    cards = [asking.library.model(name) for name in asking.library.model_names]
    others = {
        card.name: f"goes with --kind {' or '.join(other for other in KINDS if fits_kind(card, other))}"
        for card in cards
        if not fits_kind(card, kind) and any(fits_kind(card, other) for other in KINDS)
    }
    names = [card.name for card in cards if fits_kind(card, kind)]
    return OneOf("model", names, " (gpufleet catalog list models)", others)


def _usual_model(asking: Asking) -> str:
    usual = USUAL[asking.answers["kind"]]
    return usual if usual in asking.library.model_names else asking.library.model_names[0]


def _flops(card: ModelCard) -> float:
    """Arithmetic of one item, FLOP."""
    architecture = card.architecture
    if architecture.kind == "encoder":
        return 2 * (card.active_parameters or card.parameters) * architecture.sequence_tokens
    return float(getattr(architecture, "flops_per_item", 1e9)) + float(
        getattr(architecture, "attention_flops_per_item", 0.0)
    )


def _rounded(value: float, least: float, most: float) -> float:
    """Down to 1, 2 or 5 times a power of ten, between two of them."""
    clipped = min(max(value, least), most)
    power = 10.0 ** math.floor(math.log10(clipped) + 1e-9)
    return max(digit * power for digit in (1, 2, 5) if digit * power <= clipped * (1 + 1e-9))


def _rate(asking: Asking) -> float:
    """What about ten small accelerators do; 20 for language models."""
    if asking.answers["kind"] == "llm_serving":
        return 20.0
    return _rounded(10 * SUSTAINED_FLOP_S / _flops(asking.card), 1, 10_000)


def _latency(asking: Asking) -> float:
    """Ten times one item alone on one of them, and at least 100 ms."""
    return _rounded(10 * 1000 * _flops(asking.card) / SUSTAINED_FLOP_S, 100, 1e6)


def _is_language(asking: Asking) -> bool:
    return asking.card.architecture.kind == "decoder"


def _best(card: ModelCard) -> str:
    """The first metric with its best value, for the text of a prompt."""
    metrics = metrics_of(card)
    return "; ".join(f"{metric} at most {max(by.values()):g}" for metric, by in metrics.items())


def _always(value: Any) -> Callable[[Asking], Any]:
    return lambda asking: value


def _first(names: Sequence[str], *wanted: str) -> str:
    return next((name for name in wanted if name in names), names[0])


SERVING = ("llm_serving", "request_serving")
LLM, REQUESTS, TRAINING, CLOUD = ("llm_serving",), ("request_serving",), ("training",), ("public_cloud",)
QUESTIONS: tuple[Question, ...] = (
    Question("kind", "What must the fleet do (llm_serving, request_serving, training)", _always(KINDS[0]),
             _always(OneOf("kind", KINDS))),
    Question("model", "Model, as in gpufleet catalog list models", _usual_model, _models),
    Question("requests_per_s", "Requests per second at the peak", _rate, _always(ABOVE_ZERO), SERVING),
    Question("input_tokens", "Prompt tokens per request", lambda asking: min(1000, asking.context_tokens // 2),
             lambda asking: Whole(1, asking.context_tokens - 1), LLM),
    Question("output_tokens", "Generated tokens per request",
             lambda asking: min(250, asking.context_tokens - asking.answers["input_tokens"]),
             lambda asking: Whole(1, asking.context_tokens - asking.answers["input_tokens"]), LLM),
    Question("ttft_ms", "Time to the first token of 95 % of requests, ms", _always(1500.0), _always(ABOVE_ZERO), LLM),
    Question("tpot_ms", "Mean time per further token of 95 % of requests, ms", _always(50.0), _always(ABOVE_ZERO), LLM),
    Question("items", "Items (images, sequences, user-item pairs) per request", _always(1), _always(COUNT), REQUESTS),
    Question("latency_ms", "Latency of 99 % of requests, ms", _latency, _always(ABOVE_ZERO), REQUESTS),
    Question("samples", "Samples per epoch", lambda asking: 50_000.0 if _is_language(asking) else 200_000.0,
             _always(ABOVE_ZERO), TRAINING),
    Question("epochs", "Epochs", lambda asking: 3.0 if _is_language(asking) else 10.0, _always(ABOVE_ZERO), TRAINING),
    Question("global_batch", "Samples per optimizer step", _always(64), _always(COUNT), TRAINING),
    Question("sequence_tokens", "Tokens per sample", lambda asking: min(2048, asking.context_tokens),
             lambda asking: Whole(1, asking.context_tokens), TRAINING),
    Question("deadline_days", "Days within which it must finish", _always(14.0), _always(ABOVE_ZERO), TRAINING),
    Question("accuracy", "Least quality, as METRIC=VALUE, or none", _always(NONE),
             lambda asking: Floor(asking.card)),
    Question("site", "Where (on_prem, private_cloud, public_cloud)", _always("public_cloud"),
             _always(OneOf("site", SITE_KINDS))),
    Question("provider", "Provider", lambda asking: _first(providers_of(asking.library), "AWS"),
             lambda asking: OneOf("provider", providers_of(asking.library)), sites=CLOUD),
    Question("region", "Region", lambda asking: regions_of(asking.library, asking.answers["provider"])[0],
             lambda asking: OneOf("region", regions_of(asking.library, asking.answers["provider"])), sites=CLOUD),
    Question("country", "Country of the site, two letters",
             lambda asking: country_of(asking.answers.get("provider"), asking.answers.get("region")),
             _always(Country())),
    Question("horizon_days", "Days that the question covers", _always(365.0), _always(ABOVE_ZERO)),
    Question("budget_usd_per_day", "Budget in USD a day, or none", _always(NONE), _always(Amount())),
)  # fmt: skip
"""In the order in which they are asked; each may use the answers before it."""


def is_asked(question: Question, asking: Asking) -> bool:
    """Does it make sense after the answers so far? Tokens per sample only for models that read tokens."""
    if question.name == "sequence_tokens" and question.goes_with(asking.answers):
        return _is_language(asking)
    return question.goes_with(asking.answers)


def prompt_of(question: Question, asking: Asking) -> str:
    """The text of the prompt, with what is particular to the model."""
    if question.name == "accuracy" and metrics_of(asking.card):
        return f"{question.text} ({_best(asking.card)})"
    return question.text
