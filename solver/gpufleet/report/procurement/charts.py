"""The charts of a report: bars, stacked bars, fields of time, steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpufleet.report.procurement.content import Bars, Field, Stacked, Steps
from gpufleet.report.procurement.svg import INK, LIMIT, MUTED, RULE, SERIES, svg_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from gpufleet.report.procurement.content import Chart

WIDTH: Final = 8.6
"""Inches; about as wide as a page's text."""
LONGEST: Final = 56
"""Letters of a label beside a bar."""
MOST_NUMBERS: Final = 30
"""Columns of a field up to which each rectangle has its number in it."""
STYLE: Final[Any] = {
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "gpufleet",
}


def draw(key: str, chart: Chart) -> str:
    """The chart as an SVG element whose ids start with `key`."""
    drawing = chart.drawing
    with matplotlib.rc_context(STYLE):
        match drawing:
            case Bars():
                figure = _bars(drawing)
            case Stacked():
                figure = _stacked(drawing)
            case Field():
                figure = _field(drawing)
            case Steps():
                figure = _steps(drawing)
        return svg_of(figure, key, chart.title, chart.words)


def _bars(drawing: Bars) -> Figure:
    figure, panel = _panel(0.30 * len(drawing.rows) + 0.75)
    values = [value for _, value, _ in drawing.rows]
    panel.barh(range(len(values)), values, height=0.62, color=SERIES[0])
    top = max([*values, drawing.limit or 0.0, 1e-9])
    for position, (_, value, text) in enumerate(drawing.rows):
        # beside the bar; beyond the line of a limit, which would cross it
        end = max(value, drawing.limit or 0.0)
        panel.text(end + top * 0.008, position, text, va="center", ha="left", color=INK)
    if drawing.limit is not None:
        panel.axvline(drawing.limit, color=LIMIT, linewidth=1.4, linestyle=(0, (4, 2)))
    _rows(panel, [label for label, _, _ in drawing.rows])
    panel.set_xlim(0, top * 1.16)
    panel.set_xlabel(drawing.unit)
    panel.grid(axis="x")
    panel.xaxis.set_major_formatter(FuncFormatter(_plain))
    return figure


def _stacked(drawing: Stacked) -> Figure:
    figure, panel = _panel(3.1)
    count = len(drawing.times)
    above, below = [0.0] * count, [0.0] * count
    for (name, values), colour in zip(drawing.parts.items(), _colours(len(drawing.parts)), strict=True):
        bottoms = [above[n] if value >= 0 else below[n] for n, value in enumerate(values)]
        panel.bar(range(count), values, bottom=bottoms, width=0.55, color=colour, label=name)
        above = [a + max(value, 0.0) for a, value in zip(above, values, strict=True)]
        below = [b + min(value, 0.0) for b, value in zip(below, values, strict=True)]
    panel.set_xticks(range(count), drawing.times)
    panel.set_xlim(-0.6, max(count - 0.4, 2.6))
    panel.axhline(0, color=MUTED, linewidth=0.8)
    panel.set_ylabel(drawing.unit)
    panel.grid(axis="y")
    panel.yaxis.set_major_formatter(FuncFormatter(_plain))
    figure.legend(loc="outside lower center", ncols=6)
    return figure


def _field(drawing: Field) -> Figure:
    """The fuller a rectangle, the higher the share; the percentage stands in it where there is room."""
    figure, panel = _panel(0.32 * len(drawing.labels) + 0.9)
    count = len(drawing.times)
    for row, line in enumerate(drawing.values):
        for column, value in enumerate(line):
            if value is not None:
                _place(panel, column, row, value, numbers=count <= MOST_NUMBERS)
    _rows(panel, drawing.labels)
    panel.set_xlim(-0.5, count - 0.5)
    step = max(1, -(-max(map(len, drawing.times)) * count // 66))
    panel.set_xticks(range(0, count, step), drawing.times[::step])
    panel.tick_params(length=0)
    for side in ("left", "bottom"):
        panel.spines[side].set_visible(False)
    return figure


def _place(panel: Axes, column: int, row: int, value: float, *, numbers: bool) -> None:
    """Pale colours keep the number readable in both schemes."""
    part = min(max(value, 0.0), 1.0)
    left, foot = column - 0.46, row + 0.42
    panel.add_patch(Rectangle((left, foot - 0.84), 0.92, 0.84, facecolor=SERIES[0], alpha=0.10, linewidth=0))
    panel.add_patch(
        Rectangle((left, foot - 0.84 * part), 0.92, 0.84 * part, facecolor=SERIES[0], alpha=0.32, linewidth=0)
    )
    if numbers:
        panel.text(column, row, f"{value * 100:.0f}", ha="center", va="center", fontsize=8, color=INK)


def _steps(drawing: Steps) -> Figure:
    figure, panel = _panel(3.3)
    for (name, values), colour in zip(drawing.lines.items(), _colours(len(drawing.lines)), strict=True):
        if drawing.complete:
            panel.step(drawing.at, values, where="post", color=colour, linewidth=2.0, label=name)
            panel.plot(drawing.at, values, "o", color=colour, markersize=4)
        else:
            panel.plot(drawing.at, values, "o:", color=colour, markersize=6, linewidth=1.0, label=name)
    panel.set_ylim(bottom=0, top=max(max(values) for values in drawing.lines.values()) * 1.12 or 1.0)
    if drawing.mark is not None:
        at, words = drawing.mark
        panel.axvline(at, color=LIMIT, linewidth=1.2, linestyle=(0, (4, 2)))
        panel.annotate(words, (at, 1.0), (-4, -2), xycoords=("data", "axes fraction"), va="top", ha="right",
                       textcoords="offset points", color=INK)  # fmt: skip
    panel.set_xlabel(drawing.axis)
    panel.set_ylabel(drawing.unit)
    panel.grid(axis="y")
    panel.xaxis.set_major_formatter(FuncFormatter(_plain))
    panel.yaxis.set_major_formatter(FuncFormatter(_plain))
    if len(drawing.lines) > 1:
        figure.legend(loc="outside lower center", ncols=4)
    return figure


def _panel(height: float) -> tuple[Figure, Axes]:
    """An empty picture of this height, inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.subplots()


def _rows(panel: Axes, labels: Sequence[str]) -> None:
    """Labels beside the rows, the first on top."""
    panel.set_yticks(range(len(labels)), [_short(label) for label in labels])
    panel.set_ylim(len(labels) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)
    panel.xaxis.set_major_locator(MaxNLocator(6))


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 3]}..."


def _colours(count: int) -> list[str]:
    return [SERIES[index % len(SERIES)] for index in range(count)]


def _plain(value: float, _: object = None) -> str:
    """Figures of axes, without powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
