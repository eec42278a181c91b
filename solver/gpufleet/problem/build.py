"""From candidates to the integer problem."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from gpufleet.errors import Int64OverflowError
from gpufleet.problem.data import OptionData, Pool, Problem, WorkloadData
from gpufleet.problem.limits import limit_rows
from gpufleet.problem.offers import offer_tiers
from gpufleet.problem.scaling import ROUNDED_DEMAND, SHARE_UNITS, check_int64, scale_covering, scale_loads
from gpufleet.schema.workloads import Training
from gpufleet.units import exact

if TYPE_CHECKING:
    from fractions import Fraction

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.problem.data import OfferData
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
    offers = offer_tiers(resolved, index, pools, workloads)
    _check_sums(pools, offers, workloads)
    return Problem(
        pools=pools,
        offers=offers,
        workloads=tuple(workloads),
        limits=limit_rows(resolved, offers),
        max_node_types=resolved.instance.rules.max_node_types,
        capacity_rounding_relative=max(losses),
    )


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
    if options and not any(scaled.values):
        message = f"{options[0].workload} takes more than {ROUNDED_DEMAND:,} replicas of every option; check its rates"
        raise Int64OverflowError(message)
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
