"""`gpufleet examples`: the instances that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from gpufleet.cli.common import show

if TYPE_CHECKING:
    from collections.abc import Mapping


def _begun(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from gpufleet.library.bundled_instances import bundled_instances

    return [CompletionItem(name) for name in bundled_instances() if name.startswith(incomplete)]


@click.command("examples")
@click.argument("name", required=False, shell_complete=_begun)
@click.option(
    "--to", "folder", type=click.Path(), metavar="DIR", help="Copy it, and the files that it names, into this folder."
)
@click.option("--force", is_flag=True, help="Replace files that are there already.")
def command(name: str | None, folder: str | None, force: bool) -> None:
    """List the bundled instances, print the one called NAME, or copy it.

    Every command that takes an instance FILE takes such a name too, where there is no file of that name.
    """
    from gpufleet.library.bundled_instances import bundled_instances, title_of

    known = bundled_instances()
    if name is None and folder is not None:
        raise click.UsageError(f"--to needs a name, e.g. gpufleet examples {next(iter(known))} --to {folder}")
    if name is None:
        from gpufleet.report.examples_text import examples_table

        show([examples_table({each: title_of(path) for each, path in known.items()})])
        return
    path = _known(name, known)
    if folder is None:
        click.echo(path.read_text(encoding="utf-8"), nl=False)
    else:
        _copy(path, Path(folder), force)


def _known(name: str, known: Mapping[str, Path]) -> Path:
    from gpufleet.library.wording import did_you_mean

    if name not in known:
        hint = did_you_mean(name, known) or "; gpufleet examples lists them"
        raise click.BadParameter(f"no bundled instance is called {name!r}{hint}", param_hint="NAME")
    return known[name]


def _copy(path: Path, folder: Path, force: bool) -> None:
    """All of them, or none where one would replace a file."""
    from gpufleet.library import write_bytes
    from gpufleet.library.bundled_instances import files_of

    sources = files_of(path)
    there = [str(folder / source.name) for source in sources if (folder / source.name).exists()]
    if there and not force:
        raise click.BadParameter(f"{', '.join(there)} is there already; --force replaces it", param_hint="--to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(
            f"{str(folder)!r} cannot be made a folder: {error.strerror}", param_hint="--to"
        ) from None
    for source in sources:
        write_bytes(source.read_bytes(), folder / source.name)
        click.echo(f"wrote {folder / source.name}")
