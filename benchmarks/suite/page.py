"""The suite's part of docs/benchmarks.md: for every release a table, then the performance profile of the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite import profile, results
from suite.catalogue import ENTRIES
from suite.engines import ENGINES

if TYPE_CHECKING:
    from pathlib import Path

    from suite.results import Best, Row

PICTURE = "performance-profile.svg"
HEAD = """\
## Suite

Every engine on the same instance in the same run, two workers where it can, whole processes (loading, proof, tie-break,
verification and writing included); plans are verified by a process of their own that is not timed. `limit` is what the
engine was given; `gap` is to its own bound, `confirmed` to the bound that `verify --bound` recomputed without a solver,
`above best` to the best bound known (`benchmarks/best_known.json`). Greedy and local search and Mélange's slices prove
nothing, so they have no gap. Instances: `instances/scale` and `benchmarks/suite/catalogue.py`; raw figures:
`benchmarks/results`. `make bench` runs the short part of it, `make bench-full` everything.
"""
COLUMNS = ("instance", "engine", "limit s", "s", "peak MB", "cost USD", "gap", "confirmed", "above best", "status")


def releases() -> list[Path]:
    """Results by release, the newest first."""
    return sorted(results.FOLDER.glob("*.csv"), key=lambda path: _number(path.stem), reverse=True)


def _number(release: str) -> tuple[tuple[int, str], ...]:
    """Versions in their order: numbers as numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in release.split("."))


def text() -> str:
    """The section; without results, empty."""
    known = results.best_known()
    parts = [HEAD] if releases() else []
    for number, path in enumerate(releases()):
        rows = results.read(path)
        parts.append(f"### gpufleet {path.stem}\n\n{table(rows, known)}\n")
        if not number:
            curves = profile.ratios(profile.times(rows, known))
            profile.draw(curves, profile.IMAGES / PICTURE)
            parts.append(
                f"![Performance profile](img/{PICTURE})\n\nSolved: a verified plan at most {profile.SLACK:.1%} above "
                "the best bound known; of the instances that an engine and another one were run on.\n"
            )
    return "\n".join(parts)


def table(rows: list[Row], known: dict[str, Best]) -> str:
    """Rows by instance and engine, in the order of the suite."""
    order = {name: number for number, name in enumerate(ENTRIES)}
    contenders = {name: number for number, name in enumerate(ENGINES)}
    chosen = [row for row in rows if row.instance in order and row.engine in contenders]
    chosen.sort(key=lambda row: (order[row.instance], contenders[row.engine]))
    head = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    return "\n".join([head, *(_line(row, known.get(row.instance)) for row in chosen)])


def _line(row: Row, best: Best | None) -> str:
    cells = (
        row.instance,
        ENGINES[row.engine].label,
        f"{row.limit_s:g}",
        f"{row.seconds:.1f}",
        f"{row.peak_mb:.0f}",
        "-" if row.objective_usd is None else f"{row.objective_usd:,.2f}",
        "-" if row.gap is None else f"{row.gap:.3%}",
        "-" if row.confirmed_gap is None else f"{row.confirmed_gap:.3%}",
        _above(row, best),
        row.status if row.verified or row.objective_usd is None else f"{row.status}, not verified",
    )
    return f"| {' | '.join(cells)} |"


def _above(row: Row, best: Best | None) -> str:
    if row.objective_usd is None or best is None or best.bound_usd is None:
        return "-"
    return f"{row.objective_usd / best.bound_usd - 1:.3%}"
