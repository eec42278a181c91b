"""`gpufleet verify`: check any plan, written by hand or by us."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.as_solved import AsSolved, as_solved_options
from gpufleet.cli.common import show, verdict_of

if TYPE_CHECKING:
    from gpufleet.confirming import Confirmation
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@click.command("verify")
@instance_argument("instance")
@click.argument("plan", type=click.Path())
@click.option("--bound", is_flag=True, help="Also recompute the lower bound from the prices in the plan's certificate.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON and nothing else.")
@as_solved_options
def command(
    instance: str,
    plan: str,
    bound: bool,
    as_json: bool,
    question: AsSolved,
) -> None:
    """Recompute feasibility and cost of a PLAN from the INSTANCE alone.

    With --bound the integer program is built anew from the INSTANCE, and the prices in the PLAN's certificate are
    turned into a proven lower bound on the cost of any plan: in whole numbers, without a solver. It needs a plan with
    prices (`solve --out` writes them). A plan that was solved with --set or --scale is verified with the same.

    Exit code 0 when every rule is kept, 5 when one is broken.
    """
    from gpufleet.cli.app import EXIT_BROKEN
    from gpufleet.library import load_plan
    from gpufleet.report.verdict_text import verdict_text

    resolved = question.of(instance)
    checked = load_plan(plan)
    report = verdict_of(resolved, checked)
    confirmation = _confirmed(resolved, checked) if bound else None
    if as_json:
        from dataclasses import asdict

        verdict = {"ok": report.ok, **asdict(report)}
        click.echo(
            json.dumps(verdict if confirmation is None else {**verdict, "bound": asdict(confirmation)}, indent=2)
        )
    else:
        show(verdict_text(resolved, checked, report))
        if confirmation is not None:
            from gpufleet.report.bound_text import bound_text

            show(bound_text(confirmation))
    sys.exit(0 if report.ok else EXIT_BROKEN)


def _confirmed(resolved: ResolvedInstance, plan: Plan) -> Confirmation:
    from gpufleet.confirming import confirm

    return confirm(resolved, plan)
