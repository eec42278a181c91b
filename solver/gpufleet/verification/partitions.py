"""Rules on partitioned nodes: allowed by the instance, one instance a replica, and each node runs as one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.verification.packing import nodes_needed

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from gpufleet.schema.plan import Deployment
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.slices import PoolName
    from gpufleet.verification.violation import Findings


def check_partition(resolved: ResolvedInstance, deployment: Deployment, where: str, findings: Findings) -> None:
    """A deployment on instances of partitioned accelerators."""
    listed = deployment.node_type in resolved.instance.partitions
    message = f"the instance does not list the partition {deployment.node_type}"
    findings.check("partitions", where, listed, message)
    size = deployment.parallelism.accelerators
    message = f"replicas of {size} instances, but instances of a partitioned accelerator do not reach each other"
    findings.check("partitions", where, size == 1, message, size - 1, "instances")


def check_partitioned_nodes(
    resolved: ResolvedInstance,
    nodes: Mapping[PoolName, int],
    replicas: Mapping[PoolName, Counter[int]],
    label: str,
    findings: Findings,
) -> None:
    """Nodes that run as the base and as each partition together are there, at one time."""
    for pool, kinds in nodes_by_kind(resolved, replicas).items():
        site, base, _ = pool
        if set(kinds) != {base}:
            total, there = sum(kinds.values()), nodes.get(pool, 0)
            parts = " + ".join(f"{count} as {kind}" for kind, count in kinds.items())
            message = f"{parts}: {total} nodes of {base} needed, the plan takes {there}"
            findings.check("partitions", f"{site}/{base}{label}", total <= there, message, total - there, "nodes")


def nodes_by_kind(
    resolved: ResolvedInstance, replicas: Mapping[PoolName, Counter[int]]
) -> dict[PoolName, dict[str, int]]:
    """Nodes needed per pool of physical nodes, by what they run as: the node type itself, or a partition of it."""
    needs: dict[PoolName, dict[str, int]] = {}
    for site, kind, spot in sorted(replicas):
        node = resolved.node_types[kind]
        needed = nodes_needed(replicas[site, kind, spot], node.accelerators)
        needs.setdefault((site, node.partition_of or kind, spot), {})[kind] = needed
    return needs
