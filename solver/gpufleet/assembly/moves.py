"""What the plan changes of the fleet of today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.schema.migration import Moves, NodeMove, UseMove
from gpufleet.units import usd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.results import EngineResult
    from gpufleet.problem.data import MoveData, Problem


def moves(problem: Problem, result: EngineResult) -> Moves | None:
    """The changes and their cost; None where there is no fleet of today, or no plan."""
    if problem.moves is None or result.objective is None:
        return None
    nodes, uses = tuple(_nodes(problem.moves, result)), tuple(_uses(problem, problem.moves, result))
    count = sum(abs(entry.after - entry.before) for entry in nodes)
    taken = sum(entry.after - entry.before for entry in uses)
    cost = problem.moves.per_node * count + problem.moves.per_accelerator * taken
    return Moves(cost_usd=usd(cost), nodes=nodes, uses=uses)


def _nodes(data: MoveData, result: EngineResult) -> Iterator[NodeMove]:
    for group in data.nodes:
        after = sum(result.nodes[f] for f in group.offers)
        if after != group.before:
            yield NodeMove(offer=group.name, before=group.before, after=after)


def _uses(problem: Problem, data: MoveData, result: EngineResult) -> Iterator[UseMove]:
    for group in data.uses:
        pool = problem.pools[group.pool]
        sizes = [[(problem.workloads[w].options[k].accelerators, w, k) for w, k in part] for part in group.parts]
        after = max(sum(size * result.replicas[w][k] for size, w, k in part) for part in sizes)
        if after > group.before:
            yield UseMove(
                workload=group.workload,
                site=pool.site,
                node_type=pool.node_type,
                spot=pool.spot,
                before=group.before,
                after=after,
            )
