"""What was counted on, in words: intervals of rates, and the price of caution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.format import money, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Deployment, Plan


def provenance_words(deployment: Deployment) -> str:
    """Where the rates come from, and the multiples of the estimate between which 90 % of the truth is expected:
    `modelled, 0.65-1.54x`."""
    words = str(deployment.provenance)
    if deployment.rate_low is None or deployment.rate_high is None:
        return words
    return f"{words}, {deployment.rate_low:.2f}-{deployment.rate_high:.2f}x"


def caution_lines(plan: Plan, hours: float) -> Iterator[str]:
    """Nothing at p50; else the level, and what it costs over the horizon of so many hours."""
    if plan.performance != "p90":
        return
    yield "Bought at p90: rates are reached and latencies kept with 90 % confidence."
    caution = plan.caution
    if caution is None:
        return
    if caution.extra_usd is not None and caution.p50_usd is not None:
        relative = f", +{percent(caution.extra_usd / caution.p50_usd)}" if caution.p50_usd else ""
        proof = "" if caution.proven else ", not proven"
        yield (
            f"Caution costs {money(caution.extra_usd / hours * 24)} USD a day{relative} "
            f"(at p50: {money(caution.p50_usd)} USD over the horizon{proof})."
        )
    elif caution.p50_usd is not None:
        yield f"At p50 it would cost {money(caution.p50_usd)} USD over the horizon."
    if caution.note is not None:
        yield f"Price of caution: {caution.note}."
