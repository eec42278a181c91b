"""Training tables: what the performance model predicts for a row, in seconds per optimizer step.

A row states its step time, or tokens/s or TFLOP/s per accelerator, from which it follows by the row's own way of
counting. Rows of one workload shape (batch, sequence, precision, software) on one accelerator are predicted together.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
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
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from gpufleet.calibration.tables import Row, Table
    from gpufleet.library.library import Library
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.calibration import Efficiency
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
        return (
            self.card.name, self.place, self.engine, self.precision, self.global_batch, self.sequence, self.fraction,
        )  # fmt: skip


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
        found = re.search(r"\b(2[4-9])\.(\d\d)", row.text("notes"))
        return f"Megatron-Bridge {found[0]}" if found else "Megatron-Bridge"
    if "mlperf" in said:
        return "NeMo"
    return "Megatron-LM" if "megatron" in said or "2104.04473" in said or "2205.05198" in said else "other"


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


def workload_of(understood: Run) -> Training:
    """One step as a training workload."""
    return Training(
        name="step",
        kind="training",
        model=understood.card.name,
        samples=float(understood.global_batch),
        epochs=1.0,
        global_batch=understood.global_batch,
        sequence_tokens=understood.sequence,
        deadline_days=1.0,
        parameter_efficient_fraction=understood.fraction,
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

    def _options(self, efficiency: Efficiency) -> tuple[Floats, Floats, Floats]:
        """(seconds, GB needed, GB there) of all layouts of all runs."""
        first = self.runs[0]
        work, variant = workload_of(first), variant_of(first.precision)
        conf = run.configurations([option for one in self.runs for option in one.options])
        device = device_of(
            self.accelerator, node_of(first.place), variant, efficiency, first.card.name, first.engine
        )
        schedule = schedule_of(work, conf)
        parts = training.memory_parts_gb(work, first.card, variant, conf, schedule)
        needed = np.asarray(sum(parts.values()))
        with np.errstate(all="ignore"):
            seconds = step_time(work, first.card, variant, device, conf, schedule).seconds
        return seconds, needed, np.full_like(needed, device.memory_gb)

    def _starts(self) -> list[int]:
        return [0, *np.cumsum([len(one.options) for one in self.runs])[:-1].tolist()]

    def __call__(self, efficiency: Efficiency) -> Floats:
        """Seconds per step of each run."""
        seconds, needed, there = self._options(efficiency)
        stated = np.repeat([one.stated for one in self.runs], [len(one.options) for one in self.runs])
        fitting = np.where((needed <= there) | stated, seconds, np.inf)
        best = np.minimum.reduceat(fitting, self._starts())
        return np.asarray(np.where(np.isfinite(best), best, np.minimum.reduceat(seconds, self._starts())))

    def fits(self, efficiency: Efficiency) -> Floats:
        """1 for each run that has a layout which fits into memory, else 0."""
        _, needed, there = self._options(efficiency)
        return np.maximum.reduceat((needed <= there) * 1.0, self._starts())


def _batch(table: Table, runs: list[Run], library: Library) -> Batch:
    steps = Steps(tuple(runs), library.accelerators[runs[0].place.accelerator])
    return Batch(tuple(_observation(table, one) for one in runs), steps)
