"""Workloads: what must be served or trained, and under which rules."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gpufleet.schema.base import (
    Count,
    Country,
    Flag,
    Fraction01,
    Name,
    NonNegative,
    Percentile,
    Positive,
    PositiveCount,
    Precision,
    Record,
    Text,
)

LatencyMetric = Literal["ttft", "tpot", "itl", "end_to_end"]


class SLO(Record):
    """One latency bound: the given percentile of the metric is at most the limit."""

    metric: LatencyMetric
    """`ttft` (time to first token), `tpot` (mean time per output token), `itl` (inter-token latency), `end_to_end`."""
    percentile: Percentile
    """Share of requests that must keep the limit, in percent, strictly between 0 and 100."""
    limit_ms: Positive
    """The limit, ms."""
    classes: tuple[Name, ...] | None = Field(default=None, min_length=1)
    """Only for these request classes, by name; empty = for all."""
    relaxed_limit_ms: Positive | None = None
    """The limit that is still acceptable where a budget cannot pay for full service within `limit_ms`
    (`whatif --budget`, `frontier`), ms; empty = it may not be relaxed. `solve` never relaxes it."""

    @model_validator(mode="after")
    def _relaxed_is_looser(self) -> Self:
        if self.relaxed_limit_ms is not None and self.relaxed_limit_ms <= self.limit_ms:
            raise ValueError(
                f"relaxed_limit_ms is {self.relaxed_limit_ms:g}, not above limit_ms {self.limit_ms:g}; give a higher "
                "limit, or leave it out"
            )
        return self

    def holds_for(self, request_class: str) -> bool:
        """Is the class bound by it?"""
        return self.classes is None or request_class in self.classes


class AccuracyFloor(Record):
    """A quality figure that the chosen variant must reach."""

    metric: Name
    """Metric as named in the model card."""
    at_least: NonNegative
    """Smallest acceptable value."""
    relaxed_at_least: NonNegative | None = None
    """The value that is still acceptable where a budget cannot pay for full service at `at_least` (`whatif --budget`,
    `frontier`); empty = it may not be relaxed. `solve` never relaxes it."""

    @model_validator(mode="after")
    def _relaxed_is_looser(self) -> Self:
        if self.relaxed_at_least is not None and self.relaxed_at_least >= self.at_least:
            raise ValueError(
                f"relaxed_at_least is {self.relaxed_at_least:g}, not below at_least {self.at_least:g}; give a lower "
                "value, or leave it out"
            )
        return self


class Privacy(Record):
    """Where the workload's data may go."""

    locations: Literal["any", "private", "on_prem"] = "any"
    """`any`; `private` = own premises or a private cloud; `on_prem` = own premises only."""
    countries: tuple[Country, ...] | None = None
    """Only sites in these countries; empty = all."""
    regions: tuple[Name, ...] | None = None
    """Only sites in these regions; empty = all."""
    providers: tuple[Name, ...] | None = None
    """Only sites of these providers (your own sites always qualify); empty = all."""
    certifications: tuple[Name, ...] = ()
    """Certificates that the site must hold, all of them."""


class Redundancy(Record):
    """What may fail without loss of service: so many nodes, or one site, not both at a time."""

    spare_nodes: Count = 0
    """N+k: in every pool (site and node type) that the workload uses, any this many nodes may fail, and its replicas
    are restarted on the nodes that remain. Workloads that ask for it share the spare nodes; those that do not give
    way."""
    survive_site_loss: Flag = False
    """After losing any one site, the replicas that already run elsewhere carry the whole demand, without a restart; not
    for training."""


class WorkloadBase(Record):
    """What every workload has."""

    name: Name
    """Unique name."""
    note: Text | None = None
    """Where the figures come from; which of them are assumed."""
    privacy: Privacy = Privacy()
    """Where its data may go."""
    accuracy: tuple[AccuracyFloor, ...] = ()
    """Quality floors."""
    precisions: tuple[Precision, ...] | None = None
    """Only variants stored in these precisions; empty = all."""
    accelerators: tuple[Name, ...] | None = None
    """Only these accelerators; empty = all."""
    min_replicas: Count = 0
    """Fewest replicas."""
    max_replicas: PositiveCount | None = None
    """Most replicas; empty = no limit."""
    redundancy: Redundancy = Redundancy()
    """What may fail."""
    max_spot_share: Fraction01 = 1.0
    """Largest share of the demand that may depend on spot nodes: without them, the rest is still served; 0 = none."""
    priority: Count = 0
    """With `allow_unserved`: workloads of a higher priority are served first, whatever that costs."""
    unserved_weight: Positive = 1.0
    """With `allow_unserved`: how much the share of its requests (or runs) that stays unserved counts beside those of
    other workloads of the same priority."""
    value_usd: Positive | None = None
    """What one served request is worth (training: one run, in every stage in which it is needed), USD. In the place of
    `unserved_weight`: among workloads of one priority, what stays unserved then counts by its value. Given for all
    workloads of a priority or for none."""

    @model_validator(mode="after")
    def _one_measure_of_worth(self) -> Self:
        if self.value_usd is not None and self.unserved_weight != 1:
            raise ValueError("value_usd takes the place of unserved_weight; give one of them")
        return self

    @model_validator(mode="after")
    def _replica_bounds_fit(self) -> Self:
        if self.max_replicas is not None and self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas is {self.min_replicas}, more than max_replicas {self.max_replicas}")
        return self


class ServingBase(WorkloadBase):
    """What every workload with latency has."""

    model: Name
    """Name of the model card."""
    alternatives: tuple[Name, ...] = ()
    """Other model cards that may serve it too, beside or instead of `model`; accuracy floors say which are good enough
    for what. Request sizes are taken to be the same for all of them."""
    service: Name | None = None
    """Workloads that name the same service share its replicas; model, rules and replica bounds must then be equal."""
    slo: tuple[SLO, ...] = ()
    """Latency bounds; each must hold for every request class, or for the classes that it names."""
    max_utilisation: Annotated[float, Field(gt=0, le=1, strict=True)] = 0.9
    """Most of a replica's highest sustainable rate that may be used (SLOs can force it lower)."""
    max_batch: PositiveCount | None = None
    """Largest batch or concurrency per replica; empty = the model decides."""
    demand_factors: dict[Name, NonNegative] = {}
    """Factor on the rates in single periods, by period name; the period's own `demand_factor` elsewhere."""
    stage_factors: dict[Name, NonNegative] = {}
    """Factor on the rates in single stages, by stage name; the stage's own `demand_factor` elsewhere."""
    growth_per_year: Annotated[float, Field(gt=-1, le=100, strict=True)] = 0.0
    """Relative growth per year: at the start of a stage, rates are (1 + growth)^years of today's."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all model cards that may serve it, its own first."""
        return (self.model, *self.alternatives)


class RequestClass(Record):
    """A bucket of a workload's traffic with its own rate."""

    name: Name
    """Unique within the workload."""
    requests_per_s: NonNegative
    """Rate that must be sustained, requests/s."""
    accuracy: tuple[AccuracyFloor, ...] = ()
    """Quality floors of this class, beside those of the workload."""
    demand_factors: dict[Name, NonNegative] = {}
    """Factor on the rate in single periods, by period name; before that of the workload."""


class TokenClass(RequestClass):
    """A size bucket of language-model traffic."""

    input_tokens: PositiveCount
    """Prompt tokens per request."""
    output_tokens: PositiveCount
    """Generated tokens per request."""
    prefix_cache_hit_fraction: Fraction01 | None = None
    """Share of this class's prompt tokens found in the prefix cache; empty = that of the workload."""


class ItemClass(RequestClass):
    """A size bucket of request traffic."""

    items: PositiveCount = 1
    """Samples, images, sequences or user-item pairs per request."""


class LLMServing(ServingBase):
    """A language model that answers requests."""

    kind: Literal["llm_serving"]
    """Tag: `llm_serving`."""
    classes: tuple[TokenClass, ...] = Field(min_length=1)
    """Request classes."""
    engine: Name | None = None
    """Serving software whose figures of the performance model count, with or without its version, e.g. `vLLM 0.10`:
    one that the calibration knows, and that the model was measured with, if it was; empty = general figures."""
    prefix_cache_hit_fraction: Fraction01 = 0.0
    """Share of prompt tokens found in the prefix cache: they are not computed again, and requests share the memory of
    what they find. At least one token of a prompt is always computed."""
    prefix_cache_tokens: PositiveCount | None = None
    """Tokens of all distinct prefixes that a replica keeps, in each of its data-parallel ranks or instances: whatever
    the requests that run there find in the cache is among them. Empty = one prefix, the cached part of one prompt of
    the class that is served."""
    disaggregated: Flag = False
    """Try also replicas that read prompts on some instances (prefill) and generate on others (decode), with the cache
    handed over; beside replicas that do both."""

    @model_validator(mode="after")
    def _prefixes_fit(self) -> Self:
        if self.prefix_cache_tokens is None:
            return self
        name, longest = max(((c.name, self.cached_tokens(c)) for c in self.classes), key=lambda found: found[1])
        if not longest:
            raise ValueError(
                "prefix_cache_tokens has no effect where nothing is found in the cache; remove it, or set "
                "prefix_cache_hit_fraction"
            )
        if self.prefix_cache_tokens < longest:
            raise ValueError(
                f"prefix_cache_tokens is {self.prefix_cache_tokens}, but a prompt of class {name} finds {longest:g} "
                "tokens in the cache; keep at least as many"
            )
        return self

    @property
    def has_prefix_hits(self) -> bool:
        """Does the prefix cache find a part of the prompts of some class?"""
        return any(self.cached_tokens(group) > 0 for group in self.classes)

    def cached_tokens(self, group: TokenClass) -> float:
        """Prompt tokens of a class that are found in the prefix cache; all but one at most."""
        own = group.prefix_cache_hit_fraction
        return min(
            group.input_tokens * (self.prefix_cache_hit_fraction if own is None else own), group.input_tokens - 1
        )


class RequestServing(ServingBase):
    """A recommender, vision model or encoder that answers requests."""

    kind: Literal["request_serving"]
    """Tag: `request_serving`."""
    classes: tuple[ItemClass, ...] = Field(min_length=1)
    """Request classes."""


class Training(WorkloadBase):
    """Work to finish by a deadline."""

    kind: Literal["training"]
    """Tag: `training`."""
    model: Name
    """Name of the model card."""
    samples: Positive
    """Samples (or sequences) per epoch."""
    epochs: Positive
    """Passes over the samples."""
    global_batch: PositiveCount
    """Samples per optimizer step, over all accelerators."""
    sequence_tokens: PositiveCount | None = None
    """Tokens per sample (language models)."""
    deadline_days: Positive
    """Days within which it must finish."""
    relaxed_deadline_days: Positive | None = None
    """The deadline that is still acceptable where a budget cannot pay for full service within `deadline_days`
    (`whatif --budget`, `frontier`), days; empty = it may not be relaxed. `solve` never relaxes it."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """`adam` keeps two FP32 states per parameter, `sgd` one."""
    parameter_efficient_fraction: Annotated[float, Field(gt=0, le=1, strict=True)] = 1.0
    """Share of the parameters that is trained (LoRA and the like below 1)."""
    loader_samples_per_s_per_node: Positive | None = None
    """Samples/s that the input pipeline of one node sustains (storage, decoding, augmentation): a step takes no less
    time than reading its samples; empty = the accelerators never wait for samples."""
    restart_overhead_fraction: Fraction01 = 0.0
    """Time lost steadily, as a share of the pure training time: writing checkpoints, failures, and restarts that
    `restart_minutes` does not count one by one."""
    restart_minutes: NonNegative = 0.0
    """Minutes lost at every start: loading the checkpoint, warming up, work since the last checkpoint. Over periods, a
    run starts where it did not go on in the same way (same nodes, variant, parallelism) in the period before; periods
    then need `occurrences`. A run that is never interrupted does not start again."""
    periods: tuple[Name, ...] | None = None
    """Only in these periods may it run, by name; empty = in any. It stops at the end of one and goes on in another."""
    stages: tuple[Name, ...] | None = None
    """Only in these stages is it needed, by name; empty = in all."""
    parallelism: tuple[Name, ...] | None = None
    """Only these parallelism labels, e.g. `tp8-dp8-zero3`; empty = all."""

    @model_validator(mode="after")
    def _relaxed_is_looser(self) -> Self:
        if self.relaxed_deadline_days is not None and self.relaxed_deadline_days <= self.deadline_days:
            raise ValueError(
                f"relaxed_deadline_days is {self.relaxed_deadline_days:g}, not above deadline_days "
                f"{self.deadline_days:g}; give a later deadline, or leave it out"
            )
        return self


class ProfiledOption(Record):
    """A measured way to serve the workload."""

    name: Name
    """Unique within the workload."""
    node_type: Name
    """Node type it runs on."""
    accelerators: PositiveCount
    """Accelerators per replica."""
    rates: dict[Name, NonNegative] = Field(min_length=1)
    """Highest rate of each class that one replica sustains inside the SLO, requests/s; 0 or left out = cannot
    serve that class."""
    precision: Precision | None = None
    """Numeric precision, for rules and display."""
    accuracy: tuple[AccuracyFloor, ...] = ()
    """Quality it reaches: `at_least` is the measured value."""
    source: Text | None = None
    """Where the rates come from."""


class ProfiledClass(RequestClass):
    """A request class of a profiled workload."""


class Profiled(WorkloadBase):
    """A workload whose throughputs the user has measured."""

    kind: Literal["profiled"]
    """Tag: `profiled`."""
    classes: tuple[ProfiledClass, ...] = Field(min_length=1)
    """Request classes."""
    options: tuple[ProfiledOption, ...] = Field(min_length=1)
    """Measured options."""
    service: Name | None = None
    """Workloads that name the same service share its replicas; options (but for their rates), rules and replica bounds
    must then be equal."""
    max_utilisation: Annotated[float, Field(gt=0, le=1, strict=True)] = 1.0
    """Most of a replica's measured rate that may be used."""
    demand_factors: dict[Name, NonNegative] = {}
    """Factor on the rates in single periods, by period name; the period's own `demand_factor` elsewhere."""
    stage_factors: dict[Name, NonNegative] = {}
    """Factor on the rates in single stages, by stage name; the stage's own `demand_factor` elsewhere."""
    growth_per_year: Annotated[float, Field(gt=-1, le=100, strict=True)] = 0.0
    """Relative growth per year: at the start of a stage, rates are (1 + growth)^years of today's."""


Workload = Annotated[LLMServing | RequestServing | Training | Profiled, Field(discriminator="kind")]


def engine_of(workload: Workload) -> str:
    """The engine that a workload names; empty where it names none."""
    return workload.engine or "" if isinstance(workload, LLMServing) else ""
