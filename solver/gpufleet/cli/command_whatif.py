"""`gpufleet whatif`: the same question under other budgets, without one of its requirements, or with other measures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gpufleet.cli.common import library_option, open_library, progress, show

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.measures import MeasureValue, VolumePoint


@click.command("whatif")
@click.argument("file")
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
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON and nothing else.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds per plan.",
)
@library_option
def command(
    file: str,
    budget: str | None,
    full_service: bool,
    without: tuple[str, ...],
    measures: bool,
    as_json: bool,
    time_limit: float,
    libraries: tuple[str, ...],
) -> None:
    """Solve FILE under a series of budget caps, with and without some of its requirements, or of its measures."""
    if (budget is not None) + bool(without) + measures != 1:
        raise click.UsageError("give either --budget CAP=FROM:TO:STEP, --without NAME or --measures")
    if full_service and budget is None:
        raise click.UsageError("--full-service goes with --budget CAP=FROM:TO:STEP")
    if budget is not None:
        _sweep(file, budget, not full_service, as_json, time_limit, libraries)
    elif measures:
        _measures(file, as_json, time_limit, libraries)
    else:
        _price(file, without, as_json, time_limit, libraries)


def _sweep(file: str, budget: str, partial: bool, as_json: bool, time_limit: float, libraries: tuple[str, ...]) -> None:
    from gpufleet.library import load_instance
    from gpufleet.report.budget_text import budget_text
    from gpufleet.report.frontier_rows import budget_row
    from gpufleet.report.sweep_text import sweep_text
    from gpufleet.whatif.budget import BudgetSweep, sweep_budget

    try:
        sweep = BudgetSweep.parse(budget)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--budget") from None
    resolved = load_instance(file, open_library(libraries))
    with progress(f"solving {len(sweep.values)} budgets"):
        points = list(sweep_budget(resolved, sweep, time_limit, partial=partial))
    if as_json:
        click.echo(json.dumps([{sweep.cap: point.cap, **budget_row(resolved, point)} for point in points], indent=2))
    else:
        plain = [sweep_text(resolved, sweep.cap, [(point.cap, point.plan) for point in points])]
        show(budget_text(resolved, sweep.cap, points) if partial else plain)


def _price(file: str, names: tuple[str, ...], as_json: bool, time_limit: float, libraries: tuple[str, ...]) -> None:
    from gpufleet.library import load_instance
    from gpufleet.report.price_text import price_text
    from gpufleet.whatif.requirements import REQUIREMENTS, price_requirements

    for name in names:
        if name not in REQUIREMENTS:
            message = f"{name!r} cannot be taken away; write one of {', '.join(REQUIREMENTS)}"
            raise click.BadParameter(message, param_hint="--without")
    resolved = load_instance(file, open_library(libraries))
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


def _measures(file: str, as_json: bool, time_limit: float, libraries: tuple[str, ...]) -> None:
    from gpufleet.library import load_instance
    from gpufleet.report.measure_text import measure_text
    from gpufleet.whatif.measures import value_measures

    resolved = load_instance(file, open_library(libraries))
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
