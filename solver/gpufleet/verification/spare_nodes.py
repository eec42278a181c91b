"""Rule on spare nodes: after failures, the protected replicas are placed anew on the nodes that remain."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from gpufleet.verification.partitions import nodes_by_kind
from gpufleet.verification.slices import pool_of, pool_of_nodes, slices_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.slices import PoolName, Slice
    from gpufleet.verification.violation import Findings


def check_spare_nodes(
    resolved: ResolvedInstance, plan: Plan, known: tuple[PlannedNodes, ...], findings: Findings
) -> None:
    """In every period and pool, for every number of nodes that may fail: who asks for it finds room on the rest."""
    for now in slices_of(resolved):
        there: Counter[PoolName] = Counter()
        for entry in now.nodes(known):
            there[pool_of_nodes(resolved, entry)] += entry.count
        for pool, spare, needed in protected_nodes(resolved, plan, now):
            left = there[pool] - spare
            message = f"after {spare} of {there[pool]} nodes fail, the protected replicas need {needed} and have {left}"
            where = "/".join(part for part in pool if part) + now.label
            findings.check("spare_nodes", where, needed <= left, message, needed - left, "nodes")


def protected_nodes(resolved: ResolvedInstance, plan: Plan, now: Slice) -> Iterator[tuple[PoolName, int, int]]:
    """(pool, nodes that may fail, nodes that the replicas of workloads asking for so many or more fill) in a period."""
    for spare in sorted({workload.redundancy.spare_nodes for workload in resolved.instance.workloads} - {0}):
        replicas: defaultdict[PoolName, Counter[int]] = defaultdict(Counter)
        for entry in plan.deployments:
            workload = resolved.workloads.get(entry.workload)
            asks = workload is not None and workload.redundancy.spare_nodes >= spare
            if asks and entry.replicas and entry.node_type in resolved.node_types and now.runs(entry):
                replicas[pool_of(entry)][entry.parallelism.accelerators] += entry.replicas
        for pool, kinds in nodes_by_kind(resolved, replicas).items():
            yield pool, spare, sum(kinds.values())
