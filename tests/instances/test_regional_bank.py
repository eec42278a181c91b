"""The largest estate instance, at a few of its hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import edited
from gpufleet import load_instance, resolve, solve, verify
from gpufleet.schema.workloads import Training

if TYPE_CHECKING:
    from gpufleet.schema.workloads import Workload
from estate_plans import ESTATE


def test_regional_bank() -> None:
    """Twelve workloads, three sites, forty offers, N+1, three budgets; here at three of the 24 hours, each for a third
    of the year (benchmarks/ solves the whole).

    The old servers would do, but any one of them may fail: the two of T4s are spare to each other, and beside the one
    of A100s a second one is bought. It loses 17.4 % of 66,000 USD a year, takes 5 % for maintenance, and draws 3 kW at
    a PUE of 1.4.
    """
    asked = load_instance(ESTATE / "regional-bank.yaml")
    assert (len(asked.workloads), len(asked.sites), len(asked.offers)) == (12, 3, 40)
    assert len(asked.instance.periods) == 24
    hours = tuple(edited(p, hours=2920.0) for p in asked.instance.periods if p.name in ("02h", "11h", "22h"))
    workloads = tuple(_at(workload, {period.name for period in hours}) for workload in asked.instance.workloads)
    short = resolve(asked.instance.model_copy(update={"periods": hours, "workloads": workloads}))
    plan = solve(short, relative_gap=0.001)
    assert plan.certificate is not None
    assert plan.certificate.gap is not None
    assert plan.certificate.gap <= 0.001
    fleet = {(nodes.node_type, nodes.term): nodes.count for nodes in plan.nodes}
    assert fleet == {("a100-4x", "purchase"): 1, ("a100-4x", "owned"): 1, ("t4-8x-4u", "owned"): 2}
    energy = 3 * 1.4 * 8760 * 0.19
    bought = 66_000 * (0.87 / 5 + 0.05) + energy
    old_t4 = ((asked.node_types["t4-8x-4u"].power_kw or 0) * 1.6 * 0.19 + 0.1) * 8760
    assert plan.certificate.objective_usd == pytest.approx(bought + energy + 0.15 * 8760 + 2 * old_t4, abs=0.01)
    # of 680 deployment options, hardly more than one a workload is used
    forms = {(d.workload, d.node_type, d.variant, d.parallelism.label, d.batch) for d in plan.deployments}
    assert len([form for form in forms if asked.workloads[form[0]].kind != "training"]) <= 12
    # one node fewer may still carry everything, but not fail
    fewer = tuple(n.model_copy(update={"count": 1}) if n.offer == "old-t4" else n for n in plan.nodes)
    assert "spare_nodes" in verify(short, plan.model_copy(update={"nodes": fewer})).broken_rules


def _at(workload: Workload, names: set[str]) -> Workload:
    """The workload with what it says about these periods alone."""
    if isinstance(workload, Training):
        allowed = workload.periods and tuple(name for name in workload.periods if name in names)
        return edited(workload, periods=allowed)
    return edited(workload, demand_factors={n: f for n, f in workload.demand_factors.items() if n in names})
