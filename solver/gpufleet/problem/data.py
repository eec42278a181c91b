"""The procurement problem in whole numbers. Nothing below this line knows a float."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.problem.contracts import Contract
    from gpufleet.problem.costs import Bill


@dataclass(frozen=True)
class PeriodData:
    """A slice of the horizon that comes again and again in one stage."""

    name: str | None
    """None when the instance names no periods: the whole stage."""
    hours: Fraction
    stage: int = 0
    stage_name: str | None = None
    """None when the instance names no stages: the whole horizon."""


PoolKey = tuple[str, str, str | None]
"""(site, node type, spot offer)"""


@dataclass(frozen=True)
class Pool:
    """Nodes of one type at one site, however they were bought."""

    site: str
    node_type: str
    accelerators_per_node: int
    spot: str | None = None
    """Name of the spot offer whose nodes they are; None = nodes of all other terms."""
    partition_of: int | None = None
    """Index of the pool whose nodes can also run as these; None = a pool of nodes, which offers sell."""

    @property
    def name(self) -> str:
        """Readable and unique."""
        return f"{self.site}/{self.node_type}" + (f" ({self.spot})" if self.spot else "")


@dataclass(frozen=True)
class OfferData:
    """One contract of an offer at one of its price tiers: cost per node and what it draws on."""

    name: str
    """Name of the offer; its contracts and tiers stand together."""
    pool: int
    """Index of its pool."""
    cost: int
    """Per node over the horizon, at present value, micro-USD."""
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
    order: int = 0
    """Orders of the offer at different times have different numbers; the size of an order decides on its tier."""
    tier: int = 0
    """Position of the price tier."""
    periods: tuple[int, ...] | None = None
    """Periods in which its nodes are there; None = in all."""
    contract: Contract | None = None
    """For the plan; engines look at `periods` alone."""
    bill: Bill | None = None
    """The cost line by line and the payments year by year; engines look at `cost` alone."""

    def there(self, period: int) -> bool:
        """Are its nodes there in this period?"""
        return self.periods is None or period in self.periods


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
    measures: tuple[int, ...] = ()
    """Indices of the measures that it needs."""
    restart: int = 0
    """Part of a run: how much of the capacity is lost where the run starts in this period; at most all of it."""


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
    """Index of the period."""
    run: str | None = None
    """Training over several periods: name of the run (one per stage), of which this is the part in one period.
    Capacities of all its parts add up to the demand, which is the same number in each."""
    spot_limit: int | None = None
    """How far it may depend on spot nodes; None = at will. Covering and runs: what options elsewhere must carry.
    Routed: most share units per class on spot nodes."""
    spare_nodes: int = 0
    """Nodes of every pool in use that may fail at a time, with room for its replicas on those that remain."""
    survives_site_loss: bool = False
    """Whether the replicas outside any one site must carry the whole demand."""
    unserved_units: int | None = None
    """How finely demand may stay unserved: share units per class, or 1 for a run that is done or not; None = not at
    all."""


@dataclass(frozen=True)
class MeasureData:
    """A measure that is taken or not."""

    name: str
    cost: int
    """Over the horizon, at present value, micro-USD."""
    capex: int
    """What is paid at the start, micro-USD."""
    bill: Bill
    """For the plan."""


@dataclass(frozen=True)
class LimitRow:
    """An upper limit on a weighted count of nodes: sum of coefficients x nodes <= limit. Weights may be negative."""

    family: str
    """`budget`, `power`, `rack`, `quota`, `stock` or `share`."""
    name: str
    coefficients: tuple[tuple[int, int], ...]
    """(index of the offer, coefficient)."""
    limit: int
    measures: tuple[tuple[int, int], ...] = ()
    """(index of the measure, coefficient)."""

    @property
    def divisor(self) -> int:
        """What divides all coefficients: prices in cents are whole multiples of 10,000 micro-USD."""
        return math.gcd(*(value for _, value in (*self.coefficients, *self.measures))) or 1


@dataclass(frozen=True)
class ChargeRow:
    """A cap on what one workload is charged: sum of coefficients x replicas <= limit, in micro-USD."""

    workload: str
    cap: str
    """`usd_per_day` or `horizon_usd`."""
    coefficients: tuple[tuple[int, int, int], ...]
    """(index of the workload's part in a period, index of the option, charge of one replica over its hours)."""
    limit: int


@dataclass(frozen=True)
class ServiceLevel:
    """What stays unserved of the workloads of one priority: sum of coefficients x units unserved, to be minimised."""

    priority: int
    coefficients: tuple[tuple[int, int, int], ...]
    """(index of the workload's part in a period, position of the class, coefficient of one unit)."""
    counts: tuple[Fraction, ...]
    """What one unit counts, before scaling to whole numbers: its weighted share of the workload's requests, or its
    value in USD."""
    unit: Fraction
    """What 1 of the sum stands for, in the same measure."""


@dataclass(frozen=True)
class FoundFleet:
    """A fleet that is known already: the next one must be made of something else."""

    parts: tuple[int, ...]
    """Indices of the parts that it is made of."""
    cost: int
    """The whole of its cost, micro-USD."""


@dataclass(frozen=True)
class Signatures:
    """What the fleet may be made of. Empty tuples ask for nothing."""

    parts: tuple[tuple[int, ...], ...]
    """Indices of the offers of every part; no offer is in two."""
    found: tuple[FoundFleet, ...] = ()
    required: tuple[int, ...] = ()
    """Parts of which at least one node is taken."""
    forbidden: tuple[int, ...] = ()
    """Parts of which no node is taken."""


@dataclass(frozen=True)
class NodeGroup:
    """Nodes of one offer that are there today; those of all its contracts from the start on count."""

    name: str
    """Name of the offer."""
    before: int
    offers: tuple[int, ...]
    """Indices of its tiers and contracts; none where it can no longer be had."""


@dataclass(frozen=True)
class UseGroup:
    """Accelerators that a workload has in a pool today."""

    workload: str
    pool: int
    """Index of the pool."""
    before: int
    parts: tuple[tuple[tuple[int, int], ...], ...]
    """By period in which the workload can use the pool: (index of its part, index of the option)."""


@dataclass(frozen=True)
class MoveData:
    """What changing the fleet of today costs."""

    per_node: int
    """For a node that is set up or given up, micro-USD; 0 = the program need not count them."""
    per_accelerator: int
    """For an accelerator that a workload takes beyond those of today, micro-USD."""
    nodes: tuple[NodeGroup, ...]
    uses: tuple[UseGroup, ...]


@dataclass(frozen=True)
class ScenarioPart:
    """One workload in one scenario."""

    part: int
    """Index of the workload's part in the scenario's period."""
    demand: int
    """Covering: what capacities must add up to. Routed: share units per class. A run without periods: 1."""
    capacities: tuple[int, ...]
    """By option of the part: what a replica carries in this scenario; 0 = nothing (a run: too late)."""
    loads: tuple[tuple[int | None, ...], ...]
    """By option, where routed: load of one share unit per class."""
    most: tuple[int, ...]
    """By option: most replicas that can be useful."""


@dataclass(frozen=True)
class ScenarioData:
    """A moment at which estimates are off, demand is higher and nodes are down."""

    number: int
    """Position in the sample."""
    period: int
    """Index of the period."""
    parts: tuple[ScenarioPart, ...]
    down: tuple[tuple[int, tuple[int, ...]], ...]
    """(index of the pool, positions of its nodes that are down, counted from 0; so many nodes as there are count)."""
    may_fail: bool
    """False: so many scenarios are harder that it must be met."""


@dataclass(frozen=True)
class ScenarioLimit:
    """A sample of scenarios, at most so many of which may be violated."""

    scenarios: tuple[ScenarioData, ...]
    """Those that the program looks at; the others are taken to be met."""
    most_violated: int


@dataclass(frozen=True)
class Problem:
    """Everything the engines see."""

    pools: tuple[Pool, ...]
    offers: tuple[OfferData, ...]
    workloads: tuple[WorkloadData, ...]
    limits: tuple[LimitRow, ...]
    periods: tuple[PeriodData, ...]
    """Stage by stage."""
    max_node_types: int | None
    """Most different node types in the fleet; None = no limit."""
    capacity_rounding_relative: float
    """For the certificate only: largest relative capacity that rounding gave away."""
    measures: tuple[MeasureData, ...] = ()
    charges: tuple[ChargeRow, ...] = ()
    """Budgets of single workloads."""
    service: tuple[ServiceLevel, ...] = ()
    """Where demand may stay unserved: by priority, the highest first."""
    signatures: Signatures | None = None
    """Where something is asked of what the fleet is made of."""
    moves: MoveData | None = None
    """The fleet of today, and what changing it costs."""
    robust: ScenarioLimit | None = None
    """Scenarios that the fleet must meet, but for some of them."""
