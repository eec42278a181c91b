"""`gpufleet import measurements`: result files of benchmarking tools, or operating points of another performance model,
to a table for an instance's `measurements`."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.common import library_option, open_library

if TYPE_CHECKING:
    from gpufleet.library import Given
    from gpufleet.schema.measurements import Measurement

MODEL_TOOL = "aiconfigurator"
ENGINES = ("trtllm", "vllm", "sglang")
TOOLS = ("vllm", "guidellm", "mlperf", "llm-d-planner", MODEL_TOOL)
COUNT = click.IntRange(min=1)


class Counts(click.ParamType[tuple[int, ...]]):
    """Whole numbers from 1 on, separated by commas."""

    name = "n[,n...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """`1,2,4` to (1, 2, 4)."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isdecimal() and int(part) > 0 for part in parts):
            self.fail(f"{value!r} must be a whole number from 1 on, or several separated by commas", param, ctx)
        return tuple(dict.fromkeys(int(part) for part in parts))


def _options(function: Any) -> Any:
    """Options in the order in which help lists them."""
    for option in reversed(
        (
            click.option("--model", required=True, metavar="NAME", help="Model card."),
            click.option("--variant", required=True, metavar="NAME", help="Variant of the model card."),
            click.option("--accelerator", required=True, metavar="NAME", help="Accelerator it ran on."),
            click.option("--node-type", metavar="NAME", help="Only for this node type; default: all with it."),
            click.option(
                "--tensor",
                "tensors",
                type=Counts(),
                default="1",
                show_default=True,
                help="Tensor-parallel size; aiconfigurator: or several, as in 1,2,4.",
            ),
            click.option("--pipeline", type=COUNT, default=1, show_default=True, help="Pipeline-parallel size."),
            click.option("--data", type=COUNT, default=1, show_default=True, help="Data-parallel size."),
            click.option("--expert", type=COUNT, default=1, show_default=True, help="Expert-parallel size."),
            click.option(
                "--engine",
                metavar="TEXT",
                help="Engine and version, where files do not say; aiconfigurator: trtllm (default), vllm or sglang.",
            ),
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
@click.argument("files", type=click.Path(), nargs=-1, metavar="[FILE]...")
@_options
@library_option
def measurements(
    tool: str,
    files: tuple[str, ...],
    out: str | None,
    as_of: datetime.datetime | None,
    tensors: tuple[int, ...],
    libraries: tuple[str, ...],
    **given: Any,
) -> None:
    """Turn result FILEs of a benchmarking TOOL into a table of measured operating points.

    vllm: results of vllm bench serve, one per operating point. guidellm: reports. mlperf: mlperf_log_summary.txt or
    mlperf_log_detail.txt. llm-d-planner: benchmark files. aiconfigurator takes no FILE: its table is computed from
    NVIDIA's operator measurements, needs --input-tokens and --output-tokens, and its rows count as modelled.
    """
    from gpufleet.library import Given, import_measurements, measurements_text, nearly_equal_sizes, write_text

    asked = Given(as_of=as_of.date() if as_of else None, tensor=tensors[0], **given)
    if tool == MODEL_TOOL:
        rows = _modelled(files, asked, tensors, libraries)
    elif not files:
        raise click.UsageError(f"{tool} needs at least one FILE")
    elif len(tensors) > 1:
        raise click.BadParameter("give one size; several are for aiconfigurator alone", param_hint="--tensor")
    else:
        rows = import_measurements(tool, files, asked)
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


def _modelled(
    files: tuple[str, ...], asked: Given, tensors: tuple[int, ...], libraries: tuple[str, ...]
) -> list[Measurement]:
    """Rows that aiconfigurator computes."""
    from gpufleet.library import modelled_table

    if files:
        raise click.UsageError(f"{MODEL_TOOL} takes no FILE: it computes its table")
    engine = asked.engine or ENGINES[0]
    if engine not in ENGINES:
        raise click.BadParameter(f"{engine!r} is none of {', '.join(ENGINES)}", param_hint="--engine")
    return modelled_table(open_library(libraries), asked, engine, tensors)
