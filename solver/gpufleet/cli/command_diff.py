"""`gpufleet diff`: what changed from one plan to another."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import library_option, show
from gpufleet.cli.edit_options import edit_options, load_question


@click.command("diff")
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@instance_argument(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON and nothing else.")
@edit_options
@library_option
def command(
    before: str,
    after: str,
    file: str | None,
    as_json: bool,
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    libraries: tuple[str, ...],
) -> None:
    """Say what changed from the plan BEFORE to the plan AFTER: nodes, costs, service, deployments, certificate.

    The instance FILE is only needed where a plan written by hand leaves out sites, node types and terms.
    """
    from dataclasses import asdict

    from gpufleet.library import load_plan
    from gpufleet.report.diff_text import diff_text
    from gpufleet.whatif.diff import diff_plans

    if file is None and (sets or scales):
        raise click.UsageError("--set and --scale change the instance FILE; give it after the two plans")
    resolved = None if file is None else load_question(file, libraries, sets, scales)
    found = diff_plans(load_plan(before), load_plan(after), resolved)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        show(diff_text((Path(before).name, Path(after).name), found))
