"""Why candidates died and what came nearest, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.explain.limits import without_options
from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import figure, money
from gpufleet.report.plan_text import funnel_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.elimination import Rejected
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def explain_text(
    resolved: ResolvedInstance, plan: Plan, misses: Mapping[str, Mapping[str, Rejected]]
) -> Iterator[RenderableType]:
    """Status, then per workload the funnel and, rule by rule, the nearest miss."""
    yield Text(resolved.instance.title, style="bold")
    yield Text(f"{plan.status}: {plan.reason or 'a plan exists'}", style="green" if plan.nodes else "bold red")
    for workload in resolved.instance.workloads:
        yield Padding(Text(f"{workload.name} ({workload.kind})", style="bold cyan"), (1, 0, 0, 0))
        yield funnel_table(plan, workload.name)
        if misses[workload.name]:
            yield Padding(Text("Nearest miss of each rule", style="bold"), (1, 0, 0, 0))
            yield from _misses(misses[workload.name].values())


def _misses(rows: Iterable[Rejected]) -> Iterator[RenderableType]:
    for row in rows:
        candidate = f"{row.variant} {row.nearest} on {row.node_type} at {row.site}"
        has, limit = figure(row.actual), figure(row.limit)
        if isinstance(row.limit, str):
            finding = f"{candidate}: {has}; allowed: {limit} ({row.unit})"
        else:
            finding = f"{candidate} has {has}, the limit is {limit} ({row.unit})"
        words = Text.assemble((f"{row.rule}: ", "bold"), finding)
        yield Padding(words, (0, 0, 0, 2))


def relief_text(
    resolved: ResolvedInstance, plan: Plan, reliefs: Sequence[tuple[str, Plan]]
) -> Iterator[RenderableType]:
    """Which single group of limits could be lifted, and what the plan would then cost; else what stands in the way."""
    if not reliefs and without_options(plan):
        yield Text(f"No limit on the fleet is to blame: {plan.reason}.")
    elif not reliefs:
        yield Text("No single limit is to blame: at least two of them stand in the way together.")
    days = float(resolved.instance.hours / 24)
    for name, relieved in reliefs:
        assert relieved.certificate is not None
        cost = relieved.certificate.objective_usd or 0.0
        fleet = fleet_words(resolved, relieved, terms=False)
        yield Text(
            f"Without the {name} the cheapest plan costs {money(cost)} USD ({money(cost / days)} USD a day): {fleet}"
        )
