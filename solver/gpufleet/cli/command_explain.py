"""`gpufleet explain`: why this answer, or none."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import (
    Doing,
    counting_on,
    exit_code,
    library_option,
    overlay_option,
    performance_option,
    progress,
    show,
    source_option,
    time_limit_option,
)
from gpufleet.cli.edit_options import edit_options, load_question

if TYPE_CHECKING:
    from gpufleet.schema.measurements import PerformanceSource


@click.command("explain")
@instance_argument()
@time_limit_option("Seconds for the answer, and as many again for all that explains it.")
@edit_options
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON and nothing else.")
@performance_option
@source_option
@overlay_option
@library_option
def command(
    file: str,
    time_limit: float,
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    as_json: bool,
    performance: str | None,
    performance_source: PerformanceSource | None,
    libraries: tuple[str, ...],
) -> None:
    """Say why the answer to FILE is what it is.

    Where there is no plan: a smallest set of requirements that cannot hold together, with the lines that say them, and
    for each of them the smallest change that leaves a plan. Where there is one: what each requirement costs, and why
    no other accelerator was bought. Then what eliminated the candidates, and what came nearest.
    """
    from gpufleet.explain.explanation import explanation
    from gpufleet.explain.nearest import nearest_misses
    from gpufleet.report.explain_text import funnels_text
    from gpufleet.report.explanation_json import explanation_json
    from gpufleet.report.explanation_text import explanation_text

    resolved = counting_on(load_question(file, libraries, sets, scales, performance_source), performance)
    doing = Doing(f"solving {resolved.instance.uid}")
    with progress(doing):
        explained = explanation(resolved, time_limit, doing.now)
    plan = explained.plan
    misses = {name: nearest_misses(plan, name) for name in resolved.workloads}
    if as_json:
        click.echo(json.dumps(explanation_json(explained, misses), indent=2))
    else:
        show(explanation_text(explained))
        show(funnels_text(resolved, plan, misses))
    sys.exit(exit_code(plan))
