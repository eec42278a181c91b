"""`--today` and `--max-price-age`: which prices of a plan are stale, and on which day."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.common import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

TODAY, MOST = "gpufleet.today", "gpufleet.max_price_age"
"""Where the click context keeps them."""


def price_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--today DATE` and `--max-price-age DAYS`."""
    day = click.option(
        "--today",
        "day",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DATE",
        expose_value=False,
        callback=_keeping(TODAY),
        help="The day from which the age of prices is counted (default: today); not with a planning_date in FILE.",
    )
    most = click.option(
        "--max-price-age",
        type=click.IntRange(1, 36500),
        metavar="DAYS",
        expose_value=False,
        callback=_keeping(MOST),
        help="Name prices of the plan that are older (default: the instance's max_price_age_days, 180).",
    )
    return day(most(command))


def _keeping(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        del parameter
        context.meta[key] = value

    return keep


def with_max_price_age(resolved: ResolvedInstance) -> ResolvedInstance:
    """The instance with the age asked for, which is no part of the question, so that its digest stays."""
    context = click.get_current_context()
    if context.meta[TODAY] is not None and resolved.instance.planning_date is not None:
        planned = resolved.instance.planning_date
        message = f"the instance has a planning_date, {planned}; change it with --set planning_date=2026-12-01"
        raise click.BadParameter(message, param_hint="--today")
    if context.meta[MOST] is None:
        return resolved
    instance = resolved.instance.model_copy(update={"max_price_age_days": context.meta[MOST]})
    return replace(resolved, instance=instance)


def show_stale_prices(resolved: ResolvedInstance, plan: Plan, *, as_json: bool) -> None:
    """Name stale prices, and those of unknown age; where standard output is JSON, the stale ones on standard error."""
    from gpufleet.library.price_age import price_warnings, undated
    from gpufleet.report.prices_text import stale_lines

    context = click.get_current_context()
    given = context.meta[TODAY]
    taken = [nodes.offer for nodes in plan.nodes]
    day = resolved.instance.planning_date or (given.date() if given else datetime.date.today())
    warnings = price_warnings(resolved, taken, day)
    if not as_json:
        _show_section("Prices to ask for again", list(stale_lines(warnings, undated(resolved, taken))))
    elif context.params.get("log") != "-":  # then standard error is JSON too
        for warning in warnings:
            click.echo(f"note: {warning.offer}: {warning.message}", err=True)


def _show_section(title: str, lines: list[RenderableType]) -> None:
    from rich.text import Text

    if not lines:
        return
    click.echo()
    show([Text(title, style="bold"), *lines])
