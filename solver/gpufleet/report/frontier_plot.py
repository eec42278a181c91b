"""Frontiers as step plots, as the bytes of a picture file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.ticker import FuncFormatter

from gpufleet.report.estimate_plot import COLOURS, DATELESS, STYLE, new_figure, plain
from gpufleet.report.format import money
from gpufleet.report.frontier_words import cost_of, fleet_change
from gpufleet.verification.unserved import unserved_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.frontier import Frontier
    from gpufleet.whatif.trade_off import TradeOff

MOST_LABELS = 8
"""More would cover each other."""
LONGEST_LABEL = 44


def frontier_plot(resolved: ResolvedInstance, frontier: Frontier, form: str) -> bytes:
    """Service over the budget, one line per workload, as `png` or `svg`."""
    with matplotlib.rc_context(STYLE):
        figure = new_figure(4.4)
        panel = figure.subplots()
        at = [point.at for point in frontier.points]
        ends = [*at, at[-1] * 1.06 or 1.0]
        for workload, colour in zip(
            resolved.instance.workloads, _colours(len(resolved.instance.workloads)), strict=True
        ):
            served = [100 * (1 - unserved_of(resolved, workload, point.plan)) for point in frontier.points]
            panel.step(ends, [*served, served[-1]], where="post", color=colour, label=workload.name)
            if len(resolved.instance.workloads) == 1:
                panel.plot(at, served, "o", color=colour, markersize=3)
                _labels(panel, resolved, [point.plan for point in frontier.points], at, served)
        panel.set_xlabel(f"budget, {frontier.axis}")
        panel.set_ylabel("served, % of requests")
        panel.set_ylim(0, 106)
        panel.set_xlim(left=0)
        panel.xaxis.set_major_formatter(FuncFormatter(plain))
        return _saved(figure, resolved, panel, form, len(resolved.instance.workloads))


def trade_off_plot(resolved: ResolvedInstance, found: TradeOff, form: str) -> bytes:
    """Cost over something else, as `png` or `svg`."""
    with matplotlib.rc_context(STYLE):
        figure = new_figure(4.4)
        panel = figure.subplots()
        days = float(resolved.instance.hours / 24)
        at = [point.at for point in found.points]
        cost = [(cost_of(point.plan) or 0.0) / days for point in found.points]
        # between two points the dearer plan is needed: from its own value on to that of the cheaper one
        panel.step(at, cost, where="pre" if at[0] <= at[-1] else "post", color=COLOURS[0])
        panel.plot(at, cost, "o", color=COLOURS[0], markersize=4)
        _labels(panel, resolved, [point.plan for point in found.points], at, cost)
        if min(at) > 0 and max(at) / min(at) > 20:
            panel.set_xscale("log")
        panel.set_xlabel(found.words)
        panel.set_ylabel("USD a day")
        panel.xaxis.set_major_formatter(FuncFormatter(plain))
        panel.yaxis.set_major_formatter(FuncFormatter(plain))
        return _saved(figure, resolved, panel, form, 1)


def _saved(figure: Figure, resolved: ResolvedInstance, panel: Axes, form: str, lines: int) -> bytes:
    figure.suptitle(resolved.instance.title, fontsize=10)
    if lines > 1:
        figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    target = io.BytesIO()
    figure.savefig(target, format=form, dpi=150, metadata=DATELESS[form])
    return target.getvalue()


def _colours(count: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(count)]


def _labels(
    panel: Axes, resolved: ResolvedInstance, plans: Sequence[Plan], at: Sequence[float], heights: Sequence[float]
) -> None:
    """Value and change of the fleet at the breakpoints, at the largest steps where there are too many."""
    steps = [(abs(heights[n] - heights[n - 1]) if n else 0.0, n) for n in range(len(at))]
    largest = [n for _, n in sorted(steps, reverse=True)[:MOST_LABELS]]
    chosen = sorted({*largest[: MOST_LABELS - 1], len(at) - 1})
    for n in chosen:
        words = fleet_change(resolved, plans[n - 1] if n else None, plans[n])
        short = words if len(words) <= LONGEST_LABEL else f"{words[: LONGEST_LABEL - 3]}..."
        right = at[n] > (min(at) + max(at)) / 2
        panel.annotate(
            f"{money(at[n])}: {short}",
            (at[n], heights[n]),
            (-4 if right else 4, 3 if right else -9),
            textcoords="offset points",
            ha="right" if right else "left",
            fontsize=6,
        )
