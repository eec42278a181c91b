"""Periods and stages as the verifier sees them: what is there, and what runs, at a time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.schema.plan import Deployment, Fallback, PlannedNodes, UnservedDemand
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import LLMServing, Profiled, RequestClass, RequestServing
    from gpufleet.verification.violation import Findings


@dataclass(frozen=True)
class Slice:
    """A period of a stage; without either, the whole horizon."""

    name: str | None
    """The period."""
    hours: Fraction
    stage: str | None
    number: int
    """Position of the stage."""
    stage_start: Fraction
    """Hours from the start of the horizon."""
    stages: tuple[str, ...]
    """All stages in file order."""

    @property
    def label(self) -> str:
        """What is appended to the place of a finding."""
        return "".join(f" in {name}" for name in (self.stage, self.name) if name is not None)

    def runs(self, entry: Deployment | Fallback | UnservedDemand) -> bool:
        """Does a deployment run now? One without a period or stage always does."""
        return entry.period in (None, self.name) and entry.stage in (None, self.stage)

    def nodes(self, known: Iterable[PlannedNodes]) -> tuple[PlannedNodes, ...]:
        """The nodes that are there now."""
        return tuple(entry for entry in known if entry.period in (None, self.name) and self._during(entry))

    def _during(self, entry: PlannedNodes) -> bool:
        first = 0 if entry.first_stage is None else _position(self.stages, entry.first_stage)
        last = len(self.stages) if entry.last_stage is None else _position(self.stages, entry.last_stage)
        return first <= self.number <= last


def _position(names: tuple[str, ...], name: str) -> int:
    """Place of a stage; one that does not exist (a finding elsewhere) never comes."""
    return names.index(name) if name in names else -1


def stage_bounds(resolved: ResolvedInstance) -> tuple[tuple[Fraction, Fraction], ...]:
    """(start, end) of every stage, hours from the start of the horizon; the whole horizon where there are none."""
    bounds, clock = [], Fraction(0)
    for stage in resolved.instance.stages:
        bounds.append((clock, clock + exact(stage.days) * 24))
        clock = bounds[-1][1]
    return tuple(bounds) or ((Fraction(0), resolved.instance.hours),)


def slices_of(resolved: ResolvedInstance) -> tuple[Slice, ...]:
    """The periods of every stage, in file order."""
    instance = resolved.instance
    names = tuple(stage.name for stage in instance.stages)
    rows = []
    for number, (start, end) in enumerate(stage_bounds(resolved)):
        stage = names[number] if names else None
        parts: list[tuple[str | None, Fraction]] = [
            (period.name, exact(period.hours) / instance.hours) for period in instance.periods
        ]
        for name, part in parts or [(None, Fraction(1))]:
            rows.append(Slice(name, (end - start) * part, stage, number, start, names))
    return tuple(rows)


def share_of(resolved: ResolvedInstance, period: str | None) -> Fraction:
    """Share of the hours of a stage that a period takes; all of them for None."""
    hours = [exact(known.hours) for known in resolved.instance.periods if known.name == period]
    return hours[0] / resolved.instance.hours if hours else Fraction(1)


def growth(change: float, hours: Fraction) -> Fraction:
    """(1 + change) to the power of the years that have passed, to six digits as in the instance format."""
    return exact(round((1 + change) ** float(hours / 8760), 6))


PoolName = tuple[str, str, str]
"""(site, node type, spot offer or empty)"""


def pool_of_nodes(resolved: ResolvedInstance, nodes: PlannedNodes) -> PoolName:
    """The pool that nodes belong to: those of a spot offer are one of their own."""
    offer = resolved.offers[nodes.offer]
    return offer.site, offer.node_type, offer.name if offer.term == "spot" else ""


def pool_of(deployment: Deployment) -> PoolName:
    """The pool on whose nodes a deployment runs."""
    return deployment.site, deployment.node_type, deployment.spot or ""


def factor_of(
    resolved: ResolvedInstance, workload: LLMServing | RequestServing | Profiled, group: RequestClass, now: Slice
) -> float:
    """Factor on the rate of a class in a period of a stage."""
    factor = growth(workload.growth_per_year, now.stage_start)
    for stage in resolved.instance.stages:
        if stage.name == now.stage:
            factor *= exact(workload.stage_factors.get(stage.name, stage.demand_factor))
    for period in resolved.instance.periods:
        if period.name == now.name:
            usual = workload.demand_factors.get(period.name, period.demand_factor)
            factor *= exact(group.demand_factors.get(period.name, usual))
    return float(factor)


def speed_of(resolved: ResolvedInstance, node_type: str, now: Slice) -> float:
    """Factor on throughputs by trends."""
    unit, factor = resolved.accelerator_of(node_type), Fraction(1)
    for trend in resolved.instance.trends:
        if unit.family in (trend.families or (unit.family,)) and unit.name in (trend.accelerators or (unit.name,)):
            factor *= growth(trend.throughput_change_per_year, now.stage_start)
    return float(factor)


def check_times(resolved: ResolvedInstance, where: str, names: dict[str, str | None], findings: Findings) -> None:
    """The period and stages that an entry names exist; `names` by kind."""
    periods = [period.name for period in resolved.instance.periods]
    stages = [stage.name for stage in resolved.instance.stages]
    for kind, name in names.items():
        if name is not None:
            rule, known = ("period", periods) if kind == "period" else ("stage", stages)
            findings.check(rule, where, name in known, f"the instance has no {rule} {name}")
