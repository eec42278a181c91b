"""`gpufleet frontier`: every budget at which something more is served, or every value at which the cost changes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import library_option, open_library, overlay_option, progress, show, time_limit_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.frontier import Frontier
    from gpufleet.whatif.trade_off import TradeOff

CHARTS = ("png", "svg")


@click.command("frontier")
@instance_argument()
@click.option(
    "--over",
    default="usd_per_day",
    show_default=True,
    metavar="AXIS",
    help="A budget (usd_per_day, capex_usd, sites.NAME.usd_per_day, ...), or what cost is drawn against: "
    "latency:WORKLOAD[:METRIC], accuracy:WORKLOAD[:METRIC], deadline:WORKLOAD, energy, co2, vendors.",
)
@click.option("--from", "start", type=click.FloatRange(min=0), metavar="VALUE", help="Start of the range.")
@click.option("--to", "stop", type=click.FloatRange(min=0), metavar="VALUE", help="End of the range.")
@click.option(
    "--step",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Leave out improvements of a priority by less than this share of it, as in 0.05.",
)
@click.option("--points", type=click.IntRange(min=1), metavar="N", help="The step that gives at most N per priority.")
@click.option("--whole-workloads", is_flag=True, help="Serve every workload as a whole or not at all (large estates).")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON and nothing else.")
@click.option("--csv", metavar="FILE", help="Write one row per breakpoint to this file.")
@click.option("--chart", metavar="FILE", help="Draw the steps: .png or .svg.")
@time_limit_option("Seconds per integer program.")
@overlay_option
@library_option
def command(
    file: str, over: str, start: float | None, stop: float | None, step: float | None, points: int | None,
    whole_workloads: bool, as_json: bool, csv: str | None, chart: str | None, time_limit: float,
    libraries: tuple[str, ...],
) -> None:  # fmt: skip
    """Find every breakpoint of the staircase of service (or cost) of FILE, each exact and with a verified plan.

    Over a budget: what it buys, from nothing to full service, by priority and value of the workloads. Over anything
    else: what full service costs.
    """
    form = _form(chart) if chart else ""
    _check_range(start, stop, over)
    from gpufleet.library import load_instance

    if step is not None and points is not None:
        raise click.UsageError("give --step or --points, not both")
    resolved = load_instance(file, open_library(libraries))
    axis = over.partition(":")[0]
    if axis in ("latency", "accuracy", "deadline", "energy", "co2", "vendors"):
        if step is not None or points is not None or whole_workloads:
            raise click.UsageError(
                "--step, --points and --whole-workloads are for budgets; other axes serve everything"
            )
        _trade_off(resolved, over, start, stop, time_limit, as_json, csv, chart, form)
    else:
        part = step if step is not None else 1 / points if points else 0.0
        _budget(resolved, over, start, stop, part, whole_workloads, time_limit, as_json, csv, chart, form)


def _budget(
    resolved: ResolvedInstance, over: str, start: float | None, stop: float | None, step: float, whole: bool,
    time_limit: float, as_json: bool, csv: str | None, chart: str | None, form: str,
) -> None:  # fmt: skip
    from gpufleet.report.frontier_rows import frontier_json, frontier_table
    from gpufleet.report.frontier_text import frontier_text
    from gpufleet.whatif.frontier import budget_frontier

    try:
        with progress("climbing from budget to budget"):
            found = budget_frontier(
                resolved, over, start=start or 0.0, stop=stop, step=step, whole=whole, time_limit_s=time_limit
            )
    except ValueError as error:
        raise click.BadParameter(_or_axis(str(error)), param_hint="--over") from None
    _write(resolved, found, frontier_table(resolved, found), csv, chart, form)
    if as_json:
        click.echo(json.dumps(frontier_json(resolved, found), indent=2))
    else:
        show(frontier_text(resolved, found))
    _leave(bool(found.points), found.complete)


def _or_axis(message: str) -> str:
    from gpufleet.whatif.axes import WAYS

    return f"{message}; or one of {WAYS}"


def _trade_off(
    resolved: ResolvedInstance, over: str, start: float | None, stop: float | None, time_limit: float,
    as_json: bool, csv: str | None, chart: str | None, form: str,
) -> None:  # fmt: skip
    from gpufleet.report.frontier_rows import trade_off_json, trade_off_rows
    from gpufleet.report.frontier_text import trade_off_text
    from gpufleet.whatif.trade_off import trade_off

    try:
        with progress(f"solving along {over}"):
            found = trade_off(resolved, over, start=start, stop=stop, time_limit_s=time_limit)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--over") from None
    _write(resolved, found, trade_off_rows(resolved, found), csv, chart, form)
    if as_json:
        click.echo(json.dumps(trade_off_json(resolved, found), indent=2))
    else:
        show(trade_off_text(resolved, found))
    _leave(bool(found.points), found.complete)


def _write(
    resolved: ResolvedInstance,
    found: Frontier | TradeOff,
    rows: Sequence[dict[str, Any]],
    csv: str | None,
    chart: str | None,
    form: str,
) -> None:
    from gpufleet.library import write_bytes, write_text

    if csv:
        import pandas

        write_text(pandas.DataFrame(rows).to_csv(index=False), csv)
        click.echo(f"wrote {csv}: {len(rows)} breakpoints", err=True)
    if chart and not rows:
        click.echo(f"{chart} is not written: there is no plan to draw", err=True)
    elif chart:
        from gpufleet.report.frontier_plot import frontier_plot, trade_off_plot
        from gpufleet.whatif.frontier import Frontier

        picture = (
            frontier_plot(resolved, found, form)
            if isinstance(found, Frontier)
            else trade_off_plot(resolved, found, form)
        )
        write_bytes(picture, chart)
        click.echo(f"wrote {chart}", err=True)


def _form(chart: str) -> str:
    form = Path(chart).suffix.removeprefix(".").lower()
    if form not in CHARTS:
        raise click.BadParameter(f"{chart!r} must end in .png or .svg", param_hint="--chart")
    return form


def _check_range(start: float | None, stop: float | None, over: str) -> None:
    is_bound = over.partition(":")[0] in ("latency", "accuracy", "deadline")
    if start is not None and stop is not None and start > stop and not is_bound:
        raise click.BadParameter(f"--from {start:g} is above --to {stop:g}; swap them", param_hint="--from")


def _leave(found: bool, complete: bool) -> None:
    from gpufleet.cli.app import EXIT_INFEASIBLE, EXIT_NO_PLAN

    if not found:
        sys.exit(EXIT_INFEASIBLE if complete else EXIT_NO_PLAN)
