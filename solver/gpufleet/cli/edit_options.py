"""`--set` and `--scale`: edits of FILE before it is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.common import open_library

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.edits.questions import Action
    from gpufleet.library.document_edits import Edit
    from gpufleet.schema.measurements import PerformanceSource
    from gpufleet.schema.resolved import ResolvedInstance


def edit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--set PATH=VALUE` and `--scale PATH=FACTOR`, repeatable; see docs/sweeps.md."""
    scale = click.option(
        "--scale",
        "scales",
        multiple=True,
        metavar="PATH=FACTOR",
        help="Multiply numbers of FILE, or prices, demand or stock, as in demand.chat=1.5. Repeatable.",
    )
    change = click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="PATH=VALUE",
        help="Change a field of FILE, as in budgets.usd_per_day=200. Repeatable.",
    )
    return change(scale(command))


def edits_of(sets: tuple[str, ...], scales: tuple[str, ...]) -> list[Edit]:
    """The edits that the options stand for, each with one value."""
    from gpufleet.edits.questions import parse_edit

    edits = []
    options: tuple[tuple[Action, tuple[str, ...]], ...] = (("set", sets), ("scale", scales))
    for action, texts in options:
        for text in texts:
            try:
                edits.append(parse_edit(action, text))
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint=f"--{action}") from None
    return edits


def load_question(
    file: str,
    libraries: tuple[str, ...],
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    performance_source: PerformanceSource | None = None,
) -> ResolvedInstance:
    """The instance FILE with its edits."""
    from gpufleet.edits.questions import load_edited

    return load_edited(file, edits_of(sets, scales), open_library(libraries), performance_source)
