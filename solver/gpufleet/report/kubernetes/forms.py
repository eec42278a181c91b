"""Deployments of a plan as what Kubernetes runs: one form with its number of replicas over time."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gpufleet.report.kubernetes.accelerators import Device, device
from gpufleet.report.kubernetes.names import hashed
from gpufleet.report.schedule_rows import deployment_forms
from gpufleet.report.timetable import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.report.kubernetes.settings import KubernetesSettings
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.models import ModelCard, Variant
    from gpufleet.schema.offers import Site
    from gpufleet.schema.plan import Deployment, LatencyFigure, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload


@dataclass(frozen=True)
class Form:
    """One way in which a workload runs at one site."""

    name: str
    """DNS label, unique in the plan."""
    resolved: ResolvedInstance
    entries: tuple[Deployment, ...]
    """Of all periods and stages."""
    counts: tuple[int, ...]
    """Replicas by period of the stage; one number without periods."""

    @property
    def entry(self) -> Deployment:
        """Any of them: they differ in nothing but time, number and figures."""
        return self.entries[0]

    @property
    def workload(self) -> Workload:
        return self.resolved.workloads[self.entry.workload]

    @property
    def site(self) -> Site:
        return self.resolved.sites[self.entry.site]

    @property
    def node(self) -> NodeType:
        """The node type, or the partition."""
        return self.resolved.node_types[self.entry.node_type]

    @property
    def base(self) -> NodeType:
        """The physical node."""
        return self.resolved.node_types[self.node.partition_of] if self.node.partition_of else self.node

    @property
    def accelerator(self) -> Accelerator:
        return self.resolved.accelerator_of(self.entry.node_type)

    @cached_property
    def device(self) -> Device:
        return device(self.accelerator)

    @property
    def card(self) -> ModelCard | None:
        """None for profiled workloads."""
        if self.entry.model is not None:
            return self.resolved.models[self.entry.model]
        return self.resolved.model_of(self.workload)

    @property
    def variant(self) -> Variant | None:
        """None for profiled workloads."""
        found = self.card.variants if self.card is not None else ()
        return next((variant for variant in found if variant.name == self.entry.variant), None)

    @property
    def most(self) -> int:
        """Replicas in the busiest period."""
        return max(self.counts)

    @property
    def is_steady(self) -> bool:
        """Always as many replicas?"""
        return len(set(self.counts)) == 1

    @property
    def nodes(self) -> int:
        """Nodes that one replica takes, where it is larger than one."""
        return math.ceil(self.entry.parallelism.accelerators / self.node.accelerators)

    @property
    def label(self) -> str:
        """`variant/tp2/b64`."""
        return f"{self.entry.variant or self.entry.option}/{self.entry.parallelism.label}/b{self.entry.batch}"

    @property
    def tightest(self) -> LatencyFigure | None:
        """The latency that is nearest to its limit, over all periods."""
        found = [figure for entry in self.entries for figure in entry.latency]
        return max(found, key=lambda figure: figure.predicted_ms / figure.limit_ms, default=None)


def forms_of(resolved: ResolvedInstance, plan: Plan, settings: KubernetesSettings) -> Iterator[Form]:
    """Every form with a replica in the stage, at the site that is asked for (or anywhere)."""
    groups = deployment_forms(plan.deployments)
    names = [_name(group[0]) for group in groups]
    stages = [stage.name for stage in resolved.instance.stages]
    width = len(resolved.instance.periods) or 1
    place = stages.index(settings.stage) if settings.stage is not None else 0
    for name, group in zip(names, groups, strict=True):
        counts = schedule(resolved, group)[place * width : (place + 1) * width]
        if any(counts) and settings.site in (None, group[0].site):
            now = [entry for entry in group if not stages or entry.stage in (None, stages[place])]
            yield Form(name, resolved, tuple(now or group), tuple(counts))


def _name(entry: Deployment) -> str:
    """Workload, node type and variant; what else tells forms apart is in the hash."""
    form = (entry.model, entry.variant, entry.option, entry.parallelism.label, entry.batch, entry.measures)
    whole = repr((entry.workload, entry.site, entry.node_type, entry.spot, *form))
    return hashed(f"{entry.workload}-{entry.node_type}-{entry.variant or entry.option}", whole)


def plan_digest(plan: Plan) -> str:
    """SHA-256 over the plan's canonical JSON."""
    fields = plan.model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
