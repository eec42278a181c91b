"""Plans over partitioned nodes, broken one thing at a time.

`two partitions and the base`: 3 nodes of `o4` (4 accelerators each), one whole for `v`, one as 28 instances of which
`w` uses 5, one as 8 instances that `m` uses all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hand_cases import HAND_CASES

from builders import edited, resolved
from gpufleet import solve, verify
from gpufleet.report.partition_words import partition_words
from gpufleet.schema.plan import Parallelism

if TYPE_CHECKING:
    from gpufleet import Plan, ResolvedInstance


def solved(name: str) -> tuple[ResolvedInstance, Plan]:
    asked = resolved(next(case for case in HAND_CASES if case.name == name).question)
    plan = solve(asked)
    assert verify(asked, plan).ok
    return asked, plan


def deployed(plan: Plan, workload: str, **changes: Any) -> Plan:
    """One workload's deployment edited; its utilisation is no longer claimed."""
    entries = tuple(
        edited(entry, utilisation=None, **changes) if entry.workload == workload else entry
        for entry in plan.deployments
    )
    return edited(plan, deployments=entries)


def broken(asked: ResolvedInstance, plan: Plan) -> list[tuple[str, str, float | None]]:
    return [(found.rule, found.where, found.excess) for found in verify(asked, plan).violations]


def test_the_rule_is_looked_at() -> None:
    asked, plan = solved("two partitions and the base")
    # two deployments on instances, each listed and of one instance; and the nodes of one pool
    assert verify(asked, plan).checked["partitions"] == 5


def test_each_node_runs_as_one_thing() -> None:
    asked, plan = solved("two partitions and the base")
    fewer = edited(plan, nodes=(edited(plan.nodes[0], count=2, total_cost_usd=None),))
    assert ("partitions", "here/n4", 1) in broken(asked, fewer)


@pytest.mark.parametrize(("workload", "replicas"), [("w", 29), ("m", 9), ("v", 2)])
def test_more_replicas_than_instances(workload: str, replicas: int) -> None:
    asked, plan = solved("two partitions and the base")
    assert ("partitions", "here/n4", 1) in broken(asked, deployed(plan, workload, replicas=replicas))


def test_all_instances_of_a_node_may_be_used() -> None:
    asked, plan = solved("two partitions and the base")
    assert not broken(asked, deployed(plan, "w", replicas=28))


def test_a_replica_takes_one_instance() -> None:
    asked, plan = solved("two partitions and the base")
    two = deployed(plan, "w", parallelism=Parallelism(tensor=2), accelerators=None)
    places = [(rule, excess) for rule, _, excess in broken(asked, two)]
    assert ("partitions", 1) in places


def test_the_instance_must_list_the_partition() -> None:
    asked, plan = solved("a node in 28 instances")
    other = edited(asked.instance, partitions=("n4-3g",))
    # the question changes behind the plan's back: hardware and digest stay
    found = broken(replace(asked, instance=other), plan)
    assert ("partitions", "deployments[0] (w on n4-1g at here)", None) in found


def test_nodes_are_counted_period_by_period() -> None:
    asked, plan = solved("by day and by night")
    assert [(entry.workload, entry.period, entry.node_type) for entry in plan.deployments] == [
        ("d", "day", "n4"),
        ("n", "night", "n4-1g"),
    ]
    together = deployed(plan, "n", period="day")
    assert ("partitions", "here/n4 in day", 1) in broken(asked, together)


def test_nodes_of_another_site_do_not_count() -> None:
    asked, plan = solved("a node in 28 instances")
    elsewhere = deployed(plan, "w", site="there")
    sites = (*asked.instance.sites, edited(asked.instance.sites[0], name="there"))
    other = resolved(edited(asked.instance, sites=sites))
    assert ("partitions", "there/n4", 1) in broken(other, elsewhere)


def test_the_plan_text_says_what_runs_as_what() -> None:
    asked, plan = solved("two partitions and the base")
    assert list(partition_words(asked, plan)) == [
        ("n4-1g at here", "1 node of n4 runs as 28x A-1g"),
        ("n4-3g at here", "1 node of n4 runs as 8x A-3g"),
    ]
    asked, plan = solved("by day and by night")
    assert list(partition_words(asked, plan)) == [("n4-1g at here", "0-1 nodes of n4 run as 28x A-1g")]
