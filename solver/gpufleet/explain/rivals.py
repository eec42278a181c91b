"""Why an accelerator was not bought: the cheapest plan with nothing else, or what stands in its way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.candidates.option import Candidates
from gpufleet.edits.changes import only_accelerators, redigest
from gpufleet.edits.requirement import without_all
from gpufleet.edits.requirements import requirements
from gpufleet.explain.nearest import miss_factor
from gpufleet.schema.offers import HOURLY_TERMS
from gpufleet.solving import solve_candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.explain.oracle import Oracle
    from gpufleet.schema.elimination import Rejected
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

WHOLE_COST = (("budgets", "usd_per_day"), ("budgets", "horizon_usd"))
"""Caps on all of the cost."""


@dataclass(frozen=True)
class Rival:
    """An accelerator that is offered and not in the plan."""

    accelerator: str
    plan: Plan | None
    """The cheapest plan with no other accelerator; None where time ran out."""
    over_budget: bool
    """Is that a plan beyond the budgets on the whole cost, because within them there is none?"""
    extra_usd: float | None
    """What it costs more over the horizon, USD; None where there is none."""
    nodes: int
    """Its nodes."""
    level_factor: float | None
    """The factor on all prices of the accelerator at which the two plans cost the same; None where that is no simple
    proportion, or the plans are not proven."""
    level_usd_per_hour: float | None
    """The hourly price of a node then, where the rival's plan takes a single offer."""
    offer: str | None
    """That offer."""
    homeless: tuple[str, ...]
    """Workloads that have no option on it."""
    nearest: Rejected | None
    """Of the first of them, the option that came nearest."""


def find_rivals(resolved: ResolvedInstance, plan: Plan, oracle: Oracle) -> tuple[Rival, ...]:
    """Every accelerator that is offered and not in the plan: the cheapest first, those without a plan last."""
    carried = {name: resolved.accelerator_of(offer.node_type).name for name, offer in resolved.offers.items()}
    used = {carried[nodes.offer] for nodes in plan.nodes if nodes.count}
    rivals = [_rival(resolved, plan, name, oracle) for name in sorted(set(carried.values()) - used)]
    return tuple(sorted(rivals, key=_rank))


def _rank(rival: Rival) -> tuple[float, int, float]:
    """By extra cost; without a plan, by how many workloads have no option, and by how far off the nearest is."""
    miss = math.inf if rival.nearest is None else miss_factor(rival.nearest)
    return (math.inf if rival.extra_usd is None else rival.extra_usd, len(rival.homeless), miss)


def _rival(resolved: ResolvedInstance, plan: Plan, name: str, oracle: Oracle) -> Rival:
    alone = only_accelerators(resolved, [name])
    known = oracle.candidates(resolved)
    options = {
        workload: tuple(option for option in found if option.node_type in alone.node_types)
        for workload, found in known.options.items()
    }
    homeless = tuple(workload for workload, found in options.items() if not found)
    other = _cheapest(alone, Candidates(options, known.rejections, ()), oracle)
    over_budget = False
    if other is not None and other.status == "infeasible" and not homeless:
        freed = without_all(alone, (r for r in requirements(alone) if r.loc in WHOLE_COST))
        if freed is not alone:
            beyond = _cheapest(redigest(freed), Candidates(options, known.rejections, ()), oracle)
            over_budget = beyond is not None and beyond.status in ("optimal", "feasible")
            other = beyond if over_budget else other
    nodes = [] if other is None else [planned for planned in other.nodes if planned.count]
    offers = {planned.offer for planned in nodes}
    offer = offers.pop() if len(offers) == 1 else None
    factor = _level_factor(alone, plan, other)
    price = None if offer is None or factor is None else resolved.offers[offer].usd_per_hour
    return Rival(
        accelerator=name,
        plan=other,
        over_budget=over_budget,
        extra_usd=_extra(plan, other),
        nodes=sum(planned.count for planned in nodes),
        level_factor=factor,
        level_usd_per_hour=None if price is None or factor is None else price * factor,
        offer=offer,
        homeless=homeless,
        nearest=_nearest(plan, homeless[:1], set(alone.node_types)),
    )


def _cheapest(alone: ResolvedInstance, options: Candidates, oracle: Oracle) -> Plan | None:
    """The cheapest plan from options that are known; None where time is up."""
    if not oracle.left_s:
        return None
    oracle.solves += 1
    return solve_candidates(alone, options, oracle.limits())


def _cost(plan: Plan | None) -> float | None:
    return None if plan is None or plan.certificate is None else plan.certificate.objective_usd


def _extra(plan: Plan, other: Plan | None) -> float | None:
    ours, theirs = _cost(plan), _cost(other)
    return None if ours is None or theirs is None else round(theirs - ours, 6)


def _level_factor(alone: ResolvedInstance, plan: Plan, other: Plan | None) -> float | None:
    """Where all cost of the rival is rent, every plan with it costs in proportion to its prices, so the cheapest stays
    the cheapest. Caps on parts of the cost would let in other plans at lower prices."""
    ours, theirs, budgets = _cost(plan), _cost(other), alone.instance.budgets
    if other is None or ours is None or not theirs or not plan.status == other.status == "optimal":
        return None
    rented = all(offer.term in HOURLY_TERMS and not offer.running_usd_per_hour for offer in alone.offers.values())
    powered = any(alone.sites[offer.site].electricity_usd_per_kwh for offer in alone.offers.values())
    capped = budgets.sites or budgets.workloads or budgets.stages
    if not rented or powered or capped or alone.instance.measures or alone.instance.allow_unserved:
        return None
    return ours / theirs


def _nearest(plan: Plan, workloads: Sequence[str], node_types: set[str]) -> Rejected | None:
    """What came nearest on these node types."""
    rows = [
        row
        for row in plan.rejections
        if row.workload in workloads and row.node_type in node_types and row.rule != "dominated"
    ]
    return min(rows, key=miss_factor, default=None)
