"""`gpufleet stress`: how plans hold up when estimates are off, demand grows and nodes fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import library_option, open_library, overlay_option, progress, show, time_limit_option
from gpufleet.cli.scenario_options import scenario_options, settings_of

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.stress import PlanStress, StressReport

CHARTS = ("png", "svg", "pdf")


@click.command("stress")
@instance_argument()
@click.argument("plans", type=click.Path(), nargs=-1, metavar="[PLAN]...")
@click.option("--compare", is_flag=True, help="Also solve for the least cost, at p90 and with a spare node (N+1).")
@scenario_options
@click.option("--fixed-replicas", is_flag=True, help="Replicas stay on their nodes, and are lost with them.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON and nothing else.")
@click.option("--csv", "table", metavar="FILE", help="Write a row per plan and workload to this file; - prints it.")
@click.option("--chart", metavar="FILE", help="Draw how much is unmet how often: .png, .svg or .pdf.")
@time_limit_option("Seconds per plan of --compare.")
@overlay_option
@library_option
def command(
    file: str,
    plans: tuple[str, ...],
    compare: bool,
    samples: int,
    seed: int,
    demand: tuple[float, float] | None,
    availability: float | None,
    fixed_replicas: bool,
    as_json: bool,
    table: str | None,
    chart: str | None,
    time_limit: float,
    libraries: tuple[str, ...],
) -> None:
    """Sample what may go wrong with an instance FILE, and see how much each PLAN still serves.

    All plans meet the same scenarios: errors of throughputs, more demand, failed nodes, interrupted spot nodes.
    """
    from gpufleet.library import load_instance

    if not plans and not compare:
        raise click.UsageError("give one PLAN or more, or --compare")
    if as_json and table == "-":
        raise click.UsageError("give either --json or --csv -, not both")
    form = _form(chart)
    resolved = load_instance(file, open_library(libraries))
    known, missing = _plans(resolved, plans, compare, time_limit)
    with progress(f"stressing {len(known)} plans in {samples:,} scenarios"):
        from gpufleet.stressing.stress import stress

        report = stress(
            resolved, known, settings_of(samples, seed, demand, availability), fixed_replicas=fixed_replicas
        )
    if chart is not None:
        from gpufleet.report.stress_plot import stress_plot

        _write(chart, stress_plot(resolved, report, form), "--chart")
    if table is not None:
        _write_table(report, table)
    if as_json:
        click.echo(json.dumps(_answer(report, missing), indent=2))
    elif table != "-":
        from gpufleet.report.stress_text import stress_text

        show(stress_text(resolved, report, missing))


def _form(chart: str | None) -> str:
    form = Path(chart).suffix[1:].lower() if chart is not None else CHARTS[0]
    if form not in CHARTS:
        raise click.BadParameter(f"{chart!r} must end in .png, .svg or .pdf", param_hint="--chart")
    return form


def _plans(
    resolved: ResolvedInstance, files: tuple[str, ...], compare: bool, time_limit: float
) -> tuple[dict[str, Plan], dict[str, str]]:
    """Plans by label, and labels of plans that do not exist with the reason."""
    from gpufleet.library import load_plan

    found = {}
    for name in files:
        label = Path(name).name if Path(name).name not in found else name
        found[label] = load_plan(name)
    if compare:
        from gpufleet.whatif.hedges import hedged_plans

        with progress("solving three plans to compare"):
            found |= hedged_plans(resolved, time_limit)
    missing = {label: plan.reason or str(plan.status) for label, plan in found.items() if not plan.nodes}
    usable = {label: plan for label, plan in found.items() if plan.nodes}
    if not usable:
        reasons = "; ".join(f"{label}: {reason}" for label, reason in missing.items())
        raise click.BadParameter(f"no plan with a fleet to stress ({reasons})", param_hint="PLAN")
    return usable, missing


def _write(path: str, content: bytes, option: str) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise click.BadParameter(f"{path!r} cannot be written: {error.strerror}", param_hint=option) from error


def _write_table(report: StressReport, path: str) -> None:
    text = report.to_frame().to_csv(index=False, lineterminator="\n")
    if path == "-":
        click.echo(text, nl=False)
    else:
        _write(path, text.encode(), "--csv")


def _answer(report: StressReport, missing: dict[str, str]) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "settings": {**asdict(report.settings), "fixed_replicas": report.fixed_replicas},
        "plans": [_plan(found) for found in report.plans],
        "without_plan": missing,
    }


def _plan(found: PlanStress) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "plan": found.label,
        "cost_usd": found.cost_usd,
        "broken_rules": found.notes,
        "whole": asdict(found.whole),
        "workloads": [asdict(strain) for strain in found.workloads],
    }
