"""The schedule of a plan: how many nodes and replicas there are when, one row each, for what carries it out."""

from __future__ import annotations

from typing import Literal

from gpufleet.schema.base import Count, Name, PositiveCount, Record


class ScheduleRow(Record):
    """Nodes of a pool, nodes that run as a partition, or replicas of a deployment, in one period of one stage."""

    kind: Literal["nodes", "partition", "replicas"]
    """`nodes`: nodes of a pool; `partition`: those among them that run as `node_type`; `replicas`: of a deployment."""
    stage: Name | None = None
    """Stage; empty = the whole horizon."""
    period: Name | None = None
    """Period; empty = all the time."""
    site: Name
    """Site."""
    node_type: Name
    """Node type; for replicas on a partition and for `partition`, the partition."""
    spot: Name | None = None
    """The spot offer whose nodes they are; empty = nodes of any other term."""
    nodes: Count | None = None
    """Nodes that are there, or that run as the partition."""
    base: Count | None = None
    """Of these, nodes that are there in every period of the stage."""
    burst: Count | None = None
    """The others: nodes rented for this period."""
    workload: Name | None = None
    """Workload."""
    model: Name | None = None
    """Model card; empty for profiled workloads."""
    variant: Name | None = None
    """Variant of the model card, or option of a profiled workload."""
    parallelism: Name | None = None
    """How one replica is spread, e.g. `tp4-pp2`."""
    batch: PositiveCount | None = None
    """Largest batch (or concurrency) per replica."""
    accelerators: PositiveCount | None = None
    """Accelerators per replica."""
    measures: tuple[Name, ...] = ()
    """Measures that the deployment needs; in CSV separated by semicolons."""
    replicas: Count | None = None
    """Replicas that run; 0 where the deployment runs in other periods only."""
