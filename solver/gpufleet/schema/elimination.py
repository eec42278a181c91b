"""What a plan says about the candidates that no plan can use."""

from __future__ import annotations

from gpufleet.schema.base import Count, Money, Name, PositiveCount, Record, Text


class FunnelStep(Record):
    """How many candidates one rule eliminated."""

    workload: Name
    """Workload."""
    rule: Name
    """The rule: `privacy`, `accuracy`, `memory`, `latency`, `stock`, `dominated`, ..."""
    before: Count
    """Candidates before the rule."""
    eliminated: Count
    """Candidates it eliminated."""


class Rejected(Record):
    """Candidates that one rule eliminated, and the one among them that came nearest to passing."""

    workload: Name
    """Workload."""
    rule: Name
    """The rule that eliminated them."""
    site: Name
    """Site."""
    node_type: Name
    """Node type."""
    variant: Name
    """Variant (or profiled option); `model/variant` where the workload has alternative models."""
    count: PositiveCount
    """How many candidates."""
    nearest: Text
    """Parallelism and batch of the candidate that came nearest."""
    limit: Text | Money
    """What the rule allows."""
    actual: Text | Money
    """What the nearest candidate has."""
    unit: Text
    """Unit of `limit` and `actual`."""
