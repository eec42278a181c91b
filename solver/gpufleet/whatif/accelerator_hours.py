"""What an accelerator-hour costs: as it is paid for, and as it is put to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.problem.build import build_problem
from gpufleet.problem.horizon import horizon_of
from gpufleet.whatif.figures import is_there
from gpufleet.whatif.usable import usable_offers

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.problem.data import OfferData, Problem
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.offers import Offer, Term
    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance

PoolName = tuple[str, str, str | None]
"""(site, node type, spot offer)"""


@dataclass(frozen=True)
class AcceleratorHours:
    """One offer, by the accelerator-hour."""

    offer: str
    accelerator: str
    term: Term
    usd_per_hour: float
    """All cost lines of a node over the hours for which it is there, per accelerator; at the start of the horizon and
    without volume discount for an offer that is not taken."""
    accelerator_hours: float
    """Of the plan's nodes over the horizon; 0 = not taken."""
    held: float | None
    """Share of its pool's accelerator-hours that replicas occupy; None = not taken."""
    worked: float | None
    """The same times their load over what `max_utilisation` and the SLOs allow."""
    pays_from: float | None
    """Share of the hours from which it costs less than the cheapest on-demand offer of the same accelerator that some
    workload can use, paid only for those hours; None for hourly terms, and where there is none. Above 1: never."""

    @property
    def usd_per_worked_hour(self) -> float | None:
        """`usd_per_hour` / `worked`; None where nothing is at work."""
        return self.usd_per_hour / self.worked if self.worked else None


def accelerator_hours(resolved: ResolvedInstance, candidates: Candidates, plan: Plan) -> tuple[AcceleratorHours, ...]:
    """Every offer whose price is known, those of the plan first, then by price."""
    problem, horizon = build_problem(resolved, candidates), horizon_of(resolved.instance)
    prices = {name: _price(resolved, problem, plan, name, horizon) for name in resolved.offers}
    usable = usable_offers(resolved, candidates)
    rents = {name: price for name, price in prices.items() if name in usable}
    rows = [
        _row(resolved, horizon, plan, name, price, _rent(resolved, rents, name))
        for name, price in prices.items()
        if price is not None
    ]
    return tuple(sorted(rows, key=lambda row: (not row.accelerator_hours, row.usd_per_hour, row.offer)))


def _row(
    resolved: ResolvedInstance, horizon: Horizon, plan: Plan, name: str, price: float, rent: float | None
) -> AcceleratorHours:
    offer = resolved.offers[name]
    hours = _hours(resolved, horizon, plan, {name})
    held, worked = _use(resolved, horizon, plan, offer) if hours else (None, None)
    pays_from = None if rent is None else price / rent
    unit = resolved.accelerator_of(offer.node_type).name
    return AcceleratorHours(name, unit, offer.term, price, hours, held, worked, pays_from)


def _price(resolved: ResolvedInstance, problem: Problem, plan: Plan, name: str, horizon: Horizon) -> float | None:
    """USD per accelerator-hour: of the plan's nodes, else of the offer's first contract; None without one."""
    hours = _hours(resolved, horizon, plan, {name})
    if hours:
        return sum(entry.total_cost_usd or 0.0 for entry in plan.nodes if entry.offer == name) / hours
    first = next((data for data in problem.offers if data.name == name), None)
    if first is None:
        return None
    size = problem.pools[first.pool].accelerators_per_node
    return first.cost / 1e6 / (_length(problem, first) * size)


def _length(problem: Problem, data: OfferData) -> float:
    return float(sum(period.hours for t, period in enumerate(problem.periods) if data.there(t)))


def _rent(resolved: ResolvedInstance, prices: dict[str, float | None], name: str) -> float | None:
    """The cheapest on-demand price of the same accelerator, for terms that are paid whether used or not."""
    if resolved.offers[name].term in ("on_demand", "spot"):
        return None
    unit = resolved.accelerator_of(resolved.offers[name].node_type).name
    same = [
        price
        for other, price in prices.items()
        if price and resolved.offers[other].term == "on_demand"
        if resolved.accelerator_of(resolved.offers[other].node_type).name == unit
    ]
    return min(same, default=None)


def _hours(resolved: ResolvedInstance, horizon: Horizon, plan: Plan, offers: set[str]) -> float:
    """Accelerator-hours of the plan's nodes of these offers."""
    total = 0.0
    for entry in plan.nodes:
        if entry.offer in offers:
            size = resolved.node_types[resolved.offers[entry.offer].node_type].accelerators
            there = (t for t in horizon.periods if is_there(horizon.stage_names, entry, t.stage, t.name))
            total += entry.count * size * float(sum(period.hours for period in there))
    return total


def _use(resolved: ResolvedInstance, horizon: Horizon, plan: Plan, offer: Offer) -> tuple[float, float]:
    """(held, worked) of the pool that the offer's nodes are in: nodes of a pool are alike, whoever sold them."""
    pool = _pool(offer)
    mates = {name for name, other in resolved.offers.items() if _pool(other) == pool}
    there = _hours(resolved, horizon, plan, mates)
    here = [run for run in plan.deployments if _place(resolved, run) == pool]
    held = [_held(resolved, horizon, run) for run in here]
    # a training run without a figure works as long as it is there
    worked = [
        part * (1.0 if run.utilisation is None else run.utilisation) for part, run in zip(held, here, strict=True)
    ]
    return sum(held) / there, sum(worked) / there


def _held(resolved: ResolvedInstance, horizon: Horizon, run: Deployment) -> float:
    """Accelerator-hours of the nodes that a deployment occupies; a slice of a partition is its part of the node."""
    node = resolved.node_types[run.node_type]
    base = resolved.node_types[node.partition_of] if node.partition_of else node
    hours = sum(
        period.hours
        for period in horizon.periods
        if run.stage in (None, period.stage_name) and run.period in (None, period.name)
    )
    size = run.parallelism.accelerators if run.accelerators is None else run.accelerators
    return run.replicas * size * base.accelerators / node.accelerators * float(hours)


def _pool(offer: Offer) -> PoolName:
    return offer.site, offer.node_type, offer.name if offer.term == "spot" else None


def _place(resolved: ResolvedInstance, run: Deployment) -> PoolName:
    return run.site, resolved.node_types[run.node_type].partition_of or run.node_type, run.spot
