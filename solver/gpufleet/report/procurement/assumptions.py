"""What the answer rests on: evidence of throughputs, assumed prices and accuracies, calibration, notes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpufleet.report.format import percent, price
from gpufleet.report.procurement.content import Block, Bullets, Column, Heading, Paragraph, Section, Table
from gpufleet.report.procurement.prices import assumed_words
from gpufleet.report.procurement.running import evidence_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Material

KINDS = {
    "measured": "at a measured operating point",
    "interpolated": "between measured operating points",
    "modelled": "by the performance model",
}
DOMAINS = {
    "llm_rate": "throughput of language models",
    "llm_ttft": "time to first token",
    "llm_tpot": "time per output token",
    "request_rate": "throughput of other models",
    "training_step": "training steps",
}


def assumptions(material: Material) -> Section:
    """The section."""
    return Section("assumptions", "Assumptions and provenance", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    yield Bullets(tuple(_sentences(material)))
    if material.forms:
        yield evidence_table(material)
    yield from _accuracies(material)
    yield _accelerators(material)
    yield _calibration(material)
    yield from _notes(material)


def _sentences(material: Material) -> Iterator[str]:
    level = material.plan.performance or material.resolved.instance.performance
    what = (
        "the estimates as they stand (p50)" if level == "p50" else "rates and latencies kept with 90 % confidence (p90)"
    )
    yield f"Counted on: {what}."
    counts = Counter(str(form.first.provenance) for form in material.forms if form.first.provenance)
    if counts:
        words = ", ".join(f"{count} {KINDS.get(kind, kind)}" for kind, count in sorted(counts.items()))
        yield f"Throughput of {len(material.forms)} deployments: {words}."
    low = [form.first.rate_low for form in material.forms if form.first.rate_low is not None]
    high = [form.first.rate_high for form in material.forms if form.first.rate_high is not None]
    if low and high:
        yield (
            f"90 % of the throughputs are expected within {min(low):.2f} to {max(high):.2f} times the estimate; the "
            "table gives the interval of each deployment."
        )
    assumed = assumed_words(material)
    yield assumed or ("No price of the bill is assumed." if material.plan.costs else "No prices are paid.")
    for site in material.resolved.sites.values():
        if site.electricity_usd_per_kwh is not None:
            yield f"Electricity at {site.name}: {price(site.electricity_usd_per_kwh)} USD/kWh, PUE {site.pue:g}."
    if material.resolved.instance.discount_rate_per_year:
        rate = percent(material.resolved.instance.discount_rate_per_year)
        yield f"Payments of the j-th year, counted from 0, are divided by (1 + {rate})^j."
    for trend in material.resolved.instance.trends:
        whom = ", ".join((*(trend.families or ()), *(trend.accelerators or ()))) or "all accelerators"
        gain = trend.throughput_change_per_year
        yield (
            f"Trend of {whom}: prices {trend.price_change_per_year:+.1%} and throughput {gain:+.1%} a year "
            f"({trend.source})."
        )
    yield from (
        f"Not covered by {material.resolved.instance.performance_source}: {gap}"
        for gap in material.resolved.profiles.gaps
    )


def _accuracies(material: Material) -> Iterator[Block]:
    """Quality figures of the variants that run."""
    rows = []
    for form in material.forms:
        workload = material.resolved.workloads.get(form.first.workload)
        own = None if workload is None else material.resolved.model_of(workload)
        card = material.resolved.models.get(form.first.model) if form.first.model else own
        for variant in card.variants if card is not None else ():
            if variant.name == form.first.variant and card is not None:
                rows += [
                    (card.name, variant.name, a.metric, a.value, "assumed" if a.assumed else "measured", a.source)
                    for a in variant.accuracy
                ]
    if rows:
        columns = (Column("Model"), Column("Variant"), Column("Metric"), Column("Accuracy", "number"), Column("Status"),
                   Column("Source"))  # fmt: skip
        yield Table("Accuracy of the variants that run", columns, tuple(dict.fromkeys(rows)))


def _accelerators(material: Material) -> Block:
    kinds = {nodes.node_type for nodes in material.plan.nodes} & set(material.resolved.node_types)
    names = sorted({material.resolved.node_types[kind].accelerator for kind in kinds if kind is not None})
    found = [material.resolved.accelerators[name] for name in names if name in material.resolved.accelerators]
    if not found:
        return Paragraph("No accelerators are bought or rented.", "muted")
    columns = (Column("Accelerator"), Column("Vendor"), Column("Memory, GB", "number"), Column("Figures are"),
               Column("Source"))  # fmt: skip
    rows = tuple((a.name, a.vendor, a.memory_gb, a.verification, a.source) for a in found)
    return Table("Accelerators in the fleet: how far their data sheets were checked", columns, rows)


def _calibration(material: Material) -> Block:
    known = material.resolved.calibration
    if not known.intervals:
        return Paragraph(f"Calibration {known.name} ({known.source}): no errors are stated.", "muted")
    columns = (Column("Prediction"), Column("Of"), Column("Median error", "share"),
               Column("90 % of errors below", "share"), Column("Measurements", "count"))  # fmt: skip
    rows = tuple(
        (DOMAINS.get(i.domain, i.domain), i.kind or "all", i.median_error, i.p90_error, i.rows) for i in known.intervals
    )
    return Table(
        f"Errors of the performance model on measurements it had not seen (calibration {known.name})", columns, rows
    )


def _notes(material: Material) -> Iterator[Block]:
    instance = material.resolved.instance
    notes = [("Origin", instance.origin), ("Note", instance.note)]
    if any(text for _, text in notes):
        yield Heading("What the instance says of itself")
        yield Bullets(tuple(f"{label}: {text.strip()}" for label, text in notes if text))
