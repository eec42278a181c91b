"""An estimate as a picture, as the bytes of a file: rate and latency over the load, or the parts of training steps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gpufleet.report.estimate_words import METRICS, PARTS, option_words, throughput_unit
from gpufleet.report.format import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from gpufleet.schema.estimate import EstimatedOption, EstimateResult, LoadCurve

MOST_CURVES: Final = 6
"""More lines cannot be told apart in print."""
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f")
"""Okabe and Ito's palette, which the colour-blind can tell apart."""
DASHES: Final[dict[float, Any]] = {50.0: (0, (4, 2)), 95.0: "-", 99.0: (0, (1, 1))}
"""Line styles of percentiles."""
STYLE: Final[Any] = {
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "gpufleet",
    "pdf.fonttype": 42,
}
DATELESS: Final[dict[str, dict[str, None]]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
"""The same figures give the same file."""


def estimate_plot(result: EstimateResult, form: str, top: int = MOST_CURVES) -> bytes:
    """The picture as `png`, `svg` or `pdf`: the curves of `top` parallelisms, or the steps of `top` options."""
    with matplotlib.rc_context(STYLE):
        training = result.question.kind == "training"
        figure = _steps(result, result.options[:top]) if training else _loads(result, top)
        target = io.BytesIO()
        figure.savefig(target, format=form, dpi=150, metadata=DATELESS[form])
    return target.getvalue()


def new_figure(height: float) -> Figure:
    """An empty picture of this height, inches."""
    figure = Figure(figsize=(7.2, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _loads(result: EstimateResult, top: int) -> Figure:
    curves = result.curves[: min(top, MOST_CURVES)]
    metrics = list(dict.fromkeys(one.metric for one in curves[0].latencies))
    language = result.question.kind == "llm_serving"
    figure = new_figure(2.6 * (1 + len(metrics)) + 1.1)
    axes: list[Axes] = list(figure.subplots(1 + len(metrics), 1, sharex=True))
    for curve, colour in zip(curves, COLOURS, strict=False):
        load = curve.concurrency if language else curve.requests_per_s
        rising = curve.throughput_per_s if language else curve.concurrency
        axes[0].plot(load, rising, color=colour)
        for panel, metric in zip(axes[1:], metrics, strict=True):
            _percentiles(panel, curve, metric, load, colour)
        _operating_point(axes[0], result, curve, colour)
    axes[0].set_ylabel(f"output {throughput_unit(result.question)} per replica" if language else "requests per batch")
    axes[0].set_ylim(bottom=0)
    axes[0].yaxis.set_major_formatter(FuncFormatter(plain))
    for panel, metric in zip(axes[1:], metrics, strict=True):
        _latency_axis(panel, result, metric)
    _load_axis(axes[-1], language)
    _title(figure, axes[0], result, curves, len(result.curves))
    return figure


def _percentiles(panel: Axes, curve: LoadCurve, metric: str, load: Sequence[float], colour: str) -> None:
    for one in curve.latencies:
        if one.metric == metric:
            panel.plot(load, one.predicted_ms, color=colour, linestyle=DASHES.get(one.percentile, "-."))


def _operating_point(panel: Axes, result: EstimateResult, curve: LoadCurve, colour: str) -> None:
    """A dot at the highest rate inside the SLOs."""
    for option in result.options:
        same = (option.variant, option.parallelism, option.batch) == (curve.variant, curve.parallelism, curve.batch)
        if same and option.serving is not None:
            at = option.serving
            language = result.question.kind == "llm_serving"
            load, height = (at.concurrency, at.throughput_per_s) if language else (at.requests_per_s, at.concurrency)
            panel.plot(load, height, "o", color=colour, markersize=5)


def _latency_axis(panel: Axes, result: EstimateResult, metric: str) -> None:
    panel.set_yscale("log")
    panel.set_ylabel("latency, ms" if metric == "end_to_end" else f"{METRICS[metric]}, ms")
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.yaxis.set_major_formatter(FuncFormatter(plain))
    panel.yaxis.set_minor_formatter(NullFormatter())
    for bound in result.question.slo:
        if bound.metric == metric:
            panel.axhline(bound.limit_ms, color="black", linewidth=1.0, linestyle=":")
            words = f"SLO p{bound.percentile:g}: {bound.limit_ms:,.4g} ms"
            panel.annotate(words, (0.01, bound.limit_ms), (0, 2), ("axes fraction", "data"), "offset points")


def plain(value: float, _: int | None = None) -> str:
    """How numbers are written on an axis."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _load_axis(panel: Axes, language: bool) -> None:
    if not language:
        panel.set_xlabel("offered rate, requests/s per replica")
        panel.set_xlim(left=0)
        panel.xaxis.set_major_formatter(FuncFormatter(plain))
        return
    panel.set_xscale("log", base=2)
    panel.xaxis.set_major_formatter(FuncFormatter(plain))
    panel.set_xlabel("concurrency, sequences in service per replica")


def _title(figure: Figure, panel: Axes, result: EstimateResult, curves: Sequence[LoadCurve], found: int) -> None:
    """What it is, and which line is which."""
    question = result.question
    size = f"{question.items} item{'s' if question.items != 1 else ''} per request"
    if question.kind == "llm_serving":
        size = f"{question.input_tokens} input, {question.output_tokens} output tokens"
    cut = f"; {len(curves)} of {found} parallelisms" if len(curves) < found else ""
    figure.suptitle(f"{question.model} on {question.accelerator}: {size}{cut}", fontsize=10)
    lines = [
        Line2D([], [], color=colour, label=option_words(one)) for one, colour in zip(curves, COLOURS, strict=False)
    ]
    levels = sorted({one.percentile for one in curves[0].latencies})
    lines += [Line2D([], [], color="black", linestyle=DASHES.get(p, "-."), label=f"p{p:g}") for p in levels]
    lines.append(Line2D([], [], color="black", marker="o", linestyle="", label="highest rate inside the limits"))
    figure.legend(handles=lines, loc="outside lower center", ncols=3)


def _steps(result: EstimateResult, options: Sequence[EstimatedOption]) -> Figure:
    """Stacked bars, the best option at the top."""
    figure = new_figure(1.6 + 0.42 * len(options))
    panel = figure.subplots()
    rows = range(len(options), 0, -1)
    left = [0.0] * len(options)
    for part, colour in zip(options[0].parts_s["training"], COLOURS, strict=False):
        widths = [option.parts_s["training"][part] for option in options]
        panel.barh(list(rows), widths, 0.7, left, color=colour, label=PARTS.get(part, part))
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for row, end, option in zip(rows, left, options, strict=True):
        panel.annotate(_bar_words(option), (end, row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    panel.set_yticks(list(rows), [option_words(option) for option in options])
    panel.set_xlim(0, max(left) * 1.42)
    panel.set_xlabel("time of an optimizer step, s")
    panel.grid(visible=False, axis="y")
    question = result.question
    figure.suptitle(f"{question.model} on {question.accelerator}: global batch {question.global_batch}", fontsize=10)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _bar_words(option: EstimatedOption) -> str:
    assert option.training is not None
    return f"{option.accelerators} accelerators, MFU {percent(option.training.mfu)}"
