"""Training tables: what the performance model predicts for a row, in seconds per optimizer step.

A row states its step time, or tokens/s or TFLOP/s per accelerator, from which it follows by the row's own way of
counting. Rows of one model on one accelerator with one precision and software are predicted together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from gpufleet.calibration import training_layouts as run
from gpufleet.calibration.names_training import Place, card_of, place_of
from gpufleet.calibration.observations import Batch, Observation, Skipped
from gpufleet.errors import InputError
from gpufleet.performance import training
from gpufleet.performance.device import device_of, peak_flops
from gpufleet.performance.training_step import schedule_of, step_time
from gpufleet.schema.hardware import NodeType
from gpufleet.schema.models import Decoder, Variant
from gpufleet.performance.training_job import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.calibration.tables import Row, Table
    from gpufleet.library.library import Library
    from gpufleet.performance.arrays import Bools, Floats
    from gpufleet.performance.calibration import Efficiency
    from gpufleet.performance.configurations import Configurations
    from gpufleet.performance.device import Device
    from gpufleet.performance.training_step import Schedule
    from gpufleet.schema.base import Precision
    from gpufleet.schema.hardware import Accelerator
    from gpufleet.schema.models import ModelCard

LORA_FRACTION: Final = 0.002
"""Share of the parameters in adapters of rank 16 (assumed; usual is 0.05 to 0.5 %)."""
TOKENS_PER_CHIP: Final = 8192
"""Where a row states no batch: tokens per step and accelerator. Step and rate grow with it alike (assumed)."""
SEQUENCE: Final = 2048
"""Where a row states no sequence length, tokens (the length of the MaxText scripts)."""
LORA_SEQUENCE: Final = 8192
"""Tokens per packed sample of MLPerf's Llama-2-70B LoRA."""
GPT2_SEQUENCE: Final = 1024
EARLIER_BRIDGE: Final = "Megatron-Bridge until 26.04"
SINGLE_LAUNCH_BRIDGE: Final = "26.06"
"""First release whose tables run mixtures of experts without waiting for the host."""
EARLIER_MEGATRON: Final = "Megatron-LM until 2022"
"""Before FlashAttention: attention scores are written to memory."""
FORMATS: Final[tuple[tuple[str, Precision], ...]] = (
    (r"nvfp4|fp4", "fp4"),
    (r"fp8", "fp8"),
    (r"bf16|bfloat16", "bf16"),
    (r"fp16|float16", "fp16"),
    (r"tf32", "tf32"),
    (r"fp32|float32", "fp32"),
)


@dataclass(frozen=True)
class Run:
    """One row, understood."""

    row: Row
    card: ModelCard
    place: Place
    engine: str
    precision: Precision
    accelerators: int
    global_batch: int
    sequence: int
    fraction: float
    seconds: float
    """Measured time of a step."""
    options: tuple[run.Layout, ...]

    @property
    def stated(self) -> bool:
        """Is the layout stated (recomputation perhaps apart)? Then it did fit."""
        return len({(o.tensor, o.pipeline, o.micro) for o in self.options}) == 1

    @property
    def together(self) -> tuple[object, ...]:
        """Runs alike in this are predicted by one call."""
        return self.card.name, self.place, self.engine, self.precision, self.fraction


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
    precision = precision_of(row, accelerator)
    if peak_flops(accelerator.peak, precision) <= 0.0:
        return f"{place.accelerator} has no known rate for {precision}"
    accelerators, sequence = row.count("accelerators_n"), _sequence(row)
    batch = row.count("global_batch", max(accelerators * TOKENS_PER_CHIP // sequence, 1))
    seconds = seconds_of(row, card, accelerator, precision, batch * sequence, accelerators, sequence)
    if not seconds:
        return "neither a step time nor a rate is stated, only the time of a whole run"
    options = tuple(run.layouts(row, place, card, accelerators, batch))
    if not options:
        return f"no layout of {accelerators} accelerators agrees with the sizes that are stated"
    fraction = LORA_FRACTION if "lora" in f"{row.text('kind')} {row.text('model')}".lower() else 1.0
    return Run(
        row, card, place, engine_of(row), precision, accelerators, batch, sequence, fraction, seconds, options
    )


def _sequence(row: Row) -> int:
    name = row.text("model").lower()
    return row.count("seq_len", LORA_SEQUENCE if "lora" in name else GPT2_SEQUENCE if "gpt-2" in name else SEQUENCE)


def precision_of(row: Row, accelerator: Accelerator) -> Precision:
    """Arithmetic of a row; tuned runs that do not say are taken to use 8 bits from Hopper on, else 16."""
    text = row.text("precision").lower()
    for pattern, precision in FORMATS:
        if re.search(pattern, text):
            return precision
    tuned = "megatron-bridge" in row.text("source").lower() or "mlperf" in row.text("kind").lower()
    if tuned and accelerator.family in ("Hopper", "Blackwell"):
        return "fp8"
    return "bf16" if accelerator.peak.bf16_tflops else "fp16"


def engine_of(row: Row) -> str:
    """Software of a row, as the figures know it."""
    said = f"{row.text('source')} {row.text('kind')} {row.text('notes')}".lower()
    if "llm-foundry" in said:
        return "llm-foundry"
    if "maxtext" in said or "tpu" in row.text("accelerator").lower():
        return "MaxText"
    if "megatron-bridge" in said:
        found = re.search(r"\b2[4-9]\.\d\d", row.text("notes"))
        return EARLIER_BRIDGE if found and found[0] < SINGLE_LAUNCH_BRIDGE else "Megatron-Bridge"
    if "mlperf" in said:
        return "NeMo"
    if "megatron" not in said and "arxiv" not in said:
        return "other"
    old = re.search(r"a100|v100", row.text("accelerator").lower()) is not None
    return EARLIER_MEGATRON if old else "Megatron-LM"


def seconds_of(
    row: Row,
    card: ModelCard,
    accelerator: Accelerator,
    precision: Precision,
    tokens: int,
    accelerators: int,
    sequence: int,
) -> float | None:
    """Seconds per step: as stated, from tokens/s, from samples/s, or from TFLOP/s or MFU by the row's own counting."""
    if stated := row.number("measured_iter_s"):
        return stated
    if rate := row.number("measured_tokens_per_s_per_gpu"):
        return tokens / (rate * accelerators)
    if samples := row.number("measured_samples_per_s"):
        return tokens / sequence / samples
    share = row.number("mfu")
    flops = (row.number("measured_tflops_per_gpu") or 0.0) * 1e12
    if share:
        flops = share * peak_flops(accelerator.peak, "bf16" if precision == "fp8" else precision)
    return counted_flops(row, card, sequence) * tokens / (flops * accelerators) if flops else None


def counted_flops(row: Row, card: ModelCard, sequence: int) -> float:
    """FLOP per token as such tables count: 6 per parameter, full (not causal) attention; in tables of 2021 and 2022
    also the recomputed forward pass of the blocks (Narayanan et al., arXiv 2104.04473, appendix)."""
    architecture = card.architecture
    assert isinstance(architecture, Decoder)
    head = float(architecture.vocabulary * architecture.hidden_size)
    width = architecture.attention.heads * architecture.attention.head_dim
    blocks = 6.0 * (card.parameters_per_token - head) + 12.0 * architecture.layers * width * sequence
    again = "full" in row.text("recompute").lower() and ("hfu" in row.text("notes").lower() or "2201.11990" in row.text("source"))
    return blocks * (4.0 / 3.0 if again else 1.0) + 6.0 * head


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


def node_of(place: Place) -> NodeType:
    """The machine that the accelerator usually stands in."""
    return NodeType(
        name=f"reference-{place.accelerator}",
        accelerator=place.accelerator,
        accelerators=place.per_node,
        network_gb_s=place.network * place.per_node,
        host_memory_gb=1024.0,
        source="Reference design of the vendor",
    )


def variant_of(precision: Precision) -> Variant:
    """16-bit working weights, arithmetic as said."""
    stored: Precision = precision if precision in ("fp32", "tf32", "fp16", "bf16") else "bf16"
    return Variant(name=precision, precision=stored, compute=precision, method="mixed")


def job_of(runs: Sequence[Run]) -> Job:
    """One step of each option of the runs, in their order."""
    options = [len(one.options) for one in runs]
    return Job(
        global_batch=np.repeat([float(one.global_batch) for one in runs], options),
        tokens=np.repeat([float(one.sequence) for one in runs], options),
        trained=runs[0].fraction,
        optimizer="adam",
    )


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


@dataclass(frozen=True)
class Steps:
    """Predicts the step times of runs that differ in layout only; of several layouts the fastest that fits."""

    runs: tuple[Run, ...]
    accelerator: Accelerator

    @cached_property
    def _prepared(self) -> tuple[Job, Variant, Configurations, Schedule]:
        """What no figure changes, for all layouts of all runs."""
        job, conf = job_of(self.runs), run.configurations([option for one in self.runs for option in one.options])
        return job, variant_of(self.runs[0].precision), conf, schedule_of(job, conf)

    @cached_property
    def _needed(self) -> Floats:
        """GB needed by each layout."""
        job, variant, conf, schedule = self._prepared
        parts = training.memory_parts_gb(job, self.runs[0].card, variant, conf, schedule)
        return np.asarray(sum(parts.values()))

    @cached_property
    def _stated(self) -> Bools:
        """Does the row state the layout? Then it did fit."""
        return np.repeat([one.stated for one in self.runs], [len(one.options) for one in self.runs])

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *np.cumsum([len(one.options) for one in self.runs])[:-1].tolist()]

    def _device(self, efficiency: Efficiency) -> Device:
        first, variant = self.runs[0], self._prepared[1]
        return device_of(self.accelerator, node_of(first.place), variant, efficiency, first.card.name, first.engine)

    def __call__(self, efficiency: Efficiency) -> Floats:
        """Seconds per step of each run."""
        job, variant, conf, schedule = self._prepared
        device = self._device(efficiency)
        with np.errstate(all="ignore"):
            seconds = step_time(job, self.runs[0].card, variant, device, conf, schedule).seconds
        fitting = np.where(self._stated | (self._needed <= device.memory_gb), seconds, np.inf)
        best = np.minimum.reduceat(fitting, self._starts)
        return np.asarray(np.where(np.isfinite(best), best, np.minimum.reduceat(seconds, self._starts)))

    def fits(self, efficiency: Efficiency) -> Bools:
        """For each run: is there a layout that fits into memory?"""
        return np.logical_or.reduceat(self._needed <= self._device(efficiency).memory_gb, self._starts)


def _batch(table: Table, runs: list[Run], library: Library) -> Batch:
    steps = Steps(tuple(runs), library.accelerators[runs[0].place.accelerator])
    return Batch(tuple(_observation(table, one) for one in runs), steps)
