"""`gpufleet catalog import` and `catalog template`: price lists of others to price files of a library."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.common import library_option, open_library

if TYPE_CHECKING:
    import datetime

    from gpufleet.library.importers.prices.imported import ImportedPrices

SOURCES = ("skypilot", "gpuhunt", "aws-price-list", "quote")
SHOWN = 5
"""So many of the rows that were skipped for one reason are named."""


class Pair(click.ParamType[tuple[str, str]]):
    """`NAME=CATALOGUE`."""

    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Both halves."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        name, equals, known = value.partition("=")
        if not (name and equals and known):
            self.fail(f"{value!r} is no pair; write NAME=ACCELERATOR, as in A100-80GB=A100-SXM-80GB", param, ctx)
        return name, known


@click.command("import")
@click.argument("source", type=click.Choice(SOURCES), metavar="SOURCE")
@click.argument("file")
@click.option("--out", required=True, metavar="CSV", help="Price file to write: LIBRARY/catalog/offers/NAME_DATE.csv.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="When the prices held; quotes say it themselves."
)
@click.option("--provider", metavar="NAME", help="Whose prices they are, where FILE does not say; else: only these.")
@click.option("--regions", metavar="A,B", help="Only these regions, with commas between; default: all.")
@click.option(
    "--create-node-types",
    "node_types_file",
    metavar="CSV",
    help="Write node types for instances that the catalogue lacks to LIBRARY/catalog/node_types/NAME.csv.",
)
@click.option(
    "--accelerator",
    "pairs",
    multiple=True,
    type=Pair(),
    metavar="NAME=ACCELERATOR",
    help="The accelerator that FILE calls NAME, or that the instance NAME carries. Repeatable.",
)
@click.option(
    "--upfront",
    type=click.Choice(["no", "partial", "all"]),
    default="all",
    show_default=True,
    help="AWS reservations: which payment option; it is spread over the term.",
)
@click.option(
    "--offering-class",
    type=click.Choice(["standard", "convertible"]),
    default="standard",
    show_default=True,
    help="AWS reservations: which class.",
)
@click.option("--archive", is_flag=True, help="Move older files with the same prices to the folder archive/ beside.")
@click.option("--skipped", "skipped_file", metavar="CSV", help="Write the rows that were not taken to this file.")
@click.option("--verbose", is_flag=True, help="Name every row that was not taken.")
@library_option
def import_(
    source: str,
    file: str,
    out: str,
    as_of: datetime.datetime | None,
    provider: str | None,
    regions: str | None,
    node_types_file: str | None,
    pairs: tuple[tuple[str, str], ...],
    upfront: str,
    offering_class: str,
    archive: bool,
    skipped_file: str | None,
    verbose: bool,
    libraries: tuple[str, ...],
) -> None:
    """Turn a price list FILE of SOURCE into a price file of a library.

    \b
    skypilot        vms.csv of a cloud in SkyPilot's catalogue
    gpuhunt         CSV of a provider in gpuhunt's catalogue
    aws-price-list  index.json of AmazonEC2, of one region or all
    quote           a vendor's quote; gpufleet catalog template writes the form

    Instances are matched to node types of the catalogue by name; rows without one are counted, never guessed.
    """
    from gpufleet.library.importers.prices.imported import ImportWishes, import_prices
    from gpufleet.library.price_files import write_node_types, write_prices

    _check_suffix(out, "--out")
    for option, wanted in (("--create-node-types", node_types_file), ("--skipped", skipped_file)):
        if wanted is not None:
            _check_suffix(wanted, option)
    wishes = ImportWishes(
        as_of=as_of.date() if as_of else None,
        provider=provider,
        regions=tuple(name.strip() for name in (regions or "").split(",") if name.strip()),
        create_node_types=node_types_file is not None,
        accelerators=dict(pairs),
        upfront=upfront,  # type: ignore[arg-type]
        offering_class=offering_class,  # type: ignore[arg-type]
    )
    found = import_prices(source, file, wishes, open_library(libraries))  # type: ignore[arg-type]
    click.echo(f"{file}: {_count(found.rows, 'price')} read, {len(found.offers):,} taken")
    if found.repeated:
        click.echo(f"  {_count(found.repeated, 'price')} repeated, in other zones for example")
    _say_skipped(found, verbose)
    if skipped_file is not None:
        _write_skipped(found, skipped_file)
    if not found.offers:
        click.echo("nothing to write: no row is of a node type of the catalogue")
        click.get_current_context().exit(2)
    if node_types_file is not None and found.node_types:
        added = write_node_types(found.node_types, Path(node_types_file))
        click.echo(f"{node_types_file}: {_count(added, 'node type')} added, with assumed links")
    for path, gone in write_prices(found.offers, Path(out), archive=archive).items():
        lost = f"; {_count(len(gone), 'price')} of it {_has(gone)} no successor: {_few(gone)}" if gone else ""
        click.echo(f"moved {path} to archive/{lost}")
    click.echo(f"wrote {_count(len(found.offers), 'price')} to {out}")
    click.echo(_next_step(out))


def _check_suffix(path: str, option: str) -> None:
    if Path(path).suffix.lower() != ".csv":
        raise click.BadParameter(
            f"{path!r} must end in .csv, as in my-library/catalog/offers/aws_2026-11-01.csv", param_hint=option
        )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _has(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _few(names: list[str]) -> str:
    rest = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


def _say_skipped(found: ImportedPrices, verbose: bool) -> None:
    """How many rows were skipped for which reason, with their instances."""
    for reason, number in found.reasons.most_common():
        rows = [row for row in found.skipped if row.reason == reason]
        names = list(dict.fromkeys(row.instance or row.accelerator or "no name" for row in rows))
        click.echo(f"  {_count(number, 'price')} skipped: {reason}")
        click.echo(f"    {', '.join(names) if verbose else _few(names)}")


def _write_skipped(found: ImportedPrices, path: str) -> None:
    from dataclasses import asdict, fields

    from gpufleet.library import write_text
    from gpufleet.library.importers.prices.imported import SkippedRow

    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(SkippedRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in found.skipped)
    write_text(text.getvalue(), path)
    click.echo(f"wrote {_count(len(found.skipped), 'skipped row')} to {path}")


def _next_step(out: str) -> str:
    folder = Path(out).parent
    if (folder.parent.name, folder.name) == ("catalog", "offers"):
        return f"use them: gpufleet solve FILE --library {folder.parent.parent}"
    return f"use them: put {Path(out).name} into the folder catalog/offers of a --library"


@click.command("template")
@click.option("--out", required=True, metavar="FILE", help="Form to write: quote.xlsx or quote.csv.")
def template(out: str) -> None:
    """Write an empty form for a vendor's quote, with instructions and one example row."""
    from gpufleet.library import write_bytes
    from gpufleet.library.importers.prices.quote import template_csv, template_xlsx

    kind = Path(out).suffix.lower()
    if kind not in (".xlsx", ".csv"):
        raise click.BadParameter(f"{out!r} must end in .xlsx or .csv, as in quote.xlsx", param_hint="--out")
    write_bytes(template_xlsx() if kind == ".xlsx" else template_csv().encode(), out)
    click.echo(f"wrote {out}: fill it in, delete the example row, then")
    click.echo(f"  gpufleet catalog import quote {out} --out my-library/catalog/offers/NAME_DATE.csv")
