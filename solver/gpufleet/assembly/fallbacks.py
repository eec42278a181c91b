"""Who serves what after the loss of a site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.assembly.deployments import load_of, shares_of, wanted_in
from gpufleet.problem.horizon import throughput_factor
from gpufleet.schema.plan import Fallback, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.assembly.deployments import Placed
    from gpufleet.candidates.option import Candidates
    from gpufleet.optimize.results import EngineResult
    from gpufleet.problem.data import Problem
    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.resolved import ResolvedInstance


def fallbacks(
    resolved: ResolvedInstance,
    candidates: Candidates,
    problem: Problem,
    horizon: Horizon,
    result: EngineResult,
    placed: list[Placed],
) -> Iterator[Fallback]:
    """For every workload that must survive it, and every site at which it runs: who serves what without that site."""
    for w, data in enumerate(problem.workloads):
        if not data.survives_site_loss or not data.demand:
            continue
        group = [(index, entry) for index, entry in enumerate(placed) if entry.part == w]
        sites = sorted({entry.deployment.site for _, entry in group})
        for lost in sites:
            left = [(index, entry) for index, entry in group if entry.deployment.site != lost]
            total = sum(data.options[entry.option].capacity * entry.deployment.replicas for _, entry in left)
            workload, now = resolved.workloads[data.name], horizon.periods[data.period]
            wanted = wanted_in(resolved, horizon, data)
            routes, loads = [], [0.0]
            for index, entry in left:
                routed = result.fallbacks[w][lost][entry.option] if data.routed else None
                row, count = data.options[entry.option], entry.deployment.replicas
                served = shares_of(data, row, count, total, routed, result.unserved[w])
                option = candidates.options[data.name][row.key]
                faster = throughput_factor(resolved, option.node_type, horizon.stages[now.stage].start)
                loads.append(load_of(workload, option, count, served, wanted, faster))
                routes += [
                    Route(workload=data.name, request_class=name, deployment=index, share=float(share))
                    for name, share in served.items()
                ]
            yield Fallback(
                workload=data.name,
                lost_site=lost,
                period=now.name,
                stage=now.stage_name,
                routing=tuple(routes),
                utilisation=max(loads),
            )
