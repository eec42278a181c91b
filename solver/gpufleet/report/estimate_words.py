"""Words that tables and plots of an estimate share."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from gpufleet.report.format import figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.schema.estimate import EstimatedOption, EstimateQuestion, LatencyCurve, LatencyEstimate, LoadCurve

METRICS: Mapping[str, str] = MappingProxyType({"ttft": "TTFT", "tpot": "TPOT", "itl": "ITL", "end_to_end": "e2e"})
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "kv_cache": "KV cache",
        "products": "matrix products",
        "host_link": "host link",
        "tensor_exchange": "tensor-parallel exchange",
        "pipeline_bubble": "pipeline bubble",
        "data_exchange": "exposed data-parallel exchange",
    }
)
"""Parts of memory and of steps whose names are no words."""
STEPS: Mapping[str, str] = MappingProxyType(
    {"decoding": "decoding", "decoding_with_prompt": "with a prompt", "batch": "batch", "training": "step"}
)


def question_words(question: EstimateQuestion) -> str:
    """What was asked, in one line."""
    if question.kind == "training":
        tokens = f" of {question.sequence_tokens:,} tokens" if question.sequence_tokens else ""
        work = f"training on {question.samples or 0:,.0f} samples{tokens}, global batch {question.global_batch}"
        return f"{work}, {question.epochs or 1:g} epochs" if question.epochs != 1 else work
    size = f"{question.items} items" if question.items != 1 else "1 item"
    if question.kind == "llm_serving":
        size = f"{question.input_tokens} input and {question.output_tokens} output tokens"
    bounds = "".join(f", {METRICS[b.metric]} p{b.percentile:g} <= {b.limit_ms:,.4g} ms" for b in question.slo)
    return f"{size} per request, at most {figure((question.max_utilisation or 1) * 100)} % of saturation{bounds}"


def node_words(question: EstimateQuestion) -> str:
    """The node, and why this one."""
    size = f"{question.node_accelerators}x {question.accelerator}"
    name = "" if question.node_type == size else f"{question.node_type} ("
    network = f"{question.network_gb_s:g} GB/s to others" if question.network_gb_s else "no network to others"
    place = f"{name}{size}, {network}{')' if name else ''}"
    why = {"reference": ", the catalogue's node nearest to 8", "assumed": ", assumed: the catalogue has none"}
    engine = f"; engine {question.engine}" if question.engine else ""
    return f"node: {place}{why.get(question.node_chosen, '')}{engine}"


def throughput_unit(question: EstimateQuestion) -> str:
    """What a throughput counts."""
    if question.kind == "training":
        return "tokens/s" if question.sequence_tokens else "samples/s"
    return "tokens/s" if question.kind == "llm_serving" else "items/s"


def option_words(option: EstimatedOption | LoadCurve) -> str:
    """Variant and parallelism."""
    return f"{option.variant} {option.parallelism.label}"


def metric_words(latency: LatencyEstimate | LatencyCurve) -> str:
    """`TTFT p95`."""
    return f"{METRICS[latency.metric]} p{latency.percentile:g}"


def step_words(step: str) -> str:
    """A kind of step."""
    return STEPS.get(step, step)
