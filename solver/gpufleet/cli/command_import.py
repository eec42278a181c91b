"""`gpufleet import`: other tools' files to instances and measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gpufleet.cli.common import library_option, open_library
from gpufleet.cli.import_measurements import measurements

if TYPE_CHECKING:
    from gpufleet.schema.instance import Instance


OUT = click.option("--out", metavar="FILE", help="Instance file to write (.yaml, .yml or .json); default: print it.")


@click.group("import")
def command() -> None:
    """Turn other tools' files into instances, or into measurements for one."""


command.add_command(measurements)


@command.command("melange")
@click.argument("file")
@OUT
@click.option(
    "--accelerator", "names", multiple=True, metavar="GPU=NAME", help="Catalogue name of a GPU in the file. Repeatable."
)
@library_option
def melange(file: str, out: str | None, names: tuple[str, ...], libraries: tuple[str, ...]) -> None:
    """Import a Mélange configuration (JSON) as a `profiled` instance."""
    from gpufleet.library import import_melange

    pairs = dict(_pair(name) for name in names)
    instance = import_melange(file, accelerators=pairs, library=open_library(libraries))
    _give(instance, out)


@command.command("trace")
@click.argument("trace")
@click.option("--into", required=True, metavar="FILE", help="Instance whose workload gets the traffic.")
@click.option("--workload", required=True, metavar="NAME", help="An llm_serving workload of that instance.")
@OUT
@click.option(
    "--percentile",
    type=click.FloatRange(0, 100, min_open=True),
    default=95.0,
    show_default=True,
    help="Of an hour's minutes, the one that sets its rate.",
)
@click.option(
    "--scale", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Factor on all rates."
)
@library_option
def trace(
    trace: str, into: str, workload: str, out: str | None, percentile: float, scale: float, libraries: tuple[str, ...]
) -> None:
    """Take request classes and hourly demand from a TRACE in the format of the Azure LLM inference traces.

    The CSV has the columns TIMESTAMP, ContextTokens, GeneratedTokens.
    """
    from gpufleet.library import load_instance, read_trace, with_trace

    requests = read_trace(trace)
    instance = load_instance(into, open_library(libraries)).instance
    changed = with_trace(instance, workload, requests, percentile=percentile, scale=scale)
    hours = len(changed.periods) or 1
    click.echo(f"{trace}: {len(requests):,} requests over {hours} hours of the day", err=True)
    _give(changed, out)


def _give(instance: Instance, out: str | None) -> None:
    """Write the instance, or print it when no file is named."""
    from gpufleet.library import dump_instance, instance_text

    if out is None:
        click.echo(instance_text(instance), nl=False)
        return
    dump_instance(instance, out)
    click.echo(f"wrote {out}: solve it with gpufleet solve {out}")


def _pair(text: str) -> tuple[str, str]:
    gpu, equals, name = text.partition("=")
    if not (gpu and equals and name):
        raise click.BadParameter(
            f"{text!r} is no pair; write GPU=NAME, as in A100-80GB=A100-SXM-80GB", param_hint="--accelerator"
        )
    return gpu, name
