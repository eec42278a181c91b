"""`gpufleet whatif`: the same question under other budgets."""

from __future__ import annotations

import json

import click

from gpufleet.cli.common import library_option, open_library, progress, show


@click.command("whatif")
@click.argument("file")
@click.option(
    "--budget",
    required=True,
    metavar="CAP=FROM:TO:STEP",
    help="E.g. usd_per_day=200:600:25; also horizon_usd, capex_usd.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON and nothing else.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds per point.",
)
@library_option
def command(file: str, budget: str, as_json: bool, time_limit: float, libraries: tuple[str, ...]) -> None:
    """Solve FILE under a series of budget caps: feasible or not, cost, fleet."""
    from gpufleet.library import load_instance
    from gpufleet.report.fleet_words import fleet_words
    from gpufleet.report.sweep_text import sweep_text
    from gpufleet.whatif.budget import BudgetSweep, sweep_budget

    try:
        sweep = BudgetSweep.parse(budget)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--budget") from None
    resolved = load_instance(file, open_library(libraries))
    with progress(f"solving {len(sweep.values)} budgets"):
        points = [(point.cap, point.plan) for point in sweep_budget(resolved, sweep, time_limit)][::-1]
    if as_json:
        rows = [
            {
                sweep.cap: cap,
                "status": plan.status,
                "objective_usd": plan.certificate.objective_usd if plan.certificate else None,
                "fleet": fleet_words(resolved, plan),
            }
            for cap, plan in points
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        show([sweep_text(resolved, sweep.cap, points)])
