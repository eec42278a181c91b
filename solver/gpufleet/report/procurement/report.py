"""A plan as a report: HTML page, Markdown, workbook."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gpufleet.report.procurement.material import Material

if TYPE_CHECKING:
    from gpufleet.report.procurement.content import Document


@dataclass(frozen=True)
class PlanReport(Material):
    """A plan for those who decide, with everything that is known about it. Nothing is solved here, and the same plan
    gives the same bytes."""

    @cached_property
    def document(self) -> Document:
        """Its content: sections of sentences, tables and charts."""
        from gpufleet.report.procurement.build import document

        return document(self)

    def html(self) -> str:
        """One page that loads nothing from anywhere: charts, style and script are in it."""
        from gpufleet.report.procurement.html import page

        return page(self.document)

    def markdown(self) -> str:
        """The same content with tables as GitHub shows them, without the pictures."""
        from gpufleet.report.procurement.markdown import markdown

        return markdown(self.document)

    def workbook(self) -> bytes:
        """An Excel workbook (.xlsx) whose cost sheet calculates: change a number of nodes or a price, and totals
        follow."""
        from gpufleet.report.procurement.workbook import workbook

        return workbook(self)
