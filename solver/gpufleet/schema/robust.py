"""What a plan says of the scenarios that it was bought for."""

from __future__ import annotations

from gpufleet.schema.base import Count, Flag, Fraction01, Money, NonNegative, PositiveCount, Record


class RobustClaim(Record):
    """A fleet that keeps a limit on violations over a sample of scenarios, at the least cost.

    A scenario is met when, on the nodes that are up, some choice of replicas, in forms that the plan runs in that stage
    anyway, serves every workload whole; replicas may be moved.
    """

    limit: Fraction01
    """Largest share of scenarios that may be violated."""
    samples: PositiveCount
    """Scenarios in the sample."""
    seed: Count
    """What they were drawn with."""
    demand_low: NonNegative
    """Smallest factor on demand."""
    demand_high: NonNegative
    """Largest factor on demand."""
    availability: Fraction01
    """Share of its time that a node is there."""
    violated: Count
    """Scenarios of the sample that the plan violates, counted by the stress test."""
    looked_at: Count
    """Scenarios that the integer program looked at; the plan meets enough of the others anyway."""
    rounds: PositiveCount
    """How often the program was solved, with more scenarios each time."""
    plain_usd: Money | None = None
    """Cost over the horizon of the cheapest plan without the limit, USD."""
    extra_usd: Money | None = None
    """The price of robustness: what this plan costs more, USD."""
    proven: Flag = False
    """Are both proven, this plan to be the cheapest that keeps the limit over the sample, and the other to be the
    cheapest at all?"""
    fresh_samples: PositiveCount
    """Scenarios that the plan was not made for."""
    fresh_seed: Count
    """What they were drawn with."""
    fresh_share: Fraction01
    """Share of them that is violated."""
    fresh_low: Fraction01
    """Lower end of its 95 % confidence interval (Wilson)."""
    fresh_high: Fraction01
    """Upper end."""
