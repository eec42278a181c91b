"""One period alone: what must be rented in it beside committed nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.periods.merging import is_rent
from gpufleet.problem.data import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.monitor import Monitor
    from gpufleet.problem.data import OptionData


@dataclass(frozen=True)
class Rents:
    """The cheapest rents that were found for one period."""

    nodes: Mapping[int, int]
    """Offer to number; those of 0 are left out."""
    cost: int
    """Micro-USD."""


def cheapest_rents(
    problem: Problem,
    period: int,
    committed: Mapping[int, int],
    measures: frozenset[int],
    limits: SolverLimits,
    monitor: Monitor | None = None,
) -> Rents | None:
    """What to rent in a period beside `committed` nodes (offer to number); None where no such plan was found.

    Runs, and limits on the fleet, are not looked at.
    """
    chosen = [
        f
        for f, offer in enumerate(problem.offers)
        if (offer.periods == (period,) if is_rent(offer) else committed.get(f, 0) and offer.there(period))
    ]
    offers = tuple(
        replace(offer, periods=None)
        if is_rent(offer)
        else replace(offer, periods=None, cost=0, least=0, most=committed[f])
        for f, offer in ((f, problem.offers[f]) for f in chosen)
    )
    workloads = tuple(
        replace(part, period=0, options=tuple(_freed(o) for o in part.options if measures.issuperset(o.measures)))
        for part in problem.workloads
        if part.period == period and part.run is None
    )
    alone = Problem(
        pools=problem.pools,
        offers=offers,
        workloads=workloads,
        limits=(),
        periods=(problem.periods[period],),
        max_node_types=None,
        capacity_rounding_relative=0.0,
    )
    model, variables = build_model(alone)
    found = backend("cpsat").solve(model, limits, None, monitor)
    if found.values is None or found.objective is None:
        return None
    counts = {f: found.values[y] for f, y in zip(chosen, variables.nodes, strict=True)}
    rented = {f: count for f, count in counts.items() if count and is_rent(problem.offers[f])}
    return Rents(rented, found.objective)


def _freed(option: OptionData) -> OptionData:
    """An option whose measures are taken anyway."""
    return replace(option, measures=())
