"""`gpufleet breakeven`: where the answer flips, over prices, months or demand."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import instance_argument, names_of
from gpufleet.cli.common import (
    library_option,
    open_library,
    overlay_option,
    performance_option,
    progress,
    show,
    time_limit_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.accelerator_hours import AcceleratorHours
    from gpufleet.whatif.breakeven import PriceBreaks
    from gpufleet.whatif.flips import Flips

CHARTS = ("png", "svg", "pdf")


@click.command("breakeven")
@instance_argument()
@click.option(
    "--offer",
    "offers",
    multiple=True,
    metavar="NAME",
    shell_complete=names_of("offers"),
    help="Price of this offer (default: of all). Repeatable.",
)
@click.option(
    "--step",
    type=click.FloatRange(min=0.000001),
    default=0.01,
    show_default=True,
    metavar="USD",
    help="How exact prices are.",
)
@click.option("--horizon-months", metavar="FROM:TO", help="Instead: the cheapest mix for every such number of months.")
@click.option(
    "--for-good",
    is_flag=True,
    help="With --horizon-months: the need ends then; terms are paid to their end, bought nodes are sold.",
)
@click.option(
    "--demand", metavar="FROM:TO[:STEP]", help="Instead: the cheapest mix at so many times today's request rates."
)
@click.option("--chart", metavar="FILE", help="Draw the answer: .png, .svg or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON and nothing else.")
@time_limit_option("Seconds per plan.")
@performance_option
@overlay_option
@library_option
def command(
    file: str,
    offers: tuple[str, ...],
    step: float,
    horizon_months: str | None,
    for_good: bool,
    demand: str | None,
    chart: str | None,
    as_json: bool,
    time_limit: float,
    performance: str | None,
    libraries: tuple[str, ...],
) -> None:
    """Say where the answer to FILE flips: the price at which an offer enters or leaves the cheapest fleet.

    Or, with --horizon-months or --demand, where its mix of accelerators and terms changes: rent, reserve or buy.
    """
    from gpufleet.cli.common import counting_on
    from gpufleet.library import load_instance

    if bool(offers) + (horizon_months is not None) + (demand is not None) > 1:
        raise click.UsageError("give --offer, --horizon-months or --demand, one at a time")
    if for_good and horizon_months is None:
        raise click.UsageError("--for-good says how the months of --horizon-months end; give both")
    form = _form(chart)
    resolved = counting_on(load_instance(file, open_library(libraries)), performance)
    if horizon_months is None and demand is None:
        picture = _prices(resolved, offers, step, form, as_json, time_limit)
    else:
        picture = _flips(resolved, horizon_months, demand, for_good, form, as_json, time_limit)
    if chart is not None:
        _draw(chart, picture)


def _form(chart: str | None) -> str | None:
    if chart is None:
        return None
    form = Path(chart).suffix.removeprefix(".").lower()
    if form not in CHARTS:
        raise click.BadParameter(f"{chart!r} must end in .png, .svg or .pdf", param_hint="--chart")
    return form


def _draw(chart: str, picture: bytes | None) -> None:
    from gpufleet.library import write_bytes

    if picture is None:
        click.echo(f"{chart} is not written: there is nothing to draw", err=True)
        return
    write_bytes(picture, chart)
    click.echo(f"wrote {chart}", err=True)


def _prices(
    resolved: ResolvedInstance, offers: tuple[str, ...], step: float, form: str | None, as_json: bool, limit: float
) -> bytes | None:
    from gpufleet.candidates.enumerate import build_candidates
    from gpufleet.report.breakeven_text import price_breaks_text
    from gpufleet.whatif.accelerator_hours import accelerator_hours
    from gpufleet.whatif.breakeven import break_even_prices

    with progress(f"looking for the break-even prices of {len(offers) or len(resolved.offers)} offers"):
        candidates = build_candidates(resolved)
        found = break_even_prices(resolved, offers, step_usd=step, time_limit_s=limit, candidates=candidates)
        hours = accelerator_hours(resolved, candidates, found.optimum)
    if as_json:
        click.echo(json.dumps(_prices_json(found, hours), indent=2))
    else:
        spelled = {"spelled": len(offers)} if offers else {}
        show(price_breaks_text(resolved, found, hours, **spelled))
    if form is None:
        return None
    from gpufleet.report.breakeven_plot import price_breaks_plot

    return price_breaks_plot(resolved, found, form)


def _flips(
    resolved: ResolvedInstance,
    months: str | None,
    demand: str | None,
    for_good: bool,
    form: str | None,
    as_json: bool,
    limit: float,
) -> bytes | None:
    from gpufleet.report.breakeven_text import flips_text
    from gpufleet.whatif.flips import Span, flips_over_demand, flips_over_months

    option = "--demand" if months is None else "--horizon-months"
    try:
        span = Span.parse(months or demand or "", whole=months is not None)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
    with progress(f"solving {len(span.values)} points and more where the mix changes"):
        if months is not None:
            found = flips_over_months(resolved, span, for_good=for_good, time_limit_s=limit)
        else:
            found = flips_over_demand(resolved, span, time_limit_s=limit)
    if as_json:
        click.echo(json.dumps(_flips_json(found), indent=2))
    else:
        show(flips_text(resolved, found))
    if form is None:
        return None
    from gpufleet.report.breakeven_plot import flips_plot

    return flips_plot(resolved, found, form)


def _prices_json(found: PriceBreaks, hours: tuple[AcceleratorHours, ...]) -> dict[str, object]:
    left_out = {"inside", "outside"}
    rows = []
    for one in found.breaks:
        plain = {name: value for name, value in vars(one).items() if name not in left_out}
        sides = {"inside": _plan(one.inside), "outside": _plan(one.outside)}
        rows.append({**plain, "change": one.change, **sides})
    return {
        "optimum": _plan(found.optimum),
        "step_usd": found.step_usd,
        "offers": rows,
        "without_price": found.without_price,
        "accelerator_hours": [{**asdict(row), "usd_per_worked_hour": row.usd_per_worked_hour} for row in hours],
    }


def _flips_json(found: Flips) -> dict[str, object]:
    def points() -> Iterator[dict[str, object]]:
        for point in found.points:
            mix = None if point.mix is None else sorted(point.mix)
            yield {found.moved: float(point.value), "mix": mix, "proven": point.proven, **(_plan(point.plan) or {})}

    segments = [
        {
            "from": float(segment.first.value),
            "to": float(segment.last.value),
            "mix": None if segment.first.mix is None else sorted(segment.first.mix),
        }
        for segment in found.segments
    ]
    return {"moved": found.moved, "for_good": found.for_good, "segments": segments, "points": list(points())}


def _plan(plan: Plan | None) -> dict[str, object] | None:
    if plan is None:
        return None
    cost = None if plan.certificate is None else plan.certificate.objective_usd
    nodes = [{"offer": entry.offer, "count": entry.count} for entry in plan.nodes]
    return {"status": plan.status, "objective_usd": cost, "nodes": nodes}
