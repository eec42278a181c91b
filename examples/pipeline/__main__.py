"""Runs the pipeline in this process: `python -m examples.pipeline --out FOLDER`."""

import os
import sys

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

import click
import dagster as dg
from examples.pipeline.definitions import ASSETS, CHECKS
from examples.pipeline.make_trace import SAMPLED, TRACE


@click.command()
@click.option("--out", default="pipeline-report", show_default=True, help="Folder of the report.")
@click.option(
    "--trace", default=str(TRACE), show_default=True, help="CSV with TIMESTAMP, ContextTokens, GeneratedTokens."
)
@click.option("--sampled", default=float(SAMPLED), show_default=True, help="Requests that every row stands for.")
def main(out: str, trace: str, sampled: float) -> None:
    """From a request trace to a published plan."""
    config = {"trace": {"config": {"path": trace, "sampled": sampled}}, "report": {"config": {"folder": out}}}
    result = dg.materialize([*ASSETS, *CHECKS], run_config={"ops": config}, raise_on_error=False)
    for check in result.get_asset_check_evaluations():
        click.echo(f"{check.check_name}: {'passed' if check.passed else 'FAILED'}")
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    if not result.success or failed:
        sys.exit(1)
    click.echo(f"published: {', '.join(result.output_for_node('report'))}")


if __name__ == "__main__":
    main()
