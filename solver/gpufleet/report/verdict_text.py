"""The verdict of the verifier as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import figure, money, percent
from gpufleet.report.plan_text import table
from gpufleet.report.schedule_rows import deployment_forms
from gpufleet.report.timetable import schedule, timetable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Report


def verdict_text(resolved: ResolvedInstance, plan: Plan, report: Report) -> Iterator[RenderableType]:
    """Cost, figures per deployment, and every rule kept or broken."""
    style = "green" if report.ok else "bold red"
    broken = ", ".join(report.broken_rules)
    verdict = "keeps every rule" if report.ok else f"breaks {broken}"
    yield Text(f"The plan {verdict}.", style=style)
    yield Text(f"It costs {money(report.cost_usd)} USD over the horizon, {money(report.cost_usd_per_day)} USD a day.")
    if plan.moves is not None:
        yield Text(f"Changes of today's fleet cost {money(report.moves_usd)} USD beside that.")
    for group in deployment_forms(plan.deployments):
        for line in _deployment(resolved, plan, report, group):
            yield Text(f"  {line}")
    grid = table("rule", "checks", "verdict", numeric=("checks",))
    for rule, count in report.checked.items():
        misses = sum(violation.rule == rule for violation in report.violations)
        grid.add_row(
            rule, str(count), Text(f"{misses} broken", style="bold red") if misses else Text("kept", style="green")
        )
    yield grid
    for violation in report.violations:
        yield Text(str(violation), style="red")


def _deployment(resolved: ResolvedInstance, plan: Plan, report: Report, group: Sequence[Deployment]) -> Iterator[str]:
    """One deployment in one or several periods."""
    indices = [index for index, entry in enumerate(plan.deployments) if entry in group]
    model = "" if group[0].model is None else f" ({group[0].model})"
    spot = ", spot" if group[0].spot else ""
    counts = schedule(resolved, group)
    most = f"{'up to ' if len(set(counts)) > 1 else ''}{max(counts)}"
    yield f"{most} x {group[0].workload}{model} on {group[0].node_type}{spot}: {_figures(indices, report)}"
    if len(counts) > 1:
        yield f"  replicas: {timetable(resolved, counts)}"


def _figures(indices: list[int], report: Report) -> str:
    """The highest of every figure over the periods."""
    parts = []
    days = [report.training_days[index] for index in indices if index in report.training_days]
    loads = [report.utilisation[index] for index in indices if index in report.utilisation]
    if days:
        parts.append(f"{max(days):.3g} days to train")
    elif loads:
        parts.append(f"utilisation {'up to ' if len(set(loads)) > 1 else ''}{percent(max(loads))}")
    memory = [report.memory_gb[index] for index in indices if index in report.memory_gb]
    if memory:
        needed, usable = max(memory)
        parts.append(f"memory {needed:.1f} of {usable:.1f} GB")
    for (metric, name, percentile, limit), value in _latencies(indices, report).items():
        parts.append(f"{metric} p{percentile:g} of {name} {figure(value)} of {figure(limit)} ms")
    return ", ".join(parts) or "no figures"


def _latencies(indices: list[int], report: Report) -> dict[tuple[str, str, float, float], float]:
    """The highest value by metric, class, percentile and limit."""
    highest: dict[tuple[str, str, float, float], float] = {}
    for index in indices:
        for metric, name, percentile, value, limit in report.latency_ms.get(index, ()):
            key = (metric, name, percentile, limit)
            highest[key] = max(highest.get(key, value), value)
    return highest


def comparison_text(
    resolved: ResolvedInstance, name: str, plan: Plan, other: Plan, report: Report
) -> Iterator[RenderableType]:
    """How a plan stands against another one, say the fleet that somebody proposed."""
    fleet = fleet_words(resolved, other, terms=False)
    kept = "keeps every rule" if report.ok else f"breaks {', '.join(report.broken_rules)}"
    yield Text(f"Compared with {name} ({fleet}), which {kept}")
    yield Text(f"  it costs {money(report.cost_usd)} USD over the horizon ({money(report.cost_usd_per_day)} USD a day)")
    objective = plan.certificate.objective_usd if plan.certificate else None
    if objective is not None and report.cost_usd:
        saved = report.cost_usd - objective
        word = "saves" if saved >= 0 else "costs more by"
        yield Text(
            f"  this plan {word} {money(abs(saved))} USD ({percent(abs(saved) / report.cost_usd)})",
            style="green" if saved >= 0 else "yellow",
        )
