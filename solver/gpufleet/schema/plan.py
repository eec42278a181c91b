"""The plan: what to buy or rent, what runs where, what it costs, and how far from optimal it can be.

The first half (nodes, deployments, routing) is what a person may write by hand; the rest is what `solve` adds.
Money is in USD with at most six decimals, so that sums can be checked exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from gpufleet.schema.base import (
    Count,
    Flag,
    Fraction01,
    Money,
    Name,
    NonNegative,
    Performance,
    Positive,
    PositiveCount,
    Record,
    Text,
)
from gpufleet.schema.bound import BoundPrices
from gpufleet.schema.elimination import FunnelStep, Rejected
from gpufleet.schema.migration import Moves
from gpufleet.schema.offers import Term
from gpufleet.schema.parallelism import Parallelism as Parallelism
from gpufleet.schema.prices import PlannedOverlay, PlannedPrice, PriceWarning
from gpufleet.schema.robust import RobustClaim

if TYPE_CHECKING:
    import pandas

Status = Literal["optimal", "feasible", "infeasible", "unknown"]


class PlannedNodes(Record):
    """Nodes taken on one offer."""

    offer: Name
    """Name of the offer."""
    count: Count
    """How many nodes."""
    period: Name | None = None
    """The period for which they are rented; empty = all periods."""
    first_stage: Name | None = None
    """The stage at whose start they arrive; empty = the first."""
    last_stage: Name | None = None
    """The stage at whose end they leave; empty = the last."""
    node_type: Name | None = None
    """Node type (repeated for the reader; checked)."""
    site: Name | None = None
    """Site (repeated for the reader; checked)."""
    term: Term | None = None
    """Term (repeated for the reader; checked)."""
    unit_cost_usd: Money | None = None
    """Cost of one node over the horizon, all cost lines together, USD."""
    total_cost_usd: Money | None = None
    """`count` times `unit_cost_usd`."""


class LatencyFigure(Record):
    """A predicted latency beside its limit."""

    metric: Name
    """`ttft`, `tpot`, `itl` or `end_to_end`."""
    request_class: Name
    """Request class."""
    percentile: Positive
    """Percentile."""
    predicted_ms: NonNegative
    """Predicted value at the planned utilisation, ms; with `performance: p90` the value kept with 90 % confidence."""
    limit_ms: Positive
    """Limit, ms."""
    low: Positive | None = None
    """5 % of the latencies are expected below this multiple of the estimate (the one at p50)."""
    high: Positive | None = None
    """95 % of them are expected below this multiple of the estimate."""


class Deployment(Record):
    """Replicas of one deployment option."""

    workload: Name
    """Workload."""
    site: Name
    """Site."""
    node_type: Name
    """Node type."""
    replicas: Count
    """How many replicas."""
    period: Name | None = None
    """The period in which they run; empty = all periods."""
    stage: Name | None = None
    """The stage in which they run; empty = all stages."""
    model: Name | None = None
    """Model card; empty = the workload's own model (always given where it has alternatives)."""
    variant: Name | None = None
    """Variant of the model card; for a profiled workload, empty."""
    option: Name | None = None
    """Option of a profiled workload; otherwise empty."""
    spot: Name | None = None
    """The spot offer on whose nodes they run; empty = on nodes of any other term."""
    measures: tuple[Name, ...] = ()
    """Measures that they need."""
    parallelism: Parallelism = Parallelism()
    """How one replica is spread."""
    batch: PositiveCount = 1
    """Largest batch (or concurrency) per replica; for training, samples per accelerator and micro-step."""
    accelerators: PositiveCount | None = None
    """Accelerators per replica (repeated for the reader; checked)."""
    precision: Name | None = None
    """Precision of the weights (repeated for the reader)."""
    utilisation: NonNegative | None = None
    """Load over the highest rate that `max_utilisation` and the SLOs allow; 1 = no headroom left."""
    memory_gb: NonNegative | None = None
    """Memory used per accelerator, GB."""
    memory_limit_gb: NonNegative | None = None
    """Memory usable per accelerator, GB."""
    latency: tuple[LatencyFigure, ...] = ()
    """Latencies against the SLO."""
    training_days: NonNegative | None = None
    """Days to train; with `performance: p90` those kept with 90 % confidence."""
    bottleneck: Name | None = None
    """What limits it: `compute`, `memory_bandwidth`, `interconnect`, `host_link`, `kv_capacity`, `data_loading`,
    `profile`."""
    provenance: Literal["measured", "interpolated", "modelled"] | None = None
    """Where the throughput comes from: a measured point, points measured around it, or (also where it is so for one
    class alone) the performance model."""
    evidence: Text | None = None
    """What says so: engine with file and lines of the measurements, the source of a profiled option, or the performance
    model with its calibration and engine."""
    rate_low: Positive | None = None
    """5 % of the throughputs are expected below this multiple of the estimate, for the class that is known least."""
    rate_high: Positive | None = None
    """95 % of them are expected below this multiple of the estimate."""


class Route(Record):
    """Share of a request class that one deployment serves."""

    workload: Name
    """Workload."""
    request_class: Name
    """Request class."""
    deployment: Count
    """Index into `deployments`."""
    share: Fraction01
    """Share of the class's rate."""


class Fallback(Record):
    """What carries a workload when one site is lost."""

    workload: Name
    """Workload."""
    lost_site: Name
    """The site that is lost."""
    period: Name | None = None
    """The period in which it is lost; empty = all periods."""
    stage: Name | None = None
    """The stage in which it is lost; empty = all stages."""
    routing: tuple[Route, ...]
    """Which deployment elsewhere then serves which class."""
    utilisation: NonNegative | None = None
    """Highest load of a deployment elsewhere, over the highest rate that `max_utilisation` and the SLOs allow."""


class UnservedDemand(Record):
    """Demand that the plan leaves unserved."""

    workload: Name
    """Workload."""
    request_class: Name
    """Request class; `run` for a training run."""
    period: Name | None = None
    """The period; empty = all periods."""
    stage: Name | None = None
    """The stage; empty = all stages."""
    share: Fraction01
    """Share of the class's rate that is not served; 1 for a training run that is not done."""


class ServiceProof(Record):
    """How little had to stay unserved of the workloads of one priority, after those of higher priorities."""

    priority: Count
    """The priority."""
    unserved: NonNegative
    """What the plan leaves unserved: the share of each workload's requests (or runs), times `unserved_weight`, added
    up; where the workloads have `value_usd`, what those requests and runs are worth, USD."""
    bound: NonNegative
    """Proven: no plan that serves the higher priorities as well leaves less; equal to `unserved` = proven smallest."""


class WorkloadCharge(Record):
    """What a workload with a budget of its own is charged for the accelerators that it occupies."""

    workload: Name
    """Workload."""
    charge_usd: Money
    """Over the horizon, at the dearest price of each pool, USD."""


class CostLine(Record):
    """One line of the bill over the horizon."""

    item: Name
    """What is paid for: `write-off`, `maintenance`, `rent`, `energy`, `running`, `measure`."""
    offer: Name
    """The offer (or measure) it belongs to."""
    period: Name | None = None
    """The period it is paid for; empty = all periods."""
    first_stage: Name | None = None
    """First stage it is paid for; empty = the first."""
    last_stage: Name | None = None
    """Last stage it is paid for; empty = the last."""
    quantity: Count
    """Nodes."""
    unit_usd: Money
    """Per node over the horizon, at present value, USD."""
    total_usd: Money
    """quantity x unit_usd, exactly."""
    source: Text
    """Where the price comes from, and as of when."""


class PlannedMeasure(Record):
    """A measure and whether it is taken."""

    measure: Name
    """Name of the measure."""
    taken: Flag
    """Does it pay?"""
    cost_usd: Money | None = None
    """What it costs over the horizon, at present value, USD."""


class CashFlow(Record):
    """Money that really changes hands in one year, not discounted."""

    year: Count
    """Year of the horizon, counted from 0."""
    item: Name
    """What for: `purchase`, `resale`, `rent`, `maintenance`, `running`, `energy`, `measure`. `value left` is what is
    still there at the end of the horizon, `committed` what reservations cost after it."""
    usd: Money
    """Paid (positive) or received (negative), USD."""


class Certificate(Record):
    """What was proven about the plan."""

    objective_usd: Money | None
    """Cost of the plan over the horizon, changes of today's fleet included; null without a plan."""
    fleet_usd: Money | None = None
    """The part of it that the fleet costs; empty where there is no fleet of today."""
    moves_usd: Money | None = None
    """The part that changes of today's fleet cost; empty where there is none."""
    bound_usd: Money | None
    """Proven: no plan costs less; null when nothing is known."""
    gap: NonNegative | None
    """(objective - bound) / objective; 0 = proven optimal."""
    engine: Text
    """Engine and back end that ran."""
    engine_reason: Text
    """Why this engine was chosen."""
    versions: dict[str, str]
    """Versions of gpufleet, the solver and Python."""
    seed: int
    """Random seed of the solver."""
    workers: PositiveCount
    """Solver threads."""
    deterministic: Flag = False
    """Asked for and kept: nothing hung on the clock, so the same question, options and versions give the same plan,
    with several workers too."""
    instance_digest: Text
    """Digest of the resolved instance that was solved."""
    price_dates: dict[str, str]
    """Offer name to the date of its price, for the offers in the plan."""
    rounding_error_usd: NonNegative
    """Largest error of the objective from writing money as whole micro-dollars."""
    capacity_rounding_relative: NonNegative
    """Largest relative amount by which a replica's capacity was rounded down for the integer program."""
    share_unit: Fraction01 | None = None
    """Routing shares are multiples of this; null when nothing is routed."""
    service: tuple[ServiceProof, ...] = ()
    """What stays unserved by priority, the highest first, where the instance allows it; objective, bound and gap are
    then about the cost of plans that serve as much."""
    tie_break: Text
    """How equal costs were decided, and whether that was proven."""
    prices: BoundPrices | None = None
    """What the bound can be checked with, where it was worked out; it can prove less than `bound_usd`, which is the
    solver's."""


class PriceOfCaution(Record):
    """What it costs to count on performance of 90 % confidence instead of the estimates as they stand."""

    p50_usd: Money | None = None
    """Cost over the horizon of the cheapest plan found for the same instance with `performance: p50`, USD."""
    extra_usd: Money | None = None
    """What this plan costs more than that, USD; empty where there is none, or where they do not serve the same."""
    proven: Flag = False
    """Are both plans proven optimal?"""
    note: Text | None = None
    """Why there is no such figure."""


class Plan(Record):
    """A plan file."""

    schema_version: Literal[1]
    """Version of this format; `1`."""
    instance: Name
    """`uid` of the instance."""
    status: Status | None = None
    """`optimal` (proven), `feasible`, `infeasible` or `unknown`; empty in a hand-written plan."""
    reason: Text | None = None
    """Why there is no (better) plan."""
    note: Text | None = None
    """Anything a reader must know."""
    performance: Performance | None = None
    """What was counted on, as the instance asks; empty in a hand-written plan."""
    certificate: Certificate | None = None
    """What was proven; empty in a hand-written plan."""
    caution: PriceOfCaution | None = None
    """The price of `performance: p90`, where `solve` worked it out."""
    nodes: tuple[PlannedNodes, ...] = ()
    """The fleet."""
    measures: tuple[PlannedMeasure, ...] = ()
    """Which measures are taken; one that is left out is not."""
    deployments: tuple[Deployment, ...] = ()
    """What runs where."""
    routing: tuple[Route, ...] = ()
    """Which deployment serves which class; empty = in proportion to capacity."""
    fallback_routing: tuple[Fallback, ...] = ()
    """The same after the loss of a site, for workloads that must survive it; empty = in proportion to capacity."""
    unserved: tuple[UnservedDemand, ...] = ()
    """What is not served, where the instance allows that; empty = everything is."""
    moves: Moves | None = None
    """What changes against the fleet of today, where the instance names one (`migration`)."""
    robust: RobustClaim | None = None
    """The scenarios that it was bought for, with `solve --robust`."""
    charges: tuple[WorkloadCharge, ...] = ()
    """What workloads with budgets of their own are charged."""
    costs: tuple[CostLine, ...] = ()
    """The bill."""
    offer_prices: tuple[PlannedPrice, ...] = ()
    """Where the prices of the offers in `nodes` come from; empty in plans of earlier versions."""
    overlay: PlannedOverlay | None = None
    """The overlay of discounts and private prices, if there was one."""
    price_warnings: tuple[PriceWarning, ...] = ()
    """Prices that are stale at the instance's `planning_date`; empty also where it has none."""
    cash_flow: tuple[CashFlow, ...] = ()
    """Payments by year and item."""
    funnel: tuple[FunnelStep, ...] = ()
    """What each rule eliminated."""
    rejections: tuple[Rejected, ...] = ()
    """Eliminated candidates by workload, rule, pool and variant."""

    def nodes_frame(self) -> pandas.DataFrame:
        """The fleet as a table, one row per offer taken."""
        return _frame(PlannedNodes, self.nodes)

    def deployments_frame(self) -> pandas.DataFrame:
        """The deployments as a table; parallelism as its label, latencies as nested records."""
        frame = _frame(Deployment, self.deployments)
        frame["parallelism"] = [deployment.parallelism.label for deployment in self.deployments]
        return frame

    def costs_frame(self) -> pandas.DataFrame:
        """The bill as a table, one row per cost line."""
        return _frame(CostLine, self.costs)

    def rejections_frame(self) -> pandas.DataFrame:
        """Eliminated candidates as a table, one row per workload, rule, pool and variant."""
        return _frame(Rejected, self.rejections)


def _frame(record: type[Record], rows: Sequence[Record]) -> pandas.DataFrame:
    """A table with the record's fields as columns, also when there are no rows."""
    import pandas  # slow to import, and not needed to solve

    return pandas.DataFrame([row.model_dump() for row in rows], columns=list(record.model_fields))
