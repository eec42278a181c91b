"""Verify a plan against an instance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpufleet.schema.workloads import Training
from gpufleet.verification.charges import check_charges
from gpufleet.verification.claims import check_certificate, check_figures, check_identity, check_no_plan
from gpufleet.verification.confidence import check_caution, check_level
from gpufleet.verification.deployments import check_deployments
from gpufleet.verification.fleet import check_fleet, check_packing
from gpufleet.verification.money import check_money
from gpufleet.verification.moves import check_moves
from gpufleet.verification.service import check_latencies, check_service
from gpufleet.verification.site_loss import check_site_loss
from gpufleet.verification.spare_nodes import check_spare_nodes
from gpufleet.verification.unserved import check_unserved
from gpufleet.verification.violation import Findings, Report

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


def verify(resolved: ResolvedInstance, plan: Plan) -> Report:
    """Recompute feasibility and cost of a plan; every broken rule is named, with by how much.

    The plan may be written by hand: nodes and deployments are enough. Without routing, requests follow capacity.
    A plan without a fleet (infeasible, unknown) is checked for its claims alone.
    """
    findings = Findings()
    check_identity(resolved, plan, findings)
    check_level(resolved, plan, findings)
    if plan.status in ("infeasible", "unknown"):
        check_no_plan(plan, findings)
        return _report(resolved, findings, 0.0)
    known = check_fleet(resolved, plan, findings)
    check_packing(resolved, plan, known, findings)
    capabilities = check_deployments(resolved, plan, findings)
    utilisation = check_service(resolved, plan, capabilities, findings)
    check_unserved(resolved, plan, findings)
    latency = check_latencies(resolved, plan, capabilities, utilisation, findings)
    check_spare_nodes(resolved, plan, known, findings)
    check_site_loss(resolved, plan, capabilities, findings)
    cost = check_money(resolved, plan, known, findings)
    check_charges(resolved, plan, findings)
    moves = check_moves(resolved, plan, known, findings)
    check_certificate(resolved, plan, cost, moves, findings)
    check_caution(resolved, plan, findings)
    estimates = {c.index: c.estimate for c in capabilities if c.estimate is not None}
    report = replace(
        _report(resolved, findings, float(cost)),
        moves_usd=float(moves),
        utilisation=utilisation,
        latency_ms=latency,
        memory_gb={i: (float(e.memory_gb[0]), e.memory_limit_gb) for i, e in estimates.items()},
        training_days={c.index: c.training_days for c in capabilities if isinstance(c.workload, Training)},
    )
    check_figures(plan, report, findings)
    return replace(report, violations=tuple(findings.violations), checked=dict(findings.checked))


def verify_money(resolved: ResolvedInstance, plan: Plan) -> Report:
    """The rules about the fleet and its money alone: for a plan that keeps every rule of a question which differs from
    this one in its budgets."""
    findings = Findings()
    check_identity(resolved, plan, findings)
    known = check_fleet(resolved, plan, findings)
    cost = check_money(resolved, plan, known, findings)
    check_charges(resolved, plan, findings)
    check_certificate(resolved, plan, cost, check_moves(resolved, plan, known, findings), findings)
    return _report(resolved, findings, float(cost))


def _report(resolved: ResolvedInstance, findings: Findings, cost_usd: float) -> Report:
    per_day = cost_usd / float(resolved.instance.hours / 24)
    return Report(tuple(findings.violations), dict(findings.checked), cost_usd, per_day, {}, {}, {}, {})
