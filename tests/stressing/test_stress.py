"""Stress tests against what can be worked out by hand, and against themselves."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pytest

from builders import instance, node, offer, option, profiled, resolved
from gpufleet import solve
from gpufleet.errors import InputError
from gpufleet.scenarios.draws import Draws, factor
from gpufleet.scenarios.settings import ScenarioSettings
from gpufleet.schema.plan import Deployment, Plan, PlannedNodes
from gpufleet.schema.time import Period
from gpufleet.stressing.evaluate import outcomes
from gpufleet.stressing.statistics import mean, share
from gpufleet.stressing.stress import stress

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance

STILL = ScenarioSettings(samples=1000, seed=3, demand=(1.0, 1.0), availability=1.0, throughput=False)
"""Nothing happens."""
ONE = option("one", rates={"all": 3.0})


def fleet(nodes: int, rate: float, replicas: int | None = None) -> tuple[ResolvedInstance, Plan]:
    """So many nodes of one accelerator, a replica of 3 requests/s on each."""
    asked = resolved(instance([profiled([ONE], rate)], [offer()]))
    return asked, plan_of(nodes, nodes if replicas is None else replicas)


def plan_of(nodes: int, replicas: int) -> Plan:
    deployment = Deployment(workload="w", site="here", node_type="n1", replicas=replicas, option="one")
    return Plan(
        schema_version=1, instance="test", nodes=(PlannedNodes(offer="o1", count=nodes),), deployments=(deployment,)
    )


def violated(asked: ResolvedInstance, plan: Plan, settings: ScenarioSettings, *, fixed: bool = False) -> float:
    return float(outcomes(asked, plan, settings, fixed_replicas=fixed).violated.mean())


def test_nothing_happens_to_a_plan_that_suffices() -> None:
    asked, plan = fleet(2, 6.0)
    assert violated(asked, plan, STILL) == 0.0


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize(("nodes", "needed"), [(2, 2), (2, 1), (4, 3)])
def test_failures_are_binomial(nodes: int, needed: int, fixed: bool) -> None:
    """`needed` of `nodes` replicas carry the demand, each is there with probability 0.9."""
    asked, plan = fleet(nodes, 3.0 * needed)
    right = sum(comb(nodes, down) * 0.1**down * 0.9 ** (nodes - down) for down in range(nodes - needed + 1, nodes + 1))
    found = stress(asked, {"plan": plan}, replace(STILL, availability=0.9), fixed_replicas=fixed)
    whole = found.plans[0].whole
    assert whole.violations.low <= right <= whole.violations.high
    # of `needed` requests as many stay unmet as nodes are missing
    unmet = sum(
        comb(nodes, down) * 0.1**down * 0.9 ** (nodes - down) * max(0, needed - (nodes - down)) / needed
        for down in range(nodes + 1)
    )
    assert whole.unmet.low <= unmet <= whole.unmet.high


def test_demand_is_uniform() -> None:
    """2 replicas carry 6 of 5 to 10 requests/s: enough in a fifth of scenarios; a share 1 - 6/x is unmet else."""
    asked, plan = fleet(2, 5.0)
    found = stress(asked, {"plan": plan}, replace(STILL, demand=(1.0, 2.0))).plans[0].whole
    assert found.violations.low <= 0.8 <= found.violations.high
    right = (4.0 - 6.0 * np.log(10 / 6)) / 5.0
    assert found.unmet.low <= right <= found.unmet.high


def test_throughput_errors_keep_their_interval() -> None:
    """A measured rate lies below 0.95 of itself in 5 % of scenarios: 3 replicas of 3 at 9 x 0.95 requests/s."""
    asked, plan = fleet(3, 9.0 * 0.95)
    found = stress(asked, {"plan": plan}, replace(STILL, throughput=True)).plans[0].whole
    assert found.violations.low <= 0.05 <= found.violations.high


def test_a_spare_node_takes_over_unless_replicas_stay() -> None:
    asked, spare = fleet(3, 6.0, replicas=2)
    settings = replace(STILL, availability=0.8)
    moved, stayed = violated(asked, spare, settings), violated(asked, spare, settings, fixed=True)
    assert moved == pytest.approx(0.104, abs=0.015)  # two or three of three down
    assert stayed == pytest.approx(0.36, abs=0.025)  # one of the two down


@pytest.mark.parametrize("fixed", [False, True])
def test_more_nodes_never_fail_more_often(fixed: bool) -> None:
    """Scenario by scenario, because all plans meet the same ones."""
    asked, _ = fleet(1, 7.0)
    settings = ScenarioSettings(samples=300, availability=0.85)
    hits = [outcomes(asked, plan_of(n, n), settings, fixed_replicas=fixed).violated for n in range(1, 8)]
    for fewer, more in pairwise(hits):
        assert not np.any(more & ~fewer)
    assert hits[0].mean() > hits[-1].mean()


def test_moving_replicas_never_serves_less() -> None:
    options = [ONE, option("four", "n4", 4, rates={"all": 13.0})]
    work = [profiled(options, 9.0, "a", priority=1), profiled(options, 8.0, "b", max_replicas=4)]
    asked = resolved(instance(work, [offer(), offer("o4", "n4", 3.5)]))
    plan, settings = solve(asked), ScenarioSettings(samples=60, availability=0.8)
    free, fixed = (outcomes(asked, plan, settings, fixed_replicas=stay) for stay in (False, True))
    assert np.all(free.unmet["a"] <= fixed.unmet["a"] + 1e-6)  # the higher priority comes first
    assert free.violated.sum() <= fixed.violated.sum()


def test_several_classes_are_routed_at_best() -> None:
    """A replica carries 6 of a or 2 of b; one carries 3 + 1, and with the double demand half of both, or all of one."""
    mixed = option("one", rates={"a": 6.0, "b": 2.0})
    asked = resolved(instance([profiled([mixed], {"a": 3.0, "b": 1.0})], [offer()]))
    found = outcomes(asked, plan_of(1, 1), replace(STILL, demand=(2.0, 2.0), samples=5))
    # a class of three quarters of the requests, at the same load: all of it is served, nothing of the other
    assert np.allclose(found.unmet["w"], 0.25, atol=1e-6)


def test_a_moment_comes_as_often_as_it_is_long() -> None:
    """One replica serves the night of 8 hours, not the day of 16."""
    periods = (Period(name="night", hours=8.0, demand_factor=0.25), Period(name="day", hours=16.0))
    asked = resolved(instance([profiled([ONE], 12.0)], [offer()], horizon_days=1.0, periods=periods))
    found = stress(asked, {"plan": plan_of(1, 1)}, STILL).plans[0].whole
    assert found.violations.low <= 2 / 3 <= found.violations.high


def test_spot_nodes_are_interrupted_and_not_slowed_down_twice() -> None:
    """73 interruptions of an hour a month: a tenth of the time. While a node is there it carries 3 requests."""
    lost = {"term": "spot", "interruptions_per_month": 73.0, "hours_lost_per_interruption": 1.0}
    asked = resolved(instance([profiled([ONE], 2.9)], [offer(**lost)]))
    plan = plan_of(1, 1)
    plan = plan.model_copy(update={"deployments": (plan.deployments[0].model_copy(update={"spot": "o1"}),)})
    found = stress(asked, {"plan": plan}, STILL).plans[0].whole
    assert found.violations.low <= 0.1 <= found.violations.high


def test_nodes_of_partitions_fail_as_a_whole() -> None:
    """One node as seven instances: all seven replicas are there, or none."""
    asked = resolved(
        instance(
            [profiled([option("small", "cut", rates={"all": 1.0})], 7.0)],
            [offer()],
            node_types=(node(), node("cut", 7, partition_of="n1", power_kw=None, rack_units=None, network_gb_s=None)),
            partitions=("cut",),
        )
    )
    plan = solve(asked)
    for fixed in (False, True):
        unmet = outcomes(asked, plan, replace(STILL, availability=0.7, samples=200), fixed_replicas=fixed).unmet["w"]
        assert set(np.round(unmet, 9)) == {0.0, 1.0}
        assert unmet.mean() == pytest.approx(0.3, abs=0.07)


def test_the_same_seed_gives_the_same_scenarios_and_more_samples_begin_with_them() -> None:
    short, long = (Draws(ScenarioSettings(samples=n)) for n in (50, 80))
    assert np.array_equal(short.demand(), long.demand()[:50])
    assert np.array_equal(short.failures(("a", "b", ""), 3, 0.5), long.failures(("a", "b", ""), 5, 0.5)[:50, :3])
    other = Draws(ScenarioSettings(samples=50, seed=2))
    assert not np.array_equal(short.demand(), other.demand())


def test_factors_have_the_stated_quantiles() -> None:
    errors = np.random.default_rng(0).standard_normal(200_000)
    found = factor(errors, 0.7, 1.6)
    assert np.quantile(found, [0.05, 0.5, 0.95]) == pytest.approx([0.7, 1.0, 1.6], rel=0.01)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    samples = random.random((150, 500)) < 0.03
    inside = [(found := share(hits)).low <= 0.03 <= found.high for hits in samples]
    assert 0.9 <= np.mean(inside) <= 0.99
    means = [(found := mean(hits.astype(float) * 0.5)).low <= 0.015 <= found.high for hits in samples]
    assert 0.88 <= np.mean(means) <= 0.99


def test_a_plan_that_cannot_be_is_refused_and_one_beyond_stock_is_not() -> None:
    asked = resolved(instance([profiled([ONE], 3.0)], [offer(stock=1)]))
    with pytest.raises(InputError, match="packing"):
        stress(asked, {"plan": plan_of(1, 2)}, STILL)
    with pytest.raises(InputError, match="no nodes"):
        stress(asked, {"plan": Plan(schema_version=1, instance="test")}, STILL)
    found = stress(asked, {"plan": plan_of(2, 2)}, STILL).plans[0]
    assert any("stock" in note for note in found.notes)


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"demand": (1.5, 1.0)}, {"demand": (-1.0, 1.0)}, {"availability": 1.2}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ScenarioSettings(**wrong)  # type: ignore[arg-type]


def test_frames_have_a_row_per_plan_and_workload() -> None:
    asked, plan = fleet(2, 6.0)
    frame = stress(asked, {"a": plan, "b": plan}, replace(STILL, samples=20)).to_frame()
    assert list(frame["plan"]) == ["a", "a", "b", "b"]
    assert list(frame["workload"]) == ["all", "w"] * 2
