"""Which limit to lift: each one alone, and only those that help alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from builders import accelerator, instance, node, offer, option, profiled, resolved, site
from gpufleet import solve
from gpufleet.explain.limits import single_reliefs
from gpufleet.schema.instance import Budgets, FleetRules, Quota
from gpufleet.schema.workloads import Redundancy

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance


def question(offers: tuple[Any, ...] | None = None, **changes: Any) -> ResolvedInstance:
    """9 requests/s on single nodes of A (1 USD) and B (5 USD), 3 requests/s each."""
    options = [option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 3.0})]
    fields = {
        "accelerators": (accelerator("A", vendor="V"), accelerator("B", vendor="W")),
        "node_types": (node(), node("nb", carries="B")),
        "sites": (site(provider="P"),),
        **changes,
    }
    spare = fields.pop("redundancy", Redundancy())
    return resolved(
        instance([profiled(options, 9.0, redundancy=spare)], offers or (offer(), offer("b", "nb", 5.0)), **fields)
    )


@pytest.mark.parametrize(
    ("asked", "reliefs"),
    [
        (question(budgets=Budgets(horizon_usd=2.0)), {"budgets": 3.0}),
        (question(sites=(site(power_cap_kw=2.0),)), {"power caps": 3.0}),
        (question(sites=(site(rack_units=2.0),)), {"rack units": 3.0}),
        (question((offer(stock=1), offer("b", "nb", 5.0, stock=1))), {"stock": 3.0}),
        (question(rules=FleetRules(max_vendor_share={"V": 0.0, "W": 0.0})), {"shares": 3.0}),
        # 2 of A and 1 of B are there: one type is too few, one A more would do as well
        (
            question((offer(stock=2), offer("b", "nb", 5.0, stock=2)), rules=FleetRules(max_node_types=1)),
            {"limit on node types": 7.0, "stock": 3.0},
        ),
        (
            question((offer(),), rules=FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=1),))),
            {"quotas": 3.0},
        ),
        # 5 must be ordered, 4 are affordable
        (
            question((offer(min_order=5),), budgets=Budgets(horizon_usd=4.0)),
            {"budgets": 5.0, "minimum orders": 3.0},
        ),
        # 3 nodes are there: two spare ones are too many, at either kind alone
        (
            question((offer(stock=4),), redundancy=Redundancy(spare_nodes=2)),
            {"spare nodes": 3.0, "stock": 5.0},
        ),
        (question(redundancy=Redundancy(survive_site_loss=True)), {"survival of a site loss": 3.0}),
        # both the budget and the power stand in the way: neither alone helps
        (question(sites=(site(power_cap_kw=2.0),), budgets=Budgets(horizon_usd=2.0)), {}),
    ],
)
def test_every_limit_that_helps_alone_is_named(asked: ResolvedInstance, reliefs: dict[str, float]) -> None:
    assert solve(asked).status == "infeasible"
    found = {relief.limit: relief.plan.certificate for relief in single_reliefs(asked)}
    assert {name: certificate and certificate.objective_usd for name, certificate in found.items()} == reliefs
