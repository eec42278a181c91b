"""A plan as an Excel workbook: one sheet per subject, and a cost sheet that calculates."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import TYPE_CHECKING, Final

from openpyxl import Workbook
from openpyxl.xml.functions import tostring

from gpufleet.report.procurement.candidates import funnel_table, miss_rows, misses_table
from gpufleet.report.procurement.content import Facts, Paragraph, Table
from gpufleet.report.procurement.decision import banner
from gpufleet.report.procurement.load import load_table
from gpufleet.report.procurement.running import deployments_table
from gpufleet.report.procurement.sheets import Sheet
from gpufleet.report.procurement.workbook_cost import write_costs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.report.procurement.content import Block
    from gpufleet.report.procurement.report import PlanReport

EPOCH: Final = datetime.datetime(2000, 1, 1)
"""Stands for the time of writing, so that the same plan gives the same bytes."""
CORE: Final = "docProps/core.xml"


def workbook(report: PlanReport) -> bytes:
    """The file's bytes."""
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    sections = {section.key: section for section in report.document.sections}
    summary = Sheet.new(book, "Decision")
    _words(summary, [banner(report), *sections["decision"].blocks])
    if report.decided:
        total = write_costs(book, report)
        summary.put(1, "Cost as this workbook calculates it, USD", bold=True)
        summary.formula(2, total, "usd", bold=True)
        summary.widths()
        Sheet.new(book, "Deployments").table(deployments_table(report))
        Sheet.new(book, "Utilisation").table(load_table(report))
    if report.plan.funnel:
        Sheet.new(book, "Funnel").table(funnel_table(report))
        Sheet.new(book, "Rejections").table(misses_table(miss_rows(report)))
    if report.curves:
        _words(Sheet.new(book, "Budget curve"), sections["budget"].blocks)
    _words(Sheet.new(book, "Assumptions"), sections["assumptions"].blocks)
    _words(Sheet.new(book, "Certificate"), [*sections["certificate"].blocks, *sections["verification"].blocks])
    book.calculation.fullCalcOnLoad = True
    return _same_bytes(book, report.resolved.instance.title)


def _words(sheet: Sheet, blocks: Iterable[Block]) -> None:
    """Sentences, facts and tables below each other."""
    for block in blocks:
        match block:
            case Table():
                sheet.table(block, freeze=False)
            case Facts():
                for label, text in block.rows:
                    sheet.row([label, text], bold=(1,))
                sheet.gap()
            case Paragraph():
                sheet.line(block.text, bold=block.tone == "bad")
            case _:
                for text in getattr(block, "items", ()):
                    sheet.line(text)
    sheet.widths()


def _same_bytes(book: Workbook, title: str) -> bytes:
    """The workbook without the time at which it was written, which the format asks for in several places."""
    book.properties.title, book.properties.creator = title, "gpufleet"
    raw, target = io.BytesIO(), io.BytesIO()
    book.save(raw)
    book.properties.created = book.properties.modified = EPOCH
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in source.namelist():
            content = tostring(book.properties.to_tree()) if name == CORE else source.read(name)
            entry = zipfile.ZipInfo(name, EPOCH.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            copy.writestr(entry, content)
    return target.getvalue()
