"""What the tests of the estate instances share."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gpufleet.report.plan_text import plan_text

if TYPE_CHECKING:
    from gpufleet import Plan, ResolvedInstance

ESTATE = Path(__file__).parents[2] / "instances" / "estate"


def cost_of(plan: Plan) -> float:
    """USD over the horizon, of a plan that is proven."""
    assert plan.status == "optimal"
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is not None
    return plan.certificate.objective_usd


def text_of(asked: ResolvedInstance, plan: Plan) -> str:
    """What `solve` prints at 80 columns, in one line."""
    console = Console(width=80, record=True, file=io.StringIO())
    for part in plan_text(asked, plan):
        console.print(part)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())
