"""`gpufleet whatif`: the same question under other budgets, without one of its requirements, or with other measures."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.common import library_option, overlay_option, progress, show, time_limit_option
from gpufleet.cli.edit_options import edit_options, load_question

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.measures import MeasureValue, VolumePoint


@click.command("whatif")
@instance_argument()
@click.option(
    "--budget",
    metavar="CAP=FROM:TO:STEP",
    help="E.g. usd_per_day=200:600:25; also horizon_usd, capex_usd, and of parts: sites.NAME.usd_per_day, "
    "workloads.NAME.horizon_usd, stages.NAME.capex_usd.",
)
@click.option("--full-service", is_flag=True, help="With --budget: only plans that serve everything as required.")
@click.option(
    "--without",
    multiple=True,
    metavar="NAME",
    help="Price a requirement: redundancy, budgets, privacy, accuracy, slo, shares, quotas or stock. Repeatable.",
)
@click.option("--measures", is_flag=True, help="What each measure is worth, and from what volume on it pays.")
@edit_options
@click.option("--scenarios", metavar="FILE", help="Named sets of edits, and grids (docs/sweeps.md).")
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON and nothing else.")
@click.option("--csv", metavar="FILE", help="Sweep: write the table to this file.")
@click.option("--parquet", metavar="FILE", help="Sweep: write the table as Parquet (extra gpufleet[parquet]).")
@click.option("--chart", metavar="FILE", help="Sweep: draw the cost over one or two axes: .png, .svg.")
@click.option("--out", metavar="DIR", help="Sweep: keep every finished point and the table in this folder.")
@click.option("--resume", metavar="DIR", help="Sweep: go on with the points that --out kept, and add the others.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Sweep: processes.")
@click.option("--dask", metavar="ADDRESS", help="Sweep: send points to the Dask cluster of this scheduler.")
@click.option(
    "--gap", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Sweep: stop a point at this gap."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Sweep: random seed.")
@time_limit_option("Seconds per plan.")
@overlay_option
@library_option
def command(
    file: str,
    budget: str | None,
    full_service: bool,
    without: tuple[str, ...],
    measures: bool,
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    scenarios: str | None,
    as_json: bool,
    csv: str | None,
    parquet: str | None,
    chart: str | None,
    out: str | None,
    resume: str | None,
    workers: int,
    dask: str | None,
    gap: float,
    seed: int,
    time_limit: float,
    libraries: tuple[str, ...],
) -> None:
    """Solve FILE with edits: under every combination of the values of --set and --scale, under --scenarios, under a
    series of budget caps, with and without some of its requirements, or of its measures.

    --set budgets.usd_per_day=200:600:25 and --scale demand=0.8,1,1.2 span a grid; with --budget, --without and
    --measures, --set and --scale change FILE beforehand.
    """
    modes = (budget is not None) + bool(without) + measures
    if modes > 1 or not (modes or sets or scales or scenarios):
        raise click.UsageError(
            "give either --budget CAP=FROM:TO:STEP, --without NAME or --measures, or a sweep by --set PATH=VALUES, "
            "--scale PATH=FACTORS or --scenarios FILE"
        )
    if full_service and budget is None:
        raise click.UsageError("--full-service goes with --budget CAP=FROM:TO:STEP")
    if not modes:
        from gpufleet.cli.sweeping import Outputs, Work, run

        outputs = Outputs(as_json, csv, parquet, chart, out, resume)
        run(file, libraries, sets, scales, scenarios, Work(time_limit, gap, seed, workers, dask), outputs)
        return
    _refuse_sweep_options(scenarios, csv, parquet, chart, out, resume)
    question = partial(load_question, file, libraries, sets, scales)
    if budget is not None:
        _sweep(question, budget, full_service, as_json, time_limit)
    elif measures:
        _measures(question, as_json, time_limit)
    else:
        _price(question, without, as_json, time_limit)


def _refuse_sweep_options(*values: str | None) -> None:
    """What only a sweep over --set and --scale can do is not ignored."""
    names = ("--scenarios", "--csv", "--parquet", "--chart", "--out", "--resume")
    given = [name for name, value in zip(names, values, strict=True) if value is not None]
    if given:
        raise click.UsageError(f"{given[0]} goes with --set and --scale, not with --budget, --without or --measures")


def _sweep(
    question: Callable[[], ResolvedInstance], budget: str, full_service: bool, as_json: bool, time_limit: float
) -> None:
    from gpufleet.report.budget_text import budget_text
    from gpufleet.report.frontier_rows import budget_row
    from gpufleet.report.sweep_text import sweep_text
    from gpufleet.whatif.budget import BudgetSweep, sweep_budget

    try:
        sweep = BudgetSweep.parse(budget)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--budget") from None
    resolved = question()
    with progress(f"solving {len(sweep.values)} budgets"):
        points = list(sweep_budget(resolved, sweep, time_limit, partial=not full_service))
    if as_json:
        click.echo(json.dumps([{sweep.cap: point.cap, **budget_row(resolved, point)} for point in points], indent=2))
    else:
        plain = [sweep_text(resolved, sweep.cap, [(point.cap, point.plan) for point in points])]
        show(budget_text(resolved, sweep.cap, points) if not full_service else plain)


def _price(question: Callable[[], ResolvedInstance], names: tuple[str, ...], as_json: bool, time_limit: float) -> None:
    from gpufleet.report.price_text import price_text
    from gpufleet.whatif.requirements import REQUIREMENTS, price_requirements

    for name in names:
        if name not in REQUIREMENTS:
            message = f"{name!r} cannot be taken away; write one of {', '.join(REQUIREMENTS)}"
            raise click.BadParameter(message, param_hint="--without")
    resolved = question()
    with progress(f"solving {len(set(names)) + 1} questions"):
        whole, prices = price_requirements(resolved, names, time_limit)
    if as_json:
        rows = [{"without": None, **_answer(resolved, whole), "price_usd": None, "proven": whole.status == "optimal"}]
        for price in prices:
            answer = _answer(resolved, price.plan)
            found = {"price_usd": price.price_usd, "proven": price.proven}
            rows.append({"without": price.requirement, **answer, **found})
        click.echo(json.dumps(rows, indent=2))
    else:
        show(price_text(resolved, whole, prices))


def _measures(question: Callable[[], ResolvedInstance], as_json: bool, time_limit: float) -> None:
    from gpufleet.report.measure_text import measure_text
    from gpufleet.whatif.measures import value_measures

    resolved = question()
    with progress("solving with and without measures at several volumes"):
        values = value_measures(resolved, time_limit)
    if as_json:
        click.echo(json.dumps([_value(value) for value in values], indent=2))
    else:
        show(measure_text(resolved, values))


def _value(value: MeasureValue) -> dict[str, object]:
    return {
        "measures": value.measures,
        "workloads": value.workloads,
        "cost_usd": value.cost_usd,
        **_point(value.today),
        "pays_from": value.pays_from,
        "does_not_pay_at": value.does_not_pay_at,
        "points": [{"factor": point.factor, **_point(point)} for point in value.points],
    }


def _point(point: VolumePoint) -> dict[str, object]:
    from gpufleet.whatif.measures import cost_of

    return {
        "without_usd": cost_of(point.without),
        "for_nothing_usd": cost_of(point.free),
        "value_usd": point.value_usd,
        "pays": point.pays,
        "proven": point.proven,
    }


def _answer(resolved: ResolvedInstance, plan: Plan) -> dict[str, object]:
    """Status, cost and fleet of a plan, and what it leaves unserved by workload where it may."""
    from gpufleet.report.fleet_words import fleet_words
    from gpufleet.report.unserved_text import left_out

    answer: dict[str, object] = {
        "status": plan.status,
        "objective_usd": plan.certificate.objective_usd if plan.certificate else None,
        "fleet": fleet_words(resolved, plan),
    }
    return {**answer, "unserved": left_out(resolved, plan)} if resolved.instance.allow_unserved else answer
