"""What a robust fleet keeps, what that costs, and how it does in scenarios that it was not made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gpufleet.report.format import money, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from gpufleet.schema.plan import Plan


def robust_text(plan: Plan) -> Iterator[RenderableType]:
    """The limit, its price and the rate outside the sample, in sentences."""
    claim = plan.robust
    if claim is None:
        return
    yield Text("Robust over scenarios", style="bold cyan")
    demand = f"demand times {claim.demand_low:g} to {claim.demand_high:g}"
    yield Text(
        f"Violates {claim.violated} of {claim.samples} scenarios ({percent(claim.violated / claim.samples)}), at most "
        f"{percent(claim.limit)} may be: throughputs drawn from their intervals, {demand}, every node there "
        f"{100 * claim.availability:.4g} % of the time, seed {claim.seed}."
    )
    if claim.extra_usd is not None and claim.plain_usd is not None:
        part = f", +{percent(claim.extra_usd / claim.plain_usd)}" if claim.plain_usd else ""
        proof = "" if claim.proven else "; not proven"
        yield Text(
            f"The price of robustness is {money(claim.extra_usd)} USD over the horizon (without it: "
            f"{money(claim.plain_usd)} USD{part}{proof})."
        )
    yield Text(
        f"In {claim.fresh_samples:,} fresh scenarios (seed {claim.fresh_seed}) {percent(claim.fresh_share)} are "
        f"violated (95 % confidence: {percent(claim.fresh_low)} to {percent(claim.fresh_high)})."
    )
    yield Text(
        f"The bound holds for all fleets that keep the limit over the sample; the program looked at {claim.looked_at} "
        f"scenarios in {claim.rounds} rounds.",
        style="dim",
    )
