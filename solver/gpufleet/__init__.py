"""gpufleet: decide which accelerators to buy or rent.

>>> from gpufleet import load_instance, solve, verify
>>> resolved = load_instance("instances/reference/bank-assistant.yaml")
>>> plan = solve(resolved)
>>> verify(resolved, plan).ok
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gpufleet.confirming import Confirmation as Confirmation
    from gpufleet.confirming import confirm as confirm
    from gpufleet.edits.migrating import starting_from as starting_from
    from gpufleet.edits.questions import load_edited as load_edited
    from gpufleet.edits.questions import parse_edit as parse_edit
    from gpufleet.errors import ClusterError as ClusterError
    from gpufleet.errors import GpufleetError as GpufleetError
    from gpufleet.errors import InputError as InputError
    from gpufleet.errors import InputProblem as InputProblem
    from gpufleet.errors import Int64OverflowError as Int64OverflowError
    from gpufleet.errors import MissingBackendError as MissingBackendError
    from gpufleet.errors import MissingExtraError as MissingExtraError
    from gpufleet.errors import VerificationError as VerificationError
    from gpufleet.estimating.options import estimate_options as estimate_options
    from gpufleet.explain.explanation import Explanation as Explanation
    from gpufleet.explain.explanation import explanation as explanation
    from gpufleet.exporting.program import Program as Program
    from gpufleet.exporting.program import export_program as export_program
    from gpufleet.library import Library as Library
    from gpufleet.library import load_instance as load_instance
    from gpufleet.library import load_plan as load_plan
    from gpufleet.library import resolve as resolve
    from gpufleet.library import write_plan as write_plan
    from gpufleet.library.document_edits import Edit as Edit
    from gpufleet.optimize.progress import ProgressEvent as ProgressEvent
    from gpufleet.report.kubernetes.bundle import Manifests as Manifests
    from gpufleet.report.kubernetes.bundle import kubernetes_manifests as kubernetes_manifests
    from gpufleet.report.kubernetes.settings import KubernetesSettings as KubernetesSettings
    from gpufleet.report.tables.plan_tables import plan_tables as plan_tables
    from gpufleet.report.tables.table import Table as Table
    from gpufleet.scenarios.settings import ScenarioSettings as ScenarioSettings
    from gpufleet.schema.estimate import EstimateResult as EstimateResult
    from gpufleet.schema.instance import Instance as Instance
    from gpufleet.schema.plan import Plan as Plan
    from gpufleet.schema.resolved import ResolvedInstance as ResolvedInstance
    from gpufleet.solving import solve as solve
    from gpufleet.stressing.stress import StressReport as StressReport
    from gpufleet.stressing.stress import stress as stress
    from gpufleet.verification import Report as Report
    from gpufleet.verification import verify as verify
    from gpufleet.whatif.alternatives import Alternative as Alternative
    from gpufleet.whatif.alternatives import Alternatives as Alternatives
    from gpufleet.whatif.alternatives import find_alternatives as find_alternatives
    from gpufleet.whatif.breakeven import PriceBreak as PriceBreak
    from gpufleet.whatif.breakeven import PriceBreaks as PriceBreaks
    from gpufleet.whatif.breakeven import break_even_prices as break_even_prices
    from gpufleet.whatif.budget import BudgetPoint as BudgetPoint
    from gpufleet.whatif.budget import BudgetSweep as BudgetSweep
    from gpufleet.whatif.budget import sweep_budget as sweep_budget
    from gpufleet.whatif.diff import PlanDiff as PlanDiff
    from gpufleet.whatif.diff import diff_plans as diff_plans
    from gpufleet.whatif.flips import Flips as Flips
    from gpufleet.whatif.flips import Span as Span
    from gpufleet.whatif.flips import flips_over_demand as flips_over_demand
    from gpufleet.whatif.flips import flips_over_months as flips_over_months
    from gpufleet.whatif.frontier import Frontier as Frontier
    from gpufleet.whatif.frontier import FrontierPoint as FrontierPoint
    from gpufleet.whatif.frontier import budget_frontier as budget_frontier
    from gpufleet.whatif.hedges import hedged_plans as hedged_plans
    from gpufleet.whatif.robust import solve_robust as solve_robust
    from gpufleet.whatif.sweeping import sweep as sweep
    from gpufleet.whatif.trade_off import TradeOff as TradeOff
    from gpufleet.whatif.trade_off import trade_off as trade_off

_HOMES = {
    "Alternative": "gpufleet.whatif.alternatives",
    "Alternatives": "gpufleet.whatif.alternatives",
    "BudgetPoint": "gpufleet.whatif.budget",
    "BudgetSweep": "gpufleet.whatif.budget",
    "ClusterError": "gpufleet.errors",
    "Confirmation": "gpufleet.confirming",
    "Edit": "gpufleet.library.document_edits",
    "EstimateResult": "gpufleet.schema.estimate",
    "Explanation": "gpufleet.explain.explanation",
    "Flips": "gpufleet.whatif.flips",
    "Frontier": "gpufleet.whatif.frontier",
    "FrontierPoint": "gpufleet.whatif.frontier",
    "GpufleetError": "gpufleet.errors",
    "InputError": "gpufleet.errors",
    "InputProblem": "gpufleet.errors",
    "Instance": "gpufleet.schema.instance",
    "Int64OverflowError": "gpufleet.errors",
    "KubernetesSettings": "gpufleet.report.kubernetes.settings",
    "Library": "gpufleet.library",
    "Manifests": "gpufleet.report.kubernetes.bundle",
    "MissingBackendError": "gpufleet.errors",
    "MissingExtraError": "gpufleet.errors",
    "Plan": "gpufleet.schema.plan",
    "PlanDiff": "gpufleet.whatif.diff",
    "PriceBreak": "gpufleet.whatif.breakeven",
    "PriceBreaks": "gpufleet.whatif.breakeven",
    "Program": "gpufleet.exporting.program",
    "ProgressEvent": "gpufleet.optimize.progress",
    "Report": "gpufleet.verification.violation",
    "ResolvedInstance": "gpufleet.schema.resolved",
    "ScenarioSettings": "gpufleet.scenarios.settings",
    "Span": "gpufleet.whatif.flips",
    "StressReport": "gpufleet.stressing.stress",
    "Table": "gpufleet.report.tables.table",
    "TradeOff": "gpufleet.whatif.trade_off",
    "VerificationError": "gpufleet.errors",
    "break_even_prices": "gpufleet.whatif.breakeven",
    "budget_frontier": "gpufleet.whatif.frontier",
    "confirm": "gpufleet.confirming",
    "diff_plans": "gpufleet.whatif.diff",
    "estimate_options": "gpufleet.estimating.options",
    "explanation": "gpufleet.explain.explanation",
    "export_program": "gpufleet.exporting.program",
    "find_alternatives": "gpufleet.whatif.alternatives",
    "flips_over_demand": "gpufleet.whatif.flips",
    "flips_over_months": "gpufleet.whatif.flips",
    "hedged_plans": "gpufleet.whatif.hedges",
    "kubernetes_manifests": "gpufleet.report.kubernetes.bundle",
    "load_edited": "gpufleet.edits.questions",
    "load_instance": "gpufleet.library",
    "load_plan": "gpufleet.library",
    "parse_edit": "gpufleet.edits.questions",
    "plan_tables": "gpufleet.report.tables.plan_tables",
    "resolve": "gpufleet.library",
    "solve": "gpufleet.solving",
    "solve_robust": "gpufleet.whatif.robust",
    "starting_from": "gpufleet.edits.migrating",
    "stress": "gpufleet.stressing.stress",
    "sweep": "gpufleet.whatif.sweeping",
    "sweep_budget": "gpufleet.whatif.budget",
    "trade_off": "gpufleet.whatif.trade_off",
    "verify": "gpufleet.verification.run",
    "write_plan": "gpufleet.library",
}
"""Public name to the module that holds it; imported on first use, so that `import gpufleet` stays fast."""

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'gpufleet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
