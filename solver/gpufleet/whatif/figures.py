"""What a plan gives and takes, in a few figures that plans can be compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.problem.horizon import horizon_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class FleetFigures:
    """Figures of one plan."""

    cost_usd: float
    """Over the horizon, at present value."""
    purchases_usd: float
    """Paid for nodes that are bought, over the horizon, not discounted."""
    nodes: int
    """Most nodes that are there at a time."""
    accelerators: int
    """Most accelerators that are there at a time."""
    power_kw: float | None
    """Most power that the nodes draw at a time; None where a node type states none."""
    vendors: tuple[str, ...]
    accelerator_names: tuple[str, ...]
    terms: tuple[str, ...]
    sites: tuple[str, ...]
    slo_slack: float | None
    """(limit - predicted) / limit of the latency that is nearest to its limit; None without latencies."""
    utilisation: float | None
    """Highest load of a deployment over what `max_utilisation` and the SLOs allow; None where nothing states one."""


def figures_of(resolved: ResolvedInstance, plan: Plan) -> FleetFigures:
    """The figures of a plan with a fleet.

    Raises ValueError for a plan without a certified cost.
    """
    if plan.certificate is None or plan.certificate.objective_usd is None:
        raise ValueError("the plan has no certified cost, so there are no figures of a fleet")
    offers = [resolved.offers[entry.offer] for entry in plan.nodes if entry.count]
    units = [resolved.accelerator_of(offer.node_type) for offer in offers]
    moments = [_there(resolved, nodes) for nodes in _by_moment(resolved, plan)]
    latencies = [figure for deployment in plan.deployments for figure in deployment.latency]
    slack = min(((one.limit_ms - one.predicted_ms) / one.limit_ms for one in latencies), default=None)
    powers = [power for _, _, power in moments]
    return FleetFigures(
        cost_usd=plan.certificate.objective_usd,
        purchases_usd=round(sum(flow.usd for flow in plan.cash_flow if flow.item == "purchase"), 6),
        nodes=max((nodes for nodes, _, _ in moments), default=0),
        accelerators=max((count for _, count, _ in moments), default=0),
        power_kw=None if None in powers else max((power for power in powers if power is not None), default=0.0),
        vendors=_names(unit.vendor for unit in units),
        accelerator_names=_names(unit.name for unit in units),
        terms=_names(offer.term for offer in offers),
        sites=_names(offer.site for offer in offers),
        slo_slack=slack,
        utilisation=max((d.utilisation for d in plan.deployments if d.utilisation is not None), default=None),
    )


def _names(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _by_moment(resolved: ResolvedInstance, plan: Plan) -> Iterator[list[PlannedNodes]]:
    """The nodes that are there, for every period of every stage."""
    horizon = horizon_of(resolved.instance)
    for data in horizon.periods:
        yield [entry for entry in plan.nodes if is_there(horizon.stage_names, entry, data.stage, data.name)]


def is_there(stages: tuple[str | None, ...], entry: PlannedNodes, stage: int, period: str | None) -> bool:
    """Are these nodes there in a period of a stage?"""
    first = 0 if entry.first_stage is None else stages.index(entry.first_stage)
    last = len(stages) - 1 if entry.last_stage is None else stages.index(entry.last_stage)
    return first <= stage <= last and entry.period in (None, period)


def _there(resolved: ResolvedInstance, nodes: list[PlannedNodes]) -> tuple[int, int, float | None]:
    """(nodes, accelerators, kW) of what is there at a time."""
    types = [(resolved.node_types[resolved.offers[entry.offer].node_type], entry.count) for entry in nodes]
    powers = [None if node.power_kw is None else node.power_kw * count for node, count in types]
    known = [power for power in powers if power is not None]
    total = round(sum(known), 6) if len(known) == len(powers) else None
    return sum(n for _, n in types), sum(node.accelerators * n for node, n in types), total
