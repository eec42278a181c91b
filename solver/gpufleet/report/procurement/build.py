"""The document of a plan, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet import __version__
from gpufleet.report.format import span
from gpufleet.report.procurement.assumptions import assumptions
from gpufleet.report.procurement.bill import bill
from gpufleet.report.procurement.candidates import candidates
from gpufleet.report.procurement.cash import cash
from gpufleet.report.procurement.content import Document, Section
from gpufleet.report.procurement.curves import curves
from gpufleet.report.procurement.decision import banner, decision
from gpufleet.report.procurement.limits import limits
from gpufleet.report.procurement.load import load
from gpufleet.report.procurement.proof import certificate, sign_off, verification
from gpufleet.report.procurement.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.procurement.material import Material


def document(material: Material) -> Document:
    """Everything that is to be said of a plan, from the decision to the lines to sign on."""
    instance = material.resolved.instance
    return Document(
        title=instance.title,
        subtitle=f"Procurement report on {instance.uid}, {span(material.hours)}",
        banner=banner(material),
        sections=tuple(_sections(material)),
        footer=f"Written by gpufleet {__version__} from the instance and the plan alone.",
    )


def _sections(material: Material) -> Iterator[Section]:
    yield decision(material)
    if material.decided:
        yield from (bill(material), running(material), cash(material), load(material), limits(material))
    budget = curves(material)
    if budget is not None:
        yield budget
    yield candidates(material)
    yield assumptions(material)
    yield certificate(material)
    yield verification(material)
    if material.kept:
        yield sign_off(material)
