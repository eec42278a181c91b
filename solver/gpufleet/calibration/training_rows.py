"""Training tables: what the performance model predicts for a row, in seconds per optimizer step.

A row states its step time, or tokens/s or TFLOP/s per accelerator, from which it follows by the row's own way of
counting (`training_units`). Rows of one model on one accelerator with one precision and software are predicted
together.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gpufleet.calibration import training_layouts as run
from gpufleet.calibration import training_units as units
from gpufleet.calibration.observations import Batch, Observation, Skipped
from gpufleet.calibration.training_names import Place, card_of, place_of
from gpufleet.calibration.training_steps import Run, Steps
from gpufleet.errors import InputError
from gpufleet.performance.device import peak_flops
from gpufleet.schema.models import Decoder

if TYPE_CHECKING:
    from gpufleet.calibration.tables import Row, Table
    from gpufleet.library.library import Library
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import ModelCard


def batches(table: Table, library: Library) -> tuple[list[Batch], list[Skipped]]:
    """Batches of a training table, and the rows of which the model says nothing."""
    groups: defaultdict[tuple[object, ...], list[Run]] = defaultdict(list)
    skipped: list[Skipped] = []
    for row in table.rows:
        try:
            understood = understand(row, library)
        except InputError as error:
            understood = "; ".join(problem.message for problem in error.problems)
        if isinstance(understood, str):
            skipped.append(Skipped(table.name, row.line, understood))
        else:
            groups[understood.together].append(understood)
    return [_batch(table, runs, library) for runs in groups.values()], skipped


def understand(row: Row, library: Library) -> Run | str:
    """The run of a row, or why the model says nothing about it. Raises InputError for malformed cells."""
    card, place = card_of(row.text("model"), library), place_of(row.text("accelerator"), library)
    for found in (card, place):
        if isinstance(found, str):
            return found
    assert not isinstance(card, str)
    assert not isinstance(place, str)
    if not isinstance(card.architecture, Decoder):
        return f"{card.name}: only steps of language models are predicted"
    if not row.text("accelerators_n"):
        return "the number of accelerators is not stated"
    return _with_time(row, card, place, library.accelerators[place.accelerator])


def _with_time(row: Row, card: ModelCard, place: Place, accelerator: Accelerator) -> Run | str:
    precision = units.precision_of(row, accelerator)
    if peak_flops(accelerator.peak, precision) <= 0.0:
        return f"{place.accelerator} has no known rate for {precision}"
    accelerators, sequence = row.count("accelerators_n"), units.sequence_of(row)
    batch = row.count("global_batch", max(accelerators * units.TOKENS_PER_CHIP // sequence, 1))
    seconds = units.seconds_of(row, card, accelerator, precision, batch * sequence, accelerators, sequence)
    if not seconds:
        return "neither a step time nor a rate is stated, only the time of a whole run"
    options = tuple(run.layouts(row, place, card, accelerators, batch))
    if not options:
        return f"no layout of {accelerators} accelerators agrees with the sizes that are stated"
    fraction = units.LORA_FRACTION if "lora" in f"{row.text('kind')} {row.text('model')}".lower() else 1.0
    engine = units.engine_of(row)
    return Run(row, card, place, engine, precision, accelerators, batch, sequence, fraction, seconds, options)


def kind_of(understood: Run) -> str:
    """Part of the domain whose errors are stated together."""
    if understood.fraction < 1.0:
        return "LoRA"
    routed = isinstance(understood.card.architecture, Decoder) and understood.card.architecture.experts > 0
    engine = understood.engine.split(" ")[0]
    if engine == "llm-foundry":
        return "MPT FSDP"
    if engine == "MaxText":
        return "MaxText TPU"
    if engine == "Megatron-Bridge":
        return f"{engine}, mixtures of experts" if routed else f"{engine}, dense"
    return f"{engine} {understood.place.accelerator.split('-')[0]}"


def _observation(table: Table, understood: Run) -> Observation:
    row, one = understood.row, understood.options[0]
    stated = f"TP {one.tensor}, PP {one.pipeline}, DP {one.data}, {understood.sequence} tokens"
    return Observation(
        table=table.name,
        line=row.line,
        domain="training_step",
        kind=kind_of(understood),
        model=understood.card.name,
        accelerator=understood.place.accelerator,
        engine=understood.engine,
        setting=f"{understood.accelerators} accelerators, {understood.precision}, {stated}",
        measured=understood.seconds,
        source=row.text("source"),
    )


def _batch(table: Table, runs: list[Run], library: Library) -> Batch:
    steps = Steps(tuple(runs), library.accelerators[runs[0].place.accelerator])
    return Batch(tuple(_observation(table, one) for one in runs), steps)
