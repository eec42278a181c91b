"""What a report is made of, and what several of its sections ask."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from gpufleet.report.schedule_rows import deployment_forms
from gpufleet.verification.slices import slices_of

if TYPE_CHECKING:
    from gpufleet.confirming import Confirmation
    from gpufleet.schema.curve import BudgetCurve
    from gpufleet.schema.plan import Deployment, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.slices import Slice
    from gpufleet.verification.violation import Report

TERMS = {
    "owned": "owned already",
    "purchase": "bought",
    "reserved_1y": "reserved for 1 year",
    "reserved_3y": "reserved for 3 years",
    "on_demand": "rented on demand",
    "spot": "rented on the spot market",
}


@dataclass(frozen=True)
class Baseline:
    """A plan that somebody proposed, and what the verifier says of it."""

    name: str
    plan: Plan
    verdict: Report


@dataclass(frozen=True)
class Form:
    """Replicas of one deployment option, over all periods and stages."""

    indices: tuple[int, ...]
    """Positions in the plan's deployments."""
    entries: tuple[Deployment, ...]

    @property
    def first(self) -> Deployment:
        """What does not change over time is the same in all of them."""
        return self.entries[0]

    @property
    def runs(self) -> str:
        """Model and variant, or profiled option, with measures."""
        name = " ".join(part for part in (self.first.model, self.first.variant or self.first.option) if part)
        return f"{name}{', with ' + ' and '.join(self.first.measures) if self.first.measures else ''}"

    @property
    def where(self) -> str:
        """Node type and site."""
        return f"{self.first.node_type} at {self.first.site}{', spot' if self.first.spot else ''}"

    @property
    def label(self) -> str:
        """Short enough for a chart; several forms can have the same."""
        return f"{self.first.workload}: {self.runs} on {self.first.node_type}"


@dataclass(frozen=True)
class Material:
    """A plan with everything that is known about it. Nothing here is solved."""

    resolved: ResolvedInstance
    plan: Plan
    verdict: Report | None
    """What the verifier says; None for a plan without a fleet."""
    confirmation: Confirmation | None = None
    """What the plan's prices prove, where somebody asked."""
    curves: tuple[BudgetCurve, ...] = ()
    baseline: Baseline | None = None
    plan_sha256: str | None = None
    """Digest of the plan file."""

    @property
    def decided(self) -> bool:
        """Is there a plan at all? One that serves nothing, and costs nothing, is one."""
        certificate = self.plan.certificate
        return bool(self.plan.nodes) or (certificate is not None and certificate.objective_usd is not None)

    @property
    def kept(self) -> bool:
        """Does the plan keep every rule? What is derived from plans that do not may not make sense."""
        return self.verdict is not None and self.verdict.ok

    @property
    def cost_usd(self) -> float:
        """Over the horizon: the plan's own figure, or the verifier's where it states none."""
        certificate = self.plan.certificate
        if certificate is not None and certificate.objective_usd is not None:
            return certificate.objective_usd
        return 0.0 if self.verdict is None else self.verdict.cost_usd + self.verdict.moves_usd

    @property
    def hours(self) -> float:
        """Length of the horizon."""
        return float(self.resolved.instance.hours)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The deployments, those that differ in time alone together, by workload in file order."""
        order = {name: number for number, name in enumerate(self.resolved.workloads)}
        places: dict[int, int] = {id(entry): index for index, entry in enumerate(self.plan.deployments)}
        groups = sorted(
            deployment_forms(self.plan.deployments), key=lambda group: order.get(group[0].workload, len(order))
        )
        return tuple(Form(tuple(places[id(entry)] for entry in group), tuple(group)) for group in groups)

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        """Periods of stages, in file order; one where there are none."""
        return tuple(slices_of(self.resolved))

    @cached_property
    def _labels(self) -> Counter[str]:
        return Counter(form.label for form in self.forms)

    def label_of(self, form: Form) -> str:
        """The form's label, with parallelism and batch where these tell it apart."""
        if self._labels[form.label] == 1:
            return form.label
        return f"{form.label}, {form.first.parallelism.label}/b{form.first.batch}"

    def load(self, form: Form, now: Slice | None = None) -> float | None:
        """Highest utilisation of a form, at any time or in one slice; as recomputed where the verifier did."""
        known = {} if self.verdict is None else self.verdict.utilisation
        loads = [
            known.get(index, entry.utilisation)
            for index, entry in zip(form.indices, form.entries, strict=True)
            if now is None or now.runs(entry)
        ]
        found = [load for load in loads if load is not None]
        return max(found) if found else None

    def classes_of(self, form: Form) -> frozenset[str]:
        """Request classes of which a form serves something; empty where the plan leaves routing open."""
        places = set(form.indices)
        return frozenset(r.request_class for r in self.plan.routing if r.deployment in places and r.share)

    def model_of(self, form: Form) -> str:
        """The model card that runs; empty for profiled options."""
        if form.first.model is not None:
            return form.first.model
        workload = self.resolved.workloads.get(form.first.workload)
        card = None if workload is None else self.resolved.model_of(workload)
        return card.name if card is not None else ""

    def is_training(self, form: Form) -> bool:
        """Runs to an end instead of serving requests."""
        workload = self.resolved.workloads.get(form.first.workload)
        return workload is not None and workload.kind == "training"
