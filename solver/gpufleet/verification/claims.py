"""Rules on what a plan says of itself: digest, certificate, and the figures beside each deployment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpufleet.verification.prices import check_offer_prices, check_overlay
from gpufleet.verification.unserved import check_service_proof
from gpufleet.verification.violation import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from gpufleet.schema.plan import Certificate, Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings, Report

    Claim = tuple[str, float | None, float | None]

CLAIM_TOLERANCE = 1e-4
"""Relative tolerance on performance figures that a plan repeats for its reader."""


def check_identity(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """The plan is for this instance, as it stands now."""
    uid = resolved.instance.uid
    findings.check(
        "instance", "instance", plan.instance == uid, f"the plan is for {plan.instance}, the instance is {uid}"
    )
    check_overlay(resolved, plan, findings)
    if plan.certificate is not None:
        same = plan.certificate.instance_digest == resolved.digest
        message = (
            f"the plan was made for digest {plan.certificate.instance_digest[:16]}, the instance, its catalogue or its "
            f"model cards now have {resolved.digest[:16]}; solve again"
        )
        findings.check("digest", "certificate", same, message)


def check_no_plan(plan: Plan, findings: Findings) -> None:
    """A plan that says that there is none brings no fleet, and so none that would escape the other rules."""
    filled = [
        name
        for name in ("nodes", "deployments", "routing", "fallback_routing", "unserved", "charges", "costs")
        if getattr(plan, name)
    ]
    message = f"status is {plan.status}, but the plan has {', '.join(filled)}"
    findings.check("status", "status", not filled, message)
    if plan.certificate is not None:
        priced = plan.certificate.objective_usd is not None or plan.certificate.gap is not None
        findings.check(
            "certificate", "objective", not priced, f"status is {plan.status}, but there is an objective or gap"
        )


def check_certificate(
    resolved: ResolvedInstance, plan: Plan, cost: Decimal, moves: Decimal, findings: Findings
) -> None:
    """Objective, bound, gap and status agree with each other and with the recomputed cost; price dates are right."""
    certificate = plan.certificate
    if certificate is None:
        message = f"status is {plan.status}, but nothing certifies it; leave status out of a plan written by hand"
        findings.check("certificate", "status", plan.status is None, message)
        return
    if certificate.objective_usd is not None:
        difference = certificate.objective_usd - float(cost + moves)
        and_moves = f" and its changes {moves:.6f}" if resolved.instance.migration is not None else ""
        message = f"objective_usd is {certificate.objective_usd:.6f}, the fleet costs {cost:.6f}{and_moves} USD"
        findings.check("certificate", "objective", difference == 0, message, abs(difference), "USD")
    for name, said, is_ in (("fleet_usd", certificate.fleet_usd, cost), ("moves_usd", certificate.moves_usd, moves)):
        if said is not None:
            message = f"{name} is {said:.6f}, the plan has {is_:.6f} USD"
            findings.check("certificate", name, said == float(is_), message, abs(said - float(is_)), "USD")
    _check_bound(plan, certificate, findings)
    check_service_proof(resolved, plan, certificate, findings)
    offers = [resolved.offers[nodes.offer] for nodes in plan.nodes if nodes.offer in resolved.offers]
    dates = {offer.name: str(offer.as_of) if offer.as_of else "not dated" for offer in offers}
    message = f"price_dates are {certificate.price_dates}, the offers have {dates}"
    findings.check("certificate", "price_dates", certificate.price_dates == dates, message)
    check_offer_prices(resolved, plan, findings)


def _check_bound(plan: Plan, certificate: Certificate, findings: Findings) -> None:
    objective, bound, gap = certificate.objective_usd, certificate.bound_usd, certificate.gap
    if objective is None:
        message = f"status is {plan.status} without an objective"
        findings.check("certificate", "status", plan.status not in ("optimal", "feasible"), message)
        return
    if bound is None:
        findings.check("certificate", "gap", gap is None, f"gap is {gap} without a bound")
    else:
        message = f"bound_usd {bound:.6f} is above the objective {objective:.6f}"
        findings.check("certificate", "bound", bound <= objective, message, bound - objective, "USD")
        right = (objective - bound) / objective if objective else 0.0
        message = f"gap is {gap}, objective and bound give {right:.6g}"
        findings.check("certificate", "gap", gap is not None and math.isclose(gap, right, abs_tol=1e-9), message)
    if plan.status == "optimal":
        message = "status is optimal, but bound and objective differ"
        findings.check("certificate", "status", bound == objective, message)


def check_figures(plan: Plan, report: Report, findings: Findings) -> None:
    """Utilisation, memory, latency and training days beside each deployment are the ones recomputed here."""
    for index in report.utilisation:
        deployment = plan.deployments[index]
        where = place_of(index, deployment)
        needed, usable = report.memory_gb.get(index, (None, None))
        claims: list[Claim] = [
            ("utilisation", deployment.utilisation, report.utilisation[index]),
            ("training_days", deployment.training_days, report.training_days.get(index)),
            ("memory_gb", deployment.memory_gb, needed),
            ("memory_limit_gb", deployment.memory_limit_gb, usable),
            *_latency_claims(deployment, report.latency_ms.get(index, ())),
        ]
        for name, said, is_ in claims:
            _check_figure(name, said, is_, where, findings)


def _check_figure(name: str, said: float | None, is_: float | None, where: str, findings: Findings) -> None:
    if said is None:
        return
    if is_ is None:
        findings.check("figures", where, False, f"{name} is {said:.6g} in the plan, but there is no such figure here")
        return
    same = math.isclose(said, is_, rel_tol=CLAIM_TOLERANCE, abs_tol=1e-6)
    message = f"{name} is {said:.6g} in the plan and {is_:.6g} by the model"
    findings.check("figures", where, same, message, abs(said - is_))


def _latency_claims(deployment: Deployment, rows: tuple[tuple[str, str, float, float, float], ...]) -> Iterator[Claim]:
    """Predicted latency and limit per metric, class and percentile; figures are compared only with their own kind."""
    right = {(metric, name, percentile): (value, limit) for metric, name, percentile, value, limit in rows}
    for said in deployment.latency:
        value, limit = right.get((said.metric, said.request_class, said.percentile), (None, None))
        what = f"{said.metric} p{said.percentile:g} of class {said.request_class}"
        yield what, said.predicted_ms, value
        yield f"limit of {what}", said.limit_ms, limit
