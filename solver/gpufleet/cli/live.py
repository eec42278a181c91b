"""Progress of a solve on standard error: one live line on a terminal, a few plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
from typing import IO, TYPE_CHECKING

import click

from gpufleet.cli.common import QUIET_SECONDS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from gpufleet.optimize.progress import ProgressEvent
    from gpufleet.schema.plan import Plan

PLAIN_SECONDS = 5.0
"""Time before the first plain line, and between two."""


def words(event: ProgressEvent | None, seconds: float) -> str:
    """A state in one line, what matters most first."""
    parts = [f"{seconds:.0f} s"]
    if event is not None:
        parts = [event.phase]
        if event.objective_usd is not None:
            parts.append(f"best {event.objective_usd:,.2f} USD")
        if event.bound_usd is not None:
            parts.append(f"bound {event.bound_usd:,.2f}")
        if event.gap is not None:
            parts.append(f"gap {100 * event.gap:.2f} %")
        if event.columns:
            parts.append(f"{event.columns:,} columns")
        parts.append(f"{seconds:.0f} s")
    return ", ".join(parts)


class LiveLine:
    """One line that changes in place; it appears after a second and is gone at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._event: ProgressEvent | None = None
        self._before = ""

    def event(self, event: ProgressEvent) -> None:
        """Keep it for the next look."""
        self._event = event

    def tick(self, seconds: float) -> None:
        """Show where it is."""
        if seconds < QUIET_SECONDS:
            return
        from rich.live import Live
        from rich.text import Text

        text = Text(self._before + words(self._event, seconds), no_wrap=True, overflow="ellipsis")
        if self._live is None:
            # output to standard output is not the live line's business
            self._live = Live(text, console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False)
            self._live.start()
        self._live.update(text)

    def stopping(self, seconds: float) -> None:
        """Say so in front of it."""
        self._before = "stopping: "

    def done(self, plan: Plan | None, seconds: float) -> None:
        """Take the line away."""
        if self._live is not None:
            self._live.stop()


class PlainLines:
    """A line when something has changed, at most every five seconds, and none for what takes less than five."""

    def __init__(self) -> None:
        self._event: ProgressEvent | None = None
        self._last = 0.0

    def event(self, event: ProgressEvent) -> None:
        """Keep it until a line is due."""
        self._event = event

    def tick(self, seconds: float) -> None:
        """Print what is new if a line is due."""
        if self._event is not None and seconds - self._last >= PLAIN_SECONDS:
            click.echo(words(self._event, seconds), err=True)
            self._event, self._last = None, seconds

    def stopping(self, seconds: float) -> None:
        """Say so, and what one may do if it takes too long."""
        click.echo("stopping the search; interrupt again to end at once", err=True)

    def done(self, plan: Plan | None, seconds: float) -> None:
        """Say nothing: the answer follows."""


class JsonLines:
    """Every event as a line of JSON, and the outcome as the last one."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def event(self, event: ProgressEvent) -> None:
        """One line."""
        self._write(
            time_s=event.seconds,
            phase=event.phase,
            objective_usd=event.objective_usd,
            bound_usd=event.bound_usd,
            gap=event.gap,
            columns=event.columns,
        )

    def tick(self, seconds: float) -> None:
        """Nothing is written when nothing happens."""

    def stopping(self, seconds: float) -> None:
        """The last line will say it."""

    def done(self, plan: Plan | None, seconds: float) -> None:
        """The last line: how it ended."""
        certificate = None if plan is None else plan.certificate
        self._write(
            time_s=seconds,
            status="error" if plan is None else plan.status,
            reason=None if plan is None else plan.reason,
            objective_usd=None if certificate is None else certificate.objective_usd,
            bound_usd=None if certificate is None else certificate.bound_usd,
            gap=None if certificate is None else certificate.gap,
        )

    def _write(self, *, time_s: float, **fields: object) -> None:
        self._stream.write(json.dumps({"time_s": round(time_s, 3), **fields}) + "\n")
        self._stream.flush()


def on_screen() -> LiveLine | PlainLines:
    """What fits standard error."""
    if not sys.stderr.isatty():
        return PlainLines()
    from rich.console import Console

    return LiveLine(Console(stderr=True, highlight=False))
