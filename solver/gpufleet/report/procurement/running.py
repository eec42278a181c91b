"""What runs where: precision, parallelism, batch, replicas, load; and what may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.confidence_text import provenance_words
from gpufleet.report.format import percent, span_of_counts
from gpufleet.report.plan_text import parallelism_words
from gpufleet.report.procurement.content import Block, Bullets, Column, Heading, Paragraph, Section, Table
from gpufleet.report.resilience_text import redundancy_lines
from gpufleet.report.timetable import schedule, timetable
from gpufleet.report.unserved_text import unserved_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.content import Value
    from gpufleet.report.procurement.material import Form, Material

MOST_OPEN = 8
"""Rows up to which a table beside the main one is open from the start."""


def running(material: Material) -> Section:
    """The section."""
    return Section("deployments", "What runs where", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    if not material.forms:
        yield Paragraph("The plan names no deployments.")
        return
    yield deployments_table(material)
    changing = tuple((material.label_of(f), timetable(material.resolved, counts)) for f, counts in _changing(material))
    if changing:
        columns = (Column("Deployment"), Column("Replicas"))
        yield Table("Replicas over time", columns, changing, folded=len(changing) > MOST_OPEN)
    if material.kept:
        yield from _named("What may fail", [line.plain for line in redundancy_lines(material.resolved, material.plan)])
        yield from _named("Not served, although it is asked for", _unserved(material))


def _named(title: str, items: list[str]) -> Iterator[Block]:
    if items:
        yield Heading(title)
        yield Bullets(tuple(items))


def _unserved(material: Material) -> list[str]:
    if not material.plan.unserved:
        return []
    return [str(line).strip() for line in unserved_lines(material.resolved, material.plan)]


def _changing(material: Material) -> list[tuple[Form, list[int]]]:
    """Forms whose number of replicas is not always the same."""
    counted = [(form, schedule(material.resolved, form.entries)) for form in material.forms]
    return [(form, counts) for form, counts in counted if len(set(counts)) > 1]


def deployments_table(material: Material) -> Table:
    """One row per form; figures are those of the time with the highest load."""
    columns = (
        Column("Workload"),
        Column("Model and variant"),
        Column("Precision"),
        Column("Nodes"),
        Column("One replica"),
        Column("Batch", "count"),
        Column("Replicas", "count"),
        Column("Utilisation", "load"),
        Column("Limited by"),
        Column("Serves"),
    )
    return Table("Deployments", columns, tuple(_row(material, form) for form in material.forms))


def _row(material: Material, form: Form) -> tuple[Value, ...]:
    first, size = form.first, form.first.parallelism.accelerators
    counts = schedule(material.resolved, form.entries)
    replicas: Value = counts[0] if len(set(counts)) == 1 else span_of_counts(counts)
    load = None if material.is_training(form) else material.load(form)
    bound = (first.bottleneck or "").replace("_", " ")
    return (
        first.workload,
        form.runs if first.model else " ".join(part for part in (material.model_of(form), form.runs) if part),
        first.precision,
        form.where,
        f"{parallelism_words(first.parallelism)}, {size} accelerator{'' if size == 1 else 's'}",
        first.batch,
        replicas,
        load,
        bound,
        _serves(material, form),
    )


def _serves(material: Material, form: Form) -> str:
    """The share of each class; over several periods, at most."""
    shares: dict[str, float] = {}
    for route in material.plan.routing:
        if route.deployment in form.indices:
            shares[route.request_class] = max(route.share, shares.get(route.request_class, 0.0))
    most = "at most " if shares and len(material.slices) > 1 else ""
    return most + ", ".join(f"{name} {percent(share)}" for name, share in shares.items())


def evidence_table(material: Material) -> Table:
    """Where the throughput of each form comes from, and how sure it is."""
    columns = (Column("Deployment"), Column("Throughput is"), Column("Evidence"))
    rows = tuple(
        (material.label_of(form), provenance_words(form.first), form.first.evidence or "not stated")
        for form in material.forms
    )
    return Table("Where the figures come from", columns, rows)
