"""Small plans to report on, and what is read back from pages and workbooks."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from openpyxl import load_workbook

from builders import instance, offer, option, profiled, resolved, site
from gpufleet import PlanReport, solve, verify
from gpufleet.schema.time import Period, Stage, Trend

if TYPE_CHECKING:
    from openpyxl import Workbook

    from gpufleet import Plan, ResolvedInstance

HOSTILE = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("https://example.org", "pay")'
BOUGHT = {"term": "purchase", "usd_per_hour": None, "capex_usd": 90_000.0, "life_years": 4.0}
PERIODS = (Period(name="night", hours=8.0), Period(name="day", hours=16.0, demand_factor=3.0))


def question(**changes: Any) -> ResolvedInstance:
    """12 requests/s on nodes of one or four accelerators, rented for a day."""
    options = [option("one", rates={"all": 3.0}), option("four", "n4", 4, rates={"all": 14.0})]
    offers = changes.pop("offers", (offer("small", usd_per_hour=1.25), offer("large", "n4", 9.5, assumed=True)))
    work = [profiled(options, 12.0, name="chat"), profiled(options[:1], 3.0, name="search")]
    return resolved(instance(work, offers, **{"horizon_hours": 24.0, **changes}))


def bought(**changes: Any) -> ResolvedInstance:
    """Three years with growth, falling prices and interest: purchases with maintenance, energy and running costs."""
    stages = tuple(Stage(name=str(2027 + n), days=365.0, demand_factor=1.0 + n) for n in range(3))
    extra = {"maintenance_fraction_per_year": 0.05, "running_usd_per_hour": 0.2, "residual_fraction": 0.1}
    fields: dict[str, Any] = {
        "horizon_hours": None,
        "horizon_days": 1095.0,
        "stages": stages,
        "discount_rate_per_year": 0.06,
        "trends": (Trend(price_change_per_year=-0.1, source="assumed"),),
        "sites": (site(electricity_usd_per_kwh=0.1234),),
        "offers": (offer("buy", **{**BOUGHT, **extra}), offer("rent", usd_per_hour=2.345678)),
        **changes,
    }
    return question(**fields)


@cache
def solved(name: str) -> PlanReport:
    """A report on a plan for one of the questions, which is solved once."""
    asked = {"plain": question, "bought": bought, "periods": lambda: question(periods=PERIODS)}[name]()
    return reported(asked, solve(asked))


@cache
def page_of(name: str) -> str:
    """The page of that report."""
    return solved(name).html()


def reported(asked: ResolvedInstance, plan: Plan, **more: Any) -> PlanReport:
    """With the verifier's verdict."""
    return PlanReport(resolved=asked, plan=plan, verdict=verify(asked, plan) if plan.nodes else None, **more)


@dataclass
class Page(HTMLParser):
    """What stands in a page."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, html: str) -> Page:
        page = cls()
        page.feed(html)
        page.close()
        return page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def opened(report: PlanReport) -> Workbook:
    """The workbook, read back with its formulas."""
    return load_workbook(io.BytesIO(report.workbook()))
