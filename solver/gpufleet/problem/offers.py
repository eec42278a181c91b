"""Offers as contracts and price tiers, each with the fewest and most nodes that it can stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.interruption import look
from gpufleet.problem.contracts import contracts
from gpufleet.problem.costs import bill_of, purchase_price
from gpufleet.problem.data import OfferData
from gpufleet.problem.horizon import price_factor
from gpufleet.problem.moves import counts_as_move, nodes_today
from gpufleet.units import WATTS_PER_KW, exact, micro_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.problem.contracts import Contract
    from gpufleet.problem.data import Pool, PoolKey, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.instance import FleetRules
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class Reserve:
    """Nodes that can be of use where more may be asked, less be carried and nodes be down."""

    factor: Fraction
    """Most that a scenario asks over what it carries, against the estimate."""
    failures: int
    """Most nodes of a pool that are down in a scenario, among the first `reach`."""
    reach: int
    """Nodes of a pool for which failures were drawn."""

    def of(self, useful: int) -> int:
        """Nodes of a pool beyond which a further one is empty in every scenario."""
        return min(math.ceil(useful * self.factor) + self.failures, self.reach) if useful else 0


def offer_tiers(
    resolved: ResolvedInstance,
    pools: dict[PoolKey, int],
    pool_data: tuple[Pool, ...],
    workloads: list[WorkloadData],
    horizon: Horizon,
    reserve: Reserve | None = None,
) -> tuple[OfferData, ...]:
    """Every tier of every contract of every offer, by name, start, length and size."""
    spare = _share_slack(resolved.instance.rules)
    times = range(len(horizon.periods))
    by_period = [_useful_nodes(pool_data, [w for w in workloads if w.period == t]) for t in times]
    if spare is not None:
        by_period = [_with_idle_nodes(resolved, pool_data, useful, spare) for useful in by_period]
    if reserve is not None:
        by_period = [[reserve.of(count) for count in useful] for useful in by_period]
    today = nodes_today(resolved.instance)
    rows: list[OfferData] = []
    for name in sorted(resolved.offers):
        look()
        offer = resolved.offers[name]
        pool = pools[offer.site, offer.node_type, offer.name if offer.term == "spot" else None]
        for contract in contracts(offer, horizon):
            there = contract.periods(horizon) or times
            useful = max(by_period[t][pool] for t in there)
            most = useful if spare is None or offer.stock is None else offer.stock
            kept = today.get(name, 0) if counts_as_move(contract) else 0
            rows += _tiers(resolved, offer, pool, max(most, kept), contract, horizon)
    return tuple(rows)


def _tiers(
    resolved: ResolvedInstance, offer: Offer, pool: int, useful: int, contract: Contract, horizon: Horizon
) -> Iterator[OfferData]:
    """A tier never reaches beyond what is useful, except to its own start: a larger order can cost less. Nodes of today
    are of use where giving them up costs more than keeping them."""
    node, site = resolved.node_types[offer.node_type], resolved.sites[offer.site]
    trend = price_factor(resolved, offer, contract.span.start)
    for tier, (least, end, discount) in enumerate(_spans(offer)):
        most = min(limit for limit in (end, offer.stock, max(useful, least)) if limit is not None)
        if most >= least:
            bill = bill_of(offer, node, site, contract, horizon, (1 - discount) * trend)
            yield OfferData(
                name=offer.name,
                pool=pool,
                cost=bill.cost,
                most=most,
                capex=micro_usd(purchase_price(offer, (1 - discount) * trend)),
                power_w=0 if node.power_kw is None else math.ceil(exact(node.power_kw) * WATTS_PER_KW),
                least=least,
                discount=discount,
                order=horizon.index(contract.first, contract.period or 0),
                tier=tier,
                periods=contract.periods(horizon),
                contract=contract,
                bill=bill,
            )


def _spans(offer: Offer) -> Iterator[tuple[int, int | None, Fraction]]:
    """(fewest nodes, most nodes or None, discount) of each tier; fewest is 0 when a single tier has no minimum."""
    if not offer.price_steps:
        yield offer.min_order, None, Fraction(0)
        return
    starts = [max(offer.min_order, 1), *(max(step.from_count, offer.min_order) for step in offer.price_steps)]
    ends = [step.from_count - 1 for step in offer.price_steps]
    discounts = [Fraction(0), *(exact(step.discount_fraction) for step in offer.price_steps)]
    yield from zip(starts, [*ends, None], discounts, strict=True)


def _useful_nodes(pools: tuple[Pool, ...], workloads: list[WorkloadData]) -> list[int]:
    """Nodes per pool beyond which a further one stays empty in every plan without idle replicas, and is no spare.

    Nodes that run as a partition count where they are bought: each of them runs as one thing, so the most nodes that
    are useful as the base and as each partition add up.
    """
    accelerators, spare = [0] * len(pools), [0] * len(pools)
    for workload in workloads:
        look()
        for pool in {option.pool for option in workload.options}:
            accelerators[pool] += _useful_accelerators(workload, pool)
            base = pools[pool].partition_of
            place = pool if base is None else base
            spare[place] = max(spare[place], workload.spare_nodes)
    nodes = [-(-count // pool.accelerators_per_node) for count, pool in zip(accelerators, pools, strict=True)]
    for number, partition in enumerate(pools):
        if partition.partition_of is not None:
            nodes[partition.partition_of] += nodes[number]
            nodes[number] = 0
    return [count + more for count, more in zip(nodes, spare, strict=True)]


def _with_idle_nodes(
    resolved: ResolvedInstance, pools: tuple[Pool, ...], useful: list[int], spare: Fraction
) -> list[int]:
    """The same where rules on shares count nodes, so that even an empty one can help to keep them.

    What must be balanced: all useful nodes and one more per pool, and all that orders can force upon the fleet.
    """
    sizes = [pool.accelerators_per_node for pool in pools if pool.partition_of is None]
    fleet = sum(size * (count + 1) for size, count in zip(sizes, useful, strict=False))  # pools of nodes stand first
    for offer in resolved.offers.values():
        start = max((offer.min_order, *(step.from_count for step in offer.price_steps)))
        fleet += start * resolved.node_types[offer.node_type].accelerators
    return [math.ceil(fleet * spare / size) for size in sizes]


def _useful_accelerators(workload: WorkloadData, pool: int) -> int:
    """Most accelerators that the workload can use on one pool when no replica can be left out.

    Covering: without any one replica the demand is missed, so capacities add up to less than the demand plus the
    largest of them; each unit of capacity takes at most max(a/r) accelerators. Replicas held only for `min_replicas`
    come on top. A part of a run is one replica. Routed: every option alone never needs more than its own `most`.
    Surviving the loss of a site changes neither: a replica that counts does so against the loss of another site, when
    the replicas of this pool together carry less than the demand without it.
    """
    options = [option for option in workload.options if option.pool == pool]
    if workload.run is not None:
        return max(option.accelerators for option in options)
    if workload.routed:
        return sum(option.accelerators * option.most for option in options)
    reach = workload.demand + max(option.capacity for option in options)
    worst = max(-(-option.accelerators * reach // option.capacity) for option in options)
    return worst + workload.min_replicas * max(option.accelerators for option in options)


def _share_slack(rules: FleetRules) -> Fraction | None:
    """By how much idle nodes can multiply the fleet in order to keep shares; None without such rules.

    To bring a group down to the share s, the others grow to (1 - s)/s of it at most; to bring it up to s, it grows to
    s/(1 - s) of the others. Several rules multiply.
    """
    most = [
        share
        for shares in (rules.max_vendor_share, rules.max_accelerator_share, rules.max_site_share)
        for share in shares.values()
    ]
    most += [] if rules.max_spot_share is None else [rules.max_spot_share]
    grow = [1 / exact(share) for share in most if share]
    grow += [1 / (1 - exact(share)) for share in rules.min_country_share.values() if share < 1]
    return math.prod(grow, start=Fraction(2)) if most or rules.min_country_share else None
