"""Starting from a fleet that is there: what it is, and what it costs to change it."""

from __future__ import annotations

from pydantic import Field

from gpufleet.schema.base import Count, Money, Name, NonNegative, Record, Text


class CurrentNodes(Record):
    """Nodes of one offer that are there today."""

    offer: Name
    """Name of the offer; one that the instance no longer has can only be given up."""
    count: Count
    """How many nodes."""


class CurrentUse(Record):
    """Accelerators that a workload occupies in one pool today, at most at any time."""

    workload: Name
    """Workload."""
    site: Name
    """Site."""
    node_type: Name
    """Node type; a partition counts in instances."""
    spot: Name | None = None
    """The spot offer whose nodes they are; empty = nodes of any other term."""
    accelerators: Count
    """How many."""


class Migration(Record):
    """The fleet of today, and what changes cost. The objective is then the cost of the fleet and that of the changes.

    Nodes count by offer, so a node on another offer, of another type or at another site is one that is given up and one
    that is set up. With periods, nodes rented by the period come and go anyway and count as no change; with stages, the
    first stage counts.
    """

    plan: Text | None = None
    """A plan file with the fleet of today; path relative to the instance file. Give this, or `nodes` and `uses`."""
    usd_per_node: NonNegative = 0.0
    """For every node that is set up and for every node that is given up, USD."""
    usd_per_accelerator: NonNegative = 0.0
    """For every accelerator that a workload takes in a pool beyond those that it has there today, USD: setting up its
    replicas."""
    nodes: tuple[CurrentNodes, ...] = ()
    """The fleet of today, by offer."""
    uses: tuple[CurrentUse, ...] = ()
    """What runs on it, by workload and pool."""


class NodeMove(Record):
    """Nodes of one offer that change."""

    offer: Name
    """Name of the offer."""
    before: Count
    """Nodes today."""
    after: Count
    """Nodes in the plan, in the first stage."""


class UseMove(Record):
    """Accelerators that a workload takes in a pool beyond those of today."""

    workload: Name
    """Workload."""
    site: Name
    """Site."""
    node_type: Name
    """Node type."""
    spot: Name | None = None
    """The spot offer whose nodes they are; empty = nodes of any other term."""
    before: Count
    """Accelerators today."""
    after: Count
    """Accelerators in the plan, at most at any time of the first stage."""


class Moves(Record):
    """What the plan changes of the fleet of today."""

    cost_usd: Money
    """What the changes cost together, USD; part of the certificate's objective, and of no budget."""
    nodes: tuple[NodeMove, ...] = Field(default=())
    """Offers of which nodes are set up or given up."""
    uses: tuple[UseMove, ...] = Field(default=())
    """Workloads that grow in a pool."""
