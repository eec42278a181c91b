"""Rules on nodes: the offers exist, stock suffices, replicas can really be packed, power, racks and quotas hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.units import exact
from gpufleet.verification.composition import check_composition, check_node_types
from gpufleet.verification.contracts import check_contract, orders_of
from gpufleet.verification.packing import nodes_needed
from gpufleet.verification.partitions import check_partitioned_nodes
from gpufleet.verification.slices import pool_of, pool_of_nodes, slices_of

if TYPE_CHECKING:
    from gpufleet.schema.plan import Deployment, Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.slices import PoolName, Slice
    from gpufleet.verification.violation import Findings


def check_fleet(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> tuple[PlannedNodes, ...]:
    """Check the node list; returns the entries whose offer exists, for the rules that follow."""
    known = tuple(nodes for nodes in plan.nodes if _offer_exists(resolved, nodes, findings))
    for nodes in known:
        _check_repeated_fields(resolved, nodes, findings)
        check_contract(resolved, nodes, findings)
    _check_orders(resolved, known, findings)
    check_node_types(resolved, known, findings)
    for now in slices_of(resolved):
        there = now.nodes(known)
        _check_stock(resolved, there, now.label, findings)
        _check_sites(resolved, there, now.label, findings)
        _check_quotas(resolved, there, now.label, findings)
        check_composition(resolved, there, now.label, findings)
    return known


def _offer_exists(resolved: ResolvedInstance, nodes: PlannedNodes, findings: Findings) -> bool:
    return findings.check(
        "offer", nodes.offer, nodes.offer in resolved.offers, "the instance has no offer of this name"
    )


def _check_repeated_fields(resolved: ResolvedInstance, nodes: PlannedNodes, findings: Findings) -> None:
    offer = resolved.offers[nodes.offer]
    for field in ("node_type", "site", "term"):
        said = getattr(nodes, field)
        if said is not None:
            is_ = getattr(offer, field)
            findings.check("offer", nodes.offer, said == is_, f"the plan says {field} {said}, the offer is for {is_}")


def _check_stock(resolved: ResolvedInstance, known: tuple[PlannedNodes, ...], label: str, findings: Findings) -> None:
    taken: Counter[str] = Counter()
    for nodes in known:
        taken[nodes.offer] += nodes.count
    for name, count in taken.items():
        stock = resolved.offers[name].stock
        if stock is not None:
            message = f"{count} nodes taken, {stock} in stock"
            findings.check("stock", name + label, count <= stock, message, count - stock, "nodes")


def _check_orders(resolved: ResolvedInstance, known: tuple[PlannedNodes, ...], findings: Findings) -> None:
    """Nodes of one offer that arrive together are one order, however long they stay."""
    for (name, stage, period), count in orders_of(known).items():
        least = resolved.offers[name].min_order
        if least and count:
            where = "".join((name, *(f" in {time}" for time in (stage, period) if time is not None)))
            message = f"{count} nodes taken, the minimum order is {least}"
            findings.check("min_order", where, count >= least, message, least - count, "nodes")


def _check_sites(resolved: ResolvedInstance, known: tuple[PlannedNodes, ...], label: str, findings: Findings) -> None:
    power: defaultdict[str, Fraction] = defaultdict(Fraction)
    racks: defaultdict[str, Fraction] = defaultdict(Fraction)
    for nodes in known:
        offer = resolved.offers[nodes.offer]
        node = resolved.node_types[offer.node_type]
        power[offer.site] += nodes.count * exact(node.power_kw or 0)
        racks[offer.site] += nodes.count * exact(node.rack_units or 0)
    for site in resolved.instance.sites:
        for rule, cap, used, unit in (
            ("power", site.power_cap_kw, power[site.name], "kW"),
            ("rack", site.rack_units, racks[site.name], "U"),
        ):
            if cap is not None:
                over = float(used - exact(cap))
                findings.check(
                    rule,
                    site.name + label,
                    over <= 0,
                    f"{float(used):g} {unit} needed, {cap:g} {unit} there",
                    over,
                    unit,
                )


def _check_quotas(resolved: ResolvedInstance, known: tuple[PlannedNodes, ...], label: str, findings: Findings) -> None:
    for quota in resolved.instance.rules.quotas:
        used = 0
        for nodes in known:
            offer = resolved.offers[nodes.offer]
            node = resolved.node_types[offer.node_type]
            if resolved.sites[offer.site].provider == quota.provider and node.accelerator == quota.accelerator:
                used += nodes.count * node.accelerators
        message = f"{used} {quota.accelerator} taken, the quota is {quota.accelerators}"
        where = f"{quota.provider} {quota.accelerator}"
        findings.check(
            "quota", where + label, used <= quota.accelerators, message, used - quota.accelerators, "accelerators"
        )


def check_packing(resolved: ResolvedInstance, plan: Plan, known: tuple[PlannedNodes, ...], findings: Findings) -> None:
    """In every period, place all replicas onto the nodes of their pool and see whether all find room."""
    at: defaultdict[tuple[str | None, str | None], list[Deployment]] = defaultdict(list)
    for deployment in plan.deployments:
        if deployment.node_type in resolved.node_types:
            at[deployment.stage, deployment.period].append(deployment)
    for now in slices_of(resolved):
        times = dict.fromkeys((stage, period) for stage in (None, now.stage) for period in (None, now.name))
        running = [deployment for time in times for deployment in at[time]]
        _check_packing_now(resolved, running, now, now.nodes(known), findings)


def _check_packing_now(
    resolved: ResolvedInstance,
    running: list[Deployment],
    now: Slice,
    there: tuple[PlannedNodes, ...],
    findings: Findings,
) -> None:
    nodes: Counter[PoolName] = Counter()
    for entry in there:
        nodes[pool_of_nodes(resolved, entry)] += entry.count
    replicas: defaultdict[PoolName, Counter[int]] = defaultdict(Counter)
    for deployment in running:
        replicas[pool_of(deployment)][deployment.parallelism.accelerators] += deployment.replicas
    check_partitioned_nodes(resolved, nodes, replicas, now.label, findings)
    for pool in sorted(pool for pool in replicas if resolved.node_types[pool[1]].partition_of is None):
        size = resolved.node_types[pool[1]].accelerators
        needed = nodes_needed(replicas[pool], size)
        message = f"the replicas need {needed} nodes of {size} accelerators, the plan takes {nodes[pool]}"
        where = "/".join(part for part in pool if part) + now.label
        findings.check("packing", where, needed <= nodes[pool], message, needed - nodes[pool], "nodes")
