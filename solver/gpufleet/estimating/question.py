"""From a wish to a question that can be answered; everything wrong with it is said at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from gpufleet.estimating import wish as defaults
from gpufleet.estimating.machine import accelerator_of, node_of
from gpufleet.estimating.wish import Wish, slo_fields
from gpufleet.library.findings import Findings
from gpufleet.library.wording import one_of, show
from gpufleet.performance.calibration import Efficiency, engines
from gpufleet.schema.estimate import EstimateQuestion
from gpufleet.schema.models import Convolutional, Decoder, ModelCard, Recommender
from gpufleet.schema.workloads import SLO, ItemClass, LLMServing, RequestServing, TokenClass, Training

if TYPE_CHECKING:
    from gpufleet.library import Library
    from gpufleet.library.fields import Loc
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.models import Variant

WHERE: Final = "estimate"
"""Stands where a file has its name."""
ANY_DEADLINE_DAYS: Final = 1e9
"""A deadline that every run keeps: days are answered, not asked for."""
LANGUAGE: Final = ("input_tokens", "output_tokens")
SERVING: Final = (*LANGUAGE, "items", "slo", "max_utilisation")
TRAINING: Final = ("global_batch", "sequence_tokens", "samples", "epochs", "zero", "recomputation")
SIZES: Final = ("tensor", "pipeline", "data", "batch")


@dataclass(frozen=True)
class Question:
    """A question whose parts fit each other."""

    wish: Wish
    record: EstimateQuestion
    workload: LLMServing | RequestServing | Training
    card: ModelCard
    variants: tuple[Variant, ...]
    accelerator: Accelerator
    node_type: NodeType
    efficiency: Efficiency


def question_of(wish: Wish, library: Library) -> Question:
    """Look up names, fill in defaults. Raises InputError with everything that is wrong."""
    findings = Findings(WHERE)
    card = _card_of(wish, library, findings)
    accelerator = accelerator_of(wish, library, findings)
    node = node_of(wish, accelerator, library, findings) if accelerator else None
    variants = _variants_of(wish, card, findings) if card else ()
    _check_kind(wish, card, findings)
    _check_engine(wish, library, findings)
    slo = _slo_of(wish, findings)
    if card:
        _check_sizes(wish, card, findings)
    if card is None or accelerator is None or node is None:
        findings.stop()
        raise AssertionError("what is missing is among the findings")
    fields = _fields(wish, card, accelerator, slo)
    place = {"node_type": node[0].name, "node_chosen": node[1], "node_accelerators": node[0].accelerators}
    record = _record({**fields, **place, "network_gb_s": node[0].network_gb_s}, findings)
    if record is not None:
        _check_record(record, wish, card, node[0], findings)
    findings.stop()
    assert record is not None
    efficiency = Efficiency.of(library.calibration)
    return Question(wish, record, _workload(record), card, variants, accelerator, node[0], efficiency)


def _card_of(wish: Wish, library: Library, findings: Findings) -> ModelCard | None:
    if isinstance(wish.model, ModelCard):
        return wish.model
    if wish.model in library.model_names:
        return library.model(wish.model)
    hint = "see gpufleet catalog list models, or gpufleet import hf-config"
    findings.unknown(("model",), "model card", wish.model, library.model_names, hint)
    return None


def _variants_of(wish: Wish, card: ModelCard, findings: Findings) -> tuple[Variant, ...]:
    known = {variant.name: variant for variant in card.variants}
    for name in wish.variants:
        if name not in known:
            hint = f"variants of {card.name}: {', '.join(known)}"
            findings.unknown(("variant",), "variant", name, known, hint)
    chosen = dict.fromkeys(wish.variants) or known
    return tuple(known[name] for name in chosen if name in known)


def _check_kind(wish: Wish, card: ModelCard | None, findings: Findings) -> None:
    """Sizes and bounds belong to one kind of work."""
    if wish.train:
        for name in wish.given(SERVING):
            findings.add((name,), "belongs to serving; leave it out, or leave out train")
        return
    for name in wish.given(TRAINING):
        findings.add((name,), "belongs to training; add train, or leave it out")
    if card is None:
        return
    decodes = isinstance(card.architecture, Decoder)
    for name in wish.given(("items",) if decodes else LANGUAGE):
        what = f"{card.name} is {_a(card.architecture.kind)}"
        wanted = "input_tokens and output_tokens" if decodes else "items"
        findings.add((name,), f"{what}, whose requests have no {name.replace('_', ' ')}; give {wanted}")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind} model"


def _check_engine(wish: Wish, library: Library, findings: Findings) -> None:
    """An engine without figures of its own would change nothing, and say nothing."""
    known = sorted({figure.engine for figure in library.calibration.figures if figure.engine})
    if wish.engine and not set(engines(wish.engine)) & set(known):
        hint = f"the calibration has figures for {', '.join(known) or 'no engine alone'}; leave it out"
        findings.unknown(("engine",), "engine", wish.engine, known, hint)


def _slo_of(wish: Wish, findings: Findings) -> list[SLO]:
    found: list[SLO] = []
    for number, bound in enumerate(wish.slo):
        loc: Loc = ("slo", number)
        fields = slo_fields(bound) if isinstance(bound, str) else bound.model_dump()
        if fields is None:
            findings.add(loc, f"{show(bound)} is no bound; write METRIC:PERCENTILE:LIMIT, as in ttft:p95:1000ms")
            continue
        try:
            found.append(SLO.model_validate(fields))
        except ValidationError as error:
            _note(error, loc, findings)
    return found


def _note(error: ValidationError, loc: Loc, findings: Findings) -> None:
    """What pydantic finds, in our words."""
    for problem in error.errors():
        place = (*loc, *problem["loc"])
        if problem["type"] == "literal_error":
            expected = str(problem.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
            findings.add(place, one_of(problem["input"], expected.split(", ")))
        else:
            findings.add(place, f"{problem['msg'].replace('Input s', 's')}; got {show(problem['input'])}")


def _check_sizes(wish: Wish, card: ModelCard, findings: Findings) -> None:
    """Every size that is listed by name can be cut that way."""
    for name in SIZES:
        for size in getattr(wish, name):
            if size < 1:
                findings.add((name,), f"must be at least 1, got {size}")
    architecture = card.architecture
    for size in (size for size in wish.tensor if size > 0):
        if isinstance(architecture, Decoder) and architecture.attention.heads % size:
            heads = architecture.attention.heads
            findings.add(("tensor",), f"{size} does not divide the {heads} attention heads of {card.name}")
    layers = 1 if isinstance(architecture, Recommender | Convolutional) else architecture.layers
    for size in (size for size in wish.pipeline if size > layers):
        limit = f"it has {layers} layers" if layers > 1 else "it is not cut into stages"
        findings.add(("pipeline",), f"{card.name} cannot run in {size} stages: {limit}")
    for stage in (stage for stage in wish.zero if stage not in (0, 1, 2, 3)):
        findings.add(("zero",), f"ZeRO stages are 0, 1, 2 and 3; got {stage}")


def _fields(wish: Wish, card: ModelCard, accelerator: Accelerator, slo: list[SLO]) -> dict[str, Any]:
    """Fields of the question, defaults filled in."""
    common = {"model": card.name, "accelerator": accelerator.name, "engine": wish.engine or None}
    decoder = card.architecture if isinstance(card.architecture, Decoder) else None
    if wish.train:
        usual = min(defaults.SEQUENCE_TOKENS, decoder.max_context_tokens) if decoder else None
        return {
            **common,
            "kind": "training",
            "global_batch": _or(wish.global_batch, defaults.GLOBAL_BATCH),
            "sequence_tokens": _or(wish.sequence_tokens, usual),
            "samples": float(_or(wish.samples, defaults.SAMPLES)),
            "epochs": float(_or(wish.epochs, defaults.EPOCHS)),
        }
    rules = {"slo": slo, "max_utilisation": float(_or(wish.max_utilisation, defaults.MAX_UTILISATION))}
    if decoder is None:
        return {**common, **rules, "kind": "request_serving", "items": _or(wish.items, defaults.ITEMS)}
    asked = _or(wish.input_tokens, defaults.INPUT_TOKENS), _or(wish.output_tokens, defaults.OUTPUT_TOKENS)
    return {**common, **rules, "kind": "llm_serving", "input_tokens": asked[0], "output_tokens": asked[1]}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _record(fields: dict[str, Any], findings: Findings) -> EstimateQuestion | None:
    try:
        return EstimateQuestion.model_validate(fields)
    except ValidationError as error:
        _note(error, (), findings)
        return None


def _check_record(record: EstimateQuestion, wish: Wish, card: ModelCard, node: NodeType, findings: Findings) -> None:
    """Against the model's context, the global batch and the node."""
    if record.max_utilisation is not None and record.max_utilisation > 1:
        findings.add(("max_utilisation",), f"must be at most 1, got {record.max_utilisation:g}")
    if isinstance(card.architecture, Decoder):
        context = card.architecture.max_context_tokens
        asked = (record.input_tokens or 0) + (record.output_tokens or 0) + (record.sequence_tokens or 0)
        if asked > context:
            field = "sequence_tokens" if wish.train else "input_tokens"
            findings.add((field,), f"{asked} tokens together, but the context of {card.name} ends at {context}")
    elif record.sequence_tokens and isinstance(card.architecture, Recommender | Convolutional):
        message = f"{card.name} is {_a(card.architecture.kind)}, whose samples have no tokens; leave it out"
        findings.add(("sequence_tokens",), message)
    for size in (size for size in wish.data if record.global_batch and size > record.global_batch):
        findings.add(("data",), f"{size} ranks share {record.global_batch} samples (global_batch): some have none")
    for number, bound in enumerate(record.slo):
        if record.kind == "request_serving" and bound.metric != "end_to_end":
            message = f"{card.name} gives no tokens, so no {bound.metric}; expected end_to_end"
            findings.add(("slo", number, "metric"), message)
    pairs = [f"{bound.metric} p{bound.percentile:g}" for bound in record.slo]
    findings.repeated(("slo",), pairs, "percentile")
    smallest = min(wish.tensor, default=1) * min(wish.pipeline, default=1) * min(wish.data, default=1)
    if smallest > node.accelerators and node.network_gb_s is None:
        message = f"{node.name} has {node.accelerators}, and no network to others; give network_gb_s, or smaller sizes"
        findings.add(("tensor",), f"a replica takes {smallest} accelerators, but {message}")


def _workload(record: EstimateQuestion) -> LLMServing | RequestServing | Training:
    common: dict[str, Any] = {"name": "estimate", "model": record.model}
    if record.kind == "training":
        work = record.model_dump(include={"global_batch", "sequence_tokens", "samples", "epochs"})
        return Training(**common, **work, kind="training", deadline_days=ANY_DEADLINE_DAYS)
    common |= {"slo": record.slo, "max_utilisation": record.max_utilisation}
    one: dict[str, Any] = {"name": "request", "requests_per_s": 1.0}
    if record.kind == "llm_serving":
        group = TokenClass(**one, input_tokens=record.input_tokens or 1, output_tokens=record.output_tokens or 1)
        return LLMServing(**common, kind="llm_serving", classes=(group,))
    return RequestServing(**common, kind="request_serving", classes=(ItemClass(**one, items=record.items or 1),))
