"""Plans that break a rule on the make-up of the fleet or an order are caught, with by how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import accelerator, instance, node, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.schema.instance import FleetRules
from gpufleet.schema.offers import PriceStep

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

RULES = FleetRules(max_node_types=2, max_vendor_share={"V": 0.5}, min_country_share={"CN": 0.5})


def question(rules: FleetRules) -> ResolvedInstance:
    """12 requests/s at 3 each: 4 nodes, two of them of each kind under `RULES`."""
    options = [option(f"on-{name}", name, rates={"all": 3.0}) for name in ("n1", "nb", "nc")]
    steps = (PriceStep(from_count=3, discount_fraction=0.5),)
    return resolved(
        instance(
            [profiled(options, 12.0)],
            (offer(price_steps=steps), offer("b", "nb", 5.0, min_order=2), offer("c", "nc", 7.0)),
            accelerators=(accelerator("A", vendor="V"), accelerator("B", vendor="W", country="CN")),
            node_types=(node(), node("nb", carries="B"), node("nc", carries="B")),
            rules=rules,
        )
    )


def with_counts(plan: Plan, **counts: int) -> Plan:
    """The plan with other node counts, and without its claims about cost."""
    fleet = [{"offer": name, "count": count} for name, count in counts.items()]
    changed = plan.model_dump(exclude={"certificate", "costs", "status", "nodes", "routing", "deployments"})
    deployments = [
        {"workload": "w", "site": "here", "node_type": kind, "option": f"on-{kind}", "replicas": counts[name]}
        for name, kind in (("o1", "n1"), ("b", "nb"), ("c", "nc"))
        if name in counts
    ]
    return type(plan).model_validate({**changed, "nodes": fleet, "deployments": deployments})


def test_the_optimum_keeps_every_rule() -> None:
    asked = question(RULES)
    plan = solve(asked)
    assert {nodes.offer: nodes.count for nodes in plan.nodes} == {"o1": 2, "b": 2}
    report = verify(asked, plan)
    assert report.ok
    assert {"share", "node_types", "min_order"} <= set(report.checked)


@pytest.mark.parametrize(
    ("counts", "rule", "where", "excess"),
    [
        # 3 of 4 accelerators from V, 2 allowed
        ({"o1": 3, "c": 1}, "share", "vendor V", 1.0),
        # 1 of 4 from CN, 2 required
        ({"o1": 3, "c": 1}, "share", "country CN", 1.0),
        ({"o1": 1, "b": 2, "c": 1}, "node_types", "fleet", 1.0),
        ({"o1": 1, "b": 1, "c": 2}, "min_order", "b", 1.0),
    ],
)
def test_broken_rules_are_named(counts: dict[str, int], rule: str, where: str, excess: float) -> None:
    asked = question(RULES)
    report = verify(asked, with_counts(solve(asked), **counts))
    found = [violation for violation in report.violations if (violation.rule, violation.where) == (rule, where)]
    assert [violation.excess for violation in found] == [excess]


def test_a_volume_discount_is_due_from_its_step_on() -> None:
    asked = question(FleetRules())
    plan = solve(asked)
    # 4 nodes at half price
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == 2.0
    assert plan.costs[0].unit_usd == 0.5
    assert "volume discount 0.5" in plan.costs[0].source
    two = with_counts(plan, o1=2, c=2)
    assert verify(asked, two).cost_usd == 2 * 1 + 2 * 7
    cheaper = two.model_copy(update={"nodes": (two.nodes[0].model_copy(update={"unit_cost_usd": 0.5}), two.nodes[1])})
    assert {violation.rule for violation in verify(asked, cheaper).violations} == {"cost", "cash_flow"}
