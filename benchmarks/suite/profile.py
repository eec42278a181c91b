"""Performance profiles (Dolan and More, 2002): for each engine, the part of the instances that it has solved within a
multiple of the fastest engine's time.

Solved: a verified plan at most `slack` above the best bound known. The time is that of the whole process.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from suite.engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from suite.results import Best, Row

SLACK = 1e-3
IMAGES = Path(__file__).parents[2] / "docs" / "img"


def times(rows: Sequence[Row], known: Mapping[str, Best], slack: float = SLACK) -> dict[str, dict[str, float]]:
    """Seconds by engine and instance; infinite where it was not solved. Instances without a known plan are left out."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        best = known.get(row.instance)
        if best is not None and best.objective_usd is not None:
            found.setdefault(row.engine, {})[row.instance] = row.seconds if _is_solved(row, best, slack) else math.inf
    return found


def _is_solved(row: Row, best: Best, slack: float) -> bool:
    """Within the slack of the best bound, or of the best plan where that itself is no nearer to its bound."""
    if not row.verified or row.objective_usd is None or best.objective_usd is None:
        return False
    limit = best.objective_usd
    if best.bound_usd is not None:
        limit = max(limit, best.bound_usd * (1 + slack))
    return row.objective_usd <= limit * (1 + 1e-9)


def ratios(seconds: Mapping[str, Mapping[str, float]]) -> dict[str, list[float]]:
    """Per engine, time over the fastest one's on each instance that it and another engine were run on, ascending;
    instances that nobody solved are left out."""
    runs = Counter(name for row in seconds.values() for name in row)
    fastest = {name: min(row.get(name, math.inf) for row in seconds.values()) for name in runs}
    compared = {name for name, engines in runs.items() if engines > 1 and math.isfinite(fastest[name])}
    return {
        engine: sorted(row[name] / max(fastest[name], 1e-9) for name in compared & row.keys())
        for engine, row in seconds.items()
    }


def share(sorted_ratios: Sequence[float], multiple: float) -> float:
    """Part of the instances solved within a multiple of the fastest time."""
    return sum(ratio <= multiple for ratio in sorted_ratios) / len(sorted_ratios) if sorted_ratios else 0.0


def draw(curves: Mapping[str, Sequence[float]], path: Path) -> None:
    """The profiles as steps, multiples on a logarithmic axis; the same bytes for the same figures."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    finite = [ratio for curve in curves.values() for ratio in curve if math.isfinite(ratio)]
    right = max([*finite, 10.0]) * 1.2
    with rc_context({"svg.hashsalt": "gpufleet", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 4.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(xscale="log", xlim=(1, right), ylim=(0, 1.02))
        for engine, curve in curves.items():
            steps = [1.0, *(ratio for ratio in curve if math.isfinite(ratio)), right]
            label = f"{ENGINES[engine].label}: {len(curve)}"
            axes.step(steps, [share(curve, step) for step in steps], where="post", label=label)
        axes.set_xlabel("time over that of the fastest engine")
        axes.set_ylabel("part of the instances solved")
        axes.grid(alpha=0.3)
        figure.legend(loc="outside right upper", fontsize="small", title="engine: its instances")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
