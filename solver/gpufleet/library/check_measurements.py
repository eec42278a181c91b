"""Measurements against the instance: names exist, and what was measured covers what is asked for."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.findings import IN_LIBRARY
from gpufleet.library.measurements import MAX_PROBLEMS, file_of
from gpufleet.library.wording import did_you_mean, show
from gpufleet.schema.measurements import corners, fits_training, latency_columns, neighbours, sizes_of
from gpufleet.schema.models import Decoder, Encoder
from gpufleet.schema.workloads import LLMServing, Profiled, RequestServing, Training

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.measurements import MeasuredPoint, Measurement, Points, Profiles, Size
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.workloads import RequestClass

    Problem = tuple[str, str]
    """Column and message."""

UNITS: Final = {1: ("items",), 2: ("input", "output tokens")}
REMEDY: Final = "measure it, remove these rows, or set measurements_policy: model to use the performance model there"


def check_measurements(
    instance: Instance,
    profiles: Profiles,
    models: Mapping[str, ModelCard],
    node_types: Mapping[str, NodeType],
    shelf: Shelf,
    path: str,
    findings: Findings,
) -> None:
    """Note request classes outside what was measured. Raises InputError for rows with unknown names or impossible
    forms, and for percentiles that an SLO needs and nobody measured, each at its row."""
    every = (*profiles.points, *profiles.modelled)
    placed = [(point, *problem) for point in every for problem in _names(point.row, shelf)]
    for number, workload in enumerate(instance.workloads):
        if isinstance(workload, Profiled) or not profiles.points:
            continue
        for card, points in _options(workload, profiles, models, node_types):
            if isinstance(workload, Training):
                _check_training(("workloads", number), workload, points, profiles, findings)
            else:
                placed += _check_classes(("workloads", number), workload, card, points, profiles, findings)
    problems = {_at(point, column, message, path) for point, column, message in placed}
    if problems:
        raise InputError(sorted(problems)[:MAX_PROBLEMS])


def _at(point: MeasuredPoint, column: str, message: str, path: str) -> InputProblem:
    file, line = point.file_and_line
    return InputProblem(file_of(file, path), line, column, message)


# -------------------------------------------------------------------------------------------------- names


def _names(row: Measurement, shelf: Shelf) -> Iterator[Problem]:
    card = shelf.model(row.model)
    if card is None:
        yield "model", _unknown("model", row.model, shelf.model_names)
    else:
        names = [variant.name for variant in card.variants]
        if row.variant not in names:
            hint = did_you_mean(row.variant, names) or f"; there are: {', '.join(names)}"
            yield "variant", f"{card.name} has no variant {show(row.variant)}{hint}"
        yield from _forms(row, card)
    if shelf.accelerator(row.accelerator) is None:
        yield "accelerator", _unknown("accelerator", row.accelerator, shelf.accelerator_names)
    node = None if row.node_type is None else shelf.node_type(row.node_type)
    if row.node_type is not None and node is None:
        yield "node_type", _unknown("node type", row.node_type, shelf.node_type_names)
    elif node is not None and node.accelerator != row.accelerator:
        yield "node_type", f"{node.name} carries {node.accelerator}, but the row is about {row.accelerator}"


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    return f"unknown {what} {show(name)}{did_you_mean(name, known) or f'; {IN_LIBRARY}'}"


def _forms(row: Measurement, card: ModelCard) -> Iterator[Problem]:
    """Ways in which the model cannot be cut, and models of another kind."""
    shape = card.architecture
    if row.kind == "llm_serving" and not isinstance(shape, Decoder):
        yield "model", f"{card.name} is a {shape.kind} and has no tokens; give items, batch and requests_per_s"
    if row.kind == "request_serving" and isinstance(shape, Decoder):
        yield "items", f"{card.name} is a language model; give input_tokens, output_tokens and concurrency"
    heads = shape.attention.heads if isinstance(shape, Decoder) else row.tensor
    layers = shape.layers if isinstance(shape, Decoder | Encoder) else 1
    experts = shape.experts if isinstance(shape, Decoder) else 0
    if heads % row.tensor:
        yield "tensor", f"{row.tensor} does not divide the {heads} heads of {card.name}"
    if row.pipeline > layers:
        yield "pipeline", f"{row.pipeline} is more than the {layers} stages of {card.name}"
    if row.expert > 1 and (row.tensor * row.data % row.expert or not experts or experts % row.expert):
        yield "expert", f"{row.expert} must divide tensor x data and the {experts} experts of {card.name}"


# ----------------------------------------------------------------------------------------------- coverage


def _options(
    workload: LLMServing | RequestServing | Training,
    profiles: Profiles,
    models: Mapping[str, ModelCard],
    node_types: Mapping[str, NodeType],
) -> Iterator[tuple[ModelCard, Points]]:
    """Measured deployment options that the workload may use, each once, with all their points."""
    names = (workload.model,) if isinstance(workload, Training) else workload.models
    seen: set[Points] = set()
    for card in (models[name] for name in names if name in models):
        for variant in (variant for variant in card.variants if _allows(workload.precisions, variant.precision)):
            for node in (node for node in node_types.values() if _allows(workload.accelerators, node.accelerator)):
                found = profiles.of(workload.kind, card.name, variant.name, node.accelerator, node.name)
                yield from ((card, points) for points in found.values() if points not in seen)
                seen |= set(found.values())


def _allows(names: Iterable[str] | None, name: str) -> bool:
    return names is None or name in names


def _check_training(loc: Loc, workload: Training, points: Points, profiles: Profiles, findings: Findings) -> None:
    if profiles.policy != "model" and not any(fits_training(workload, point.row) for point in points):
        rows = sorted({(point.row.global_batch, point.row.input_tokens) for point in points}, key=str)
        known = " or ".join(f"{batch}{'' if tokens is None else f' with {tokens}'}" for batch, tokens in rows)
        tokens = "" if workload.sequence_tokens is None else f" with {workload.sequence_tokens} tokens a sample"
        message = f"{workload.global_batch}{tokens}, but {_option_words(points)} was measured with {known}; {REMEDY}"
        findings.add((*loc, "global_batch"), message)


def _check_classes(
    loc: Loc,
    workload: LLMServing | RequestServing,
    card: ModelCard,
    points: Points,
    profiles: Profiles,
    findings: Findings,
) -> Iterator[tuple[MeasuredPoint, str, str]]:
    measured = sorted({point.row.size for point in points})
    for number, size in enumerate(sizes_of(workload)):
        if isinstance(card.architecture, Decoder) and sum(size) > card.architecture.max_context_tokens:
            continue  # the alternative does not serve this class at all
        cell = corners(measured, size)
        if not _common_range(points, cell) and profiles.policy != "model":
            message = f"{_asked(workload.classes[number], size)}, but {_outside(points, measured, size)}; {REMEDY}"
            findings.add((*loc, "classes", number), message)
        yield from _percentiles(workload, workload.classes[number], [p for p in points if p.row.size in cell])


def _common_range(points: Points, cell: tuple[Size, ...]) -> bool:
    """Is there a load at which all corners were measured (between lowest and highest of each batch)?"""
    for batch in {point.row.batch for point in points}:
        loads = [[p.row.load or 0.0 for p in points if p.row.size == size and p.row.batch == batch] for size in cell]
        if cell and all(loads) and max(map(min, loads)) <= min(map(max, loads)):
            return True
    return False


def _percentiles(
    workload: LLMServing | RequestServing, group: RequestClass, points: list[MeasuredPoint]
) -> Iterator[tuple[MeasuredPoint, str, str]]:
    for slo in workload.slo if points else ():
        for point in points if slo.holds_for(group.name) else ():
            if point.row.latency_ms(slo.metric, slo.percentile) is None:
                columns = latency_columns(slo.metric, slo.percentile)
                asked = f"the SLO {slo.metric} p{slo.percentile:g} of {workload.name} (class {group.name})"
                if columns:
                    column, remedy = columns[0], f"fill {' or '.join(columns)}"
                else:
                    column, remedy = "", "measurements go up to p99; ask for p99, or describe the workload as profiled"
                yield point, column, f"empty, but needed for {asked}; {remedy}"


# -------------------------------------------------------------------------------------------------- words


def _option_words(points: Points) -> str:
    """`llama fp8 on H100 (tensor 2), own.csv:2 and 5 more,`."""
    row, others = points[0].row, len(points) - 1
    names = ("tensor", "pipeline", "data", "expert")
    parts = [f"{name} {value}" for name, value in zip(names, row.shape, strict=True) if value > 1 or name == "tensor"]
    more = f" and {others} more" if others else ""
    return f"{row.model} {row.variant} on {row.accelerator} ({', '.join(parts)}; {points[0].place}{more})"


def _asked(group: RequestClass, size: Size) -> str:
    return f"class {group.name} has {_words(size)}"


def _words(size: Size) -> str:
    return " and ".join(f"{value} {unit}" for value, unit in zip(size, UNITS[len(size)], strict=True))


def _outside(points: Points, measured: list[Size], size: Size) -> str:
    """What was measured instead, and what is missing."""
    axes = [sorted({known[axis] for known in measured}) for axis in range(len(size))]
    ranges = zip(axes, size, UNITS[len(size)], strict=True)
    if any(not values[0] <= value <= values[-1] for values, value, _ in ranges):
        spans = (f"{a[0]} to {a[-1]}" if a[0] < a[-1] else str(a[0]) for a in axes)
        words = " and ".join(f"{span} {unit}" for span, unit in zip(spans, UNITS[len(size)], strict=True))
        return f"{_option_words(points)} was measured with {words}"
    if corners(measured, size):
        return f"the sizes around it were measured at no common load for {_option_words(points)}"
    cell = _cell(axes, size)
    missing = next(corner for corner in cell if corner not in measured)
    return (
        f"between measured sizes all corners are needed, and {_words(missing)} is missing for {_option_words(points)}"
    )


def _cell(axes: list[list[int]], size: Size) -> list[Size]:
    return list(product(*(neighbours(axis, value) for axis, value in zip(axes, size, strict=True))))
