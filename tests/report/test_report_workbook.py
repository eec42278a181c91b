"""The workbook: formulas that give the plan's total and follow what is changed, and text that stays text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from report_samples import FORMULA, bought, offer, opened, question, reported, solved

from builders import edited
from gpufleet import solve, starting_from, verify
from gpufleet.library import resolve

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

FIRST = 4
"""Below title, hint and headings."""


def number(book: Workbook, sheet: Worksheet, address: str) -> float:
    """A number, or the one that a reference to the bill of materials names."""
    value = sheet[address].value
    if isinstance(value, str):
        place = re.fullmatch(r"='Bill of materials'!([HI]\d+)", value)
        assert place, value
        return number(book, book["Bill of materials"], place[1])
    assert isinstance(value, int | float)
    return float(value)


def lines(book: Workbook) -> list[float]:
    """What each cost line comes to, from the cells that its formula multiplies."""
    sheet = book["Cost"]
    amounts, row = [], FIRST
    while sheet.cell(row, 2).value is not None:
        assert sheet.cell(row, 9).value == f"=D{row}*E{row}*F{row}"
        assert sheet.cell(row, 8).value == f"=E{row}*F{row}"
        amounts.append(number(book, sheet, f"D{row}") * number(book, sheet, f"E{row}") * number(book, sheet, f"F{row}"))
        row += 1
    assert sheet.cell(row, 1).value == "Total"
    assert sheet.cell(row, 9).value == f"=SUM(I{FIRST}:I{row - 1})"
    assert f"=Cost!I{row}" in [cell.value for cell in book["Decision"]["B"]]
    assert sheet.cell(row + 2, 9).value == f"=I{row}/I{row + 1}*24"
    return amounts


@pytest.mark.parametrize("name", ["plain", "bought", "periods"])
def test_formulas_give_the_total_of_the_plan(name: str) -> None:
    report = solved(name)
    found = lines(opened(report))
    assert found == pytest.approx([line.total_usd for line in report.plan.costs], abs=1e-4)
    assert round(sum(found), 2) == round(report.cost_usd, 2)


def test_bill_of_materials_adds_up_the_lines_of_each_row() -> None:
    report = solved("bought")
    book = opened(report)
    bill, cost = book["Bill of materials"], book["Cost"]
    for row, nodes in enumerate(report.plan.nodes, FIRST):
        last = FIRST + len(report.plan.costs) - 1
        assert bill.cell(row, 11).value == f"=SUMIF(Cost!$A$4:$A${last},A{row},Cost!$I$4:$I${last})"
        mine = [n for n in range(FIRST, last + 1) if cost.cell(n, 1).value == bill.cell(row, 1).value]
        parts = [number(book, cost, f"D{n}") * number(book, cost, f"E{n}") * number(book, cost, f"F{n}") for n in mine]
        assert sum(parts) == pytest.approx(nodes.total_cost_usd, abs=1e-4)


def test_another_count_and_price_give_what_the_verifier_says() -> None:
    """Two nodes more, at a price raised by a half: the sheet's arithmetic against costs that are worked out anew."""
    report = solved("bought")
    book = opened(report)
    bill = book["Bill of materials"]
    for row in range(FIRST, FIRST + len(report.plan.nodes)):
        bill.cell(row, 8).value += 2
        bill.cell(row, 9).value *= 1.5
    old = {entry.name: entry for entry in bought().instance.offers}
    dearer = (
        edited(old["buy"], capex_usd=(old["buy"].capex_usd or 0) * 1.5),
        edited(old["rent"], usd_per_hour=(old["rent"].usd_per_hour or 0) * 1.5),
    )
    asked = bought(offers=dearer)
    more = tuple(
        edited(nodes, count=nodes.count + 2, unit_cost_usd=None, total_cost_usd=None) for nodes in report.plan.nodes
    )
    plain = edited(report.plan, nodes=more, costs=(), cash_flow=(), certificate=None, status=None)
    assert sum(lines(book)) == pytest.approx(verify(asked, plain).cost_usd, abs=0.01)


def test_text_that_looks_like_a_formula_stays_text() -> None:
    texts = [FORMULA, "+1", "-1", "@SUM(A1)"]
    asked = question(
        note=FORMULA, offers=(offer("small", source=FORMULA), offer("large", "n4", 9.5, source="@SUM(A1)"))
    )
    plan = edited(solve(asked), note=None)
    book = opened(reported(asked, edited(plan, reason=FORMULA)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    formulas = [cell.value for cell in cells if cell.data_type == "f"]
    assert formulas
    ours = re.compile(r"=(Cost!I\d+$|SUM\(|SUMIF\(Cost!|'Bill of materials'!|[A-Z]\d+[*/])")
    assert all(ours.match(str(value)) for value in formulas)
    risky = [cell for cell in cells if cell.data_type == "s" and str(cell.value).startswith(tuple("=+-@"))]
    assert {str(cell.value) for cell in risky} & set(texts)
    assert all(cell.quotePrefix for cell in risky)


def test_sheets_are_there_with_frozen_headings_and_formats() -> None:
    book = opened(solved("periods"))
    assert book.sheetnames == [
        "Decision",
        "Bill of materials",
        "Cost",
        "Cash flow",
        "Deployments",
        "Utilisation",
        "Funnel",
        "Rejections",
        "Assumptions",
        "Certificate",
    ]
    for name in ("Bill of materials", "Cost", "Deployments", "Utilisation", "Funnel"):
        assert book[name].freeze_panes, name
        assert max(dimension.width for dimension in book[name].column_dimensions.values()) > 10
    assert book["Cost"]["I4"].number_format == "#,##0.00"
    assert book["Bill of materials"]["H4"].number_format == "#,##0"
    assert book.calculation.fullCalcOnLoad


def test_control_characters_do_not_break_the_file() -> None:
    asked = question(note="a\x07b")
    assert resolve(asked.instance)
    notes = opened(reported(asked, solve(asked)))["Assumptions"]
    assert any("a\ufffdb" in str(cell.value) for row in notes.iter_rows() for cell in row)


def test_changes_of_todays_fleet_are_a_line_of_the_cost() -> None:
    before = solved("plain")
    asked = starting_from(
        question(offers=(offer("small", usd_per_hour=9.0), offer("large", "n4", 9.5))), before.plan, 3.0
    )
    report = reported(asked, solve(asked))
    assert report.plan.moves is not None
    assert report.plan.moves.cost_usd > 0
    assert round(sum(lines(opened(report))), 2) == round(report.cost_usd, 2)
    assert "Changes of today's fleet" in report.markdown()
