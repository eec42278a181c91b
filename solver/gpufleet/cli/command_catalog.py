"""`gpufleet catalog`: browse accelerators, node types, prices and model cards; bring in price lists, compare them."""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import names_of
from gpufleet.cli.catalog_diff import diff
from gpufleet.cli.catalog_import import import_, template
from gpufleet.cli.common import library_option, open_library, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from gpufleet.library import Library

KINDS = ("accelerators", "node-types", "offers", "models")


@click.group("catalog")
def command() -> None:
    """Browse accelerators, node types, offers and model cards; bring in price lists, and compare them."""


command.add_command(import_)
command.add_command(template)
command.add_command(diff)


@command.command("list")
@click.argument("kind", type=click.Choice(KINDS), default="accelerators")
@click.option("--match", default="", metavar="TEXT", help="Only names that contain this text.")
@library_option
def list_(kind: str, match: str, libraries: tuple[str, ...]) -> None:
    """List everything of one KIND (default: accelerators)."""
    from gpufleet.report import catalog_text

    records = _records(open_library(libraries), kind)
    chosen = [record for name, record in records.items() if match.lower() in name.lower()]
    table = getattr(catalog_text, f"{kind.replace('-', '_')}_table")
    show([table(chosen), f"{len(chosen)} of {len(records)} {kind}"])


@command.command("show")
@click.argument("name", shell_complete=names_of("accelerators", "node_types", "models", "offers"))
@library_option
def show_(name: str, libraries: tuple[str, ...]) -> None:
    """Show everything known about NAME: an accelerator, node type, offer or model."""
    from gpufleet.cli.app import EXIT_INPUT
    from gpufleet.report.catalog_text import record_text

    library = open_library(libraries)
    names: list[str] = []
    for kind in KINDS:
        records = _records(library, kind)
        if name in records:
            show((record_text(kind, records[name]),))
            return
        names += records
    near = difflib.get_close_matches(name, names, 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; see gpufleet catalog list"
    click.echo(f"the catalogue has no {name}{hint}", err=True)
    sys.exit(EXIT_INPUT)


def _records(library: Library, kind: str) -> Mapping[str, BaseModel]:
    if kind == "models":
        return {name: library.model(name) for name in library.model_names}
    return getattr(library, kind.replace("-", "_"))  # type: ignore[no-any-return]
