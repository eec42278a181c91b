"""The procurement problem in whole numbers. Nothing below this line knows a float."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.problem.costs import UnitCost


@dataclass(frozen=True)
class PeriodData:
    """A slice of the horizon that comes again and again."""

    name: str | None
    """None when the instance names no periods: the whole horizon."""
    hours: Fraction


@dataclass(frozen=True)
class Pool:
    """Nodes of one type at one site, however they were bought."""

    site: str
    node_type: str
    accelerators_per_node: int
    partition_of: int | None = None
    """Index of the pool whose nodes can also run as these; None = a pool of nodes, which offers sell."""

    @property
    def name(self) -> str:
        """Readable and unique."""
        return f"{self.site}/{self.node_type}"


@dataclass(frozen=True)
class OfferData:
    """One price tier of an offer: cost per node and what it draws on. Most offers have one tier."""

    name: str
    """Name of the offer; the tiers of one offer stand together."""
    pool: int
    """Index of its pool."""
    cost: int
    """Per node over the horizon, micro-USD."""
    most: int
    """Most nodes that can be useful or had."""
    capex: int
    """Per node, micro-USD."""
    power_w: int
    """Per node, rounded up."""
    least: int = 0
    """Fewest nodes if any are taken on this tier: minimum order, or start of a volume discount."""
    discount: Fraction = Fraction(0)
    """Volume discount of the tier, as a share of the price."""
    period: int | None = None
    """The period for which its nodes are rented; None = they are there in all periods."""
    lines: tuple[UnitCost, ...] = ()
    """The cost line by line, for the bill; engines look at `cost` alone."""


@dataclass(frozen=True)
class OptionData:
    """One deployment option."""

    key: int
    """Position among the workload's candidate options."""
    pool: int
    """Index of its pool."""
    accelerators: int
    """Per replica."""
    capacity: int
    """What one replica carries, in units of the workload."""
    loads: tuple[int | None, ...]
    """Routed workloads: load of one share unit per class; None = cannot serve it. Empty when nothing is routed."""
    most: int
    """Most replicas that can be useful."""


@dataclass(frozen=True)
class WorkloadData:
    """One workload in one period: either a covering row (one class) or routed (several)."""

    name: str
    options: tuple[OptionData, ...]
    demand: int
    """Covering: what the replicas' capacities must add up to. Routed: share units per class."""
    classes: tuple[str, ...]
    routed: bool
    min_replicas: int
    max_replicas: int | None
    period: int = 0
    run: str | None = None
    """Training over several periods: name of the run, of which this is the part in one period. Capacities of all its
    parts add up to the demand, which is the same number in each."""


@dataclass(frozen=True)
class LimitRow:
    """An upper limit on a weighted count of nodes: sum of coefficients x nodes <= limit. Weights may be negative."""

    family: str
    """`budget`, `power`, `rack`, `quota` or `share`."""
    name: str
    coefficients: tuple[tuple[int, int], ...]
    """(index of the offer, coefficient)."""
    limit: int


@dataclass(frozen=True)
class Problem:
    """Everything the engines see."""

    pools: tuple[Pool, ...]
    offers: tuple[OfferData, ...]
    workloads: tuple[WorkloadData, ...]
    limits: tuple[LimitRow, ...]
    periods: tuple[PeriodData, ...]
    max_node_types: int | None
    """Most different node types in the fleet; None = no limit."""
    capacity_rounding_relative: float
    """For the certificate only: largest relative capacity that rounding gave away."""
