"""Rules on what is counted on: figures at the confidence that the instance asks for, the intervals that a plan states,
and what it says of the price of caution.

The quantiles are computed here once more: a factor that 5 % fall short of, taken as log-normal around 1, becomes the
one that 10 % fall short of.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.verification.violation import place_of

if TYPE_CHECKING:
    from gpufleet.performance.arrays import Floats
    from gpufleet.performance.estimate import Estimate
    from gpufleet.schema.base import Performance
    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import LLMServing, RequestServing
    from gpufleet.verification.violation import Findings

FACTOR_TOLERANCE = 1e-9
"""On multiples that a plan repeats."""


def ninety_percent(twentieth: float, *, is_lower: bool) -> float:
    """The factor that 90 % reach (or stay below), from the one that 95 % do; never on the better side of 1."""
    if twentieth >= 1 if is_lower else twentieth <= 1:
        return 1.0
    spread = math.log(twentieth) / NormalDist().inv_cdf(0.95)
    return math.exp(spread * NormalDist().inv_cdf(0.90))


def counted_on(figures: Estimate, performance: Performance) -> Estimate:
    """The figures of one deployment as the instance counts on them: medians, or those of 90 % confidence."""
    if performance == "p50":
        return figures
    rates, latencies = _each(figures.rate_low, is_lower=True), _each(figures.latency_high, is_lower=False)
    return replace(
        figures,
        max_rate=figures.max_rate * rates,
        latency_ms=figures.latency_ms * latencies,
        training_days=figures.training_days / rates[:, 0],
    )


def _each(factors: Floats, *, is_lower: bool) -> Floats:
    flat = [ninety_percent(float(factor), is_lower=is_lower) for factor in factors.flat]
    return np.array(flat).reshape(factors.shape)


def check_level(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """The plan counts on what the instance asks for."""
    if plan.performance is not None:
        asked = resolved.instance.performance
        message = f"the plan was made for performance {plan.performance}, the instance asks for {asked}; solve again"
        findings.check("performance", "performance", plan.performance == asked, message)


def check_rate_interval(deployment: Deployment, low: float, high: float, where: str, findings: Findings) -> None:
    """The interval of the rates, where the plan repeats it."""
    for name, said, is_ in (("rate_low", deployment.rate_low, low), ("rate_high", deployment.rate_high, high)):
        _check_factor(name, said, is_, where, findings)


def check_latency_intervals(
    workload: LLMServing | RequestServing, figures: Estimate, index: int, deployment: Deployment, findings: Findings
) -> None:
    """The intervals of latencies, where the plan repeats them; unknown figures are another rule's."""
    where, classes = place_of(index, deployment), [group.name for group in workload.classes]
    kinds = [(slo.metric, slo.percentile) for slo in workload.slo]
    for said in deployment.latency:
        if said.request_class in classes and (said.metric, said.percentile) in kinds:
            c, s = classes.index(said.request_class), kinds.index((said.metric, said.percentile))  # type: ignore[arg-type]
            what = f"{said.metric} p{said.percentile:g} of class {said.request_class}"
            _check_factor(f"low of {what}", said.low, float(figures.latency_low[0, s, c]), where, findings)
            _check_factor(f"high of {what}", said.high, float(figures.latency_high[0, s, c]), where, findings)


def _check_factor(name: str, said: float | None, is_: float, where: str, findings: Findings) -> None:
    if said is not None:
        same = math.isclose(said, is_, rel_tol=FACTOR_TOLERANCE)
        message = f"{name} is {said:.6g} in the plan and {is_:.6g} by the calibration"
        findings.check("figures", where, same, message, abs(said - is_))


def check_caution(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """The price of caution: only at p90, never below 0 between proven plans, and the difference that it says it is.

    The plan at p50 is not here, so its cost is taken as stated.
    """
    caution = plan.caution
    if caution is None:
        return
    message = "a price of caution is stated, but the instance does not ask for performance p90"
    findings.check("caution", "caution", resolved.instance.performance == "p90", message)
    objective = None if plan.certificate is None else plan.certificate.objective_usd
    if caution.extra_usd is None:
        return
    if caution.p50_usd is None or objective is None:
        findings.check("caution", "caution", False, "extra_usd is stated without both costs that it compares")
        return
    right = objective - caution.p50_usd
    message = f"extra_usd is {caution.extra_usd:.6f}, the costs differ by {right:.6f}"
    findings.check("caution", "caution", abs(caution.extra_usd - right) < 1e-6, message, abs(caution.extra_usd - right))
    if caution.proven:
        message = f"the plan at p50 is said to cost {-right:.6f} USD more, and both are said to be proven"
        findings.check("caution", "caution", right >= 0, message, -right, "USD")
        message = f"both plans are said to be proven optimal, but this one is {plan.status}"
        findings.check("caution", "caution", plan.status == "optimal", message)
