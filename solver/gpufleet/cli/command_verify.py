"""`gpufleet verify`: check any plan, written by hand or by us."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from gpufleet.cli.common import counting_on, library_option, open_library, performance_option, show, source_option

if TYPE_CHECKING:
    from gpufleet.schema.measurements import PerformanceSource


@click.command("verify")
@click.argument("instance")
@click.argument("plan")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON and nothing else.")
@performance_option
@source_option
@library_option
def command(
    instance: str,
    plan: str,
    as_json: bool,
    performance: str | None,
    performance_source: PerformanceSource | None,
    libraries: tuple[str, ...],
) -> None:
    """Recompute feasibility and cost of a PLAN from the INSTANCE alone.

    Exit code 0 when every rule is kept, 5 when one is broken.
    """
    from gpufleet.cli.app import EXIT_BROKEN
    from gpufleet.library import load_instance, load_plan
    from gpufleet.report.verdict_text import verdict_text
    from gpufleet.verification import verify

    resolved = counting_on(load_instance(instance, open_library(libraries), performance_source), performance)
    checked = load_plan(plan)
    report = verify(resolved, checked)
    if as_json:
        from dataclasses import asdict

        click.echo(json.dumps({"ok": report.ok, **asdict(report)}, indent=2))
    else:
        show(verdict_text(resolved, checked, report))
    sys.exit(0 if report.ok else EXIT_BROKEN)
