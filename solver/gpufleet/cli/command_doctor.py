"""`gpufleet doctor`: is the installation fit?"""

from __future__ import annotations

import json
import sys
from itertools import chain

import click

from gpufleet.cli.common import library_option, progress, show


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON and nothing else.")
@library_option
def command(as_json: bool, libraries: tuple[str, ...]) -> None:
    """Check the installation: versions, solvers, data, extras, machine, and one question from end to end.

    What fails stands with its remedy. Exit code 0 when everything works that is not optional, 6 when something does
    not.
    """
    from gpufleet.cli.app import EXIT_UNFIT
    from gpufleet.cli.checks_of_packages import check_extras, check_machine, check_packages
    from gpufleet.cli.checks_of_work import check_compiled, check_data, check_end_to_end, check_solvers
    from gpufleet.report.checkup_text import checkup_json, checkup_text, is_fit

    with progress("looking"):
        groups = (check_packages(), check_solvers(), check_compiled(), check_data(libraries))
        checks = list(chain(*groups, check_end_to_end(), check_machine(), check_extras()))
    if as_json:
        click.echo(json.dumps(checkup_json(checks), indent=2))
    else:
        show(checkup_text(checks))
    sys.exit(0 if is_fit(checks) else EXIT_UNFIT)
