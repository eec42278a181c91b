"""`gpufleet import`: other tools' files to instances."""

from __future__ import annotations

import click

from gpufleet.cli.common import library_option, open_library


@click.group("import")
def command() -> None:
    """Turn other tools' files into instances."""


@command.command("melange")
@click.argument("file")
@click.option("--out", required=True, metavar="FILE", help="Instance file to write (.yaml, .yml or .json).")
@click.option(
    "--accelerator", "names", multiple=True, metavar="GPU=NAME", help="Catalogue name of a GPU in the file. Repeatable."
)
@library_option
def melange(file: str, out: str, names: tuple[str, ...], libraries: tuple[str, ...]) -> None:
    """Import a Mélange configuration (JSON) as a `profiled` instance."""
    from gpufleet.library import dump_instance, import_melange

    pairs = dict(_pair(name) for name in names)
    instance = import_melange(file, accelerators=pairs, library=open_library(libraries))
    dump_instance(instance, out)
    click.echo(f"wrote {out}: solve it with gpufleet solve {out}")


def _pair(text: str) -> tuple[str, str]:
    gpu, equals, name = text.partition("=")
    if not (gpu and equals and name):
        raise click.BadParameter(
            f"{text!r} is no pair; write GPU=NAME, as in A100-80GB=A100-SXM-80GB", param_hint="--accelerator"
        )
    return gpu, name
