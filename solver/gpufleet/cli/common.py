"""What several commands share: options, output, progress."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType

    from gpufleet.library import Library
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification import Report

SOURCES = ("model", "aiconfigurator", "aiconfigurator-vllm", "aiconfigurator-sglang")
"""Values of an instance's `performance_source`."""
OVERLAY = "gpufleet.overlay"
"""Where the click context keeps the overlay."""
QUIET_SECONDS = 1.0
"""Progress is shown for work that takes longer than this."""


def library_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--library DIR`, repeatable."""
    return click.option(
        "--library",
        "libraries",
        multiple=True,
        type=click.Path(),
        metavar="DIR",
        help="Folder with your own catalog/ and models/; searched before the bundled data. Repeatable.",
    )(command)


def time_limit_option(what: str = "Seconds.") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--time-limit`, with what it limits."""
    return click.option(
        "--time-limit", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True, help=what
    )


def overlay_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--overlay FILE`, for commands that load an instance; `open_library` takes it from the click context."""
    return click.option(
        "--overlay",
        metavar="FILE",
        envvar="GPUFLEET_OVERLAY",
        expose_value=False,
        callback=_keep_overlay,
        help="Your discounts, private prices and committed nodes, over list prices.  [env: GPUFLEET_OVERLAY]",
    )(command)


def _keep_overlay(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    del parameter
    context.meta[OVERLAY] = value


def performance_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--performance p50|p90`."""
    return click.option(
        "--performance",
        type=click.Choice(["p50", "p90"]),
        help="Count on estimates as they stand (p50) or with 90 % confidence (p90); default: as the instance says.",
    )(command)


def counting_on(resolved: ResolvedInstance, performance: str | None) -> ResolvedInstance:
    """The instance at another level of performance; None leaves it as it is."""
    from gpufleet.edits.changes import with_fields

    return resolved if performance is None else with_fields(resolved, performance=performance)


def source_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--performance-source`, which replaces that of the instance."""
    return click.option(
        "--performance-source",
        type=click.Choice(SOURCES),
        help="Instead of the instance's performance_source; a plan is verified with the one it was made with.",
    )(command)


def open_library(libraries: tuple[str, ...]) -> Library:
    """The library of the given folders, GPUFLEET_LIBRARY and the bundled data, with the overlay asked for."""
    from gpufleet.library import Library

    context = click.get_current_context(silent=True)
    return Library.open(libraries, None if context is None else context.meta.get(OVERLAY))


def show(parts: Iterable[RenderableType]) -> None:
    """Print to standard output, as wide as the terminal (80 columns when there is none)."""
    from rich.console import Console

    console = Console(highlight=False)
    for part in parts:
        console.print(part)


def exit_code(plan: Plan) -> int:
    """The exit code of a plan's status."""
    from gpufleet.cli.app import EXIT_INFEASIBLE, EXIT_NO_PLAN

    return {"infeasible": EXIT_INFEASIBLE, "unknown": EXIT_NO_PLAN}.get(str(plan.status), 0)


def refuse_broken(resolved: ResolvedInstance, plan: Plan, purpose: str) -> None:
    """End the program where nobody could rely on a plan: it breaks a rule, or has no fleet."""
    from gpufleet.cli.app import EXIT_BROKEN, EXIT_NO_PLAN
    from gpufleet.verification import verify

    report = verify(resolved, plan)
    if not report.ok:
        click.echo(f"the plan breaks {', '.join(report.broken_rules)}; gpufleet verify says where", err=True)
        sys.exit(EXIT_BROKEN)
    if not plan.nodes:
        click.echo(f"the plan has no fleet to {purpose} ({plan.status}: {plan.reason})", err=True)
        sys.exit(exit_code(plan) or EXIT_NO_PLAN)


def verdict_of(resolved: ResolvedInstance, plan: Plan) -> Report:
    """What the verifier says of a plan; of a robust one also whether it keeps its promise."""
    from gpufleet.verification import verify

    report = verify(resolved, plan)
    if plan.robust is None:
        return report
    from gpufleet.stressing.claims import with_claims

    return with_claims(resolved, plan, report)


class Doing:
    """What is being done, where that changes."""

    def __init__(self, what: str) -> None:
        self._what = what

    def now(self, what: str) -> None:
        """Say something else from now on."""
        self._what = what

    def __str__(self) -> str:
        return self._what


@contextmanager
def progress(what: str | Doing) -> Iterator[None]:
    """Say on standard error what takes so long, once it takes more than a second."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(what, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(what: str | Doing, done: threading.Event) -> None:
    if done.wait(QUIET_SECONDS):
        return
    if not sys.stderr.isatty():
        click.echo(f"{what} ...", err=True)
        return
    started, longest = time.monotonic() - QUIET_SECONDS, 0
    while not done.wait(0.2):
        line = f"{what} ... {time.monotonic() - started:.0f} s "
        longest = max(longest, len(line))
        click.echo(f"\r{line:<{longest}}", err=True, nl=False)
    click.echo("\r" + " " * longest + "\r", err=True, nl=False)
