"""The fleet of today in whole numbers: by offer, and by workload and pool."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpufleet.problem.data import MoveData, NodeGroup, UseGroup
from gpufleet.problem.scaling import check_int64
from gpufleet.units import exact, micro_usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.problem.contracts import Contract
    from gpufleet.problem.data import OfferData, Pool, PoolKey, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.resolved import ResolvedInstance


def nodes_today(instance: Instance) -> Counter[str]:
    """Nodes that are there today by offer."""
    counts: Counter[str] = Counter()
    for entry in instance.migration.nodes if instance.migration is not None else ():
        counts[entry.offer] += entry.count
    return counts


def counts_as_move(contract: Contract | None) -> bool:
    """Does a contract continue or change what is there today? Not later stages, nor nodes rented by the period."""
    return contract is not None and contract.first == 0 and contract.period is None


def move_data(
    resolved: ResolvedInstance,
    pools: tuple[Pool, ...],
    offers: tuple[OfferData, ...],
    workloads: Sequence[WorkloadData],
    horizon: Horizon,
) -> MoveData | None:
    """What can change, and at what price; None where there is no fleet of today."""
    migration = resolved.instance.migration
    if migration is None:
        return None
    prices = (migration.usd_per_node, migration.usd_per_accelerator)
    per_node, per_accelerator = (micro_usd(exact(price)) for price in prices)
    nodes = tuple(_nodes(resolved.instance, offers))
    uses = tuple(_uses(resolved.instance, pools, workloads, horizon))
    _check_sum(per_node, per_accelerator, offers, workloads, nodes, uses)
    return MoveData(per_node, per_accelerator, nodes, uses)


def _nodes(instance: Instance, offers: tuple[OfferData, ...]) -> Iterator[NodeGroup]:
    today = nodes_today(instance)
    groups: dict[str, list[int]] = {name: [] for name in today}
    for f, offer in enumerate(offers):
        if counts_as_move(offer.contract):
            groups.setdefault(offer.name, []).append(f)
    for name in sorted(groups):
        yield NodeGroup(name, today[name], tuple(groups[name]))


def _uses(
    instance: Instance, pools: tuple[Pool, ...], workloads: Sequence[WorkloadData], horizon: Horizon
) -> Iterator[UseGroup]:
    assert instance.migration is not None
    today: Counter[tuple[str, PoolKey]] = Counter()
    for entry in instance.migration.uses:
        today[entry.workload, (entry.site, entry.node_type, entry.spot)] += entry.accelerators
    places: dict[tuple[str, int], list[tuple[tuple[int, int], ...]]] = {}
    for w, part in enumerate(workloads):
        if horizon.periods[part.period].stage == 0:
            for number in sorted({option.pool for option in part.options}):
                inside = tuple((w, k) for k, option in enumerate(part.options) if option.pool == number)
                places.setdefault((part.name, number), []).append(inside)
    for (name, number), parts in places.items():
        pool = pools[number]
        yield UseGroup(name, number, today[name, (pool.site, pool.node_type, pool.spot)], tuple(parts))


def _check_sum(
    per_node: int,
    per_accelerator: int,
    offers: tuple[OfferData, ...],
    workloads: Sequence[WorkloadData],
    nodes: tuple[NodeGroup, ...],
    uses: tuple[UseGroup, ...],
) -> None:
    costs = [offer.cost * offer.most for offer in offers]
    costs += [per_node * (group.before + sum(offers[f].most for f in group.offers)) for group in nodes]
    costs += [per_accelerator * _most(group, workloads) for group in uses]
    check_int64(costs, "the total cost in micro-USD, that of moves included,")


def _most(group: UseGroup, workloads: Sequence[WorkloadData]) -> int:
    """Most accelerators that a workload can take in a pool at a time."""
    return max(
        sum(workloads[w].options[k].accelerators * workloads[w].options[k].most for w, k in part)
        for part in group.parts
    )
