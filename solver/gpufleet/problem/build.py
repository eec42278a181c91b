"""From candidates to the integer problem."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gpufleet.problem.costs import capex_micro_usd, unit_costs
from gpufleet.problem.data import OfferData, OptionData, Pool, Problem, WorkloadData
from gpufleet.problem.limits import limit_rows
from gpufleet.problem.scaling import SHARE_UNITS, check_int64, scale_covering, scale_loads
from gpufleet.schema.workloads import Training
from gpufleet.units import WATTS_PER_KW, exact

if TYPE_CHECKING:
    from fractions import Fraction

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


def build_problem(resolved: ResolvedInstance, candidates: Candidates) -> Problem:
    """Scale everything to integers, once."""
    pools = _pools(resolved)
    index = {(pool.site, pool.node_type): position for position, pool in enumerate(pools)}
    workloads, losses = [], [0.0]
    for workload in resolved.instance.workloads:
        data, loss = _workload(workload, candidates.options[workload.name], index)
        workloads.append(data)
        losses.append(loss)
    offers = _offers(resolved, index, pools, workloads)
    check_int64((offer.cost * offer.most for offer in offers), "the total cost in micro-USD")
    return Problem(pools, offers, tuple(workloads), limit_rows(resolved, offers), max(losses))


def _pools(resolved: ResolvedInstance) -> tuple[Pool, ...]:
    keys = sorted({(offer.site, offer.node_type) for offer in resolved.offers.values()})
    return tuple(Pool(site, node, resolved.node_types[node].accelerators) for site, node in keys)


def demands(workload: Workload) -> tuple[Fraction, ...]:
    """Rates to sustain per class, requests/s; a training workload is one run."""
    if isinstance(workload, Training):
        return (exact(1),)
    return tuple(exact(group.requests_per_s) for group in workload.classes)


def class_names(workload: Workload) -> tuple[str, ...]:
    """Names of the request classes; a training workload has one, `run`."""
    return ("run",) if isinstance(workload, Training) else tuple(group.name for group in workload.classes)


def _workload(
    workload: Workload, options: tuple[Option, ...], pools: dict[tuple[str, str], int]
) -> tuple[WorkloadData, float]:
    """Integer data of one workload, and the largest relative loss by rounding."""
    wanted = demands(workload)
    asked = [position for position, demand in enumerate(wanted) if demand]
    names = class_names(workload)
    if len(asked) == 1:
        rows, demand, loss = _covering(options, wanted[asked[0]], asked[0], pools)
    else:
        rows, loss = _routed(options, [wanted[i] for i in asked], asked, pools)
        demand = SHARE_UNITS
    least = workload.min_replicas
    rows = [row if row.most >= least else _with_most(row, least) for row in rows]
    data = WorkloadData(
        name=workload.name,
        options=tuple(rows),
        demand=demand,
        classes=tuple(names[i] for i in asked),
        routed=len(asked) > 1,
        min_replicas=least,
        max_replicas=workload.max_replicas,
    )
    return data, loss


def _with_most(row: OptionData, most: int) -> OptionData:
    return OptionData(row.key, row.pool, row.accelerators, row.capacity, row.loads, most)


def _covering(
    options: tuple[Option, ...], demand: Fraction, position: int, pools: dict[tuple[str, str], int]
) -> tuple[list[OptionData], int, float]:
    scaled = scale_covering([option.rates[position] for option in options], demand)
    rows = [
        OptionData(
            key, pools[option.site, option.node_type], option.accelerators, capacity, (), -(-scaled.demand // capacity)
        )
        for key, (option, capacity) in enumerate(zip(options, scaled.values, strict=True))
        if capacity
    ]
    return rows, scaled.demand, scaled.worst_relative_loss


def _routed(
    options: tuple[Option, ...], wanted: list[Fraction], asked: list[int], pools: dict[tuple[str, str], int]
) -> tuple[list[OptionData], float]:
    rows, losses = [], [0.0]
    for key, option in enumerate(options):
        scaled = scale_loads([option.rates[i] for i in asked], wanted)
        total = sum(load * SHARE_UNITS for load in scaled.loads if load is not None)
        if any(load is not None for load in scaled.loads):
            most = -(-total // scaled.capacity)
            pool = pools[option.site, option.node_type]
            rows.append(OptionData(key, pool, option.accelerators, scaled.capacity, scaled.loads, most))
            losses.append(scaled.worst_relative_loss)
    return rows, max(losses)


def _offers(
    resolved: ResolvedInstance,
    pools: dict[tuple[str, str], int],
    pool_data: tuple[Pool, ...],
    workloads: list[WorkloadData],
) -> tuple[OfferData, ...]:
    useful = _useful_nodes(pool_data, workloads)
    hours = resolved.instance.hours
    rows = []
    for offer in resolved.offers.values():
        pool = pools[offer.site, offer.node_type]
        node, site = resolved.node_types[offer.node_type], resolved.sites[offer.site]
        rows.append(
            OfferData(
                name=offer.name,
                pool=pool,
                cost=sum(line.micro_usd for line in unit_costs(offer, node, site, hours)),
                most=useful[pool] if offer.stock is None else min(useful[pool], offer.stock),
                capex=capex_micro_usd(offer),
                power_w=0 if node.power_kw is None else math.ceil(exact(node.power_kw) * WATTS_PER_KW),
            )
        )
    return tuple(sorted(rows, key=lambda row: row.name))


def _useful_nodes(pools: tuple[Pool, ...], workloads: list[WorkloadData]) -> list[int]:
    """Nodes per pool beyond which a further one stays empty in every plan without idle replicas."""
    accelerators = [0] * len(pools)
    for workload in workloads:
        for pool in {option.pool for option in workload.options}:
            accelerators[pool] += _useful_accelerators(workload, pool)
    return [-(-count // pool.accelerators_per_node) for count, pool in zip(accelerators, pools, strict=True)]


def _useful_accelerators(workload: WorkloadData, pool: int) -> int:
    """Most accelerators that the workload can use on one pool when no replica can be left out.

    Covering: without any one replica the demand is missed, so capacities add up to less than the demand plus the
    largest of them; each unit of capacity takes at most max(a/r) accelerators. Replicas held only for `min_replicas`
    come on top. Routed: every option alone never needs more than its own `most`.
    """
    options = [option for option in workload.options if option.pool == pool]
    if workload.routed:
        return sum(option.accelerators * option.most for option in options)
    reach = workload.demand + max(option.capacity for option in options)
    worst = max(-(-option.accelerators * reach // option.capacity) for option in options)
    return worst + workload.min_replicas * max(option.accelerators for option in options)
