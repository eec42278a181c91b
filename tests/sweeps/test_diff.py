"""`gpufleet diff`: what changed from one plan to another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from builders import edited, instance, offer, option, profiled, resolved
from gpufleet import diff_plans, solve, write_plan
from gpufleet.cli.app import main
from gpufleet.schema.plan import Deployment, Plan, PlannedNodes

if TYPE_CHECKING:
    from pathlib import Path


def plan_of(demand: float, price: float = 1.0, **changes: object) -> Plan:
    """The cheapest plan for a rate of `demand`, at 1 request/s a node."""
    work = profiled([option("s", "n1", rates={"all": 1.0})], demand)
    return solve(resolved(instance([work], [offer("o", "n1", price, stock=5)], **changes)))


def test_the_same_plan_has_no_difference() -> None:
    found = diff_plans(plan_of(2.0), plan_of(2.0))
    assert found.is_empty
    assert found.same_question
    assert not found.certificate


def test_nodes_costs_and_replicas() -> None:
    found = diff_plans(plan_of(2.0), plan_of(3.0, price=2.0))
    assert found.same_question is False
    assert [(c.what[:4], c.before, c.after) for c in found.nodes] == [(("here", "n1", "o", "on_demand"), 2, 3)]
    assert [(c.what, c.before, c.after) for c in found.costs] == [(("rent",), 2.0, 6.0)]
    assert [(c.what[:3], c.difference) for c in found.deployments] == [(("w", "here", "n1"), 1)]
    assert found.cost is not None
    assert found.cost.difference == 4.0
    assert [fact.what for fact in found.certificate] == ["bound_usd"]


def test_service() -> None:
    found = diff_plans(plan_of(4.0), plan_of(10.0, allow_unserved=True))
    assert [(c.what[:2], c.before) for c in found.served] == [(("w", "all"), 1.0)]
    assert abs(found.served[0].after - 0.5) < 1e-9


def test_plans_by_hand_and_of_other_instances() -> None:
    ours = plan_of(2.0)
    hand = Plan(
        schema_version=1,
        instance="other",
        nodes=(PlannedNodes(offer="o", count=2),),
        deployments=(Deployment(workload="w", site="here", node_type="n1", replicas=2, option="s"),),
    )
    found = diff_plans(ours, hand)
    assert found.instances == ("test", "other")
    assert found.same_question is False
    assert found.cost is None
    assert not found.costs
    assert diff_plans(ours, edited(hand, instance="test")).same_question is None
    # sites and types are filled in from the instance
    question = resolved(instance([profiled([option("s", "n1", rates={"all": 1.0})], 2.0)], [offer("o", "n1")]))
    assert not diff_plans(ours, hand, question).nodes
    assert len(diff_plans(ours, hand).nodes) == 2


def test_the_command(tmp_path: Path) -> None:
    paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for path, plan in zip(paths, (plan_of(2.0), plan_of(3.0)), strict=True):
        write_plan(plan, path)
    shown = CliRunner().invoke(main, ["diff", *map(str, paths)])
    assert shown.exit_code == 0
    assert "From a.yaml to b.yaml" in shown.output
    assert "2.00 to 3.00 USD: 1.00 USD (50.0 %) more." in shown.output
    assert "but of different versions of it" in " ".join(shown.output.split())
    found = json.loads(CliRunner().invoke(main, ["diff", *map(str, paths), "--json"]).stdout)
    assert found["nodes"][0]["after"] == 3
    same = CliRunner().invoke(main, ["diff", str(paths[0]), str(paths[0])])
    assert "Fleet, deployments, service and cost are the same." in same.output
    assert CliRunner().invoke(main, ["diff", *map(str, paths), "--set", "x=1"]).exit_code == 2
