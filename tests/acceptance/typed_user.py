"""What a user's program looks like to a type checker; `test_typed.py` checks it with `mypy --strict`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import gpufleet
from gpufleet import Instance, Plan, ProgressEvent, ResolvedInstance


def hear(event: ProgressEvent) -> None:
    seconds: float = event.seconds
    cost: float | None = event.objective_usd
    print(event.phase, seconds, cost)


def answers(path: str) -> list[str]:
    resolved: ResolvedInstance = gpufleet.load_instance(path, gpufleet.Library.open())
    instance: Instance = resolved.instance
    again: ResolvedInstance = gpufleet.resolve(gpufleet.make_instance({"uid": instance.uid}))
    cancel = threading.Event()
    with ThreadPoolExecutor(2) as executor:
        plan: Plan = gpufleet.solve(
            again, time_limit_s=5, workers=2, engine="auto", executor=executor, progress=hear, cancel=cancel
        )
    report: gpufleet.Report = gpufleet.verify(resolved, plan)
    found: gpufleet.Confirmation = gpufleet.confirm(resolved, plan)
    why: gpufleet.Explanation = gpufleet.explanation(resolved, 5.0)
    frontier: gpufleet.Frontier = gpufleet.budget_frontier(resolved)
    points: list[gpufleet.BudgetPoint] = list(
        gpufleet.sweep_budget(resolved, gpufleet.BudgetSweep.parse("usd_per_day=1:2:1"))
    )
    others: gpufleet.Alternatives = gpufleet.find_alternatives(resolved)
    prices: gpufleet.PriceBreaks = gpufleet.break_even_prices(resolved)
    flips: gpufleet.Flips = gpufleet.flips_over_demand(resolved, gpufleet.Span.parse("1:2", whole=False))
    strain: gpufleet.StressReport = gpufleet.stress(resolved, {"plan": plan}, gpufleet.ScenarioSettings())
    line: gpufleet.TradeOff = gpufleet.trade_off(resolved, "vendors")
    difference: gpufleet.PlanDiff = gpufleet.diff_plans(plan, plan)
    estimate: gpufleet.EstimateResult = gpufleet.estimate_options("bert-large", "T4")
    table = gpufleet.sweep(path, set={"budgets.usd_per_day": [1, 2]})
    gpufleet.write_plan(plan, "plan.json")
    gpufleet.write_instance(instance, "instance.yaml")
    kept: Plan = gpufleet.from_json(Plan, gpufleet.to_json(gpufleet.load_plan("plan.json")))
    print(report.ok, found.gap, why.plan.status, points[0].full, table.shape, kept.nodes_frame().shape)
    results = (frontier, others, prices, flips, strain, line, difference, estimate)
    return [gpufleet.to_json(result) for result in results]


def main() -> int:
    try:
        print(answers("instance.yaml"))
    except gpufleet.InputError as error:
        problems: tuple[gpufleet.InputProblem, ...] = error.problems
        print([problem.field for problem in problems])
    except (gpufleet.MissingBackendError, gpufleet.MissingExtraError, gpufleet.ClusterError) as error:
        print(error)
    except (gpufleet.Int64OverflowError, gpufleet.VerificationError, gpufleet.GpufleetError) as error:
        print(error)
    return 0
