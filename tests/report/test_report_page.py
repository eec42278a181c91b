"""The HTML page and the Markdown of a plan: complete, escaped, self-contained, accessible, always the same."""

from __future__ import annotations

import dataclasses
import re

import pytest
from report_samples import HOSTILE, Page, offer, page_of, question, reported, solved

from builders import edited, instance, option, profiled, resolved
from gpufleet import Plan, solve
from gpufleet.report.procurement.markdown import plain
from gpufleet.report.procurement.svg import COLOURS
from gpufleet.schema.curve import BudgetCurve, CurvePoint
from gpufleet.schema.plan import PlannedNodes
from gpufleet.schema.prices import PlannedOverlay, PriceWarning

SECTIONS = [
    "Decision",
    "Bill of materials",
    "What runs where",
    "Cost and cash flow",
    "Utilisation",
    "Latency, deadlines and memory",
    "Candidates: what was ruled out, and why",
    "Assumptions and provenance",
    "Certificate",
    "Verification",
    "Sign-off",
]


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["plain", "bought", "periods"])
def test_page_is_self_contained_and_accessible(name: str) -> None:
    report, html = solved(name), page_of(name)
    page = Page.of(html)
    assert [section.title for section in report.document.sections] == SECTIONS
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href", "xlink:href")]
    assert links
    assert all(link is not None and link.startswith("#") and link[1:] in ids for link in links)
    assert "url(http" not in html
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in attributes for attributes in page.all("th"))
    assert len(page.all("script")) == 1
    for picture in page.all("svg"):
        assert picture["role"] == "img"
        assert set(str(picture["aria-labelledby"]).split()) <= set(ids)
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert drawn
    assert not [svg for svg in drawn if re.search(r"#[0-9a-f]{6}\b", svg)], "a colour that dark pages would keep"
    assert all(variable[4:-1] + ":" in html for variable in COLOURS.values())


def test_page_states_the_decision_and_its_figures() -> None:
    report = solved("plain")
    certificate = report.plan.certificate
    assert certificate is not None
    text = squeezed(Page.of(page_of("plain")).text)
    cost = certificate.objective_usd or 0.0
    assert f"costs {cost:,.2f} USD over 1 day: {cost:,.2f} USD a day." in text
    assert "Proven optimal: no plan costs less. Verified: every rule is kept" in text
    assert certificate.instance_digest in text
    for step in report.plan.funnel:
        assert f"{step.workload} {step.rule}" in text
    for deployment in report.plan.deployments:
        assert deployment.utilisation is not None
        assert f"{deployment.utilisation * 100:.1f} %" in text
    assert "Approved by" in text


def test_same_plan_gives_the_same_bytes() -> None:
    report = solved("periods")
    again = reported(report.resolved, report.plan)
    assert again.html() == page_of("periods")
    assert again.markdown() == report.markdown()
    assert again.workbook() == report.workbook()


def test_text_of_users_is_escaped() -> None:
    asked = question(
        title=f"A {HOSTILE} title | with $x$ *marks*",
        note=HOSTILE,
        origin=HOSTILE,
        offers=(offer("small", source=HOSTILE, note="</td></table><h1>"), offer("large", "n4", 9.5, source=HOSTILE)),
    )
    plan = edited(solve(asked), note=f"{HOSTILE} <img src=x onerror=alert(1)>")
    report = reported(asked, plan)
    page = Page.of(report.html())
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert page.headings.count(1) == 1
    assert page.text.count(HOSTILE) >= 5
    markdown = report.markdown()
    assert "<script" not in re.sub(r"\\<", "", markdown)
    assert "\\| with \\$x\\$ \\*marks\\*" in markdown.splitlines()[0]


def test_markdown_has_tables_whose_rows_are_whole() -> None:
    """As many cells in every row as in its heading."""
    lines = solved("bought").markdown().splitlines()
    tables = [n for n, line in enumerate(lines) if re.fullmatch(r"\|( -+:? \|)+", line)]
    assert len(tables) >= 10
    for rule in tables:
        width = len(re.findall(r"(?<!\\)\|", lines[rule]))
        assert len(re.findall(r"(?<!\\)\|", lines[rule - 1])) == width
        row = rule + 1
        while row < len(lines) and lines[row].startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", lines[row])) == width, lines[row]
            row += 1


def test_markdown_keeps_underlines_inside_words() -> None:
    assert plain("end_to_end _x_ a\nb") == "end_to_end \\_x\\_ a b"


def test_a_plan_that_breaks_a_rule_is_not_offered_for_signature() -> None:
    sound = solved("plain")
    fewer = [edited(nodes, count=nodes.count - 1) for nodes in sound.plan.nodes]
    report = reported(sound.resolved, edited(sound.plan, nodes=tuple(fewer)))
    assert report.verdict is not None
    assert not report.verdict.ok
    html = report.html()
    text = squeezed(Page.of(html).text)
    assert "Do not sign: the plan failed verification." in text
    assert 'class="banner bad" role="alert"' in html
    assert str(report.verdict.violations[0]) in text
    assert "Approved by" not in text
    assert "Possible saving left" not in text


def test_a_plan_with_offers_that_do_not_exist_is_reported() -> None:
    asked = question()
    plan = Plan(schema_version=1, instance="test", nodes=(PlannedNodes(offer="nobodys", count=2),))
    text = squeezed(Page.of(reported(asked, plan).html()).text)
    assert "Do not sign" in text
    assert "nobodys" in text
    assert reported(asked, plan).workbook()


def test_a_plan_without_a_fleet_says_why_and_shows_the_funnel() -> None:
    asked = question(offers=(offer("small", stock=1), offer("large", "n4", 9.5, stock=0)))
    plan = solve(asked)
    assert plan.status == "infeasible"
    report = reported(asked, plan)
    text = squeezed(Page.of(report.html()).text)
    assert "No plan: infeasible." in text
    assert "There is nothing to buy or rent." in text
    assert "What each rule eliminated" in text
    assert "Approved by" not in text
    assert "Bill of materials" not in report.markdown()
    assert report.workbook()


def test_a_plan_for_another_version_of_the_question_says_so() -> None:
    asked = question()
    plan = solve(asked)
    other = question(note="written since")
    assert asked.digest != other.digest
    words = squeezed(Page.of(reported(other, plan).html()).text)
    assert f"another version of this instance (digest {asked.digest[:16]}, now {other.digest[:16]})" in words


def test_budget_curves_are_drawn_and_listed() -> None:
    report = solved("plain")
    point = {"unserved": {"chat": 0.25}, "service": "partial", "proven": True}
    points = (CurvePoint(at=10.0, cost_usd=9.0, **point), CurvePoint(at=200.0, cost_usd=190.0, proven=True))
    curve = BudgetCurve(axis="usd_per_day", complete=True, source="curve.json", points=points)
    text = squeezed(Page.of(dataclasses.replace(report, curves=(curve,)).html()).text)
    assert "What other budgets would buy" in text
    assert "25.0 % of chat" in text
    assert "this plan" in text
    trade_off = BudgetCurve(axis="vendors", unit="vendors", trade_off=True, source="v.json", points=points[1:])
    words = dataclasses.replace(report, curves=(trade_off,)).markdown()
    assert "From v.json, 1 point: other points may lie between." in words
    assert "| vendors | USD in all | Fleet | Proven |" in words


def test_utilisation_by_period_has_every_period() -> None:
    report = solved("periods")
    words = squeezed(report.markdown())
    for deployment in report.plan.deployments:
        if deployment.period:
            assert f"| {deployment.period} | {deployment.workload}: {deployment.option} on" in words
    assert "Utilisation while they run" in words


def test_a_funnel_that_eliminates_nothing_has_no_chart() -> None:
    """Of few workloads and of many, which are drawn together."""
    for count in (1, 5):
        work = [profiled([option("one", rates={"all": 3.0})], 1.0, name=f"w{n}") for n in range(count)]
        asked = resolved(instance(work, [offer()]))
        report = reported(asked, solve(asked))
        assert {step.rule for step in report.plan.funnel} == {"kept"}
        section = next(section for section in report.document.sections if section.key == "candidates")
        assert [block.block for block in section.blocks] == ["paragraph", "table"]


def test_terms_of_your_own_and_stale_prices_are_told() -> None:
    asked = question()
    plan = solve(asked)
    price = plan.offer_prices[0].model_copy(update={"list_usd": 99.5, "paid_usd": 88.25, "rules": ("discounts[0]",)})
    overlay = PlannedOverlay(file="terms.yaml", digest="ab" * 32, unused=("prices[1]",))
    warning = PriceWarning(offer=price.offer, kind="old", message="its date is 300 days ago")
    told = plan.model_copy(update={"offer_prices": (price,), "overlay": overlay, "price_warnings": (warning,)})
    for text in (Page.of(reported(asked, told).html()).text, reported(asked, told).markdown()):
        for words in ("99.5", "88.25", "discounts[0]", "terms.yaml", "prices[1]", "its date is 300 days ago"):
            assert words in text.replace("\\", "")
    assert "Terms of your own" not in reported(asked, plan).markdown()
