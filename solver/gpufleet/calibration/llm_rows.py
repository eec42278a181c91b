"""Rows about language models: which benchmark each of them was.

Sources of the protocols: NVIDIA TensorRT-LLM, performance overview v0.17 and v1.0 ("Preparing a dataset": requests by
length; all queued at once); MLPerf Inference rules (sample counts; Server bounds); the tables' own notes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gpufleet.calibration import llm_names as names
from gpufleet.calibration.llm_runs import Machine, Replicas, Run
from gpufleet.calibration.observations import Batch, Observation, Skipped
from gpufleet.calibration.request_names import is_language
from gpufleet.schema.base import BITS
from gpufleet.schema.hardware import NodeType
from gpufleet.schema.models import Decoder, ModelCard, Variant
from gpufleet.schema.workloads import SLO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gpufleet.calibration.tables import Row, Table
    from gpufleet.library import Library
    from gpufleet.schema.base import Precision
    from gpufleet.schema.calibration import Domain

REQUESTS: Mapping[tuple[int, int], int] = MappingProxyType(
    {
        (128, 128): 30_000,
        (128, 2048): 3_000,
        (128, 4096): 1_500,
        (500, 2000): 3_000,
        (1000, 1000): 3_000,
        (1000, 2000): 1_500,
        (2048, 128): 3_000,
        (2048, 2048): 1_500,
        (5000, 500): 1_500,
        (20000, 2000): 1_000,
    }
)
"""Requests of a maximum-throughput run by input and output tokens (TensorRT-LLM performance overview)."""
OTHER_REQUESTS: Final = 3_000
ENGINE_BATCH: Final = 2_048
"""Most sequences at a time (default `max_batch_size` of TensorRT-LLM)."""
ONLINE_REQUESTS: Final = 500
"""Requests of a run of the request-rate sweep (note of the table)."""
SPREAD: Final = frozenset({(202, 214)})
"""Means of a data set of conversations."""
TENSOR_SIZES: Final = (1, 2, 4, 8)
OVERLOADED: Final = 0.9
"""A run that achieved less than this share of the offered rate was overloaded: its latency is that of a queue that
grows until the run ends."""


@dataclass(frozen=True)
class Dataset:
    """Mean sizes of an MLPerf data set, and the bounds of its Server scenario."""

    inputs: int
    outputs: int
    samples: int
    slo: tuple[SLO, ...]
    beams: int = 1


_TOKENS = (
    SLO(metric="ttft", percentile=99.0, limit_ms=2000.0),
    SLO(metric="tpot", percentile=99.0, limit_ms=200.0),
)
DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        # OpenOrca subset: 24,576 samples, 294 tokens out on average (MLPerf Inference v4.0); about as many in
        "llama-2-70b": Dataset(294, 294, 24_576, _TOKENS),
        # OpenOrca, GSM8K and MBXP: 15,000 samples; 146 tokens out (ratio of the published rates)
        "mixtral-8x7b": Dataset(400, 146, 15_000, _TOKENS),
        # CNN/DailyMail: 13,368 samples, 69 tokens out, four beams that share a prompt of about 1,130 tokens
        "gpt-j-6b": Dataset(282, 69, 13_368, (SLO(metric="end_to_end", percentile=99.0, limit_ms=20_000.0),), beams=4),
    }
)


def batches(table: Table, library: Library) -> tuple[list[Batch], list[Skipped]]:
    """The language-model rows of a table as batches, and the rows about which the model says nothing."""
    reader = _Reader(library)
    for row in table.rows:
        if table.kind == "llm_serving":
            reader.serving_row(row)
        elif table.kind == "mlperf_inference" and is_language(row.text("model")):
            reader.mlperf_row(row)
    return reader.batches(), reader.skipped


class _SkipError(Exception):
    """The model says nothing about the row, and why."""


class _Reader:
    def __init__(self, library: Library) -> None:
        self.library = library
        self.runs: dict[tuple[str, str, str, str, bool], tuple[Machine, list[Run]]] = {}
        self.skipped: list[Skipped] = []

    def batches(self) -> list[Batch]:
        """One batch per model, variant, accelerator and engine."""
        return [
            Batch(tuple(run.observation for run in runs), Replicas(machine, runs))
            for machine, runs in self.runs.values()
        ]

    def serving_row(self, row: Row) -> None:
        """A row of a table of serving measurements."""
        kind = row.text("kind")
        rule = next((rule for prefix, rule in SERVING.items() if kind.startswith(prefix)), None)
        self._add(row, rule or _unknown_kind)

    def mlperf_row(self, row: Row) -> None:
        """A row of a table of MLPerf Inference results."""
        self._add(row, _mlperf_result)

    def _add(self, row: Row, rule: Callable[[_Reader, Row], Iterator[tuple[Machine, Run]]]) -> None:
        try:
            found = list(rule(self, row))
        except _SkipError as reason:
            self.skipped.append(Skipped(row.table, row.line, str(reason)))
            return
        for machine, run in found:
            key = (
                machine.card.name,
                machine.variant.name,
                machine.accelerator.name,
                machine.engine,
                run.observation.fitted,
            )
            self.runs.setdefault(key, (machine, []))[1].append(run)

    def machine(self, row: Row, model: str, accelerator: str, precision: str, engine: str) -> Machine:
        """Card, variant, accelerator and a reference node. Raises _SkipError."""
        name, device = names.model_card(model), names.accelerator(accelerator)
        if name is None or name not in self.library.model_names:
            raise _SkipError(f"no model card for {model}")
        if device is None or device not in self.library.accelerators:
            raise _SkipError(f"no accelerator of the catalogue is {accelerator}")
        card = unbounded(self.library.model(name))
        found = names.variant(card, precision) or synthetic_variant(card, precision)
        if found is None:
            raise _SkipError(f"unknown precision {precision}")
        if engine.startswith("vLLM") and "MLPerf" not in engine:
            found = found.model_copy(update={"kv_cache": "bf16"})  # its default: the cache as the activations
        unit = self.library.accelerators[device]
        node = NodeType(name="reference", accelerator=device, accelerators=8, network_gb_s=400.0, source="reference")
        return Machine(card, found, unit, node, engine)


def unbounded(card: ModelCard) -> ModelCard:
    """The card without a longest context: benchmarks run synthetic prompts beyond it."""
    assert isinstance(card.architecture, Decoder)
    return card.model_copy(update={"architecture": card.architecture.model_copy(update={"max_context_tokens": 10**9})})


def synthetic_variant(card: ModelCard, precision: str) -> Variant | None:
    """A variant that the card lacks, embeddings and output head left in 16 bits; None for an unknown precision."""
    known: dict[str, Precision] = {"fp8": "fp8", "fp4": "fp4", "nvfp4": "fp4", "int8": "int8"}
    wanted = known.get(precision.lower())
    if wanted is None or not isinstance(card.architecture, Decoder):
        return None
    ends = 2.0 * card.architecture.vocabulary * card.architecture.hidden_size / card.parameters
    stored = 4.5 if wanted == "fp4" else float(BITS[wanted])
    return Variant(name=wanted, precision=wanted, weight_bits=16.0 * ends + stored * (1.0 - ends))


def _observation(
    row: Row, machine: Machine, domain: Domain, kind: str, setting: str, measured: float, fitted: bool = True
) -> Observation:
    return Observation(
        table=row.table,
        line=row.line,
        domain=domain,
        kind=kind,
        model=machine.card.name,
        accelerator=machine.accelerator.name,
        engine=machine.engine,
        setting=setting,
        measured=measured,
        source=row.text("source"),
        fitted=fitted,
    )


def _measured(row: Row, column: str) -> float:
    value = row.number(column)
    if not value:
        raise _SkipError(f"{column} is empty")
    return value


def _setting(row: Row) -> str:
    return f"TP {row.count('tp')} PP {row.count('pp')}, {row.text('isl')}/{row.text('osl')} tokens"


def engine_name(text: str) -> str:
    """`TensorRT-LLM 0.17 (in-flight batching)` -> `TensorRT-LLM 0.17`: without what stands in brackets, or behind
    a comma or a plus."""
    if text.startswith("HF/"):
        return "Hugging Face"
    return re.split(r" *[(,+]", text)[0].strip()


def _plain(reader: _Reader, row: Row) -> Machine:
    precision = row.text("precision")
    return reader.machine(row, row.text("model"), row.text("accelerator"), precision, engine_name(row.text("engine")))


def _max_throughput(reader: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    machine = _plain(reader, row)
    inputs, outputs = row.count("isl"), row.count("osl")
    static = re.match(r"batch=(\d+)$", row.text("concurrency_or_rate"))
    requests = int(static[1]) if static else REQUESTS.get((inputs, outputs), OTHER_REQUESTS)
    kind = "static batches" if static else f"maximum throughput {machine.engine}"
    measured = _measured(row, "output_tokens_per_s")
    observation = _observation(row, machine, "llm_rate", kind, _setting(row), measured)
    batch = requests if static else ENGINE_BATCH
    yield (
        machine,
        Run(
            observation, "tokens_per_s", "burst", (row.count("tp"),), row.count("pp"), inputs, outputs, batch, requests
        ),
    )


def _lone_prompt(reader: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    machine = _plain(reader, row)
    observation = _observation(
        row, machine, "llm_ttft", f"one prompt {machine.engine}", _setting(row), _measured(row, "ttft_ms")
    )
    yield machine, Run(observation, "ttft_ms", "lone", (row.count("tp"),), row.count("pp"), row.count("isl"), 1, 1)


def _decoding(reader: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    machine = _plain(reader, row)
    text = row.text("concurrency_or_rate")
    stated = re.search(r"concurrency ([\d.]+)", text)
    if stated is None:
        raise _SkipError(f"no concurrency in {text}")
    sequences = max(float(stated[1]), 1.0)
    observation = _observation(
        row,
        machine,
        "llm_tpot",
        f"decoding {machine.engine}",
        f"{_setting(row)}, {sequences:g} at a time",
        _measured(row, "tpot_ms"),
    )
    size = (row.count("tp"),), row.count("pp"), row.count("isl"), 1, sequences
    yield machine, Run(observation, "tpot_ms", "lone", *size)


def _static(reader: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    if "power-capped" in row.text("accelerator"):
        raise _SkipError("power-capped accelerator")
    machine = _plain(reader, row)
    stated = re.search(r"batch=(\d+)", row.text("concurrency_or_rate"))
    if stated is None:
        raise _SkipError("no batch given")
    sequences, inputs, outputs = int(stated[1]), row.count("isl"), row.count("osl")
    place = (row.count("tp"),), row.count("pp")
    setting = f"{_setting(row)}, batch {sequences}"
    # with several sequences the table's first token waits for other batches
    if sequences == 1:
        observation = _observation(
            row, machine, "llm_ttft", f"one prompt {machine.engine}", setting, _measured(row, "ttft_ms")
        )
        yield machine, Run(observation, "ttft_ms", "lone", *place, inputs, 1, 1)
    token = _observation(row, machine, "llm_tpot", f"decoding {machine.engine}", setting, _measured(row, "tpot_ms"))
    yield machine, Run(token, "tpot_ms", "lone", *place, inputs + outputs // 2, 1, sequences)


def _online(reader: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    machine = _plain(reader, row)
    inputs, outputs = row.count("isl"), row.count("osl")
    achieved = _measured(row, "output_tokens_per_s") / outputs
    stated = re.search(r"rate=([\d.]+|INF)", row.text("concurrency_or_rate"))
    if stated is None:
        raise _SkipError("no request rate given")
    place = (row.count("tp"),), row.count("pp"), inputs, outputs, ENGINE_BATCH
    setting = f"{_setting(row)}, {stated[0]}"
    burst = stated[1] == "INF"
    if burst and (inputs, outputs) in SPREAD:
        raise _SkipError(
            "answers of very different lengths: a burst ends with the longest, which the table does not give"
        )
    if not burst and achieved < OVERLOADED * float(stated[1]):
        return
    if burst:
        rate = _observation(row, machine, "llm_rate", f"burst {machine.engine}", setting, achieved * outputs)
        yield machine, Run(rate, "tokens_per_s", "burst", *place, requests=ONLINE_REQUESTS)
    for metric, domain, column in (("ttft_ms", "llm_ttft", "ttft_ms"), ("tpot_ms", "llm_tpot", "tpot_ms")):
        kind = f"online {machine.engine}"
        found = _observation(row, machine, domain, kind, setting, _measured(row, column))  # type: ignore[arg-type]
        protocol = "burst" if burst else "steady"
        yield machine, Run(found, metric, protocol, *place, requests=ONLINE_REQUESTS, rate=achieved)  # type: ignore[arg-type]


def _mlperf_copy(reader: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    accelerator = row.text("accelerator")
    stated = re.search(r" x(\d+)$", accelerator)
    count = int(stated[1]) if stated else 1
    scenario = "Offline" if "Offline" in row.text("kind") else "Server"
    figure = _measured(row, "output_tokens_per_s")
    yield from _mlperf(reader, row, accelerator, count, scenario, "tokens/s", figure, _version(row.text("engine"), ""))


def _mlperf_result(reader: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    count, figure = row.count("accelerators_n"), _measured(row, "value")
    engine = _version(row.text("framework"), row.text("round"))
    accelerator = row.text("accelerator_norm") or row.text("accelerator")
    yield from _mlperf(reader, row, accelerator, count, row.text("scenario"), row.text("metric"), figure, engine)


def _version(framework: str, submission: str) -> str:
    """Software of a submission: vLLM and PyTorch as stated, TensorRT by its version."""
    for name in ("vLLM", "PyTorch"):
        if framework.startswith(name):
            return f"{name} MLPerf"
    if (stated := re.match(r"TensorRT (\d+\.\d+)", framework)) is not None:
        return f"TensorRT-LLM MLPerf {stated[1]}"
    return f"MLPerf {submission}".strip()


def _mlperf(
    reader: _Reader, row: Row, accelerator: str, count: int, scenario: str, metric: str, figure: float, engine: str
) -> Iterator[tuple[Machine, Run]]:
    if re.search(r"CTS|MaxQ|vGPU|MIG", accelerator):
        raise _SkipError(f"{accelerator} is no standard part")
    precision = _submitted_precision(accelerator, row.text("precision"))
    machine = reader.machine(row, row.text("model"), accelerator, precision, engine)
    data = DATASETS.get(machine.card.name)
    if data is None:
        raise _SkipError(f"no figures of the data set of {row.text('model')}")
    if scenario not in ("Offline", "Server") or metric not in ("tokens/s", "samples/s"):
        raise _SkipError(f"{scenario} in {metric} is not predicted")
    # a sample with several beams is as many sequences
    rate = data.beams * (figure if metric == "tokens/s" else figure * data.outputs)
    observation = _observation(
        row, machine, "llm_rate", f"MLPerf {scenario.lower()}", f"{count} accelerators", rate, scenario == "Offline"
    )
    sizes = data.inputs, data.outputs, ENGINE_BATCH
    tensor = tuple(size for size in TENSOR_SIZES if size <= count)
    if scenario == "Offline":
        requests = data.samples * data.beams
        yield machine, Run(observation, "tokens_per_s", "burst", tensor, 1, *sizes, requests, accelerators=count)
    else:
        yield machine, Run(observation, "tokens_per_s", "steady", tensor, 1, *sizes, accelerators=count, slo=data.slo)


def _submitted_precision(accelerator: str, stated: str) -> str:
    """Hopper and Ada language rows are FP8 whatever they declare (closed/NVIDIA/code/llama2-70b builds FP8 engines);
    B200 rows FP4; older parts 16 bits."""
    name = accelerator.upper()
    if "B200" in name or "B300" in name:
        return "fp4"
    if re.search(r"H100|H200|GH200|L4|MI3|GAUDI", name):
        return "fp8" if "GAUDI" not in name or stated == "fp8" else "bf16"
    return stated or "fp16"


def _unknown_kind(_: _Reader, row: Row) -> Iterator[tuple[Machine, Run]]:
    raise _SkipError(f"no prediction for {row.text('kind')}")
    yield


SERVING: Mapping[str, Callable[[_Reader, Row], Iterator[tuple[Machine, Run]]]] = MappingProxyType(
    {
        "max-throughput": _max_throughput,
        "online": _online,
        "decode-only": _decoding,
        "prefill-only": _lone_prompt,
        "batch-1 first-token": _lone_prompt,
        "static batch": _static,
        "MLPerf": _mlperf_copy,
    }
)
