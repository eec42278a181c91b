"""`--from` and `--move-cost`: starting from a fleet that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

KINDS = ("node", "accelerator")


class MoveCost(click.ParamType[dict[str, float]]):
    """Prices of changes by kind."""

    name = "prices"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        """`200` and `node=200,accelerator=5` to prices by kind."""
        if not isinstance(value, str):
            return dict(value)
        prices: dict[str, float] = {}
        for part in value.split(","):
            kind, equals, amount = part.rpartition("=")
            kind = kind.strip() if equals else KINDS[0]
            try:
                number = float(amount)
            except ValueError:
                number = -1.0
            if kind not in KINDS or kind in prices or not 0 <= number < float("inf"):
                self.fail(
                    f"{value!r} is no price of changes; write USD per node, as in 200, or by kind, as in "
                    f"{KINDS[0]}=200,{KINDS[1]}=5",
                    param,
                    ctx,
                )
            prices[kind] = number
        return prices


def migration_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--from PLAN` and `--move-cost USD`."""
    for option in (
        click.option(
            "--move-cost",
            type=MoveCost(),
            metavar="USD",
            help="For a node that is set up or given up: 200; or node=200,accelerator=5.",
        ),
        click.option("--from", "today", metavar="PLAN", help="Start from this plan's fleet; needs --move-cost."),
    ):
        command = option(command)
    return command


def moved_from(
    resolved: ResolvedInstance, today: str | None, move_cost: dict[str, float] | None
) -> tuple[ResolvedInstance, Plan | None]:
    """The instance with the fleet of today and prices of changing it, and the plan that was named, if one was."""
    if today is None and move_cost is None:
        return resolved, None
    prices = [(move_cost or {}).get(kind, 0.0) for kind in KINDS]
    if today is None:
        known = resolved.instance.migration
        if known is None:
            raise click.UsageError("--move-cost needs --from PLAN, since the instance has no migration of its own")
        from gpufleet.edits.changes import with_fields

        changed = known.model_copy(update={"usd_per_node": prices[0], "usd_per_accelerator": prices[1]})
        return with_fields(resolved, migration=changed), None
    if move_cost is None:
        raise click.UsageError("--from needs --move-cost, e.g. --move-cost 200 for 200 USD a node; 0 for free changes")
    from gpufleet.edits.migrating import starting_from
    from gpufleet.library import load_plan

    plan = load_plan(today)
    if not plan.nodes:
        raise click.BadParameter(f"{today!r} has no nodes: there is no fleet to start from", param_hint="--from")
    return starting_from(resolved, plan, *prices), plan
