"""Periods as the verifier sees them: what is there, and what runs, at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from gpufleet.schema.plan import PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import RequestClass, Workload
    from gpufleet.verification.violation import Findings


@dataclass(frozen=True)
class Slice:
    """A period, or the whole horizon of an instance without periods."""

    name: str | None
    hours: Fraction

    @property
    def label(self) -> str:
        """What is appended to the place of a finding."""
        return "" if self.name is None else f" in {self.name}"

    def holds(self, period: str | None) -> bool:
        """Is an entry of this period there now? Entries without a period always are."""
        return period is None or period == self.name

    def nodes(self, known: Iterable[PlannedNodes]) -> tuple[PlannedNodes, ...]:
        """The nodes that are there now."""
        return tuple(entry for entry in known if self.holds(entry.period))


def slices_of(resolved: ResolvedInstance) -> tuple[Slice, ...]:
    """The periods in file order."""
    named = tuple(Slice(period.name, exact(period.hours)) for period in resolved.instance.periods)
    return named or (Slice(None, resolved.instance.hours),)


def hours_of(resolved: ResolvedInstance, period: str | None) -> Fraction:
    """Hours of a period; of the whole horizon for None."""
    found = [now.hours for now in slices_of(resolved) if period is not None and now.name == period]
    return found[0] if found else resolved.instance.hours


def factor_of(resolved: ResolvedInstance, workload: Workload, group: RequestClass, now: Slice) -> float:
    """Factor on the rate of a class in a period."""
    of_workload: dict[str, float] = getattr(workload, "demand_factors", {})
    if now.name is None:
        return 1.0
    for own in (group.demand_factors, of_workload):
        if now.name in own:
            return own[now.name]
    return next(period.demand_factor for period in resolved.instance.periods if period.name == now.name)


def check_period(
    resolved: ResolvedInstance, where: str, period: str | None, may_be_rented: bool, findings: Findings
) -> None:
    """The period that an entry names exists, and the entry may be there for a period only."""
    if period is not None:
        names = [now.name for now in slices_of(resolved)]
        findings.check("period", where, period in names, f"the instance has no period {period}")
        findings.check("period", where, may_be_rented, "only on-demand nodes are taken by the period")
