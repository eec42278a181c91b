"""What verification finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.schema.plan import Deployment

TOLERANCE = 1e-9
"""Relative slack on modelled rates and shares, which are floats; counts and money have none."""


def place_of(index: int, deployment: Deployment) -> str:
    """How findings name a deployment of the plan."""
    return f"deployments[{index}] ({deployment.workload} on {deployment.node_type} at {deployment.site})"


@dataclass(frozen=True)
class Violation:
    """One rule that the plan breaks, and by how much."""

    rule: str
    """Short name of the rule, e.g. `stock`, `memory`, `budget`."""
    where: str
    """The offer, pool, deployment or workload concerned."""
    message: str
    """What is wrong, in a sentence with the figures."""
    excess: float | None = None
    """By how much, in `unit`; None where the rule is yes or no."""
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.message}"


@dataclass
class Findings:
    """Collects what the rules find, and which rules were looked at."""

    violations: list[Violation] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    """Rule to the number of places where it was checked."""

    def check(
        self, rule: str, where: str, holds: bool, message: str, excess: float | None = None, unit: str = ""
    ) -> bool:
        """Record one check; returns whether it holds."""
        self.checked[rule] = self.checked.get(rule, 0) + 1
        if not holds:
            self.violations.append(Violation(rule, where, message, excess, unit))
        return holds


@dataclass(frozen=True)
class Report:
    """The verdict on a plan."""

    violations: tuple[Violation, ...]
    checked: Mapping[str, int]
    """Rule to the number of places where it was checked."""
    cost_usd: float
    """Cost of the plan over the horizon as recomputed here."""
    cost_usd_per_day: float
    utilisation: Mapping[int, float]
    """Load over sustainable rate, by position in `plan.deployments`."""
    latency_ms: Mapping[int, tuple[tuple[str, str, float, float, float], ...]]
    """By position in `plan.deployments`: (metric, class, percentile, predicted ms, limit ms)."""
    training_days: Mapping[int, float]
    """Days to train, by position in `plan.deployments`."""
    memory_gb: Mapping[int, tuple[float, float]]
    """(needed, usable) GB per accelerator, by position in `plan.deployments`."""
    moves_usd: float = 0.0
    """What changes of the fleet of today cost, beside `cost_usd`; 0 where there is none."""

    @property
    def ok(self) -> bool:
        """Does the plan keep every rule?"""
        return not self.violations

    @property
    def broken_rules(self) -> tuple[str, ...]:
        """Names of the broken rules, in order of appearance."""
        return tuple(dict.fromkeys(violation.rule for violation in self.violations))
