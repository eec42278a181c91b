"""An instance with every reference followed: what all later stages read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from pydantic import Field

from gpufleet.schema.calibration import Calibration
from gpufleet.schema.hardware import Accelerator, NodeType
from gpufleet.schema.instance import Instance
from gpufleet.schema.measurements import Profiles
from gpufleet.schema.models import ModelCard
from gpufleet.schema.offers import Offer, Site
from gpufleet.schema.prices import PlannedOverlay
from gpufleet.schema.workloads import LLMServing, Profiled, RequestServing, Workload

FieldPath = tuple[str | int, ...]
"""A field, e.g. `("workloads", 2, "slo")`."""


@dataclass(frozen=True)
class PriceFile:
    """A price file of a library."""

    file: str
    """Its path, relative to the library folder."""
    digest: str
    """SHA-256 of its bytes."""


@dataclass(frozen=True)
class AppliedOverlay:
    """An overlay, and what it did to the offers of an instance."""

    record: PlannedOverlay
    list_prices: Mapping[str, float] = field(default_factory=dict)
    """The price before the overlay, of every offer that some rule is about."""
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The rules that made its price, of the same offers."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What the rules say, for the bill, of offers that now cost something else."""
    valid_until: Mapping[str, datetime.date] = field(default_factory=dict)
    """The last day on which these rules hold, where they end."""


@dataclass(frozen=True)
class ResolvedInstance:
    """An instance together with the accelerators, node types, offers and model cards that it refers to."""

    instance: Instance
    sites: Mapping[str, Site]
    """Sites by name."""
    accelerators: Mapping[str, Accelerator]
    """Accelerators by name; only those that these node types carry."""
    node_types: Mapping[str, NodeType]
    """Node types by name; only those that some offer names, and the partitions of these that the instance lists."""
    offers: Mapping[str, Offer]
    """Offers by name: the instance's own and those taken from the catalogue."""
    models: Mapping[str, ModelCard]
    """Model cards by name; only those that some workload names, alternatives included."""
    calibration: Calibration
    """Figures of the performance model."""
    digest: str
    """SHA-256 over the canonical JSON of all of the above: equal digests, equal questions."""
    path: str = "<memory>"
    """The instance file, for messages; not part of the digest."""
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Shared services with the workloads of the file that each stands for; of the instance above they are workloads."""
    profiles: Profiles = field(default_factory=Profiles)
    """Measurements, which replace the performance model where there are some; part of the digest."""
    price_files: Mapping[str, PriceFile] = field(default_factory=dict)
    """Where the prices of offers taken from the catalogue stand, by the name of the offer; not part of the digest."""
    overlay: AppliedOverlay | None = None
    """What an overlay did to the offers; not part of the digest, which holds the prices that it led to."""
    locate: Annotated[Callable[[FieldPath], int] | None, Field(exclude=True)] = field(
        default=None, compare=False, repr=False
    )
    """The line of a field of the file; None for instances built in code. Not part of the digest."""
    places: Annotated[Mapping[FieldPath, FieldPath], Field(exclude=True)] = field(default_factory=dict, compare=False)
    """Where the file says what stands elsewhere in the instance above: offers, by ("offers", name), and what services
    merged; a path stands for all below it. Not part of the digest."""

    @cached_property
    def workloads(self) -> Mapping[str, Workload]:
        """Workloads by name, in file order."""
        return {workload.name: workload for workload in self.instance.workloads}

    def place_of(self, loc: FieldPath) -> FieldPath:
        """Where the file says what stands at `loc`."""
        for length in range(len(loc), 0, -1):
            if loc[:length] in self.places:
                return (*self.places[loc[:length]], *loc[length:])
        return loc

    def line_of(self, loc: FieldPath) -> int | None:
        """The line of the file that says what stands at `loc`; None for instances built in code."""
        return self.locate(self.place_of(loc)) if self.locate is not None else None

    def accelerator_of(self, node_type: str) -> Accelerator:
        """The accelerator of a node type."""
        return self.accelerators[self.node_types[node_type].accelerator]

    def partitions_of(self, node_type: str) -> tuple[NodeType, ...]:
        """The other node types as which a node of this type can run, by name."""
        found = (node for node in self.node_types.values() if node.partition_of == node_type)
        return tuple(sorted(found, key=lambda node: node.name))

    def model_of(self, workload: Workload) -> ModelCard | None:
        """The model card of a workload; None for `profiled` workloads, which have none."""
        return None if isinstance(workload, Profiled) else self.models[workload.model]

    def models_of(self, workload: Workload) -> tuple[ModelCard, ...]:
        """All model cards that may serve (or train) a workload, its own first; none for `profiled` workloads."""
        if isinstance(workload, LLMServing | RequestServing):
            return tuple(self.models[name] for name in workload.models)
        own = self.model_of(workload)
        return () if own is None else (own,)
