"""Break-even prices and flips of the mix as pictures, as the bytes of a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpufleet.report.breakeven_text import mix_words
from gpufleet.report.estimate_plot import COLOURS, DATELESS, STYLE
from gpufleet.report.format import price

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.breakeven import PriceBreak, PriceBreaks
    from gpufleet.whatif.flips import Flips

MOST_BARS: Final = 20
"""Offers that can be told apart on one page: the nearest to their break-even."""


def price_breaks_plot(resolved: ResolvedInstance, found: PriceBreaks, form: str) -> bytes | None:
    """A line per offer from today's price to its break-even, both in percent of today's; None without any."""
    shown = [one for one in found.breaks if one.change is not None][:MOST_BARS]
    if not shown:
        return None
    with matplotlib.rc_context(STYLE):
        figure = _figure(1.5 + 0.3 * len(shown))
        axes = figure.subplots()
        for row, one in zip(range(len(shown), 0, -1), shown, strict=True):
            _bar(axes, row, one)
        axes.set_yticks(range(len(shown), 0, -1), [_short(one.offer) for one in shown])
        axes.axvline(100, color="black", linewidth=0.8)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
        axes.xaxis.set_minor_formatter(FuncFormatter(_minor))
        axes.set_xlabel("highest price at which it is in the cheapest fleet, of today's price")
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.3)
        axes.set_ylim(0.5, len(shown) + 0.5)
        kinds = [Line2D([], [], color=colour, marker="o") for colour in COLOURS[:2]]
        figure.legend(kinds, ["in today: leaves above", "out today: enters at"], loc="outside lower center", ncols=2)
        figure.suptitle(resolved.instance.title, fontsize=10)
        return _written(figure, form)


def _bar(axes: Axes, row: int, one: PriceBreak) -> None:
    assert one.change is not None
    assert one.in_at_usd is not None
    end = 100 * (1 + one.change)
    colour = COLOURS[0] if one.is_in else COLOURS[1]
    axes.plot([100, end], [row, row], color=colour, linewidth=2)
    axes.plot([end], [row], "o", color=colour, markersize=5)
    unit = "/h" if one.unit == "usd_per_hour" else ""
    side = "left" if end >= 100 else "right"
    words = f"{price(one.in_at_usd)} USD{unit}"
    offset = (6, 0) if side == "left" else (-6, 0)
    axes.annotate(words, (end, row), offset, textcoords="offset points", va="center", ha=side, fontsize=8)


def _minor(value: float, _: int | None) -> str:
    """Only 20, 50, 200, 500: more would overlap."""
    return f"{value:g} %" if f"{value:g}"[0] in "25" else ""


def _short(name: str) -> str:
    """The last two parts of a catalogue name, which say what is bought and how."""
    return "/".join(name.split("/")[-2:])


def flips_plot(resolved: ResolvedInstance, found: Flips, form: str) -> bytes | None:
    """Cost over months or demand, a colour per mix; None without any fleet."""
    segments = [segment for segment in found.segments if segment.first.mix is not None]
    if not segments:
        return None
    mixes = list(dict.fromkeys(mix_words(segment.first) for segment in segments))
    with matplotlib.rc_context(STYLE):
        figure = _figure(3.6 + 0.18 * min(len(mixes), len(COLOURS)))
        axes = figure.subplots()
        named: set[str] = set()
        for segment in segments:
            words = mix_words(segment.first)
            number = mixes.index(words)
            label = words if number < len(COLOURS) - 1 else "other mixes"
            x = [float(point.value) for point in segment.points]
            y = [point.cost_usd or 0.0 for point in segment.points]
            colour = COLOURS[min(number, len(COLOURS) - 1)]
            axes.plot(x, y, ".-", color=colour, label=label if label not in named else None)
            named.add(label)
        for segment in found.segments[1:]:
            axes.axvline(float(segment.first.value), color="grey", linewidth=0.6, linestyle=":")
        _flip_axes(axes, found)
        figure.suptitle(resolved.instance.title, fontsize=10)
        figure.legend(loc="outside lower center", ncols=1)
        return _written(figure, form)


def _flip_axes(axes: Axes, found: Flips) -> None:
    months = found.moved == "horizon_months"
    axes.set_xlabel("months" if months else "demand, times today's")
    axes.set_ylabel("cost over these months, USD" if months else "cost over the horizon, USD")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if months:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _figure(height: float) -> Figure:
    figure = Figure(figsize=(7.2, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _written(figure: Figure, form: str) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format=form, dpi=150, metadata=DATELESS[form])
    return target.getvalue()
