"""Unmet demand of plans under stress as a picture: in what share of scenarios is how much unmet?"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from gpufleet.report.estimate_plot import COLOURS, DATELESS, STYLE
from gpufleet.report.format import money, percent

if TYPE_CHECKING:
    from gpufleet.scenarios.draws import Floats
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.stress import StressReport

LINES: Final[Any] = ("-", (0, (5, 2)), (0, (1, 1)), (0, (5, 2, 1, 2)))
"""Told apart in print, too."""


def stress_plot(resolved: ResolvedInstance, report: StressReport, form: str) -> bytes:
    """The picture as `png`, `svg` or `pdf`: a curve per plan, of the share of scenarios in which more than so much of
    demand is unmet."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.subplots()
        for number, plan in enumerate(report.plans):
            label = f"{plan.label} ({money(plan.cost_usd)} USD, violated {percent(plan.whole.violations.value)})"
            look = {"color": COLOURS[number % len(COLOURS)], "ls": LINES[number % len(LINES)]}
            axes.step(*_exceeded(plan.unmet), where="post", label=label, **look)
        axes.set(xlabel="unmet demand (mean over workloads)", ylabel="scenarios with more than that")
        axes.set_yscale("log")
        axes.set(xlim=(0, None), ylim=(0.5 / report.settings.samples, 1))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        axes.legend(loc="upper right")
        figure.suptitle(f"{resolved.instance.title}: {report.settings.samples:,} scenarios", fontsize=10, wrap=True)
        target = io.BytesIO()
        figure.savefig(target, format=form, dpi=150, metadata=DATELESS[form])
    return target.getvalue()


def _exceeded(unmet: Floats) -> tuple[Floats, Floats]:
    """Amounts, and the share of scenarios in which more than that is unmet; a share of 0 is left out, as it has no
    place on a logarithmic scale."""
    amounts = np.unique(np.concatenate([[0.0], unmet]))
    more = 1.0 - np.searchsorted(np.sort(unmet), amounts, side="right") / unmet.size
    return amounts, np.where(more > 0, more, np.nan)
