"""A sweep as a picture, as the bytes of a file: cost over one axis as lines, over two as a map."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from gpufleet.report.estimate_plot import COLOURS, DATELESS, STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from gpufleet.whatif.answers import Answer
    from gpufleet.whatif.grid import Point, Sweep

MOST_AXES: Final = 2
"""Axes, the scenario included, that a picture shows."""
MOST_LABELS: Final = 150
"""Fields of a map up to which each says its cost."""
LONGEST_FLEET: Final = 46


def chart_axes(sweep: Sweep) -> list[str]:
    """The columns along which the sweep really varies, which a picture would have to show."""
    return [name for name in sweep.columns if len(set(map(str, _values(sweep.points, name)))) > 1]


def sweep_chart(sweep: Sweep, answers: Sequence[Answer], form: str, title: str) -> bytes:
    """The picture as `png` or `svg`; at most two axes may vary."""
    names = chart_axes(sweep) or list(sweep.columns[:1])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        if len(names) < MOST_AXES:
            _curve(figure, sweep, answers, names[0])
        elif names[0] == "scenario" and _numbers(_values(sweep.points, names[1])) is not None:
            _curves(figure, sweep, answers, names[1])
        else:
            _map(figure, sweep, answers, names[0], names[1])
        figure.suptitle(title, fontsize=10)
        target = io.BytesIO()
        figure.savefig(target, format=form, dpi=150, metadata=DATELESS[form])
    return target.getvalue()


def _values(points: Sequence[Point], column: str) -> list[Any]:
    return [point.scenario if column == "scenario" else dict(point.coordinates).get(column) for point in points]


def _numbers(values: Sequence[Any]) -> list[float] | None:
    """The values as numbers; None where some is none."""
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return None
    return [float(value) for value in values]


def _curve(figure: Figure, sweep: Sweep, answers: Sequence[Answer], name: str) -> None:
    """Cost over one axis: a line for numbers, bars for words."""
    panel = figure.subplots()
    values = _values(sweep.points, name)
    numbers = _numbers(values)
    if numbers is None:
        heights = [answer.usd_per_day or 0.0 for answer in answers]
        panel.bar([str(value) for value in values], heights, color=COLOURS[0])
        for place, answer in enumerate(answers):
            if answer.usd_per_day is None:
                panel.annotate(answer.status, (place, 0), (0, 3), textcoords="offset points", ha="center", color="grey")
    else:
        _line(panel, numbers, answers, COLOURS[0], None)
        _fleets(panel, numbers, answers)
    _label(panel, name)


def _curves(figure: Figure, sweep: Sweep, answers: Sequence[Answer], name: str) -> None:
    """One line per scenario."""
    panel = figure.subplots()
    scenarios = list(dict.fromkeys(point.scenario for point in sweep.points))
    for scenario, colour in zip(scenarios, COLOURS * (len(scenarios) // len(COLOURS) + 1), strict=False):
        mine = [i for i, point in enumerate(sweep.points) if point.scenario == scenario]
        numbers = _numbers(_values([sweep.points[i] for i in mine], name)) or []
        _line(panel, numbers, [answers[i] for i in mine], colour, scenario)
    _label(panel, name)
    figure.legend(loc="outside lower center", ncols=3)


def _line(panel: Axes, numbers: Sequence[float], answers: Sequence[Answer], colour: str, label: str | None) -> None:
    """The cost, and below it the bound where that is less; crosses at the bottom where there is no plan."""
    order = sorted(range(len(numbers)), key=lambda i: numbers[i])
    x = [numbers[i] for i in order]
    cost = [_or_nan(answers[i].usd_per_day) for i in order]
    panel.plot(x, cost, "o-", color=colour, markersize=4, label=label)
    bound = [value * (1 - (answers[i].gap or 0.0)) for value, i in zip(cost, order, strict=True)]
    if any(answers[i].gap for i in order):
        panel.fill_between(x, bound, cost, color=colour, alpha=0.2, linewidth=0)
    none = [numbers[i] for i in order if answers[i].usd_per_day is None]
    heights = [0.02] * len(none)
    panel.plot(none, heights, "x", color=colour, transform=panel.get_xaxis_transform(), clip_on=False)


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _fleets(panel: Axes, numbers: Sequence[float], answers: Sequence[Answer]) -> None:
    """The fleet in words where it changes."""
    before, above = "", True
    for i in sorted(range(len(numbers)), key=lambda i: numbers[i]):
        words, cost = answers[i].fleet, answers[i].usd_per_day
        if cost is not None and words != before:
            short = words if len(words) <= LONGEST_FLEET else f"{words[:LONGEST_FLEET]}..."
            offset = (4, 8 if above else -12)
            panel.annotate(short, (numbers[i], cost), offset, textcoords="offset points", fontsize=7)
            above = not above
        before = words


def _label(panel: Axes, name: str) -> None:
    panel.set_xlabel(name)
    panel.set_ylabel("USD per day (x: no plan)")
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def _map(figure: Figure, sweep: Sweep, answers: Sequence[Answer], across: str, up: str) -> None:
    """Cost per day by colour; hatched where there is no plan."""
    panel = figure.subplots()
    columns = list(dict.fromkeys(_values(sweep.points, across)))
    rows = list(dict.fromkeys(_values(sweep.points, up)))
    field = np.full((len(rows), len(columns)), np.nan)
    words = np.full(field.shape, "", dtype=object)
    pairs = zip(_values(sweep.points, across), _values(sweep.points, up), answers, strict=True)
    for x, y, answer in pairs:
        place = rows.index(y), columns.index(x)
        field[place] = _or_nan(answer.usd_per_day)
        words[place] = _cost(answer)
    panel.set_facecolor("#eeeeee")
    image = panel.imshow(field, origin="lower", aspect="auto", cmap="viridis")
    panel.set_xticks(range(len(columns)), [_word(value) for value in columns], rotation=45 if len(columns) > 8 else 0)
    panel.set_yticks(range(len(rows)), [_word(value) for value in rows])
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    panel.grid(visible=False)
    if field.size <= MOST_LABELS:
        _write(panel, field, words, image.norm)
    figure.colorbar(image, ax=panel, label="USD per day (grey: no plan)")


def _cost(answer: Answer) -> str:
    value = answer.usd_per_day
    if value is None:
        return "no plan" if answer.status == "infeasible" else answer.status
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _write(panel: Axes, field: Any, words: Any, norm: Any) -> None:
    """The cost in every field; nothing where no point is."""
    for (row, column), value in np.ndenumerate(field):
        dark = not np.isnan(value) and norm(value) < 0.6
        colour = "white" if dark else "black"
        panel.text(column, row, words[row, column], ha="center", va="center", fontsize=7, color=colour)


def _word(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else "as given" if value is None else str(value)
