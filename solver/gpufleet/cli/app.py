"""The `gpufleet` command and its exit codes.

0 plan found (or question answered), 2 bad input or usage, 3 proven infeasible, 4 no plan within the limit,
5 verification failed, 1 a bug.
"""

from __future__ import annotations

import importlib
import sys

import click

from gpufleet import __version__
from gpufleet.errors import GpufleetError, VerificationError

COMMANDS = (
    "solve",
    "verify",
    "schedule",
    "export",
    "validate",
    "explain",
    "whatif",
    "frontier",
    "alternatives",
    "breakeven",
    "stress",
    "diff",
    "estimate",
    "catalog",
    "schema",
    "import",
    "calibrate",
)
EXIT_BUG, EXIT_INPUT, EXIT_INFEASIBLE, EXIT_NO_PLAN, EXIT_BROKEN = 1, 2, 3, 4, 5


class Commands(click.Group):
    """One file per command, imported only when it is asked for; turns our errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gpufleet.cli.command_{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what is wrong with the input is printed, never raised."""
        try:
            return super().invoke(ctx)
        except VerificationError as error:
            click.echo(f"gpufleet has a bug: {error}", err=True)
            sys.exit(EXIT_BUG)
        except GpufleetError as error:
            click.echo(str(error), err=True)
            sys.exit(EXIT_INPUT)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gpufleet")
@click.option("-v", "--verbose", is_flag=True, help="Log what is being done, to standard error.")
def main(verbose: bool) -> None:
    """Decide which accelerators to buy or rent: the cheapest fleet, with a proof.

    Start with: gpufleet solve instances/reference/bank-assistant.yaml
    """
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
