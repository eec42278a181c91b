"""The pipeline as Dagster assets: `python -m examples.pipeline`, or `dagster dev -m examples.pipeline.definitions`."""

from collections import Counter
from pathlib import Path

import dagster as dg
import pandas as pd
from examples.pipeline.forecast import forecast, growth_per_day, read_trace
from examples.pipeline.make_trace import SAMPLED, TRACE
from examples.pipeline.publish import publish
from examples.pipeline.question import HORIZON_DAYS, question

import gpufleet

LARGEST_GAP = 0.01
"""Of a plan that may be published."""
BUDGETS = (0.5, 0.75, 1.0, 1.25)
"""What-if: these shares of what the plan costs a day."""


class TraceConfig(dg.Config):
    """Where the requests come from."""

    path: str = str(TRACE)
    sampled: float = float(SAMPLED)
    """How many requests every row stands for."""


class SolveConfig(dg.Config):
    """How long to look for the plan."""

    time_limit_s: float = 30.0


class PublishConfig(dg.Config):
    """Where the report goes."""

    folder: str = "pipeline-report"


@dg.asset
def trace(config: TraceConfig) -> pd.DataFrame:
    """Requests with their sizes and classes."""
    found = read_trace(config.path)
    found.attrs["sampled"] = config.sampled
    return found


@dg.asset
def demand(context: dg.AssetExecutionContext, trace: pd.DataFrame) -> pd.DataFrame:
    """Requests per second to plan for, by part of the day and class, at the end of the horizon."""
    context.add_output_metadata({"growth_per_day": growth_per_day(trace)})
    return forecast(trace, HORIZON_DAYS, trace.attrs["sampled"])


@dg.asset
def instance(trace: pd.DataFrame, demand: pd.DataFrame) -> gpufleet.Instance:
    """The procurement question, built in code."""
    return question(trace, demand)


@dg.asset
def plan(context: dg.AssetExecutionContext, config: SolveConfig, instance: gpufleet.Instance) -> gpufleet.Plan:
    """The cheapest fleet, with its certificate and the prices that prove its bound."""
    found = gpufleet.solve(gpufleet.resolve(instance), time_limit_s=config.time_limit_s, certify=True)
    if not found.nodes:
        raise dg.Failure(f"no plan: {found.status}; {found.reason}")
    assert found.certificate is not None
    cost = found.certificate.objective_usd
    context.add_output_metadata({"status": str(found.status), "cost_usd": cost, "gap": found.certificate.gap})
    return found


@dg.asset
def verification(instance: gpufleet.Instance, plan: gpufleet.Plan) -> gpufleet.Report:
    """Every rule recomputed from the instance and the plan alone."""
    return gpufleet.verify(gpufleet.resolve(instance), plan)


@dg.asset
def confirmation(instance: gpufleet.Instance, plan: gpufleet.Plan) -> gpufleet.Confirmation:
    """The bound that the plan's prices prove, without a solver."""
    return gpufleet.confirm(gpufleet.resolve(instance), plan)


@dg.asset
def budget_what_if(instance: gpufleet.Instance, plan: gpufleet.Plan) -> pd.DataFrame:
    """What other budgets would buy: one row per budget."""
    assert plan.certificate is not None
    assert plan.certificate.objective_usd is not None
    per_day = plan.certificate.objective_usd / HORIZON_DAYS
    sweep = gpufleet.BudgetSweep("usd_per_day", tuple(round(share * per_day, 2) for share in BUDGETS))
    points = gpufleet.sweep_budget(gpufleet.resolve(instance), sweep)
    return pd.DataFrame([_row(point) for point in points])


def _row(point: gpufleet.BudgetPoint) -> dict[str, object]:
    certificate, fleet = point.plan.certificate, Counter[str]()
    for nodes in point.plan.nodes:  # rented ones by part of the day: the busiest counts
        fleet[nodes.offer] = max(fleet[nodes.offer], nodes.count)
    return {
        "usd_per_day": point.cap,
        "full_service": point.full,
        "cost_usd": None if certificate is None else certificate.objective_usd,
        "fleet": ", ".join(f"{count}x {offer}" for offer, count in fleet.items()),
    }


@dg.asset
def report(
    context: dg.AssetExecutionContext,
    config: PublishConfig,
    instance: gpufleet.Instance,
    plan: gpufleet.Plan,
    verification: gpufleet.Report,
    confirmation: gpufleet.Confirmation,
    budget_what_if: pd.DataFrame,
) -> list[str]:
    """The published folder; only of a plan that keeps every rule and whose bound was confirmed."""
    if not verification.ok or confirmation.gap is None:
        raise dg.Failure("the plan is not published: it breaks a rule, or nothing confirms its bound")
    files = publish(Path(config.folder), gpufleet.resolve(instance), plan, verification, confirmation, budget_what_if)
    context.add_output_metadata({"folder": config.folder, "files": len(files)})
    return [str(file) for file in files]


@dg.asset_check(asset=verification)
def keeps_every_rule(verification: gpufleet.Report) -> dg.AssetCheckResult:
    """The independent verifier finds nothing."""
    rules = ", ".join(verification.broken_rules) or "none"
    return dg.AssetCheckResult(passed=verification.ok, metadata={"broken": rules, "checked": len(verification.checked)})


@dg.asset_check(asset=confirmation)
def gap_is_small(confirmation: gpufleet.Confirmation) -> dg.AssetCheckResult:
    """The confirmed bound is close enough to the cost."""
    gap = confirmation.gap
    return dg.AssetCheckResult(
        passed=gap is not None and gap <= LARGEST_GAP, metadata={"gap": -1.0 if gap is None else gap}
    )


ASSETS = [trace, demand, instance, plan, verification, confirmation, budget_what_if, report]
CHECKS = [keeps_every_rule, gap_is_small]
defs = dg.Definitions(assets=ASSETS, asset_checks=CHECKS)
