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
    from gpufleet.exchange import from_json as from_json
    from gpufleet.exchange import to_json as to_json
    from gpufleet.explain.explanation import Explanation as Explanation
    from gpufleet.explain.explanation import explanation as explanation
    from gpufleet.exporting.program import Program as Program
    from gpufleet.exporting.program import export_program as export_program
    from gpufleet.library import Library as Library
    from gpufleet.library import bundled_instances as bundled_instances
    from gpufleet.library import load_budget_curve as load_budget_curve
    from gpufleet.library import load_instance as load_instance
    from gpufleet.library import load_plan as load_plan
    from gpufleet.library import make_instance as make_instance
    from gpufleet.library import resolve as resolve
    from gpufleet.library import write_instance as write_instance
    from gpufleet.library import write_plan as write_plan
    from gpufleet.library.document_edits import Edit as Edit
    from gpufleet.library.importers.prices.imported import ImportedPrices as ImportedPrices
    from gpufleet.library.importers.prices.imported import ImportWishes as ImportWishes
    from gpufleet.library.importers.prices.imported import import_prices as import_prices
    from gpufleet.library.price_age import price_warnings as price_warnings
    from gpufleet.library.price_diff import PriceChange as PriceChange
    from gpufleet.library.price_diff import PriceDiff as PriceDiff
    from gpufleet.library.price_diff import RepricedPlan as RepricedPlan
    from gpufleet.library.price_diff import diff_prices as diff_prices
    from gpufleet.library.price_diff import reprice as reprice
    from gpufleet.library.price_files import write_prices as write_prices
    from gpufleet.optimize.progress import ProgressEvent as ProgressEvent
    from gpufleet.report.kubernetes.bundle import Manifests as Manifests
    from gpufleet.report.kubernetes.bundle import kubernetes_manifests as kubernetes_manifests
    from gpufleet.report.kubernetes.settings import KubernetesSettings as KubernetesSettings
    from gpufleet.report.procurement.material import Baseline as Baseline
    from gpufleet.report.procurement.report import PlanReport as PlanReport
    from gpufleet.report.tables.plan_tables import plan_tables as plan_tables
    from gpufleet.report.tables.table import Table as Table
    from gpufleet.scenarios.settings import ScenarioSettings as ScenarioSettings
    from gpufleet.schema.curve import BudgetCurve as BudgetCurve
    from gpufleet.schema.estimate import EstimateResult as EstimateResult
    from gpufleet.schema.instance import Instance as Instance
    from gpufleet.schema.plan import Plan as Plan
    from gpufleet.schema.prices import PriceWarning as PriceWarning
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
    "Baseline": "gpufleet.report.procurement.material",
    "BudgetCurve": "gpufleet.schema.curve",
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
    "ImportWishes": "gpufleet.library.importers.prices.imported",
    "ImportedPrices": "gpufleet.library.importers.prices.imported",
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
    "PlanReport": "gpufleet.report.procurement.report",
    "PriceBreak": "gpufleet.whatif.breakeven",
    "PriceBreaks": "gpufleet.whatif.breakeven",
    "PriceChange": "gpufleet.library.price_diff",
    "PriceDiff": "gpufleet.library.price_diff",
    "PriceWarning": "gpufleet.schema.prices",
    "Program": "gpufleet.exporting.program",
    "ProgressEvent": "gpufleet.optimize.progress",
    "Report": "gpufleet.verification.violation",
    "RepricedPlan": "gpufleet.library.price_diff",
    "ResolvedInstance": "gpufleet.schema.resolved",
    "ScenarioSettings": "gpufleet.scenarios.settings",
    "Span": "gpufleet.whatif.flips",
    "StressReport": "gpufleet.stressing.stress",
    "Table": "gpufleet.report.tables.table",
    "TradeOff": "gpufleet.whatif.trade_off",
    "VerificationError": "gpufleet.errors",
    "break_even_prices": "gpufleet.whatif.breakeven",
    "budget_frontier": "gpufleet.whatif.frontier",
    "bundled_instances": "gpufleet.library",
    "confirm": "gpufleet.confirming",
    "diff_plans": "gpufleet.whatif.diff",
    "diff_prices": "gpufleet.library.price_diff",
    "estimate_options": "gpufleet.estimating.options",
    "explanation": "gpufleet.explain.explanation",
    "export_program": "gpufleet.exporting.program",
    "find_alternatives": "gpufleet.whatif.alternatives",
    "flips_over_demand": "gpufleet.whatif.flips",
    "flips_over_months": "gpufleet.whatif.flips",
    "from_json": "gpufleet.exchange",
    "hedged_plans": "gpufleet.whatif.hedges",
    "import_prices": "gpufleet.library.importers.prices.imported",
    "kubernetes_manifests": "gpufleet.report.kubernetes.bundle",
    "load_budget_curve": "gpufleet.library",
    "load_edited": "gpufleet.edits.questions",
    "load_instance": "gpufleet.library",
    "load_plan": "gpufleet.library",
    "make_instance": "gpufleet.library",
    "parse_edit": "gpufleet.edits.questions",
    "plan_tables": "gpufleet.report.tables.plan_tables",
    "price_warnings": "gpufleet.library.price_age",
    "reprice": "gpufleet.library.price_diff",
    "resolve": "gpufleet.library",
    "solve": "gpufleet.solving",
    "solve_robust": "gpufleet.whatif.robust",
    "starting_from": "gpufleet.edits.migrating",
    "stress": "gpufleet.stressing.stress",
    "sweep": "gpufleet.whatif.sweeping",
    "sweep_budget": "gpufleet.whatif.budget",
    "to_json": "gpufleet.exchange",
    "trade_off": "gpufleet.whatif.trade_off",
    "verify": "gpufleet.verification.run",
    "write_instance": "gpufleet.library",
    "write_plan": "gpufleet.library",
    "write_prices": "gpufleet.library.price_files",
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
