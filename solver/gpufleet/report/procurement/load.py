"""How busy what is bought is: by period and stage, or deployment by deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.procurement.content import Bars, Block, Chart, Column, Field, Paragraph, Section, Table, load_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.content import Value
    from gpufleet.report.procurement.material import Form, Material
    from gpufleet.verification.slices import Slice

MOST_ROWS = 40
"""Rows that a chart shows; the table has all."""
WORDS = (
    "Load over the highest rate that the limits on latency and utilisation allow; 100 % means that no headroom is left."
)


def load(material: Material) -> Section:
    """The section."""
    return Section("utilisation", "Utilisation", tuple(_blocks(material)))


def _blocks(material: Material) -> Iterator[Block]:
    forms = [form for form in material.forms if material.load(form) is not None and not material.is_training(form)]
    if not forms:
        yield Paragraph("Nothing here serves requests, so there is no utilisation to state.")
        return
    highest = sorted(range(len(forms)), key=lambda n: -(material.load(forms[n]) or 0.0))[:MOST_ROWS]
    chosen = [forms[n] for n in sorted(highest)]
    left = f" The chart shows the {MOST_ROWS} highest of {len(forms)}." if len(forms) > MOST_ROWS else ""
    if len(material.slices) == 1:
        yield _bars(material, chosen, left)
    else:
        yield _field(material, chosen, left)
        yield summary_table(material)


def _bars(material: Material, forms: list[Form], left: str) -> Chart:
    loads = [(material.label_of(form), material.load(form) or 0.0) for form in forms]
    rows = tuple((label, 100 * value, load_words(value)) for label, value in loads)
    drawing = Bars(rows, "% of what the limits allow", limit=100.0)
    return Chart("Utilisation by deployment", WORDS + left, drawing, load_table(material))


def _field(material: Material, forms: list[Form], left: str) -> Chart:
    values = tuple(tuple(material.load(form, now) for now in material.slices) for form in forms)
    title = "Utilisation by period" if material.resolved.instance.periods else "Utilisation by stage"
    words = f"{WORDS} Figures are percent; the fuller a field, the busier; nothing runs where there is none.{left}"
    labels, times = tuple(material.label_of(form) for form in forms), tuple(time_of(now) for now in material.slices)
    return Chart(title, words, Field(labels, times, values), load_table(material))


def time_of(now: Slice) -> str:
    """Stage and period in short."""
    return " ".join(part for part in (now.stage, now.name) if part) or "always"


def load_table(material: Material) -> Table:
    """One row per deployment and time in which it runs."""
    times = len(material.slices) > 1
    what = (Column("Deployment"), Column("Nodes"), Column("Replicas", "count"), Column("Utilisation", "load"))
    columns = (Column("When"), *what) if times else what
    rows: list[tuple[Value, ...]] = []
    for now in material.slices:
        for form in material.forms:
            running = [entry for entry in form.entries if now.runs(entry)]
            if running:
                when = (time_of(now),) if times else ()
                count = sum(entry.replicas for entry in running)
                load_now = None if material.is_training(form) else material.load(form, now)
                rows.append((*when, material.label_of(form), form.where, count, load_now))
    return Table("Utilisation and replicas", columns, tuple(rows))


def summary_table(material: Material) -> Table:
    """Per deployment: lowest, mean by hours, and highest utilisation while it runs."""
    loads_of = (Column(name, "load") for name in ("Lowest", "Mean", "Highest"))
    columns = (Column("Deployment"), Column("Nodes"), *loads_of, Column("Highest in"))
    rows: list[tuple[Value, ...]] = []
    for form in (form for form in material.forms if not material.is_training(form)):
        known = [(material.load(form, now), float(now.hours), time_of(now)) for now in material.slices]
        loads = [(value, hours, when) for value, hours, when in known if value is not None]
        if loads:
            mean = sum(value * hours for value, hours, _ in loads) / sum(hours for _, hours, _ in loads)
            highest = max(loads, key=lambda entry: entry[0])
            rows.append((material.label_of(form), form.where, min(loads)[0], mean, highest[0], highest[2]))
    return Table("Utilisation while they run", columns, tuple(rows))
