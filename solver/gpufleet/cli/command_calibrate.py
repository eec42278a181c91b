"""`gpufleet calibrate`: fit the performance model to measurements, or see how far it is off on them."""

from __future__ import annotations

import click

from gpufleet.cli.common import library_option, open_library, progress, show


@click.command("calibrate")
@click.argument("tables", type=click.Path(), nargs=-1, required=True)
@click.option("--out", metavar="FILE", help="Write the calibration to a YAML file.")
@click.option(
    "--predictions", metavar="FILE", help="Write every row with its cross-validated prediction to a CSV file."
)
@click.option("--check", "check_only", is_flag=True, help="Fit nothing: errors of the library's calibration on TABLES.")
@click.option("--from-scratch", is_flag=True, help="Draw figures to what was assumed before any row was seen.")
@click.option("--json", "as_json", is_flag=True, help="Print errors (with --check, also every row) as JSON.")
@library_option
def command(
    tables: tuple[str, ...],
    out: str | None,
    predictions: str | None,
    check_only: bool,
    from_scratch: bool,
    as_json: bool,
    libraries: tuple[str, ...],
) -> None:
    """Fit the figures of the performance model to CSV TABLES of measurements.

    Figures that the tables do not determine stay those of the library's calibration. Errors are cross-validated: each
    model on each accelerator is predicted by a fit that saw nothing of it. Put the file as calibration/bundled.yaml
    into a library folder to use it.
    """
    from gpufleet.calibration import calibrate as steps
    from gpufleet.calibration.tables import read_table
    from gpufleet.report import calibration_text

    if check_only and (out or predictions or from_scratch):
        raise click.UsageError("--check fits nothing: leave out --out, --predictions and --from-scratch")
    library = open_library(libraries)
    reading = steps.read([read_table(table) for table in tables], library)
    if check_only:
        found = steps.check(reading, library.calibration)
        if as_json:
            click.echo(calibration_text.check_json(library.calibration, found, reading))
        else:
            show(calibration_text.check_text(library.calibration, found, reading))
        return
    with progress("fitting"):
        made = steps.calibrate(reading, library.calibration, from_scratch)
    if out:
        from gpufleet.library import write_calibration

        write_calibration(made.calibration, out)
    if predictions:
        from gpufleet.library import write_text

        write_text(calibration_text.predictions_csv(made.unseen), predictions)
    show(calibration_text.fit_text(made.calibration, reading, as_json, out))
