"""Rules on changes of the fleet of today: counted anew from the plan, and priced."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from gpufleet.schema.offers import RENTED_TERMS
from gpufleet.units import exact
from gpufleet.verification.slices import slices_of

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings

Place = tuple[str, str, str, str | None]
"""(workload, site, node type, spot offer)"""


def check_moves(resolved: ResolvedInstance, plan: Plan, known: tuple[PlannedNodes, ...], findings: Findings) -> Decimal:
    """Check what the plan says of its changes; returns what they cost, USD, 0 where there is no fleet of today."""
    migration = resolved.instance.migration
    if migration is None:
        message = "the instance has no migration, so there is nothing to move from"
        findings.check("moves", "moves", plan.moves is None, message)
        return Decimal(0)
    nodes = _changed_nodes(resolved, known)
    uses = _grown_uses(resolved, plan)
    cost = _usd(migration.usd_per_node) * sum(abs(after - before) for before, after in nodes.values())
    cost += _usd(migration.usd_per_accelerator) * sum(after - before for before, after in uses.values())
    if plan.moves is not None:
        _compare(plan, nodes, uses, cost, findings)
    return cost


def _usd(price: float) -> Decimal:
    """To whole micro-dollars, as all money."""
    micro = exact(price) * 10**6
    return Decimal(int(micro + exact(0.5))) / 10**6


def _changed_nodes(resolved: ResolvedInstance, known: tuple[PlannedNodes, ...]) -> dict[str, tuple[int, int]]:
    """(before, after) of every offer that has more or fewer nodes than today."""
    assert resolved.instance.migration is not None
    before, after = Counter[str](), Counter[str]()
    for entry in resolved.instance.migration.nodes:
        before[entry.offer] += entry.count
    first = resolved.instance.stages[0].name if resolved.instance.stages else None
    for nodes in known:
        elastic = bool(resolved.instance.periods) and resolved.offers[nodes.offer].term in RENTED_TERMS
        if nodes.first_stage in (None, first) and nodes.period is None and not elastic:
            after[nodes.offer] += nodes.count
    return {name: (before[name], after[name]) for name in {*before, *after} if before[name] != after[name]}


def _grown_uses(resolved: ResolvedInstance, plan: Plan) -> dict[Place, tuple[int, int]]:
    """(before, after) of every workload and pool where it takes more accelerators than today, at any time."""
    assert resolved.instance.migration is not None
    before, after = Counter[Place](), Counter[Place]()
    for entry in resolved.instance.migration.uses:
        before[entry.workload, entry.site, entry.node_type, entry.spot] += entry.accelerators
    for now in slices_of(resolved):
        taken = Counter[Place]()
        for deployment in plan.deployments if now.number == 0 else ():
            if now.runs(deployment):
                place = (deployment.workload, deployment.site, deployment.node_type, deployment.spot)
                taken[place] += deployment.replicas * deployment.parallelism.accelerators
        after |= taken
    return {place: (before[place], count) for place, count in after.items() if count > before[place]}


def _compare(
    plan: Plan,
    nodes: dict[str, tuple[int, int]],
    uses: dict[Place, tuple[int, int]],
    cost: Decimal,
    findings: Findings,
) -> None:
    assert plan.moves is not None
    said = {entry.offer: (entry.before, entry.after) for entry in plan.moves.nodes}
    for name in sorted({*said, *nodes}):
        message = f"(before, after) is {said.get(name)} in the plan and {nodes.get(name)} by its nodes"
        findings.check("moves", name, said.get(name) == nodes.get(name), message)
    grown = {(e.workload, e.site, e.node_type, e.spot): (e.before, e.after) for e in plan.moves.uses}
    for place in sorted({*grown, *uses}, key=str):
        message = f"(before, after) is {grown.get(place)} in the plan and {uses.get(place)} by its deployments"
        where = " on ".join((place[0], f"{place[2]} at {place[1]}"))
        findings.check("moves", where, grown.get(place) == uses.get(place), message)
    difference = abs(plan.moves.cost_usd - float(cost))
    message = f"moves cost {plan.moves.cost_usd:.6f} USD in the plan and {cost:.6f} by the instance"
    findings.check("moves", "moves", difference == 0, message, difference, "USD")
