"""Measurements made in code, and a small language model to measure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builders import instance, offer, resolved
from gpufleet.edits.changes import redigest
from gpufleet.schema.measurements import MeasuredPoint, Measurement, MeasurementsPolicy, Profiles
from gpufleet.schema.models import Attention, Decoder, ModelCard, Variant
from gpufleet.schema.workloads import SLO, LLMServing, TokenClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.schema.resolved import ResolvedInstance

LM = ModelCard(
    name="lm",
    title="A small language model",
    source="test",
    parameters=1e9,
    architecture=Decoder(
        kind="decoder",
        layers=8,
        hidden_size=1024,
        vocabulary=32000,
        attention=Attention(heads=8, kv_heads=8, head_dim=128),
        max_context_tokens=8192,
    ),
    variants=(Variant(name="bf16", precision="bf16"),),
)


def row(concurrency: float | None = 1.0, requests_per_s: float | None = 1.0, **changes: Any) -> Measurement:
    """A point of `lm` on accelerator A with 100 tokens in and 50 out; latencies as given."""
    fields = {
        "model": "lm",
        "variant": "bf16",
        "accelerator": "A",
        "engine": "engine 1.0",
        "input_tokens": 100,
        "output_tokens": 50,
        "concurrency": concurrency,
        "requests_per_s": requests_per_s,
        "source": "test",
    }
    return Measurement(**{**fields, **changes})


def profiles(rows: Iterable[Measurement], policy: MeasurementsPolicy = "strict") -> Profiles:
    """Rows as if read from own.csv, from line 2 on."""
    return Profiles(tuple(MeasuredPoint(f"own.csv:{line}", r) for line, r in enumerate(rows, start=2)), policy)


def chat(slo: tuple[SLO, ...] = (), sizes: tuple[tuple[int, int], ...] = ((100, 50),), **changes: Any) -> LLMServing:
    """A language workload with 10 requests/s of each size, all of a replica's rate allowed."""
    classes = tuple(
        TokenClass(name=f"c{n}", input_tokens=i, output_tokens=o, requests_per_s=10.0) for n, (i, o) in enumerate(sizes)
    )
    fields = {"name": "chat", "kind": "llm_serving", "model": "lm", "max_utilisation": 1.0}
    return LLMServing(**{**fields, "classes": classes, "slo": slo, **changes})


def asked(workload: Any, measured: Profiles | None = None, **changes: Any) -> ResolvedInstance:
    """One hour on nodes n1 (1 USD/h) and n2 (1.9 USD/h) of accelerator A, with measurements."""
    offers = (offer("o1", "n1", 1.0, stock=99), offer("o2", "n2", 1.9, stock=99))
    question = resolved(instance([workload], offers, **{"models": (LM,), **changes}))
    if measured is None:
        return question
    policy = {"measurements_policy": measured.policy}
    changed = question.instance.model_copy(update=policy)
    return redigest(replace(question, instance=changed, profiles=measured))
