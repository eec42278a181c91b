"""The schedule of a plan as text: pools with base and burst, and replicas by period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from gpufleet.report.partition_words import partition_words
from gpufleet.report.plan_text import form_words
from gpufleet.report.pools import base_and_burst, pool_counts, pool_words
from gpufleet.report.schedule_rows import deployment_forms
from gpufleet.report.timetable import schedule, timetable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def schedule_text(resolved: ResolvedInstance, plan: Plan) -> Iterator[RenderableType]:
    """What is there when: nodes by pool, nodes by partition, replicas by deployment."""
    yield Text(resolved.instance.title, style="bold")
    yield _section("Nodes: base is there in every period, burst is rented for some")
    for pool, counts in pool_counts(resolved, plan).items():
        yield _line(f"{pool_words(pool)}: {base_and_burst(resolved, counts)}")
        if len(set(counts)) > 1:
            yield _line(f"  {timetable(resolved, counts)}")
    for where, words in partition_words(resolved, plan):
        yield _line(f"{where}: {words}")
    yield _section("Replicas")
    for workload in resolved.instance.workloads:
        yield Text(workload.name, style="bold cyan")
        for entries in deployment_forms(entry for entry in plan.deployments if entry.workload == workload.name):
            counts = schedule(resolved, entries)
            often = timetable(resolved, counts) if len(set(counts)) > 1 else f"{counts[0]} all the time"
            yield _line(form_words(entries[0]))
            yield _line(f"  {often}")


def _section(title: str) -> RenderableType:
    return Padding(Text(title, style="bold"), (1, 0, 0, 0))


def _line(words: str) -> RenderableType:
    indent = len(words) - len(words.lstrip())
    return Padding(Text(words.lstrip()), (0, 0, 0, 2 + indent))
