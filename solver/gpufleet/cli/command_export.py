"""`gpufleet export`: a plan as tables, manifests or an integer program for other software."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.arguments import instance_argument
from gpufleet.cli.as_solved import AsSolved, as_solved_options
from gpufleet.cli.common import (
    progress,
    refuse_broken,
)
from gpufleet.cli.kubernetes_options import kubernetes_options

if TYPE_CHECKING:
    from gpufleet.exporting.program import Program
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

FORMATS = ("csv", "parquet", "lp", "mps", "kubernetes")


@click.command("export")
@instance_argument()
@click.argument("plan", required=False)
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option(
    "--out", required=True, metavar="PATH", help="File (lp, mps; also .lp.gz, .mps.gz) or folder (the others)."
)
@click.option("--exact", is_flag=True, help="lp, mps: whole numbers throughout instead of scaled rows.")
@kubernetes_options
@as_solved_options
def command(
    file: str,
    plan: str | None,
    form: str,
    out: str,
    exact: bool,
    question: AsSolved,
    **cluster: Any,
) -> None:
    """Write a PLAN for FILE, or the integer program of FILE, for other software.

    csv, parquet: a folder of tidy tables with a Data Package descriptor. kubernetes: a folder of manifests with a
    kustomization. lp, mps: the integer program that `solve` solves, for any other solver; a PLAN adds its values as a
    start. A plan that breaks a rule is refused with exit code 5; one that was solved with --set, --performance or
    --from is exported with the same. See docs/export.md.
    """
    from gpufleet.cli.kubernetes_options import refuse_without_kubernetes
    from gpufleet.library import load_plan

    refuse_without_kubernetes(cluster, form)
    if exact and form not in ("lp", "mps"):
        raise click.UsageError(f"--exact belongs to --format lp and mps, not to {form}")
    if plan is None and form not in ("lp", "mps"):
        raise click.UsageError(
            f"--format {form} is about a plan; write one with: gpufleet solve {file} --out plan.yaml"
        )
    resolved = question.of(file)
    known = None if plan is None else load_plan(plan)
    if known is not None:
        refuse_broken(resolved, known, "export")
    if form in ("lp", "mps"):
        _program(resolved, known, Path(out), form, exact)
    elif known is not None and form == "kubernetes":
        _manifests(resolved, known, out, cluster)
    elif known is not None:
        _tables(resolved, known, out, form)


def _tables(resolved: ResolvedInstance, plan: Plan, out: str, form: Any) -> None:
    from gpufleet.library.folder import write_folder
    from gpufleet.report.tables.package import package_files

    files = package_files(resolved, plan, form)
    write_folder(files, out)
    click.echo(f"wrote {len(files) - 2} tables to {out}, described in {Path(out) / 'datapackage.json'}")


def _manifests(resolved: ResolvedInstance, plan: Plan, out: str, cluster: dict[str, Any]) -> None:
    from gpufleet.cli.kubernetes_options import check_manifests, kubernetes_settings
    from gpufleet.library.folder import write_folder
    from gpufleet.report.kubernetes.bundle import kubernetes_manifests

    found = kubernetes_manifests(resolved, plan, kubernetes_settings(resolved, cluster))
    verdict = check_manifests(found) if cluster["validate"] else None
    write_folder(found.files(), out)
    width = shutil.get_terminal_size().columns
    for warning in found.warnings:
        click.echo(click.wrap_text(f"warning: {warning}", width, subsequent_indent="  "), err=True)
    count = sum(len(objects) for objects in found.objects.values())
    click.echo(f"wrote {count} objects to {out}; start with {Path(out) / 'README.md'}")
    if verdict is not None:
        click.echo(verdict)


def _program(resolved: ResolvedInstance, plan: Plan | None, out: Path, form: str, exact: bool) -> None:
    """The program, beside it what its variables stand for, and the plan's values."""
    from gpufleet.exporting.files import lp_text, mps_text, start_text
    from gpufleet.exporting.program import export_program
    from gpufleet.library.writer import write_bytes, write_text

    stem = _stem(out, form)
    with progress("building the integer program"):
        program = export_program(resolved, plan)
        text = (lp_text if form == "lp" else mps_text)(program, exact=exact).encode()
    # compressed files carry no time, so that the same program is the same bytes
    write_bytes(gzip.compress(text, mtime=0) if out.name.endswith(".gz") else text, out)
    variables = out.with_name(f"{stem}.variables.csv")
    write_text(program.variables_frame().to_csv(index=False, lineterminator="\n"), variables)
    if program.start is not None:
        write_text(start_text(program, exact=exact), out.with_name(f"{stem}.mst"))
    _tell(program, out, variables, stem)


def _stem(out: Path, form: str) -> str:
    """`model` of `model.lp` and `model.lp.gz`."""
    name = out.name.removesuffix(".gz")
    if not name.endswith(f".{form}"):
        raise click.BadParameter(
            f"{out.name!r} must end with .{form} or .{form}.gz, as in model.{form}", param_hint="--out"
        )
    return name.removesuffix(f".{form}")


def _tell(program: Program, out: Path, variables: Path, stem: str) -> None:
    model = program.model
    click.echo(f"wrote {len(model.variables):,} variables and {len(model.rows):,} rows to {out}")
    click.echo(f"what the variables stand for: {variables}")
    if program.start is not None:
        click.echo(f"the plan as a start, {program.start_usd:,.2f} USD: {out.with_name(f'{stem}.mst')}")
    elif program.start_note is not None:
        click.echo(f"no start from the plan: {program.start_note}")
