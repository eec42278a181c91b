"""Workloads: do their model, classes, accuracy floors and options fit together?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.findings import IN_LIBRARY
from gpufleet.library.wording import did_you_mean, show
from gpufleet.schema.workloads import LLMServing, Profiled, RequestServing, Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.models import Decoder, ModelCard
    from gpufleet.schema.workloads import AccuracyFloor, Workload


def check_workloads(instance: Instance, models: Mapping[str, ModelCard], shelf: Shelf, findings: Findings) -> None:
    """Note everything in a workload that contradicts its model, its classes or the records it names."""
    for number, workload in enumerate(instance.workloads):
        loc: Loc = ("workloads", number)
        for place, name in enumerate(workload.accelerators or ()):
            if shelf.accelerator(name) is None:
                findings.unknown(
                    (*loc, "accelerators", place), "accelerator", name, shelf.accelerator_names, IN_LIBRARY
                )
        if not isinstance(workload, Training) and not any(member.requests_per_s for member in workload.classes):
            findings.add((*loc, "classes"), "no demand: requests_per_s is 0 in every class; remove the workload")
        _check_times(loc, workload, instance, findings)
        if isinstance(workload, Training) and workload.redundancy.survive_site_loss:
            message = (
                "a training run is at one site at a time and cannot go on elsewhere without a restart; remove it "
                "(spare_nodes keeps room to restart the run)"
            )
            findings.add((*loc, "redundancy", "survive_site_loss"), message)
        if isinstance(workload, Profiled):
            _check_profiled(loc, workload, shelf, findings)
        elif (card := models.get(workload.model)) is not None:
            _check_model(loc, workload, card, findings)


def _check_times(loc: Loc, workload: Workload, instance: Instance, findings: Findings) -> None:
    """Periods and stages that a workload names exist, and leave it something to do."""
    for kind, members in (("period", instance.periods), ("stage", instance.stages)):
        known = {member.name: member.demand_factor for member in members}
        if isinstance(workload, Training):
            for place, name in enumerate(getattr(workload, f"{kind}s") or ()):
                if name not in known:
                    findings.unknown((*loc, f"{kind}s", place), kind, name, known)
        else:
            field = "demand_factors" if kind == "period" else "stage_factors"
            _check_factors((*loc, field), getattr(workload, field), kind, known, findings)
    if not isinstance(workload, Training) and workload.growth_per_year and not instance.stages:
        findings.add((*loc, "growth_per_year"), "growth shows from stage to stage, but there are no stages; add some")


def _check_factors(
    loc: Loc, own: Mapping[str, float], kind: str, known: Mapping[str, float], findings: Findings
) -> None:
    for name in own:
        if name not in known:
            findings.unknown((*loc, name), kind, name, known)
    if known and not any({**known, **own}.values()):
        findings.add(loc, f"no demand: the factor is 0 in every {kind}; remove the workload")


def _check_profiled(loc: Loc, workload: Profiled, shelf: Shelf, findings: Findings) -> None:
    classes = [member.name for member in workload.classes]
    for number, option in enumerate(workload.options):
        here: Loc = (*loc, "options", number)
        if shelf.node_type(option.node_type) is None:
            findings.unknown((*here, "node_type"), "node type", option.node_type, shelf.node_type_names, IN_LIBRARY)
        for name in option.rates:
            if name not in classes:
                findings.unknown((*here, "rates", name), "class", name, classes, "this workload has no such class")
    metrics = [[floor.metric for floor in option.accuracy] for option in workload.options]
    _check_metrics(loc, workload.accuracy, metrics, "option", findings)


def _check_model(
    loc: Loc, workload: LLMServing | RequestServing | Training, card: ModelCard, findings: Findings
) -> None:
    metrics = [[figure.metric for figure in variant.accuracy] for variant in card.variants]
    _check_metrics(loc, workload.accuracy, metrics, f"variant of {card.name}", findings)
    decoder = card.architecture if card.architecture.kind == "decoder" else None
    if isinstance(workload, LLMServing):
        _check_tokens(loc, workload, card, decoder, findings)
    elif isinstance(workload, RequestServing):
        _check_requests(loc, workload, card, decoder, findings)
    elif decoder is not None:
        _check_sequences(loc, workload, card, decoder, findings)


def _check_metrics(
    loc: Loc, floors: Sequence[AccuracyFloor], metrics: Sequence[Sequence[str]], what: str, findings: Findings
) -> None:
    known = sorted({metric for group in metrics for metric in group})
    for number, floor in enumerate(floors):
        if floor.metric not in known:
            hint = did_you_mean(floor.metric, known) or f"; there are: {', '.join(known) or 'none'}"
            findings.add((*loc, "accuracy", number, "metric"), f"no {what} has a figure for {show(floor.metric)}{hint}")


def _check_tokens(loc: Loc, workload: LLMServing, card: ModelCard, decoder: Decoder | None, findings: Findings) -> None:
    if decoder is None:
        message = f"llm_serving needs a decoder, but {card.name} is a {card.architecture.kind}; use request_serving"
        findings.add((*loc, "model"), message)
        return
    for number, member in enumerate(workload.classes):
        tokens = member.input_tokens + member.output_tokens
        if tokens > decoder.max_context_tokens:
            message = (
                f"{tokens} tokens per request, but the context of {card.name} ends at {decoder.max_context_tokens}"
            )
            findings.add((*loc, "classes", number), message)


def _check_requests(
    loc: Loc, workload: RequestServing, card: ModelCard, decoder: Decoder | None, findings: Findings
) -> None:
    if decoder is not None:
        findings.add((*loc, "model"), f"request_serving does not serve decoders such as {card.name}; use llm_serving")
    for number, bound in enumerate(workload.slo):
        if bound.metric != "end_to_end":
            message = f"request_serving has no tokens, so no {bound.metric}; expected end_to_end"
            findings.add((*loc, "slo", number, "metric"), message)


def _check_sequences(loc: Loc, workload: Training, card: ModelCard, decoder: Decoder, findings: Findings) -> None:
    tokens, context = workload.sequence_tokens, decoder.max_context_tokens
    if tokens is None:
        findings.add((*loc, "sequence_tokens"), f"missing field; training the language model {card.name} needs it")
    elif tokens > context:
        findings.add((*loc, "sequence_tokens"), f"must be at most {context}, the context of {card.name}; got {tokens}")
