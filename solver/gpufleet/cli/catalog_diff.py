"""`gpufleet catalog diff`: which prices appeared, vanished and changed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpufleet.cli.common import library_option, open_library, show

if TYPE_CHECKING:
    from gpufleet.library.price_diff import PriceDiff, RepricedPlan


@click.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--plan", metavar="PLAN", help="Also say what the change means for the bill of this plan, unsolved.")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON and nothing else.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the changes as CSV and nothing else.")
@library_option
def diff(before: str, after: str, plan: str | None, as_json: bool, as_csv: bool, libraries: tuple[str, ...]) -> None:
    """Say which prices appeared, vanished and changed from BEFORE to AFTER.

    Each is a price file, a folder of them, a library folder, or a day as 2026-11-01: then the library's files count,
    and those in archive/ beside them.
    """
    from gpufleet.library import load_plan
    from gpufleet.library.price_diff import diff_prices, reprice
    from gpufleet.report.price_diff_text import price_diff_text, repriced_text

    if as_json and as_csv:
        raise click.UsageError("--json and --csv do not go together")
    if as_csv and plan is not None:
        raise click.UsageError("--plan does not go with --csv, whose rows are prices; use --json")
    found = diff_prices(before, after, open_library(libraries))
    repriced = None if plan is None else reprice(load_plan(plan), found)
    if as_json:
        click.echo(_json(found, repriced))
    elif as_csv:
        click.echo(_csv(found), nl=False)
    else:
        show(price_diff_text((before, after), found))
        if repriced is not None:
            show(repriced_text(Path(str(plan)).name, repriced))


def _json(found: PriceDiff, repriced: RepricedPlan | None) -> str:
    from dataclasses import asdict

    from gpufleet.report.price_diff_text import price_diff_rows

    fields = {"changes": price_diff_rows(found), "same": found.same, "undated": found.undated}
    return json.dumps(fields if repriced is None else {**fields, "plan": asdict(repriced)}, indent=2)


def _csv(found: PriceDiff) -> str:
    from gpufleet.report.price_diff_text import COLUMNS, price_diff_rows

    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(price_diff_rows(found))
    return text.getvalue()
