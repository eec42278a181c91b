"""Small instances made in code. Every default is the plainest value, so that a test shows only what it is about."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from gpufleet.library import Library, resolve
from gpufleet.performance.calibration import Efficiency
from gpufleet.problem.data import LimitRow, OfferData, OptionData, PeriodData, Pool, Problem, WorkloadData
from gpufleet.problem.scaling import SHARE_UNITS
from gpufleet.schema.base import Record
from gpufleet.schema.hardware import Accelerator, NodeType, PeakRates
from gpufleet.schema.instance import Instance
from gpufleet.schema.models import Convolutional, ModelCard, Variant
from gpufleet.schema.offers import Offer, Site
from gpufleet.schema.workloads import Profiled, ProfiledClass, ProfiledOption, Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.schema.resolved import ResolvedInstance


R = TypeVar("R", bound=Record)
EFFICIENCY = Efficiency.of(Library.open().calibration)
"""The bundled calibration."""
NOTHING = Library(())
"""A library without cards; its calibration is read once."""


def accelerator(name: str = "A", **changes: Any) -> Accelerator:
    """An accelerator of 10 GB and 1 TB/s that computes 100 TFLOP/s in every precision."""
    rates = dict.fromkeys(PeakRates.model_fields, 100.0)
    fields = {
        "name": name,
        "vendor": "Vendor",
        "country": "US",
        "kind": "gpu",
        "family": "Family",
        "memory_gb": 10.0,
        "memory_bandwidth_gb_s": 1000.0,
        "peak": PeakRates(**rates),
        "source": "test",
        "verification": "derived",
    }
    return Accelerator(**{**fields, **changes})


def node(name: str = "n1", accelerators: int = 1, carries: str = "A", **changes: Any) -> NodeType:
    """A server with so many accelerators, 1 kW and 1 U, and a network."""
    fields = {
        "name": name,
        "accelerator": carries,
        "accelerators": accelerators,
        "network_gb_s": 10.0,
        "power_kw": 1.0,
        "rack_units": 1.0,
        "source": "test",
    }
    return NodeType(**{**fields, **changes})


def site(name: str = "here", **changes: Any) -> Site:
    """An own building with free electricity."""
    return Site(**{"name": name, "kind": "on_prem", "country": "US", "electricity_usd_per_kwh": 0.0, **changes})


def offer(name: str = "o1", node_type: str = "n1", usd_per_hour: float | None = 1.0, **changes: Any) -> Offer:
    """One node at 1 USD/h, as many as wanted, at `here`."""
    fields = {"name": name, "node_type": node_type, "site": "here", "term": "on_demand", "source": "test"}
    return Offer(**{**fields, "usd_per_hour": usd_per_hour, **changes})


def option(name: str, node_type: str = "n1", accelerators: int = 1, **changes: Any) -> ProfiledOption:
    """A measured option; `rates` by class."""
    return ProfiledOption(name=name, node_type=node_type, accelerators=accelerators, **changes)


def profiled(
    options: Sequence[ProfiledOption], classes: Mapping[str, float] | float = 1.0, name: str = "w", **changes: Any
) -> Profiled:
    """A profiled workload; a bare number is one class called `all`."""
    asked = classes if not isinstance(classes, (int, float)) else {"all": float(classes)}
    members = tuple(ProfiledClass(name=key, requests_per_s=float(rate)) for key, rate in asked.items())
    return Profiled(name=name, kind="profiled", classes=members, options=tuple(options), **changes)


def training(name: str = "run", **changes: Any) -> Training:
    """A run of 1,000 samples of the small network `NET` within a day."""
    fields: dict[str, Any] = {"model": "net", "samples": 1000.0, "epochs": 1.0, "global_batch": 1, "deadline_days": 1.0}
    return Training(name=name, kind="training", **{**fields, **changes})


def instance(workloads: Sequence[Profiled | Training], offers: Sequence[Offer], **changes: Any) -> Instance:
    """One hour at one site, with accelerator A and node types n1, n2, n4, n8 of 1, 2, 4, 8 of it."""
    fields: dict[str, Any] = {
        "schema_version": 1,
        "uid": "test",
        "title": "A test",
        "horizon_hours": 1.0,
        "sites": (site(),),
        "accelerators": (accelerator(),),
        "node_types": tuple(node(f"n{count}", count) for count in (1, 2, 4, 8)),
        "workloads": tuple(workloads),
        "offers": tuple(offers),
    }
    if "horizon_days" in changes and changes["horizon_days"] is not None:
        del fields["horizon_hours"]
    return Instance(**{**fields, **changes})


def resolved(question: Instance) -> ResolvedInstance:
    """Resolved against an empty library: everything must be in the instance."""
    return resolve(question, NOTHING)


def edited(record: R, **changes: Any) -> R:
    """A copy with some fields replaced, validated again."""
    fields = {name: getattr(record, name) for name in type(record).model_fields}
    return type(record).model_validate({**fields, **changes})


NET = ModelCard(
    name="net",
    title="A small network",
    source="test",
    parameters=1e6,
    architecture=Convolutional(
        kind="convolutional",
        flops_per_item=1e12,
        activation_bytes_per_item=1e6,
        traffic_bytes_per_item=1e6,
        host_bytes_per_item=1e3,
        training_activation_bytes_per_item=1e6,
    ),
    variants=(Variant(name="fp32", precision="fp32"),),
)
"""A small network that can be trained and served, for the performance model."""


# ------------------------------------------------------------------------------------------ integer problems


def pool(accelerators: int = 1, name: str = "n1") -> Pool:
    """Nodes of so many accelerators."""
    return Pool("here", name, accelerators)


def offer_data(cost: int = 10, most: int = 9, on: int = 0, name: str = "o", **changes: Any) -> OfferData:
    """An offer on pool `on`."""
    return OfferData(**{"name": name, "pool": on, "cost": cost, "most": most, "capex": 0, "power_w": 0, **changes})


def covering(demand: int, options: Sequence[tuple[int, int, int]], name: str = "w", **changes: Any) -> WorkloadData:
    """One class; options as (pool, accelerators, capacity)."""
    rows = tuple(
        OptionData(key, on, size, capacity, (), -(-demand // capacity))
        for key, (on, size, capacity) in enumerate(options)
    )
    fields = {"min_replicas": 0, "max_replicas": None, **changes}
    return WorkloadData(name, rows, demand, ("all",), routed=False, **fields)


def routed(options: Sequence[tuple[int, int, int, tuple[int | None, ...]]], name: str = "w") -> WorkloadData:
    """Several classes; options as (pool, accelerators, capacity, loads of one share unit)."""
    rows = []
    for key, (on, size, capacity, loads) in enumerate(options):
        total = sum(load * SHARE_UNITS for load in loads if load is not None)
        rows.append(OptionData(key, on, size, capacity, loads, -(-total // capacity)))
    classes = tuple(f"c{position}" for position in range(len(options[0][3])))
    return WorkloadData(name, tuple(rows), SHARE_UNITS, classes, routed=True, min_replicas=0, max_replicas=None)


def problem(
    workloads: Sequence[WorkloadData],
    offers: Sequence[OfferData] = (),
    pools: Sequence[Pool] = (),
    limits: Sequence[LimitRow] = (),
    max_node_types: int | None = None,
    periods: int = 1,
) -> Problem:
    """An integer problem; without further ado one pool of single accelerators and one offer."""
    return Problem(
        pools=tuple(pools) or (pool(),),
        offers=tuple(offers) or (offer_data(),),
        workloads=tuple(workloads),
        limits=tuple(limits),
        periods=tuple(PeriodData(f"t{t}" if periods > 1 else None, Fraction(1)) for t in range(periods)),
        max_node_types=max_node_types,
        capacity_rounding_relative=0.0,
    )


def near_ties() -> Instance:
    """Twelve classes over twenty options of nearly the same value: many fleets nearly as cheap, and a long proof."""
    classes = [f"c{c}" for c in range(12)]
    options, offers = [], []
    for k in range(20):
        size = (1, 2, 4, 8)[k % 4]
        rates = {name: round(size * (2.97 + (k * c % 7) / 90), 4) for c, name in enumerate(classes)}
        options.append(option(f"k{k}", f"n{size}", size, rates=rates))
        offers.append(offer(f"o{k:02}", f"n{size}", round(size * (1 + (k * 37 % 11) / 97), 4), stock=2 + k % 3))
    return instance([profiled(options, {name: 7.7 + c for c, name in enumerate(classes)})], offers)
