"""What others get to see of a run: one folder."""

from pathlib import Path

import pandas as pd

import gpufleet


def publish(
    folder: Path,
    resolved: gpufleet.ResolvedInstance,
    plan: gpufleet.Plan,
    verdict: gpufleet.Report,
    confirmation: gpufleet.Confirmation,
    budgets: pd.DataFrame,
) -> list[Path]:
    """Write the report; the names of its files. This is the one place to change for another form of it."""
    folder.mkdir(parents=True, exist_ok=True)
    gpufleet.write_instance(resolved.instance, folder / "instance.yaml")
    gpufleet.write_plan(plan, folder / "plan.json")
    (folder / "verification.json").write_text(gpufleet.to_json(verdict, indent=1), encoding="utf-8")
    report = gpufleet.PlanReport(resolved=resolved, plan=plan, verdict=verdict, confirmation=confirmation)
    (folder / "report.html").write_text(report.html(), encoding="utf-8")
    (folder / "report.xlsx").write_bytes(report.workbook())
    tables = {"nodes": plan.nodes_frame(), "costs": plan.costs_frame(), "budgets": budgets}
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return sorted(folder.iterdir())
