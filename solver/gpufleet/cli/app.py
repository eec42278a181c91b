"""The `gpufleet` command and its exit codes.

0 plan found (or question answered), 2 bad input or usage, 3 proven infeasible, 4 no plan within the limit,
5 verification failed, 6 the installation is not fit (`doctor`), 130 interrupted, 1 a bug.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from pathlib import Path
from typing import NoReturn

import click

from gpufleet import __version__
from gpufleet.errors import GpufleetError, VerificationError

COMMANDS = (
    "init",
    "examples",
    "solve",
    "verify",
    "schedule",
    "report",
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
    "doctor",
    "completion",
)
EXIT_BUG, EXIT_INPUT, EXIT_INFEASIBLE, EXIT_NO_PLAN, EXIT_BROKEN, EXIT_UNFIT = 1, 2, 3, 4, 5, 6
EXIT_INTERRUPTED = 130
"""By convention, 128 and the number of the signal."""


class Commands(click.Group):
    """One file per command, imported only when it is asked for; turns our errors into exit codes and next steps."""

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed, which is remembered for the next step; a wrong one gets a suggestion."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(_no_such_command(args[0]), ctx)
        found = super().resolve_command(ctx, args)
        ctx.meta[__name__] = (*found[:2], list(found[2]))  # parsing empties the list
        return found

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what is wrong with the input is printed, never raised."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            _leave(ctx, EXIT_INTERRUPTED, "\nInterrupted.")
        except VerificationError as error:
            _leave(ctx, EXIT_BUG, f"gpufleet has a bug: {error}", error)
        except GpufleetError as error:
            _leave(ctx, EXIT_INPUT, str(error), error)
        except (click.ClickException, click.exceptions.Exit, OSError):
            raise
        except SystemExit as end:
            _say_next(ctx, end.code if isinstance(end.code, int) else 0)
            raise
        except ImportError as error:
            if (error.name or "gpufleet").partition(".")[0] == "gpufleet":
                raise
            _leave(ctx, EXIT_UNFIT, f"A package that gpufleet needs cannot be imported: {error}", error)
        except Exception as error:
            from gpufleet.cli.next_steps import BUG

            error.add_note(BUG)
            raise


def _no_such_command(name: str) -> str:
    """With what was probably meant."""
    if Path(name).is_file():
        return f"No such command {name!r}, which is a file; did you mean: gpufleet solve {name}"
    near = difflib.get_close_matches(name, COMMANDS, 1)
    return f"No such command {name!r}{f'; did you mean {near[0]}?' if near else ''}"


def _leave(ctx: click.Context, code: int, message: str, error: Exception | None = None) -> NoReturn:
    """Say what is wrong and what to do, on standard error, and end."""
    click.echo(message, err=True)
    _say_next(ctx, code, error)
    sys.exit(code)


def _say_next(ctx: click.Context, code: int, error: Exception | None = None) -> None:
    """The next step after this end, if there is one."""
    if code == 0 or __name__ not in ctx.meta:
        return
    from gpufleet.cli import next_steps

    call = next_steps.Call.read(*ctx.meta[__name__])
    step: next_steps.NextStep | None
    if error is not None:
        step = next_steps.after_error(error, call)
    elif code == EXIT_INTERRUPTED:
        step = next_steps.after_interrupt(call)
    else:
        step = next_steps.after_exit(code, call)
    if step is not None:
        click.echo(str(step), err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gpufleet")
@click.option("-v", "--verbose", is_flag=True, help="Log what is being done, to standard error.")
def main(verbose: bool) -> None:
    """Decide which accelerators to buy or rent: the cheapest fleet, with a proof.

    Start with: gpufleet solve bank-assistant, then gpufleet init
    """
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
