"""Why candidates died and what came nearest, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.format import figure
from gpufleet.report.plan_text import funnel_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import RenderableType

    from gpufleet.schema.elimination import Rejected
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def funnels_text(
    resolved: ResolvedInstance, plan: Plan, misses: Mapping[str, Mapping[str, Rejected]]
) -> Iterator[RenderableType]:
    """Per workload the funnel and, rule by rule, the nearest miss."""
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
