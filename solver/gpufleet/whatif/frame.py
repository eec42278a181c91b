"""A sweep as a tidy table: one row per point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas

    from gpufleet.whatif.answers import Answer
    from gpufleet.whatif.grid import Sweep

FIGURES: Final = (
    *("status", "cost_usd", "bound_usd", "gap", "proven", "served", "accelerators", "capex_usd", "usd_per_day"),
    *("fleet", "how", "digest"),
)
"""Columns behind those of the edits; then one per node type."""


def frame_of(sweep: Sweep, answers: Sequence[Answer], relative_gap: float) -> pandas.DataFrame:
    """Edits, figures of the answer, and `nodes.TYPE` for every node type that some plan uses.

    `proven` says whether the optimum is proven within the gap asked for (or that there is no plan). There is no time in
    it: the same sweep gives the same table.
    """
    import pandas  # slow to import

    types = sorted({name for answer in answers for name in answer.nodes or {}})
    rows = []
    for point, answer in zip(sweep.points, answers, strict=True):
        row: dict[str, Any] = {"scenario": point.scenario} if "scenario" in sweep.columns else {}
        row |= dict(point.coordinates)
        row |= {name: getattr(answer, name) for name in FIGURES if name != "proven"}
        row["proven"] = answer.is_proven(relative_gap)
        nodes = answer.nodes
        row |= {f"nodes.{name}": None if nodes is None else nodes.get(name, 0) for name in types}
        rows.append(row)
    columns = [*sweep.columns, *FIGURES, *(f"nodes.{name}" for name in types)]
    frame = pandas.DataFrame(rows, columns=columns)
    whole = ["accelerators", *(f"nodes.{name}" for name in types)]
    return frame.astype(dict.fromkeys(whole, "Int64"))
