"""Plans that leave something unserved, and runs that start again, broken one thing at a time.

Six nodes for 1 USD an hour, over a night of 8 hours and a day of 16. `first` (priority 2) asks for 9 requests/s by day,
`second` (two classes, 6 requests/s a replica of either) for 6 and 6, both for a third of it by night; `batch` (priority
0) would take 0.9 of its deadline on one node. By day 3 nodes serve the first, 2 the second; one is left for the run.
A second question has one node fewer, so that the run is not done.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest
from verified_cases import Case, changed, without

from builders import EFFICIENCY, NET, edited, instance, offer, option, profiled, resolved, training
from gpufleet import solve, verify
from gpufleet.performance.estimate import Configurations, estimate
from gpufleet.schema.plan import Deployment, Parallelism, UnservedDemand
from gpufleet.schema.time import Period

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.schema.instance import Instance

THIRD = {"night": 1 / 3}


def question(nodes: int, share: float = 0.9) -> Instance:
    periods = (Period(name="night", hours=8.0, occurrences=1), Period(name="day", hours=16.0, occurrences=1))
    first = profiled([option("one", rates={"all": 3.0})], 9.0, "first", priority=2, demand_factors=THIRD)
    second = profiled(
        [option("two", rates={"a": 6.0, "b": 6.0})], {"a": 6.0, "b": 6.0}, "second", priority=1, demand_factors=THIRD
    )
    run = training("batch", restart_minutes=60.0)
    asked = instance(
        [first, second, run],
        [offer(stock=nodes)],
        horizon_days=1.0,
        periods=periods,
        models=(NET,),
        allow_unserved=True,
    )
    unit, place = asked.accelerators[0], asked.node_types[0]
    one = Configurations.of([(Parallelism(), 1)])
    days = float(estimate(run, NET, NET.variants[0], unit, place, one, efficiency=EFFICIENCY).training_days[0])
    run = edited(run, deadline_days=days / share)
    return edited(asked, workloads=(first, second, run))


@cache
def case(nodes: int, share: float = 0.9) -> Case:
    asked = resolved(question(nodes, share))
    return Case(asked, solve(asked))


SHORT = 4
"""First 3 by day; second one of two; no run."""


def _index(c: Case, workload: str, period: str) -> int:
    return next(i for i, d in enumerate(c.plan.deployments) if (d.workload, d.period) == (workload, period))


def _entry(c: Case, workload: str) -> int:
    return next(i for i, entry in enumerate(c.plan.unserved) if entry.workload == workload)


def _unserved(c: Case, of: str, **fields: object) -> Case:
    return c.with_plan(unserved=changed(c.plan.unserved, _entry(c, of), **fields))


def _more(c: Case, **fields: object) -> Case:
    return c.with_plan(unserved=(*c.plan.unserved, UnservedDemand(**fields)))


def _running(c: Case) -> Case:
    whole = case(6).plan
    runs = [d for d in whole.deployments if d.workload == "batch" and d.period == "night"]
    return c.with_plan(deployments=(*c.plan.deployments, *runs))


def _proof(c: Case, position: int, **fields: object) -> Case:
    assert c.plan.certificate is not None
    return c.with_certificate(service=changed(c.plan.certificate.service, position, **fields))


@dataclass(frozen=True)
class Mutation:
    name: str
    change: Callable[[Case], Case]
    rule: str
    excess: float | None = None

    def __str__(self) -> str:
        return self.name


MUTATIONS = (
    Mutation("not allowed", lambda c: c.with_instance(allow_unserved=False), "unserved"),
    Mutation(
        "more is said to be unserved",
        lambda c: _more(c, workload="second", request_class="a", period="night", share=0.5),
        "demand",
        1.0,
    ),
    Mutation("less is said to be unserved", lambda c: _unserved(c, "second", share=0.25), "demand"),
    Mutation("in another period", lambda c: _unserved(c, "second", period="night"), "demand"),
    Mutation("in an unknown period", lambda c: _unserved(c, "second", period="dusk"), "period"),
    Mutation("in an unknown stage", lambda c: _unserved(c, "second", stage="2030"), "stage"),
    Mutation("of an unknown class", lambda c: _unserved(c, "second", request_class="c"), "unserved"),
    Mutation("of an unknown workload", lambda c: _unserved(c, "second", workload="third"), "unserved"),
    Mutation("said twice", lambda c: c.with_plan(unserved=(*c.plan.unserved, *c.plan.unserved)), "unserved"),
    Mutation(
        "served, but said to be unserved",
        lambda c: _more(c, workload="first", request_class="all", share=0.5),
        "demand",
    ),
    Mutation(
        "the run is said to be done",
        lambda c: c.with_plan(unserved=without(c.plan.unserved, _entry(c, "batch"))),
        "demand",
        1.0,
    ),
    Mutation("half a run", lambda c: _unserved(c, "batch", share=0.5), "unserved"),
    Mutation("a run by night", lambda c: _unserved(c, "batch", period="night"), "unserved"),
    Mutation("not done, but running", _running, "unserved", 1),
    Mutation("the least replicas are asked for", lambda c: c.with_workload(1, min_replicas=2), "replicas", 1),
    Mutation("one replica fewer", lambda c: c.with_deployment(_index(c, "first", "day"), replicas=2), "capacity", 0.5),
    Mutation("another sum in the certificate", lambda c: _proof(c, 1, unserved=0.25, bound=0.25), "unserved"),
    Mutation("a bound above", lambda c: _proof(c, 1, bound=0.75), "certificate"),
    Mutation("not proven, but optimal", lambda c: _proof(c, 1, bound=0.1), "certificate"),
    Mutation("another priority", lambda c: _proof(c, 0, priority=3), "unserved"),
    Mutation("a priority left out", lambda c: c.with_certificate(service=()), "unserved"),
    Mutation("a weight changed", lambda c: c.with_workload(1, unserved_weight=2.0), "unserved"),
    Mutation(
        "a plan that says that there is none",
        lambda c: c.with_plan(status="infeasible", nodes=(), deployments=(), routing=(), costs=()),
        "status",
    ),
)


def test_the_plan_is_the_one_described() -> None:
    """Of the second's 12 + 4 requests by day and night (16 and 8 hours), 6 by day are not served: 96 of 224."""
    whole = case(SHORT)
    assert verify(whole.asked, whole.plan).ok
    assert whole.plan.certificate is not None
    left = [entry.unserved for entry in whole.plan.certificate.service]
    assert left == pytest.approx([0, 96 / 224, 1.0], abs=1e-9)
    day = [entry for entry in whole.plan.unserved if entry.workload == "second"]
    assert {entry.period for entry in day} == {"day"}
    assert sum(entry.share for entry in day) == pytest.approx(1.0)
    assert [entry for entry in whole.plan.unserved if entry.workload == "batch"] == [
        UnservedDemand(workload="batch", request_class="run", share=1.0)
    ]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_mutation(mutation: Mutation) -> None:
    broken = mutation.change(case(SHORT))
    found = [v for v in verify(broken.asked, broken.plan).violations if v.rule == mutation.rule]
    assert found
    if mutation.excess is not None:
        assert any(v.excess == pytest.approx(mutation.excess) for v in found), found


def test_what_is_left_out_altogether_needs_no_replicas() -> None:
    """Nothing of the second is served: the least replicas are for workloads that are."""
    plain = case(SHORT)
    second = [UnservedDemand(workload="second", request_class=name, share=1.0) for name in "ab"]
    kept = [entry for entry in plain.plan.unserved if entry.workload == "batch"]
    gone = [i for i, d in enumerate(plain.plan.deployments) if d.workload == "second"]
    left = tuple(d for i, d in enumerate(plain.plan.deployments) if i not in gone)
    out = plain.with_plan(
        status=None, certificate=None, routing=(), deployments=left, unserved=(*kept, *second)
    ).with_workload(1, min_replicas=2)
    assert "replicas" not in verify(out.asked, out.plan).broken_rules
    served = out.with_plan(unserved=(*kept, edited(second[0], share=0.5), second[1]))
    assert {"replicas", "demand"} <= set(verify(served.asked, served.plan).broken_rules)


def test_routes_by_day_serve_nobody_by_night() -> None:
    """Whatever is routed in another period, a period in which nothing runs serves nothing."""
    whole = case(6)
    night = _index(whole, "first", "night")
    moved = [i for i, route in enumerate(whole.plan.routing) if route.deployment == night]
    routes = tuple(route for i, route in enumerate(whole.plan.routing) if i not in moved)
    broken = whole.with_deployment(night, replicas=1, period="day").with_plan(routing=routes)
    found = [v for v in verify(broken.asked, broken.plan).violations if v.rule == "demand"]
    assert [(v.where, v.excess) for v in found] == [("first in night", pytest.approx(3.0))]


# ------------------------------------------------------------------------------------------------- restarts


def _runs(c: Case) -> list[int]:
    return [i for i, d in enumerate(c.plan.deployments) if d.workload == "batch"]


def test_a_run_that_goes_on_never_starts() -> None:
    """0.9 of its deadline, day and night on one node; with its forms different by night, it starts twice a day."""
    whole = case(6)
    assert len(_runs(whole)) == 2
    assert verify(whole.asked, whole.plan).ok
    longer = whole.with_workload(2, restart_minutes=600.0)
    assert "demand" not in verify(longer.asked, longer.plan).broken_rules


def test_what_every_start_loses_is_counted() -> None:
    """0.6 of it, by day alone: 16/24/0.6 = 1.111 of it; an hour less of 16, 1.042; two hours less 0.972."""
    whole = case(6, 0.6)
    assert [whole.plan.deployments[i].period for i in _runs(whole)] == ["day"]
    assert verify(whole.asked, whole.plan).ok
    twice = whole.with_workload(2, restart_minutes=120.0)
    found = [v for v in verify(twice.asked, twice.plan).violations if v.rule == "demand"]
    assert [v.excess for v in found] == [pytest.approx(1 - 14 / 24 / 0.6)]
    periods = changed(whole.asked.instance.periods, 1, occurrences=2)
    often = whole.with_instance(periods=periods)
    found = [v for v in verify(often.asked, often.plan).violations if v.rule == "demand"]
    assert [v.excess for v in found] == [pytest.approx(1 - 14 / 24 / 0.6)]


def test_a_period_eaten_up_by_its_start_counts_nothing() -> None:
    whole = case(6, 0.6)
    lost = whole.with_workload(2, restart_minutes=2000.0)
    found = [v for v in verify(lost.asked, lost.plan).violations if v.rule == "demand"]
    assert [v.excess for v in found] == [pytest.approx(1.0)]


def test_another_form_is_a_start() -> None:
    """By night with another batch: day and night each begin with a start, 15/16 and 7/8 of 24 hours at 0.97."""
    whole = case(6, 0.97)
    night = next(i for i in _runs(whole) if whole.plan.deployments[i].period == "night")
    other = whole.with_deployment(night, batch=2)
    assert isinstance(other.plan.deployments[night], Deployment)
    found = [v for v in verify(other.asked, other.plan).violations if v.rule == "demand"]
    assert len(found) == 1
    assert "with 2 starts" in found[0].message
