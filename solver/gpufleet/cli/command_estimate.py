"""`gpufleet estimate`: what one model does on one accelerator, without an instance."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.arguments import names_of
from gpufleet.cli.common import library_option, open_library, show

if TYPE_CHECKING:
    from gpufleet.schema.estimate import EstimateResult

PLOTS = ("png", "svg", "pdf")
COUNT = click.IntRange(min=1)
SHARE = click.FloatRange(0, 1, min_open=True)
ABOVE_ZERO = click.FloatRange(min=0, min_open=True)


class Sizes(click.ParamType[tuple[int, ...]]):
    """Whole numbers with commas between them."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """`1,2,4` to (1, 2, 4)."""
        if not isinstance(value, str):
            return tuple(value)
        try:
            return tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of sizes; write them as in 1,2,4", param, ctx)


def _sizes(flag: str, text: str) -> Any:
    return click.option(flag, type=Sizes(), default=(), show_default=False, metavar="LIST", help=text)


def _options(function: Any) -> Any:
    """Options in the order in which help lists them."""
    for option in reversed(
        (
            click.option(
                "--node",
                metavar="NAME",
                shell_complete=names_of("node_types"),
                help="Node type of the catalogue; default: the one nearest to 8.",
            ),
            click.option("--accelerators", type=COUNT, help="Accelerators of a node, instead of --node."),
            click.option("--network", "network_gb_s", type=ABOVE_ZERO, metavar="GB/S", help="Network of that node."),
            click.option(
                "--nodes", type=COUNT, help="Most nodes of one replica.  [default: as solve: 4, training 128]"
            ),
            click.option("--variant", "variants", multiple=True, metavar="NAME", help="Only this one. Repeatable."),
            click.option("--engine", metavar="NAME", help="Take what was calibrated for this engine."),
            click.option("--input-tokens", type=COUNT, help="Prompt tokens per request.  [default: 1024]"),
            click.option("--output-tokens", type=COUNT, help="Generated tokens per request.  [default: 256]"),
            click.option("--items", type=COUNT, help="Items per request, of other models.  [default: 1]"),
            click.option("--slo", multiple=True, metavar="BOUND", help="As in ttft:p95:1000ms. Repeatable."),
            click.option("--max-utilisation", type=SHARE, help="Of the saturation rate.  [default: 0.9]"),
            _sizes("--tensor", "Tensor-parallel sizes, as in 1,2,4; default: all that solve tries."),
            _sizes("--pipeline", "Pipeline depths."),
            _sizes("--data", "Data-parallel sizes."),
            _sizes("--batch", "Most sequences or requests at a time; samples per micro-batch."),
            click.option("--train", is_flag=True, help="Train instead of serve."),
            click.option("--global-batch", type=COUNT, help="Training: samples per step.  [default: 512]"),
            click.option("--sequence-tokens", type=COUNT, help="Training: tokens per sample.  [default: 4096 or less]"),
            click.option("--samples", type=ABOVE_ZERO, help="Training: samples per epoch.  [default: 1e6]"),
            click.option("--epochs", type=ABOVE_ZERO, help="Training: passes over them.  [default: 1]"),
            _sizes("--zero", "Training: ZeRO stages."),
            click.option("--recomputation/--no-recomputation", default=None, help="Training; default: the better."),
            click.option("--top", type=COUNT, default=10, show_default=True, help="Options in the tables."),
            click.option("--explain", is_flag=True, help="Say where the time of the best option goes."),
            click.option("--json", "as_json", is_flag=True, help="Print everything as JSON and nothing else."),
            click.option("--csv", metavar="FILE", help="Write all options to this file."),
            click.option("--plot", metavar="FILE", help="Draw curves over the load, or step times: .png, .svg, .pdf."),
        )
    ):
        function = option(function)
    return function


@click.command("estimate")
@click.argument("model", shell_complete=names_of("models"))
@click.argument("accelerator", shell_complete=names_of("accelerators"))
@_options
@library_option
def command(
    model: str, accelerator: str, libraries: tuple[str, ...], top: int, explain: bool, as_json: bool,
    csv: str | None, plot: str | None, **wishes: Any,
) -> None:  # fmt: skip
    """Say what MODEL does on ACCELERATOR: rates, latencies, memory, bottleneck.

    No instance is needed: names are those of gpufleet catalog list. Sizes that are listed are answered one by one, of
    everything else the best is taken, by throughput per accelerator.
    """
    from gpufleet.estimating.options import estimate_options
    from gpufleet.report.estimate_text import estimate_text

    form = _form(plot) if plot else ""
    result = estimate_options(model, accelerator, library=open_library(libraries), **wishes)
    _write(result, csv, plot, form, top)
    if as_json:
        click.echo(result.model_dump_json(indent=2, exclude_none=True))
    else:
        show(estimate_text(result, top, explain))
    if not result.options:
        from gpufleet.cli.app import EXIT_INFEASIBLE

        sys.exit(EXIT_INFEASIBLE)


def _form(plot: str) -> str:
    form = Path(plot).suffix.removeprefix(".").lower()
    if form not in PLOTS:
        raise click.BadParameter(f"{plot!r} must end in .png, .svg or .pdf", param_hint="--plot")
    return form


def _write(result: EstimateResult, csv: str | None, plot: str | None, form: str, top: int) -> None:
    from gpufleet.library import write_bytes, write_text

    if csv:
        write_text(result.to_frame().to_csv(index=False), csv)
        click.echo(f"wrote {csv}: {len(result.options)} options", err=True)
    if plot and not result.options:
        click.echo(f"{plot} is not written: nothing runs, so there is nothing to draw", err=True)
    elif plot:
        from gpufleet.report.estimate_plot import estimate_plot

        write_bytes(estimate_plot(result, form, top), plot)
        click.echo(f"wrote {plot}", err=True)
