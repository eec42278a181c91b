"""The procurement instance: everything one question holds."""

from __future__ import annotations

import datetime
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gpufleet.schema.base import (
    Count,
    Country,
    Flag,
    Fraction01,
    Name,
    NonNegative,
    Performance,
    Positive,
    PositiveCount,
    Record,
    Sourced,
    Text,
)
from gpufleet.schema.hardware import Accelerator, NodeType
from gpufleet.schema.measurements import MeasurementsPolicy, PerformanceSource
from gpufleet.schema.migration import Migration
from gpufleet.schema.models import ModelCard
from gpufleet.schema.offers import Offer, OfferSelection, Site
from gpufleet.schema.time import Period, Stage, Trend
from gpufleet.schema.workloads import Workload
from gpufleet.units import HOURS_PER_DAY, exact


class BudgetCaps(Record):
    """Upper limits on money; empty = no limit."""

    usd_per_day: NonNegative | None = None
    """Average cost per day over the horizon, write-offs and running costs included, USD."""
    horizon_usd: NonNegative | None = None
    """Total cost over the horizon, USD."""
    capex_usd: NonNegative | None = None
    """Purchase prices together, USD."""


class StageCaps(Record):
    """Upper limits on the money of one stage."""

    capex_usd: NonNegative
    """Purchase prices of what is bought at its start together, USD."""


class Budgets(BudgetCaps):
    """Caps on the whole plan, and on single sites, workloads and stages."""

    sites: dict[Name, BudgetCaps] = {}
    """Caps per site, by name."""
    workloads: dict[Name, BudgetCaps] = {}
    """Caps per workload, by name (`usd_per_day` and `horizon_usd`). A workload is charged for the accelerators that its
    replicas occupy, hour by hour, at the dearest price of their pool; idle accelerators are charged to nobody."""
    stages: dict[Name, StageCaps] = {}
    """Caps per stage, by name."""


class Quota(Record):
    """Most accelerators of a kind from one provider."""

    provider: Name
    """Provider as named at the sites."""
    accelerator: Name
    """Accelerator name."""
    accelerators: Count
    """Most accelerators of it, over all its node types and terms."""


class FleetRules(Record):
    """Rules on the fleet as a whole."""

    max_node_types: PositiveCount | None = None
    """Most different node types in the fleet."""
    max_vendor_share: dict[Name, Fraction01] = {}
    """Largest share of all accelerators per vendor."""
    max_accelerator_share: dict[Name, Fraction01] = {}
    """Largest share of all accelerators per accelerator type."""
    min_country_share: dict[Country, Fraction01] = {}
    """Smallest share of all accelerators per vendor country (domestic share)."""
    max_site_share: dict[Name, Fraction01] = {}
    """Largest share of all accelerators per site."""
    max_spot_share: Fraction01 | None = None
    """Largest share of accelerators on spot terms."""
    quotas: tuple[Quota, ...] = ()
    """Provider quotas."""


class Measure(Sourced):
    """A one-off investment that changes performance: a kernel library, a feature cache, a fine-tune for a variant."""

    name: Name
    """Unique name."""
    cost_usd: NonNegative
    """One-off cost at the start of the horizon, USD."""
    life_years: Positive | None = None
    """Years over which it is written off, and after which it is bought anew; empty = the horizon bears all of it."""
    workloads: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Workloads that profit."""
    accelerators: tuple[Name, ...] | None = None
    """Accelerators on which they profit; empty = all."""
    throughput_factor: Annotated[float, Field(ge=1, le=100, strict=True)] = 1.0
    """Factor on their throughput; latencies are not assumed to change."""
    unlocks: tuple[Name, ...] = ()
    """Variants (or options of a profiled workload) that can only be used with it, on its accelerators, e.g. an INT4
    fine-tune."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.throughput_factor == 1 and not self.unlocks:
            raise ValueError("the measure changes nothing; give throughput_factor above 1, or unlocks")
        return self


class Instance(Record):
    """One procurement question, as written in an instance file."""

    schema_version: Literal[1]
    """Version of this format; `1`."""
    uid: Name
    """Unique id of the instance."""
    title: Text
    """One line on what it is about."""
    origin: Text | None = None
    """Where it comes from."""
    note: Text | None = None
    """What a reader must know, assumptions above all."""
    horizon_days: Positive | None = None
    """Length of the planning horizon in days; the objective is the cost over it. Give this or `horizon_hours`."""
    horizon_hours: Positive | None = None
    """Length of the planning horizon in hours, for horizons below a day. Give this or `horizon_days`."""
    sites: tuple[Site, ...] = Field(min_length=1)
    """Sites."""
    offers: tuple[Offer, ...] = ()
    """Offers of your own."""
    catalog_offers: tuple[OfferSelection, ...] = ()
    """Offers taken from the catalogue."""
    workloads: tuple[Workload, ...] = Field(min_length=1)
    """What must be served or trained."""
    accelerators: tuple[Accelerator, ...] = ()
    """Accelerators that the library lacks (or replaces, by name)."""
    node_types: tuple[NodeType, ...] = ()
    """Node types that the library lacks (or replaces, by name)."""
    models: tuple[ModelCard, ...] = ()
    """Model cards that the library lacks (or replaces, by name)."""
    partitions: tuple[Name, ...] = ()
    """Node types with `partition_of` that may be used: any node of the base node type, however it is bought, can then
    run as the base or as one of them, node by node, and differently in every period."""
    budgets: Budgets = Budgets()
    """Caps on money."""
    rules: FleetRules = FleetRules()
    """Shares, number of node types, and quotas."""
    periods: tuple[Period, ...] = ()
    """Slices of the horizon; empty = one period of constant (peak) demand."""
    stages: tuple[Stage, ...] = ()
    """Parts of the horizon one after the other (years, say); empty = one stage. Periods come again in each of them."""
    trends: tuple[Trend, ...] = ()
    """How prices and throughput change from stage to stage."""
    demand_profile: Text | None = None
    """A CSV file with demand factors; path relative to the instance file. One row per period, with the columns
    `period`, `hours` (without it the periods are equal parts of the horizon) and one of factors per workload; `all` is
    for every workload without a column of its own. Where `periods` are given, it holds their factors alone."""
    measurements: tuple[Text, ...] = ()
    """CSV files of measured operating points, one [Measurement](#measurement) a row; paths relative to the instance
    file. Where a variant was measured on an accelerator with some parallelism, measurements replace the performance
    model."""
    measurements_policy: MeasurementsPolicy = "strict"
    """What holds where nothing was measured. `strict`: the performance model, but not for a parallelism that was
    measured: there, a request class outside the measured sizes is an error. `model`: the performance model, class by
    class. `only`: nothing; options that were not measured are rejected, and classes outside are errors."""
    performance: Performance = "p50"
    """Which throughputs and latencies are counted on. `p50`: the estimates as they stand. `p90`: rates that are
    reached, and latencies that are kept, with 90 % confidence, by the intervals of the calibration; measured rates are
    taken to be repeatable within 5 %, those between measured points within 10 %."""
    performance_source: PerformanceSource = "model"
    """Where figures of language serving come from that were not measured. `model`: the performance model.
    `aiconfigurator`: NVIDIA's operator measurements for TensorRT-LLM, for the models and accelerators that they cover,
    and the performance model elsewhere; `aiconfigurator-vllm` and `aiconfigurator-sglang`: the same for these engines.
    Needs the extra `gpufleet[aiconfigurator]`."""
    measures: tuple[Measure, ...] = ()
    """Investments that may be chosen."""
    planning_date: datetime.date | None = None
    """The day on which the plan is made and its horizon starts: the age of prices, and how long quotes and discounts
    are valid, are counted from it. Empty = commands compare with the day on which they run, and the plan file says
    nothing about it."""
    max_price_age_days: PositiveCount = 180
    """Prices of the plan that are older are named in its `price_warnings`."""
    discount_rate_per_year: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.0
    """Interest rate: what is paid in the j-th year of the horizon, counted from 0, is divided by (1 + rate)^j."""
    commitments: Literal["horizon", "term"] = "horizon"
    """What a reservation costs that outlasts the horizon: `horizon` = the hours within it, as if the fleet went on;
    `term` = its whole term."""
    allow_unserved: Flag = False
    """May demand stay unserved where stock, budgets or other limits leave no other way? Then, for each `priority` of
    workloads from the highest down, as little as possible stays unserved, and only then the cost is minimised."""
    migration: Migration | None = None
    """The fleet of today and what changing it costs; empty = bought from nothing."""
    baseline_plan: Text | None = None
    """A plan file to compare the answer with; path relative to the instance file."""

    @property
    def hours(self) -> Fraction:
        """Length of the planning horizon in hours, exactly as written."""
        if self.horizon_hours is not None:
            return exact(self.horizon_hours)
        return exact(self.horizon_days or 0.0) * HOURS_PER_DAY

    @model_validator(mode="after")
    def _one_horizon(self) -> Self:
        if self.horizon_days is None and self.horizon_hours is None:
            raise ValueError("the horizon is missing; give horizon_days or horizon_hours")
        if self.horizon_days is not None and self.horizon_hours is not None:
            raise ValueError("the horizon is given twice; give horizon_days or horizon_hours, not both")
        return self
