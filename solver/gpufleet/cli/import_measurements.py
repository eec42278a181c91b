"""`gpufleet import measurements`: result files of benchmarking tools to a table for an instance's `measurements`."""

from __future__ import annotations

import datetime
from typing import Any

import click

TOOLS = ("vllm", "guidellm", "mlperf", "llm-d-planner")
COUNT = click.IntRange(min=1)


def _options(function: Any) -> Any:
    """Options in the order in which help lists them."""
    for option in reversed(
        (
            click.option("--model", required=True, metavar="NAME", help="Model card."),
            click.option("--variant", required=True, metavar="NAME", help="Variant of the model card."),
            click.option("--accelerator", required=True, metavar="NAME", help="Accelerator it ran on."),
            click.option("--node-type", metavar="NAME", help="Only for this node type; default: all with it."),
            click.option("--tensor", type=COUNT, default=1, show_default=True, help="Tensor-parallel size."),
            click.option("--pipeline", type=COUNT, default=1, show_default=True, help="Pipeline-parallel size."),
            click.option("--data", type=COUNT, default=1, show_default=True, help="Data-parallel size."),
            click.option("--expert", type=COUNT, default=1, show_default=True, help="Expert-parallel size."),
            click.option("--engine", metavar="TEXT", help="Engine and version, where the files do not say."),
            click.option("--input-tokens", type=COUNT, help="Prompt tokens; default: the files' mean."),
            click.option("--output-tokens", type=COUNT, help="Generated tokens; default: the files' mean."),
            click.option("--items", type=COUNT, help="MLPerf: items per sample.  [default: 1]"),
            click.option("--batch", type=COUNT, help="MLPerf: largest inference batch."),
            click.option(
                "--concurrency",
                type=click.FloatRange(min=0, min_open=True),
                help="Requests in flight; default: the files'.",
            ),
            click.option(
                "--replicas", type=COUNT, default=1, show_default=True, help="MLPerf: replicas in the system."
            ),
            click.option("--from-model", metavar="REPO", help="llm-d-planner: take the rows of this model."),
            click.option("--from-hardware", metavar="NAME", help="llm-d-planner: take the rows of this hardware."),
            click.option("--source", metavar="TEXT", help="Where it comes from; default: tool and file."),
            click.option(
                "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day of the measurement; default: the files'."
            ),
            click.option("--out", metavar="FILE", help="CSV file to write; default: print it."),
        )
    ):
        function = option(function)
    return function


@click.command("measurements")
@click.argument("tool", type=click.Choice(TOOLS))
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_options
def measurements(
    tool: str, files: tuple[str, ...], out: str | None, as_of: datetime.datetime | None, **given: Any
) -> None:
    """Turn result FILEs of a benchmarking TOOL into a table of measured operating points.

    vllm: results of vllm bench serve, one per operating point. guidellm: reports. mlperf: mlperf_log_summary.txt or
    mlperf_log_detail.txt. llm-d-planner: benchmark files.
    """
    from gpufleet.library import Given, import_measurements, measurements_text, nearly_equal_sizes, write_text

    rows = import_measurements(tool, files, Given(as_of=as_of.date() if as_of else None, **given))
    for first, second in nearly_equal_sizes(rows):
        shown = " and ".join("/".join(map(str, size)) for size in (first, second))
        hint = "give --input-tokens and --output-tokens to make them one curve"
        click.echo(f"sizes {shown} are nearly the same; {hint}", err=True)
    text = measurements_text(rows)
    if out is None:
        click.echo(text, nl=False)
        return
    write_text(text, out)
    click.echo(f"wrote {out}: {len(rows)} operating points; list it under measurements in an instance")
