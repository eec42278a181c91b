"""Is what a robust plan says of its scenarios true?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.scenarios.settings import ScenarioSettings
from gpufleet.stressing.evaluate import outcomes
from gpufleet.stressing.statistics import share
from gpufleet.verification.violation import Violation

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification import Report

RULE = "robust"


def with_claims(resolved: ResolvedInstance, plan: Plan, report: Report) -> Report:
    """The verifier's report with the rule `robust` checked too: the plan is tried in the scenarios that it names,
    unless it breaks other rules."""
    claim = plan.robust
    if claim is None or not report.ok:
        return report
    settings = ScenarioSettings(claim.samples, claim.seed, (claim.demand_low, claim.demand_high), claim.availability)
    violated = int(outcomes(resolved, plan, settings).violated.sum())
    found = []
    if violated > Fraction(repr(claim.limit)) * claim.samples:
        message = f"{violated} of {claim.samples} scenarios are violated, at most {claim.limit:.4%} may be"
        found.append(Violation(RULE, "limit", message, violated / claim.samples - claim.limit, "of scenarios"))
    if violated != claim.violated:
        found.append(Violation(RULE, "violated", f"{claim.violated} in the plan, {violated} when tried"))
    fresh = replace(settings, samples=claim.fresh_samples, seed=claim.fresh_seed)
    outside = share(outcomes(resolved, plan, fresh).violated)
    stated = (claim.fresh_share, claim.fresh_low, claim.fresh_high)
    right = (outside.value, outside.low, outside.high)
    if any(abs(said - is_) > 1e-9 for said, is_ in zip(stated, right, strict=True)):
        message = f"{claim.fresh_share:.4%} of fresh scenarios in the plan, {outside.value:.4%} when tried"
        found.append(Violation(RULE, "fresh_share", message))
    checked = {**report.checked, RULE: 3}
    return replace(report, violations=(*report.violations, *found), checked=checked)
