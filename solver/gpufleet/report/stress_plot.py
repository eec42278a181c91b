"""Unmet demand of plans under stress as a picture: in what share of scenarios is how much unmet?"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gpufleet.report.estimate_plot import COLOURS, DATELESS, STYLE
from gpufleet.report.format import money, percent

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.stress import StressReport

LINES = ("-", (0, (5, 2)), (0, (1, 1)), (0, (5, 2, 1, 2)))
"""Told apart in print, too."""


def stress_plot(resolved: ResolvedInstance, report: StressReport, form: str) -> bytes:
    """The picture as `png`, `svg` or `pdf`: a curve per plan, of the share of scenarios in which more than so much of
    demand is unmet."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.subplots()
        for number, plan in enumerate(report.plans):
            unmet = np.sort(plan.unmet)
            more = 1.0 - np.arange(1, unmet.size + 1) / unmet.size
            label = f"{plan.label} ({money(plan.cost_usd)} USD, violated {percent(plan.whole.violations.value)})"
            first = np.concatenate([[0.0], unmet]), np.concatenate([[float((unmet > 0).mean())], more])
            axes.step(
                *first, where="post", label=label, color=COLOURS[number % len(COLOURS)], ls=LINES[number % len(LINES)]
            )
        axes.set(xlabel="unmet demand (mean over workloads)", ylabel="scenarios with more than that", ylim=(0, 1))
        axes.set_xlim(left=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.legend(loc="upper right")
        figure.suptitle(f"{resolved.instance.title}: {report.settings.samples:,} scenarios", fontsize=10, wrap=True)
        target = io.BytesIO()
        figure.savefig(target, format=form, dpi=150, metadata=DATELESS[form])
    return target.getvalue()
