"""`gpufleet validate`: is the file right?"""

from __future__ import annotations

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import library_option, open_library, overlay_option


@click.command("validate")
@instance_argument("files", nargs=-1, required=True)
@overlay_option
@library_option
def command(files: tuple[str, ...], libraries: tuple[str, ...]) -> None:
    """Check instance FILES without solving; every problem is listed with its line."""
    from gpufleet.errors import InputError, InputProblem
    from gpufleet.library import load_instance

    library = open_library(libraries)
    problems: list[InputProblem] = []
    for file in files:
        try:
            resolved = load_instance(file, library)
        except InputError as error:
            problems += error.problems
        else:
            workloads = sum(len(resolved.services.get(name, (name,))) for name in resolved.workloads)
            offers = len(resolved.offers)
            click.echo(f"{file}: valid ({workloads} workloads, {offers} offers)")
    if problems:
        raise InputError(problems)
