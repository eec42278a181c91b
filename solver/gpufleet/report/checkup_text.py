"""The state of an installation as a table, or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text

from gpufleet.report.plan_text import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

Status = Literal["ok", "off", "warn", "fail"]
"""`off`: optional and not there; `warn`: works, with a drawback; `fail`: commands will not work."""
STYLES: dict[Status, str] = {"ok": "green", "off": "dim", "warn": "yellow", "fail": "bold red"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    area: str
    """What it is about: installation, solvers, data, extras, machine or end to end."""
    name: str
    status: Status
    found: str
    """What is there."""
    remedy: str = ""
    """What to do where it is not ok; empty otherwise."""


def is_fit(checks: Sequence[Check]) -> bool:
    """Does everything work that is not optional?"""
    return not any(check.status == "fail" for check in checks)


def checkup_json(checks: Sequence[Check]) -> dict[str, Any]:
    """`ok`, and every check with its fields."""
    return {"ok": is_fit(checks), "checks": [asdict(check) for check in checks]}


def checkup_text(checks: Sequence[Check]) -> Iterator[RenderableType]:
    """A table of what was found, the remedies below it, and the verdict."""
    grid = table("area", "check", "state", "found")
    before = ""
    for check in checks:
        area = "" if check.area == before else check.area
        grid.add_row(area, check.name, Text(check.status, style=STYLES[check.status]), check.found)
        before = check.area
    yield grid
    yield ""
    for check in checks:
        if check.status in ("fail", "warn"):
            yield Text(f"{check.status}: {check.name}: {check.remedy}", style=STYLES[check.status])
    failed = sum(check.status == "fail" for check in checks)
    warned = sum(check.status == "warn" for check in checks)
    absent = [check.name for check in checks if check.status == "off"]
    if absent:
        yield Text(f'Not installed, optional: {", ".join(absent)}. To add one: pip install "gpufleet[NAME]"')
    verdict = "Fit." if not failed else f"Not fit: {failed} of {len(checks)} checks failed."
    warnings = f" {warned} warning{'s' * (warned > 1)}." if warned else ""
    yield Text(verdict + warnings, style="bold red" if failed else "green")
