"""What requirements cost: the plan with all of them beside the plans without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import money, percent, span
from gpufleet.report.plan_text import table
from gpufleet.report.unserved_text import unserved_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.requirements import RequirementPrice


def price_text(resolved: ResolvedInstance, whole: Plan, prices: Sequence[RequirementPrice]) -> Iterator[RenderableType]:
    """One row per plan, then one sentence per requirement."""
    yield Text(resolved.instance.title, style="bold")
    grid = table("requirements", "status", "USD total", "fleet", numeric=("USD total",))
    rows = [("all", whole), *((f"without {price.requirement}", price.plan) for price in prices)]
    for name, plan in rows:
        cost = _cost(plan)
        style = None if plan.nodes else "red"
        grid.add_row(name, plan.status, "" if cost is None else money(cost), fleet_words(resolved, plan), style=style)
    yield Padding(grid, (1, 0, 1, 0))
    for price in prices:
        yield Text(_sentence(resolved, whole, price))


def _cost(plan: Plan) -> float | None:
    return plan.certificate.objective_usd if plan.certificate else None


def _sentence(resolved: ResolvedInstance, whole: Plan, price: RequirementPrice) -> str:
    cost = _cost(whole)
    if price.price_usd is None and cost is not None and _cost(price.plan) is not None:
        return (
            f"The price of {price.requirement} is not one of money alone: with it, the plan leaves "
            f"{unserved_words(resolved, whole)} unserved, without it {unserved_words(resolved, price.plan)}."
        )
    if price.price_usd is None or cost is None:
        missing = "with" if cost is None else "without"
        return f"The price of {price.requirement} is not known: there is no plan {missing} it ({_why(whole, price)})."
    hours = float(resolved.instance.hours)
    part = f", {percent(price.price_usd / cost)} of the cost" if cost else ""
    proof = "" if price.proven else " Not proven: one of the two plans may not be the cheapest."
    return (
        f"The price of {price.requirement} is {money(price.price_usd)} USD over {span(hours)} "
        f"({money(price.price_usd / hours * 24)} USD a day){part}.{proof}"
    )


def _why(whole: Plan, price: RequirementPrice) -> str:
    plan = whole if _cost(whole) is None else price.plan
    return f"{plan.status}: {plan.reason}"
