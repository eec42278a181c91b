"""Workloads against their model cards: every card that may serve a workload, its own and the alternatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.wording import did_you_mean, show
from gpufleet.schema.models import Decoder
from gpufleet.schema.workloads import LLMServing, RequestServing, Training

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.workloads import AccuracyFloor, Workload

    Placed = tuple[Loc, ModelCard]


def check_models(
    loc: Loc, workload: LLMServing | RequestServing | Training, models: Mapping[str, ModelCard], findings: Findings
) -> None:
    """Note everything in a workload that contradicts one of its model cards; cards that are not there are skipped."""
    cards = list(_cards(loc, workload, models))
    for _, card in cards:
        metrics = {figure.metric for variant in card.variants for figure in variant.accuracy}
        check_metrics(loc, workload, metrics, f"variant of {card.name}", findings)
    if isinstance(workload, LLMServing):
        _check_tokens(loc, workload, cards, findings)
    elif isinstance(workload, RequestServing):
        _check_requests(loc, workload, cards, findings)
    else:
        for _, card in cards:
            _check_sequences(loc, workload, card, findings)
    if not isinstance(workload, Training):
        _check_alternatives(loc, workload, findings)
        _check_bound_classes(loc, workload, findings)


def _cards(
    loc: Loc, workload: LLMServing | RequestServing | Training, models: Mapping[str, ModelCard]
) -> Iterator[Placed]:
    """The known cards of a workload, each with the place that names it."""
    if workload.model in models:
        yield (*loc, "model"), models[workload.model]
    if not isinstance(workload, Training):
        for place, name in enumerate(workload.alternatives):
            if name in models:
                yield (*loc, "alternatives", place), models[name]


def check_metrics(loc: Loc, workload: Workload, known: Collection[str], what: str, findings: Findings) -> None:
    """Every accuracy floor, of the workload or of a class, names a metric that some `what` has a figure for."""
    floors: list[tuple[Loc, Sequence[AccuracyFloor]]] = [(loc, workload.accuracy)]
    if not isinstance(workload, Training):
        floors += [((*loc, "classes", number), member.accuracy) for number, member in enumerate(workload.classes)]
    for place, group in floors:
        for number, floor in enumerate(group):
            if floor.metric not in known:
                hint = did_you_mean(floor.metric, known) or f"; there are: {', '.join(sorted(known)) or 'none'}"
                message = f"no {what} has a figure for {show(floor.metric)}{hint}"
                findings.add((*place, "accuracy", number, "metric"), message)


def _check_alternatives(loc: Loc, workload: LLMServing | RequestServing, findings: Findings) -> None:
    for place, name in enumerate(workload.alternatives):
        if name in workload.models[: place + 1]:
            message = f"{show(name)} may serve the workload already; name every model once"
            findings.add((*loc, "alternatives", place), message)


def _check_bound_classes(loc: Loc, workload: LLMServing | RequestServing, findings: Findings) -> None:
    names = [member.name for member in workload.classes]
    for number, bound in enumerate(workload.slo):
        for place, name in enumerate(bound.classes or ()):
            if name not in names:
                here: Loc = (*loc, "slo", number, "classes", place)
                findings.unknown(here, "class", name, names, "this workload has no such class")


def _check_tokens(loc: Loc, workload: LLMServing, cards: Sequence[Placed], findings: Findings) -> None:
    """Decoders only; every class fits into the context of some model, and every alternative fits some class."""
    contexts: dict[str, int] = {}
    tokens = [member.input_tokens + member.output_tokens for member in workload.classes]
    for place, card in cards:
        if not isinstance(card.architecture, Decoder):
            kind = card.architecture.kind
            findings.add(place, f"llm_serving needs a decoder, but {card.name} is a {kind}; use request_serving")
            continue
        contexts[card.name] = context = card.architecture.max_context_tokens
        if card.name != workload.model and min(tokens) > context:
            message = f"its context ends at {context} tokens, and every class has more; remove it"
            findings.add(place, message)
    if not contexts:
        return
    longest = max(contexts, key=lambda name: contexts[name])
    for number, asked in enumerate(tokens):
        if asked > contexts[longest]:
            message = f"{asked} tokens per request, but the context of {longest} ends at {contexts[longest]}"
            findings.add((*loc, "classes", number), message)


def _check_requests(loc: Loc, workload: RequestServing, cards: Sequence[Placed], findings: Findings) -> None:
    for place, card in cards:
        if isinstance(card.architecture, Decoder):
            findings.add(place, f"request_serving does not serve decoders such as {card.name}; use llm_serving")
    for number, bound in enumerate(workload.slo):
        if bound.metric != "end_to_end":
            message = f"request_serving has no tokens, so no {bound.metric}; expected end_to_end"
            findings.add((*loc, "slo", number, "metric"), message)


def _check_sequences(loc: Loc, workload: Training, card: ModelCard, findings: Findings) -> None:
    if not isinstance(card.architecture, Decoder):
        return
    tokens, context = workload.sequence_tokens, card.architecture.max_context_tokens
    if tokens is None:
        findings.add((*loc, "sequence_tokens"), f"missing field; training the language model {card.name} needs it")
    elif tokens > context:
        findings.add((*loc, "sequence_tokens"), f"must be at most {context}, the context of {card.name}; got {tokens}")
