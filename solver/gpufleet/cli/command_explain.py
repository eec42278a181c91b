"""`gpufleet explain`: why this answer, or none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gpufleet.cli.common import (
    counting_on,
    exit_code,
    library_option,
    performance_option,
    progress,
    show,
    source_option,
)
from gpufleet.cli.edit_options import edit_options, load_question

if TYPE_CHECKING:
    from gpufleet.schema.measurements import PerformanceSource


@click.command("explain")
@click.argument("file")
@click.option(
    "--time-limit", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True, help="Seconds."
)
@edit_options
@performance_option
@source_option
@library_option
def command(
    file: str,
    time_limit: float,
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    performance: str | None,
    performance_source: PerformanceSource | None,
    libraries: tuple[str, ...],
) -> None:
    """Say what eliminated the candidates of FILE, and what came nearest.

    On an infeasible instance it also names every single group of limits whose removal alone would leave a plan.
    """
    from gpufleet.explain.limits import single_reliefs
    from gpufleet.explain.nearest import nearest_misses
    from gpufleet.report.explain_text import explain_text, relief_text
    from gpufleet.solving import solve

    resolved = counting_on(load_question(file, libraries, sets, scales, performance_source), performance)
    with progress(f"solving {resolved.instance.uid}"):
        plan = solve(resolved, time_limit_s=time_limit, price_of_caution=False)
        misses = {name: nearest_misses(plan, name) for name in resolved.workloads}
        reliefs = list(single_reliefs(resolved, time_limit)) if plan.status == "infeasible" else None
    show(explain_text(resolved, plan, misses))
    if reliefs is not None:
        click.echo()
        show(relief_text(resolved, plan, [(relief.limit, relief.plan) for relief in reliefs]))
    sys.exit(exit_code(plan))
