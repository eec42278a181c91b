"""Plans under spare nodes, the loss of a site and budgets per workload, broken one thing at a time.

The plan: nodes of two accelerators, at `a` for 2 USD and at `b` for 3. `chat` (classes x and y, 6 requests/s a replica
of either, 3 and 6 asked) takes 1.5 replicas, so 2 at each site; `tool` (one class, 3 requests/s a replica, 5 asked)
takes 2 replicas, keeps one spare node, and is charged 1 USD an accelerator at `a`, 1.50 at `b`. Any site can be lost to
`chat`, one node of every pool that it uses to `tool`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest
from verified_cases import Case, changed, without

from builders import edited, instance, node, offer, option, profiled, resolved, site
from gpufleet import solve, verify
from gpufleet.schema.instance import BudgetCaps, Budgets
from gpufleet.schema.plan import Deployment, Fallback, Parallelism, Plan, PlannedNodes, Route, WorkloadCharge
from gpufleet.schema.workloads import Redundancy

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.schema.instance import Instance


def question() -> Instance:
    chat = profiled(
        [option("one", "n2", 1, rates={"x": 6.0, "y": 6.0})],
        {"x": 3.0, "y": 6.0},
        "chat",
        redundancy=Redundancy(survive_site_loss=True),
    )
    tool = profiled([option("one", "n2", 1, rates={"all": 3.0})], 5.0, "tool", redundancy=Redundancy(spare_nodes=1))
    return instance(
        [chat, tool],
        [offer("oa", "n2", 2.0, site="a", stock=9), offer("ob", "n2", 3.0, site="b", stock=9)],
        sites=(site("a"), site("b")),
        node_types=(node("n2", 2),),
        budgets=Budgets(workloads={"tool": BudgetCaps(horizon_usd=2.0)}),
    )


@cache
def whole() -> Case:
    asked = resolved(question())
    return Case(asked, solve(asked))


def _index(case: Case, workload: str, place: str) -> int:
    return next(i for i, d in enumerate(case.plan.deployments) if (d.workload, d.site) == (workload, place))


def _replicas(case: Case, workload: str, place: str, count: int) -> Case:
    return case.with_deployment(_index(case, workload, place), replicas=count)


def _fallback(case: Case, lost: str, **changes: object) -> Case:
    position = next(i for i, entry in enumerate(case.plan.fallback_routing) if entry.lost_site == lost)
    return case.with_plan(fallback_routing=changed(case.plan.fallback_routing, position, **changes))


def _routes(case: Case, lost: str) -> tuple[Route, ...]:
    return next(entry.routing for entry in case.plan.fallback_routing if entry.lost_site == lost)


def _rerouted(case: Case, lost: str, **changes: object) -> Case:
    return _fallback(case, lost, routing=changed(_routes(case, lost), 0, **changes))


def _nodes(case: Case, name: str, count: int) -> Case:
    position = next(i for i, nodes in enumerate(case.plan.nodes) if nodes.offer == name)
    return case.with_nodes(position, count=count)


def _redundancy(case: Case, position: int, **fields: object) -> Case:
    asked = case.asked.instance.workloads[position].redundancy
    return case.with_workload(position, redundancy=edited(asked, **fields))


def _cap(case: Case, **caps: float) -> Case:
    return case.with_instance(budgets=Budgets(workloads={"tool": BudgetCaps(**caps)}))


@dataclass(frozen=True)
class Mutation:
    name: str
    change: Callable[[Case], Case]
    rule: str
    excess: float | None = None

    def __str__(self) -> str:
        return self.name


MUTATIONS = (
    Mutation("no node in reserve", lambda c: _nodes(c, "oa", 1), "spare_nodes", 1),
    Mutation("another spare node is asked for", lambda c: _redundancy(c, 1, spare_nodes=2), "spare_nodes", 1),
    Mutation("chat asks for one too", lambda c: _redundancy(c, 0, spare_nodes=1), "spare_nodes", 1),
    Mutation("one replica fewer elsewhere", lambda c: _replicas(c, "chat", "b", 1), "site_loss", 0.5),
    Mutation("none elsewhere", lambda c: _replicas(c, "chat", "b", 0), "site_loss"),
    Mutation("tool must survive it too", lambda c: _redundancy(c, 1, survive_site_loss=True), "site_loss", 5.0),
    Mutation("a share is forgotten", lambda c: _rerouted(c, "a", share=0.5), "site_loss", 1.5),
    Mutation(
        "a class is forgotten",
        lambda c: _fallback(c, "a", routing=without(_routes(c, "a"), 1)),
        "site_loss",
        6.0,
    ),
    Mutation("a class twice", lambda c: _rerouted(c, "a", share=1.0, request_class="y"), "site_loss", 6.0),
    Mutation("routed to the lost site", lambda c: _rerouted(c, "a", deployment=_index(c, "chat", "a")), "routing"),
    Mutation("and so not carried", lambda c: _rerouted(c, "a", deployment=_index(c, "chat", "a")), "site_loss", 3.0),
    Mutation("routed to another workload", lambda c: _rerouted(c, "b", deployment=_index(c, "tool", "a")), "routing"),
    Mutation("routed to nowhere", lambda c: _rerouted(c, "a", deployment=9), "routing"),
    Mutation("an unknown class", lambda c: _rerouted(c, "a", request_class="z"), "routing"),
    Mutation("an unknown site", lambda c: _fallback(c, "a", lost_site="c"), "routing"),
    Mutation("the other site", lambda c: _fallback(c, "a", lost_site="b"), "routing"),
    Mutation("an unknown period", lambda c: _fallback(c, "a", period="night"), "period"),
    Mutation("a workload that need not survive it", lambda c: _redundancy(c, 0, survive_site_loss=False), "routing"),
    Mutation("utilisation elsewhere", lambda c: _fallback(c, "a", utilisation=0.5), "figures", 0.25),
    Mutation("more demand than is left", lambda c: _more_demand(c), "site_loss", 0.25),
    Mutation("cap lowered", lambda c: _cap(c, horizon_usd=1.9), "workload_budget", 0.1),
    Mutation("cap per day", lambda c: _cap(c, usd_per_day=47.0), "workload_budget", 1.0),
    Mutation("price risen", lambda c: c.with_offer("oa", usd_per_hour=2.5), "workload_budget", 0.5),
    Mutation("moved to the dearer site", lambda c: _moved(c), "workload_budget", 1.0),
    Mutation("one replica more", lambda c: _replicas(c, "tool", "a", 3), "workload_budget", 1.0),
    Mutation("charge misstated", lambda c: _charged(c, 1.5), "charges", 0.5),
    Mutation("charge off by a millionth", lambda c: _charged(c, 2.000001), "charges", 1e-6),
    Mutation("charge of a workload without a cap", lambda c: c.with_instance(budgets=Budgets()), "charges"),
)


def _more_demand(case: Case) -> Case:
    classes = case.asked.instance.workloads[0].classes  # type: ignore[union-attr]
    return case.with_workload(0, classes=changed(classes, 0, requests_per_s=9.0))


def _moved(case: Case) -> Case:
    return case.with_deployment(_index(case, "tool", "a"), site="b")


def _charged(case: Case, usd: float) -> Case:
    return case.with_plan(charges=(WorkloadCharge(workload="tool", charge_usd=usd),))


def test_the_unbroken_plan_holds() -> None:
    """2 + 2 replicas of chat and 2 of tool: at `a` 2 nodes, one of which may fail; at `b` one node."""
    case = whole()
    assert verify(case.asked, case.plan).ok
    assert {nodes.offer: nodes.count for nodes in case.plan.nodes} == {"oa": 2, "ob": 1}
    assert {"spare_nodes", "site_loss", "workload_budget", "charges"} <= set(verify(case.asked, case.plan).checked)
    assert [entry.utilisation for entry in case.plan.fallback_routing] == [0.75, 0.75]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_broken_plan_is_found_out(mutation: Mutation) -> None:
    broken = mutation.change(whole())
    found = [v for v in verify(broken.asked, broken.plan).violations if v.rule == mutation.rule]
    assert found, verify(broken.asked, broken.plan).violations
    if mutation.excess is not None:
        amounts = [violation.excess for violation in found if violation.excess is not None]
        assert any(amount == pytest.approx(mutation.excess, rel=1e-6) for amount in amounts), found


def test_a_plan_without_a_fleet_has_no_fallbacks_or_charges() -> None:
    case = whole()
    for part in ("fallback_routing", "charges"):
        empty = Plan(schema_version=1, instance="test", status="unknown", **{part: getattr(case.plan, part)})
        assert "status" in verify(case.asked, empty).broken_rules


# ------------------------------------------------------------------------------------------- written by hand


def _hand(*replicas: int, nodes: tuple[int, int]) -> Plan:
    """Replicas of chat at a and b, then of tool at a and b; no word on routing."""
    places = [("chat", "a"), ("chat", "b"), ("tool", "a"), ("tool", "b")]
    return Plan(
        schema_version=1,
        instance="test",
        nodes=tuple(PlannedNodes(offer=name, count=count) for name, count in zip(("oa", "ob"), nodes, strict=True)),
        deployments=tuple(
            Deployment(
                workload=work, site=place, node_type="n2", replicas=count, option="one", parallelism=Parallelism()
            )
            for (work, place), count in zip(places, replicas, strict=True)
        ),
    )


def test_without_a_word_on_it_what_is_left_shares_in_proportion_to_capacity() -> None:
    asked = whole().asked
    assert verify(asked, _hand(2, 2, 2, 0, nodes=(2, 1))).ok
    report = verify(asked, _hand(3, 1, 2, 0, nodes=(3, 1)))
    assert [(v.rule, v.excess) for v in report.violations] == [("site_loss", pytest.approx(0.5))]
    assert "without a" in report.violations[0].message


def test_a_pool_that_a_protected_workload_does_not_use_needs_no_spare_node() -> None:
    asked = whole().asked
    assert verify(asked, _hand(2, 2, 2, 0, nodes=(2, 1))).ok
    spread = verify(asked, _hand(2, 2, 1, 1, nodes=(2, 2)))
    assert spread.broken_rules == ("workload_budget",)
    tight = verify(asked, _hand(2, 1, 1, 1, nodes=(2, 1)))
    assert "spare_nodes" in tight.broken_rules


def test_a_fallback_may_be_written_by_hand() -> None:
    plan = _hand(2, 2, 2, 0, nodes=(2, 1))
    routes = tuple(Route(workload="chat", request_class=name, deployment=1, share=1.0) for name in ("x", "y"))
    stated = plan.model_copy(update={"fallback_routing": (Fallback(workload="chat", lost_site="a", routing=routes),)})
    assert verify(whole().asked, stated).ok
