"""`gpufleet completion`: what a shell needs to complete commands, options, files and names."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script for a SHELL.

    For this shell session: source <(gpufleet completion bash). docs/installation.md says how to keep it.
    """
    from click.shell_completion import get_completion_class

    from gpufleet.cli.app import main

    chosen = get_completion_class(shell)
    assert chosen is not None
    # the template alone: source() also starts bash to see its version, which may be another one than yours
    script = chosen(main, {}, "gpufleet", "_GPUFLEET_COMPLETE")
    click.echo(script.source_template % script.source_vars())
