"""The verdict of the verifier as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.fleet_words import fleet_words
from gpufleet.report.format import figure, money, percent
from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Report


def verdict_text(plan: Plan, report: Report) -> Iterator[RenderableType]:
    """Cost, figures per deployment, and every rule kept or broken."""
    style = "green" if report.ok else "bold red"
    broken = ", ".join(report.broken_rules)
    verdict = "keeps every rule" if report.ok else f"breaks {broken}"
    yield Text(f"The plan {verdict}.", style=style)
    yield Text(f"It costs {money(report.cost_usd)} USD over the horizon, {money(report.cost_usd_per_day)} USD a day.")
    for index, deployment in enumerate(plan.deployments):
        model = "" if deployment.model is None else f" ({deployment.model})"
        what = f"{deployment.replicas} x {deployment.workload}{model} on {deployment.node_type}"
        yield Text(f"  {what}: {_figures(index, report)}")
    grid = table("rule", "checks", "verdict", numeric=("checks",))
    for rule, count in report.checked.items():
        misses = sum(violation.rule == rule for violation in report.violations)
        grid.add_row(
            rule, str(count), Text(f"{misses} broken", style="bold red") if misses else Text("kept", style="green")
        )
    yield grid
    for violation in report.violations:
        yield Text(str(violation), style="red")


def _figures(index: int, report: Report) -> str:
    parts = []
    if index in report.training_days:
        parts.append(f"{report.training_days[index]:.3g} days to train")
    elif index in report.utilisation:
        parts.append(f"utilisation {percent(report.utilisation[index])}")
    if index in report.memory_gb:
        needed, usable = report.memory_gb[index]
        parts.append(f"memory {needed:.1f} of {usable:.1f} GB")
    for metric, name, percentile, value, limit in report.latency_ms.get(index, ()):
        parts.append(f"{metric} p{percentile:g} of {name} {figure(value)} of {figure(limit)} ms")
    return ", ".join(parts) or "no figures"


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
