"""Measure the queueing formulas against simulations and write docs/simulation.md. `make bench-simulation` runs it."""

from __future__ import annotations

from pathlib import Path

from simulation import compare, page

TARGET = Path(__file__).parents[1] / "docs" / "simulation.md"


def main() -> None:
    """Simulate the whole grid and write the page."""
    TARGET.write_text(page.written(compare.all_rows()), encoding="utf-8")


if __name__ == "__main__":
    main()
