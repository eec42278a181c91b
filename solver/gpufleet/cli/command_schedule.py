"""`gpufleet schedule`: a plan as something that can be carried out, period by period."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import library_option, overlay_option, refuse_broken, show, source_option
from gpufleet.cli.edit_options import edit_options, load_question

if TYPE_CHECKING:
    from gpufleet.schema.measurements import PerformanceSource


@click.command("schedule")
@instance_argument()
@click.argument("plan", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON and nothing else.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV and nothing else.")
@edit_options
@source_option
@overlay_option
@library_option
def command(
    file: str,
    plan: str,
    as_json: bool,
    as_csv: bool,
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    performance_source: PerformanceSource | None,
    libraries: tuple[str, ...],
) -> None:
    """Say how many nodes and replicas of a PLAN for FILE there are in every period (and stage).

    Rows for an autoscaler: of every pool the nodes, base (there in every period) and burst (rented for this one); of
    every deployment the replicas. Columns: docs/instance-format.md, ScheduleRow. A plan that breaks a rule is refused
    with exit code 5.
    """
    from gpufleet.library import load_plan
    from gpufleet.report.schedule_rows import schedule_csv, schedule_rows
    from gpufleet.report.schedule_text import schedule_text

    if as_json and as_csv:
        raise click.UsageError("give --json or --csv, not both")
    resolved = load_question(file, libraries, sets, scales, performance_source)
    known = load_plan(plan)
    refuse_broken(resolved, known, "schedule")
    if as_json:
        rows = (row.model_dump(mode="json", exclude_defaults=True) for row in schedule_rows(resolved, known))
        click.echo(json.dumps(list(rows), indent=2))
    elif as_csv:
        click.echo(schedule_csv(schedule_rows(resolved, known)), nl=False)
    else:
        show(schedule_text(resolved, known))
