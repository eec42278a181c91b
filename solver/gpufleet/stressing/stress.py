"""`stress`: how plans hold up in the same scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.scenarios.settings import ScenarioSettings
from gpufleet.stressing.evaluate import MET, outcomes
from gpufleet.stressing.statistics import mean, share
from gpufleet.verification import verify

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas

    from gpufleet.scenarios.draws import Bools, Floats
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.stressing.evaluate import Outcomes
    from gpufleet.stressing.statistics import Figure

WHOLE = "all"
"""Name of the row for the whole estate."""
BAD_DAY = 0.95
"""The quantile of unmet demand that is shown beside its mean."""


@dataclass(frozen=True)
class Strain:
    """How one workload fares, or the whole estate, over the scenarios in which something is asked of it."""

    workload: str
    samples: int
    violations: Figure
    """Share of scenarios in which some of its requests are unmet or late; of the estate: those of any workload."""
    unmet: Figure
    """Mean share of its requests (of a training run: of its work) that is unmet or late; of the estate: mean of the
    workloads' shares, by `unserved_weight`."""
    bad_day: float
    """The share that is not exceeded in 95 % of scenarios."""


@dataclass(frozen=True)
class PlanStress:
    """One plan under stress."""

    label: str
    plan: Plan
    cost_usd: float
    """Over the horizon, recomputed."""
    whole: Strain
    workloads: tuple[Strain, ...]
    unmet: Floats = field(compare=False)
    """(samples,) what is unmet of the estate in each scenario."""
    notes: tuple[str, ...]
    """Rules that the plan breaks before any stress."""


@dataclass(frozen=True)
class StressReport:
    """Plans side by side in the same scenarios."""

    settings: ScenarioSettings
    fixed_replicas: bool
    plans: tuple[PlanStress, ...]

    def to_frame(self) -> pandas.DataFrame:
        """One row per plan and workload, the whole estate first."""
        import pandas  # slow to import, and not needed to stress

        return pandas.DataFrame([row for plan in self.plans for row in _rows(plan)])


def stress(
    resolved: ResolvedInstance,
    plans: Mapping[str, Plan],
    settings: ScenarioSettings | None = None,
    *,
    fixed_replicas: bool = False,
) -> StressReport:
    """Sample what may go wrong, and see how much each plan still serves; every plan meets the same scenarios.

    Raises InputError for a plan that names what the instance does not have, or that cannot run.
    """
    settings = settings or ScenarioSettings()
    found = tuple(_stressed(resolved, label, plan, settings, fixed_replicas) for label, plan in plans.items())
    return StressReport(settings, fixed_replicas, found)


def _stressed(
    resolved: ResolvedInstance, label: str, plan: Plan, settings: ScenarioSettings, fixed: bool
) -> PlanStress:
    found = outcomes(resolved, plan, settings, fixed_replicas=fixed)
    anything = np.any(list(found.asked.values()), axis=0)
    whole = _strain(WHOLE, found.violated[anything], found.mean_unmet[anything])
    workloads = tuple(_of_workload(found, name) for name in found.unmet)
    cost = verify(resolved, plan).cost_usd
    return PlanStress(label, plan, cost, whole, workloads, found.mean_unmet, found.notes)


def _of_workload(found: Outcomes, name: str) -> Strain:
    unmet = found.unmet[name][found.asked[name]]
    return _strain(name, unmet > MET, unmet)


def _strain(name: str, violated: Bools, unmet: Floats) -> Strain:
    bad_day = float(np.quantile(unmet, BAD_DAY)) if unmet.size else 0.0
    return Strain(name, int(unmet.size), share(violated), mean(unmet), bad_day)


def _rows(found: PlanStress) -> list[dict[str, object]]:
    return [
        {
            "plan": found.label,
            "cost_usd": found.cost_usd,
            "workload": strain.workload,
            "samples": strain.samples,
            "violations": strain.violations.value,
            "violations_low": strain.violations.low,
            "violations_high": strain.violations.high,
            "unmet_mean": strain.unmet.value,
            "unmet_mean_low": strain.unmet.low,
            "unmet_mean_high": strain.unmet.high,
            "unmet_p95": strain.bad_day,
        }
        for strain in (found.whole, *found.workloads)
    ]
