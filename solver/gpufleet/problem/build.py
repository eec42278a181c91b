"""From candidates to the integer problem."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from gpufleet.interruption import look
from gpufleet.problem.charges import charge_rows
from gpufleet.problem.costs import measure_bill
from gpufleet.problem.data import MeasureData, Pool, Problem
from gpufleet.problem.horizon import horizon_of
from gpufleet.problem.limits import limit_rows
from gpufleet.problem.moves import move_data
from gpufleet.problem.offers import offer_tiers
from gpufleet.problem.scaling import SHARE_UNITS, check_int64
from gpufleet.problem.service import service_levels, with_unserved
from gpufleet.problem.workloads import Index, parts, with_redundancy
from gpufleet.units import exact, micro_usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.candidates.option import Candidates
    from gpufleet.problem.data import OfferData, WorkloadData
    from gpufleet.problem.horizon import Horizon
    from gpufleet.problem.scenarios import ScenarioRows
    from gpufleet.schema.resolved import ResolvedInstance


def build_problem(resolved: ResolvedInstance, candidates: Candidates, scenarios: ScenarioRows | None = None) -> Problem:
    """Scale everything to integers, once; with `scenarios`, those that the fleet must meet."""
    pools = _pools(resolved)
    places = {(pool.site, pool.node_type, pool.spot): position for position, pool in enumerate(pools)}
    index = Index(places, {m.name: number for number, m in enumerate(resolved.instance.measures)})
    horizon = horizon_of(resolved.instance)
    workloads: list[WorkloadData] = []
    losses = [0.0]
    for workload in resolved.instance.workloads:
        look()
        options = candidates.options[workload.name]
        for data, loss in parts(resolved, workload, options, horizon, index):
            protected = with_redundancy(data, workload)
            workloads.append(with_unserved(protected, workload) if resolved.instance.allow_unserved else protected)
            losses.append(loss)
    measures = tuple(_measures(resolved, horizon))
    offers = offer_tiers(resolved, places, pools, workloads, horizon, None if scenarios is None else scenarios.reserve)
    _check_sums(pools, offers, workloads, measures)
    return Problem(
        pools=pools,
        offers=offers,
        workloads=tuple(workloads),
        limits=limit_rows(resolved, offers, measures, horizon),
        periods=horizon.periods,
        max_node_types=resolved.instance.rules.max_node_types,
        capacity_rounding_relative=max(losses),
        measures=measures,
        charges=charge_rows(resolved, pools, offers, workloads, horizon),
        service=service_levels(resolved, workloads, horizon),
        robust=None if scenarios is None else scenarios.data(resolved, candidates, pools, workloads, horizon),
        moves=move_data(resolved, pools, offers, workloads, horizon),
    )


def _measures(resolved: ResolvedInstance, horizon: Horizon) -> Iterator[MeasureData]:
    for measure in resolved.instance.measures:
        bill = measure_bill(measure, horizon)
        yield MeasureData(measure.name, bill.cost, micro_usd(exact(measure.cost_usd)), bill)


def _check_sums(
    pools: tuple[Pool, ...],
    offers: tuple[OfferData, ...],
    workloads: list[WorkloadData],
    measures: tuple[MeasureData, ...],
) -> None:
    """No sum of the integer program leaves the signed 64-bit range; limits are checked where they are made."""
    costs = (*(offer.cost * offer.most for offer in offers), *(measure.cost for measure in measures))
    check_int64(costs, "the total cost in micro-USD")
    every = [option for workload in workloads for option in workload.options]
    nodes = (pools[offer.pool].accelerators_per_node * offer.most for offer in offers)
    check_int64(chain(nodes, (option.accelerators * option.most for option in every)), "the number of accelerators")
    for workload in workloads:
        units = workload.unserved_units or 1
        capacities = (units * option.capacity * option.most for option in workload.options)
        check_int64(chain(capacities, (units * workload.demand,)), f"the capacity of {workload.name}")
        for option in workload.options:
            loads = (SHARE_UNITS * load for load in option.loads if load is not None)
            check_int64(chain(loads, (option.capacity * option.most,)), f"the load of {workload.name}")


def _pools(resolved: ResolvedInstance) -> tuple[Pool, ...]:
    """Pools of nodes, in order of site and node type, then those of their partitions."""
    keys = {
        (offer.site, offer.node_type, offer.name if offer.term == "spot" else "") for offer in resolved.offers.values()
    }
    nodes = [
        Pool(site, node, resolved.node_types[node].accelerators, spot or None) for site, node, spot in sorted(keys)
    ]
    partitions = [
        Pool(pool.site, partition.name, partition.accelerators, pool.spot, number)
        for number, pool in enumerate(nodes)
        for partition in resolved.partitions_of(pool.node_type)
    ]
    return (*nodes, *partitions)
