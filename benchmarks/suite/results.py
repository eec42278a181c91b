"""What a run found: rows of a CSV file, and the best values known of every instance."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOLDER = Path(__file__).parents[1] / "results"
BEST_KNOWN = Path(__file__).parents[1] / "best_known.json"


@dataclass(frozen=True)
class Row:
    """One engine on one instance."""

    instance: str
    engine: str
    limit_s: float
    seconds: float
    """Wall time of the whole process, loading and writing included."""
    peak_mb: float
    """Largest resident memory of any of its processes."""
    status: str
    """`optimal`, `feasible`, `infeasible`, `unknown`; `plan`: a peer's, without a proof; `none`; `error`; `killed`."""
    objective_usd: float | None
    """By the verifier."""
    bound_usd: float | None
    verified: bool
    confirmed_usd: float | None = None
    """The bound that `verify --bound` recomputed from the plan's prices."""

    @property
    def confirmed_gap(self) -> float | None:
        """(objective - confirmed bound) / objective."""
        if self.objective_usd is None or self.confirmed_usd is None:
            return None
        return (self.objective_usd - self.confirmed_usd) / self.objective_usd if self.objective_usd else 0.0

    @property
    def gap(self) -> float | None:
        """(objective - bound) / objective, with the engine's own bound."""
        if self.objective_usd is None or self.bound_usd is None:
            return None
        return (self.objective_usd - self.bound_usd) / self.objective_usd if self.objective_usd else 0.0


@dataclass(frozen=True)
class Best:
    """The best plan and the best bound known of an instance."""

    objective_usd: float | None = None
    objective_by: str = ""
    bound_usd: float | None = None
    bound_by: str = ""


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, by instance and engine as given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read(path: Path) -> list[Row]:
    """The rows of a file."""
    with path.open(newline="", encoding="utf-8") as file:
        return [_row(line) for line in csv.DictReader(file)]


def _row(line: dict[str, str]) -> Row:
    return Row(
        instance=line["instance"],
        engine=line["engine"],
        limit_s=float(line["limit_s"]),
        seconds=float(line["seconds"]),
        peak_mb=float(line["peak_mb"]),
        status=line["status"],
        objective_usd=float(line["objective_usd"]) if line["objective_usd"] else None,
        bound_usd=float(line["bound_usd"]) if line["bound_usd"] else None,
        verified=line["verified"] == "True",
        confirmed_usd=float(line["confirmed_usd"]) if line["confirmed_usd"] else None,
    )


def merged(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """Old rows, with new ones in place of those of the same instance and engine."""
    rows = {(row.instance, row.engine): row for row in (*old, *new)}
    return list(rows.values())


def best_known() -> dict[str, Best]:
    """The best values known, by instance."""
    found = json.loads(BEST_KNOWN.read_text()) if BEST_KNOWN.is_file() else {}
    return {name: Best(**entry) for name, entry in found.items()}


def improved(known: Best, row: Row, by: str) -> Best:
    """Better values of a row; only of plans that the verifier accepted, and bounds below them."""
    cost = row.objective_usd if row.verified else None
    if cost is not None and (known.objective_usd is None or cost < known.objective_usd):
        known = replace(known, objective_usd=cost, objective_by=by)
        if known.bound_usd is not None and cost < known.bound_usd:
            known = replace(known, bound_usd=None, bound_by="")  # a verified plan disproves it
    if row.bound_usd is not None and row.status in ("optimal", "feasible", "unknown"):
        possible = known.objective_usd is None or row.bound_usd <= known.objective_usd
        if possible and (known.bound_usd is None or row.bound_usd > known.bound_usd):
            known = replace(known, bound_usd=row.bound_usd, bound_by=by)
    return known


def write_best(known: dict[str, Best]) -> None:
    """Write the best values known."""
    BEST_KNOWN.write_text(json.dumps({name: asdict(best) for name, best in known.items()}, indent=2) + "\n")
