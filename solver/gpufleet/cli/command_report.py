"""`gpufleet report`: a plan as a page, text or workbook for those who decide."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.as_solved import AsSolved, as_solved_options
from gpufleet.cli.common import (
    exit_code,
    progress,
    verdict_of,
)

if TYPE_CHECKING:
    from gpufleet.confirming import Confirmation
    from gpufleet.report.procurement.material import Baseline
    from gpufleet.report.procurement.report import PlanReport
    from gpufleet.schema.curve import BudgetCurve
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification import Report

FORMATS = ("html", "md", "xlsx")
SUFFIXES = {".html": "html", ".htm": "html", ".md": "md", ".markdown": "md", ".xlsx": "xlsx"}


@click.command("report")
@instance_argument()
@click.argument("plan")
@click.option("--out", metavar="FILE", help="Write to this file: .html, .md or .xlsx. Without it, Markdown is printed.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Instead of what the suffix of --out says.")
@click.option(
    "--budget-curve",
    "curves",
    multiple=True,
    metavar="FILE",
    help="JSON of `frontier --json` or `whatif --budget --json` for the same FILE. Repeatable.",
)
@click.option("--bound", is_flag=True, help="Recompute the lower bound from the prices in the plan, as verify --bound.")
@click.option("--compare", metavar="PLAN", help="Compare with this plan (default: the instance's baseline_plan).")
@as_solved_options
def command(
    file: str,
    plan: str,
    out: str | None,
    form: str | None,
    curves: tuple[str, ...],
    bound: bool,
    compare: str | None,
    question: AsSolved,
) -> None:
    """Write a PLAN for FILE as a report to decide on: what to buy and rent, what it costs and when, what runs where,
    what was ruled out and why, what is assumed, what is proven, and lines to sign on.

    One HTML page that loads nothing, Markdown, or an Excel workbook that calculates. The plan is verified first; one
    that breaks a rule is reported all the same, says so at the top, and ends with exit code 5. Nothing is solved; a
    plan that was solved with --set or --scale is reported with the same.
    """
    from gpufleet.report.procurement.report import PlanReport

    kind = _form(out, form)
    resolved = question.of(file)
    known, digest = _read(plan)
    with progress("verifying the plan and writing the report"):
        made = PlanReport(
            resolved=resolved,
            plan=known,
            verdict=_verdict(resolved, known),
            confirmation=_confirmed(resolved, known) if bound else None,
            curves=_curves(resolved, curves),
            baseline=_baseline(resolved, known, compare),
            plan_sha256=digest,
        )
        _write(made, kind, out)
    sys.exit(_code(made))


def _form(out: str | None, form: str | None) -> str:
    """The format that was asked for, in words or by the suffix of the file."""
    if out is None:
        if form in ("html", "xlsx"):
            raise click.UsageError(f"--format {form} needs a file: --out report.{form}")
        return "md"
    found = SUFFIXES.get(Path(out).suffix.lower())
    if form is None and found is None:
        message = f"{out!r} must end in .html, .md or .xlsx, as in --out report.html; or say --format html"
        raise click.BadParameter(message, param_hint="--out")
    return form or found or ""


def _read(plan: str) -> tuple[Plan, str]:
    """The plan and the digest of its file, as `sha256sum` prints it."""
    from gpufleet.library import load_plan

    known = load_plan(plan)
    return known, hashlib.sha256(Path(plan).read_bytes()).hexdigest()


def _verdict(resolved: ResolvedInstance, plan: Plan) -> Report | None:
    """What the verifier says; there is nothing to verify where no plan was found."""
    return None if plan.status in ("infeasible", "unknown") and not plan.nodes else verdict_of(resolved, plan)


def _confirmed(resolved: ResolvedInstance, plan: Plan) -> Confirmation:
    from gpufleet.confirming import confirm

    return confirm(resolved, plan)


def _curves(resolved: ResolvedInstance, curves: tuple[str, ...]) -> tuple[BudgetCurve, ...]:
    from gpufleet.library import load_budget_curve

    return tuple(load_budget_curve(curve, resolved.workloads) for curve in curves)


def _baseline(resolved: ResolvedInstance, plan: Plan, compare: str | None) -> Baseline | None:
    """The plan to compare with: the one that was named, or that of the instance, relative to its file."""
    from gpufleet.library import load_plan
    from gpufleet.report.procurement.material import Baseline
    from gpufleet.verification import verify

    name = resolved.instance.baseline_plan
    path = compare or (None if name is None else str(Path(resolved.path).parent / name))
    if path is None or not plan.nodes:
        return None
    other = load_plan(path)
    return Baseline(Path(path).name, other, verify(resolved, other))


def _write(made: PlanReport, kind: str, out: str | None) -> None:
    from gpufleet.library import write_bytes, write_text

    if out is None:
        click.echo(made.markdown(), nl=False)
        return
    if kind == "xlsx":
        write_bytes(made.workbook(), out)
    else:
        write_text(made.html() if kind == "html" else made.markdown(), out)


def _code(made: PlanReport) -> int:
    from gpufleet.cli.app import EXIT_BROKEN

    if made.verdict is not None and not made.verdict.ok:
        return EXIT_BROKEN
    return exit_code(made.plan) if made.verdict is None else 0
