"""`gpufleet whatif`: the same question under other budgets, or without one of its requirements."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from gpufleet.cli.common import library_option, open_library, progress, show

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@click.command("whatif")
@click.argument("file")
@click.option("--budget", metavar="CAP=FROM:TO:STEP", help="E.g. usd_per_day=200:600:25; also horizon_usd, capex_usd.")
@click.option(
    "--without",
    multiple=True,
    metavar="NAME",
    help="Price a requirement: redundancy, budgets, privacy, accuracy, slo, shares, quotas or stock. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON and nothing else.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds per point.",
)
@library_option
def command(
    file: str,
    budget: str | None,
    without: tuple[str, ...],
    as_json: bool,
    time_limit: float,
    libraries: tuple[str, ...],
) -> None:
    """Solve FILE under a series of budget caps, or with and without some of its requirements."""
    if (budget is None) == (not without):
        raise click.UsageError("give either --budget CAP=FROM:TO:STEP or --without NAME")
    if budget is not None:
        _sweep(file, budget, as_json, time_limit, libraries)
    else:
        _price(file, without, as_json, time_limit, libraries)


def _sweep(file: str, budget: str, as_json: bool, time_limit: float, libraries: tuple[str, ...]) -> None:
    from gpufleet.library import load_instance
    from gpufleet.report.sweep_text import sweep_text
    from gpufleet.whatif.budget import BudgetSweep, sweep_budget

    try:
        sweep = BudgetSweep.parse(budget)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--budget") from None
    resolved = load_instance(file, open_library(libraries))
    with progress(f"solving {len(sweep.values)} budgets"):
        points = [(point.cap, point.plan) for point in sweep_budget(resolved, sweep, time_limit)][::-1]
    if as_json:
        click.echo(json.dumps([{sweep.cap: cap, **_answer(resolved, plan)} for cap, plan in points], indent=2))
    else:
        show([sweep_text(resolved, sweep.cap, points)])


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
