"""From candidates to the integer problem."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from gpufleet.problem.data import PeriodData, Pool, Problem
from gpufleet.problem.limits import limit_rows
from gpufleet.problem.offers import offer_tiers
from gpufleet.problem.scaling import SHARE_UNITS, check_int64
from gpufleet.problem.workloads import parts
from gpufleet.units import exact

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.problem.data import OfferData, WorkloadData
    from gpufleet.schema.resolved import ResolvedInstance


def build_problem(resolved: ResolvedInstance, candidates: Candidates) -> Problem:
    """Scale everything to integers, once."""
    pools = _pools(resolved)
    index = {(pool.site, pool.node_type): position for position, pool in enumerate(pools)}
    periods = _periods(resolved)
    workloads: list[WorkloadData] = []
    losses = [0.0]
    for workload in resolved.instance.workloads:
        options = candidates.options[workload.name]
        for data, loss in parts(resolved.instance, workload, options, periods, index):
            workloads.append(data)
            losses.append(loss)
    offers = offer_tiers(resolved, index, pools, workloads, periods)
    _check_sums(pools, offers, workloads)
    return Problem(
        pools=pools,
        offers=offers,
        workloads=tuple(workloads),
        limits=limit_rows(resolved, offers),
        periods=periods,
        max_node_types=resolved.instance.rules.max_node_types,
        capacity_rounding_relative=max(losses),
    )


def _periods(resolved: ResolvedInstance) -> tuple[PeriodData, ...]:
    """The instance's periods, or its whole horizon as a nameless one."""
    named = tuple(PeriodData(period.name, exact(period.hours)) for period in resolved.instance.periods)
    return named or (PeriodData(None, resolved.instance.hours),)


def _check_sums(pools: tuple[Pool, ...], offers: tuple[OfferData, ...], workloads: list[WorkloadData]) -> None:
    """No sum of the integer program leaves the signed 64-bit range; limits are checked where they are made."""
    check_int64((offer.cost * offer.most for offer in offers), "the total cost in micro-USD")
    every = [option for workload in workloads for option in workload.options]
    nodes = (pools[offer.pool].accelerators_per_node * offer.most for offer in offers)
    check_int64(chain(nodes, (option.accelerators * option.most for option in every)), "the number of accelerators")
    for workload in workloads:
        capacities = (option.capacity * option.most for option in workload.options)
        check_int64(chain(capacities, (workload.demand,)), f"the capacity of {workload.name}")
        for option in workload.options:
            loads = (SHARE_UNITS * load for load in option.loads if load is not None)
            check_int64(chain(loads, (option.capacity * option.most,)), f"the load of {workload.name}")


def _pools(resolved: ResolvedInstance) -> tuple[Pool, ...]:
    """Pools of nodes, in order of site and node type, then those of their partitions."""
    keys = sorted({(offer.site, offer.node_type) for offer in resolved.offers.values()})
    nodes = [Pool(site, node, resolved.node_types[node].accelerators) for site, node in keys]
    partitions = [
        Pool(pool.site, partition.name, partition.accelerators, number)
        for number, pool in enumerate(nodes)
        for partition in resolved.partitions_of(pool.node_type)
    ]
    return (*nodes, *partitions)
