"""Which limit to lift: each one alone, and only those that help alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from builders import accelerator, instance, node, offer, option, profiled, resolved, site
from gpufleet import solve
from gpufleet.explain.limits import single_reliefs, without_options
from gpufleet.report.explain_text import relief_text
from gpufleet.schema.instance import Budgets, FleetRules, Quota
from gpufleet.schema.workloads import AccuracyFloor, Redundancy

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


HIGH = (AccuracyFloor(metric="q", at_least=0.9),)
LOW = (AccuracyFloor(metric="q", at_least=0.8),)


def blamed(asked: ResolvedInstance) -> str:
    """What the answer says last."""
    plan = solve(asked)
    assert plan.status == "infeasible"
    reliefs = [(relief.limit, relief.plan) for relief in single_reliefs(asked)]
    return " ".join(str(part) for part in relief_text(asked, plan, reliefs))


def test_a_class_without_option_is_named_and_no_limit() -> None:
    """Neither alone nor together do the limits matter: nothing serves class b."""
    work = profiled([option("k", rates={"a": 2.0, "b": 2.0}, accuracy=LOW)], {"a": 1.0, "b": 1.0})
    classes = (work.classes[0], work.classes[1].model_copy(update={"accuracy": HIGH}))
    asked = resolved(
        instance([work.model_copy(update={"classes": classes})], [offer(stock=3)], budgets=Budgets(horizon_usd=9.0))
    )
    assert without_options(solve(asked))
    assert blamed(asked) == (
        "No limit on the fleet is to blame: w: none of its 1 deployment options serves class b; it needs q 0.9, "
        "the best there is has 0.8."
    )


def test_a_workload_without_option_is_named_and_no_limit() -> None:
    work = profiled([option("k", rates={"all": 2.0}, accuracy=LOW)], accuracy=HIGH)
    asked = resolved(instance([work], [offer()]))
    assert blamed(asked) == (
        "No limit on the fleet is to blame: w: no deployment option is left; eliminated by accuracy 1."
    )


def test_limits_that_stand_in_the_way_together_are_still_blamed() -> None:
    asked = question(sites=(site(power_cap_kw=2.0),), budgets=Budgets(horizon_usd=2.0))
    assert not without_options(solve(asked))
    assert blamed(asked) == "No single limit is to blame: at least two of them stand in the way together."


def test_stock_that_leaves_no_option_is_a_limit() -> None:
    """A replica of two nodes, of which one is there: no option is left, but with more nodes there is one."""
    work = profiled([option("pair", accelerators=2, rates={"all": 2.0})])
    asked = resolved(instance([work], [offer(stock=1)]))
    assert without_options(solve(asked))
    assert blamed(asked).startswith("Without the stock the cheapest plan costs 2.00 USD")
