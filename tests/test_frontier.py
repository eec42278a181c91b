"""Frontiers on questions small enough to be answered by hand: relaxed requirements, values, other axes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from builders import accelerator, edited, instance, node, offer, option, profiled, resolved, site
from gpufleet import InputError, load_instance, solve, verify
from gpufleet.edits.changes import with_fields
from gpufleet.edits.relaxed import with_relaxed
from gpufleet.schema.workloads import AccuracyFloor
from gpufleet.whatif.budget import BudgetSweep, sweep_budget
from gpufleet.whatif.frontier import budget_frontier
from gpufleet.whatif.trade_off import trade_off

if TYPE_CHECKING:
    from gpufleet.schema.plan import Certificate, Plan
    from gpufleet.schema.resolved import ResolvedInstance

ROOT = Path(__file__).resolve().parents[1]
GOOD, POOR = (AccuracyFloor(metric="auc", at_least=value) for value in (0.9, 0.8))


def certificate(plan: Plan) -> Certificate:
    assert plan.certificate is not None
    return plan.certificate


def relaxable() -> ResolvedInstance:
    """Ten requests/s; a good node serves 5 for 4 USD, a poor one 5 for 1; good is required, poor permitted."""
    floor = AccuracyFloor(metric="auc", at_least=0.85, relaxed_at_least=0.75)
    kinds = [
        option("good", "n1", rates={"all": 5.0}, accuracy=(GOOD,)),
        option("poor", "n2", 2, rates={"all": 5.0}, accuracy=(POOR,)),
    ]
    offers = [offer("g", "n1", 4.0), offer("p", "n2", 1.0)]
    return resolved(instance([profiled(kinds, 10.0, accuracy=(floor,))], offers))


def test_requirements_are_relaxed_only_below_the_cost_of_full_service() -> None:
    question = relaxable()
    frontier = budget_frontier(question, "horizon_usd")
    rows = [(p.at, p.full, certificate(p.plan).objective_usd, p.unserved) for p in frontier.points]
    assert rows == [(0, False, 0, (1.0,)), (1, False, 1, (0.5,)), (2, False, 2, (0.0,)), (8, True, 8, ())]
    assert [len(p.relaxed) for p in frontier.points] == [0, 1, 1, 0]
    (found,) = frontier.points[2].relaxed
    assert (found.requirement, found.required, found.permitted, found.reached) == ("auc", 0.85, 0.75, 0.8)
    assert frontier.complete
    assert frontier.proven
    for point in frontier.points:
        assert verify(point.question, point.plan).ok
    # a plan that makes use of it breaks the question as it stands
    strict = with_fields(question, allow_unserved=True)
    assert "accuracy" in {found.rule for found in verify(strict, frontier.points[2].plan).violations}


def test_nothing_is_relaxed_where_that_saves_nothing() -> None:
    """The poor node costs as much as the good one: partial service is offered at the requirements as they stand."""
    question = relaxable()
    dear = {name: edited(known, usd_per_hour=4.0) for name, known in question.offers.items()}
    same = resolved(edited(question.instance, offers=tuple(dear.values())))
    frontier = budget_frontier(same, "horizon_usd")
    assert [(p.at, p.full) for p in frontier.points] == [(0, False), (4, False), (8, True)]
    assert not any(p.relaxed for p in frontier.points)


def test_solve_never_relaxes() -> None:
    question = relaxable()
    assert certificate(solve(question)).objective_usd == 8
    assert certificate(solve(with_relaxed(question))).objective_usd == 2
    plain = resolved(instance([profiled([option("k", rates={"all": 1.0})])], [offer()]))
    assert with_relaxed(plain) is plain


def test_a_sweep_says_what_the_next_dollars_bring() -> None:
    points = list(sweep_budget(relaxable(), BudgetSweep("horizon_usd", (0.5, 1.5, 5.0, 9.0))))
    assert [point.full for point in points] == [False, False, False, True]
    steps = [point.next for point in points]
    assert [step and (step.at, step.extra_usd, step.full) for step in steps] == [
        (1.0, 1.0, False),
        (2.0, 1.0, False),
        (8.0, 6.0, True),
        None,
    ]
    assert [step and step.per_usd for step in steps] == [0.5, 0.5, None, None]
    only_full = list(sweep_budget(relaxable(), BudgetSweep("horizon_usd", (5.0, 9.0)), partial=False))
    assert [point.plan.status for point in only_full] == ["infeasible", "optimal"]


def test_value_decides_what_is_served_first() -> None:
    """One node serves either of two workloads; the one with fewer requests is worth more."""
    kinds = [option("k", rates={"all": 4.0})]
    few = profiled(kinds, 2.0, "few", value_usd=0.03, max_replicas=1)
    many = profiled(kinds, 4.0, "many", value_usd=0.01)
    asked = resolved(instance([few, many], [offer(stock=1)]))
    frontier = budget_frontier(asked, "horizon_usd")
    hour = 3600
    # of one node, half is for `few` (whole replicas: one accelerator each), so the node goes to the dearer requests
    assert [p.unserved for p in frontier.points] == [(hour * (0.06 + 0.04),), (hour * 0.04,)]
    by_share = resolved(
        edited(asked.instance, workloads=tuple(edited(w, value_usd=None) for w in asked.instance.workloads))
    )
    assert budget_frontier(by_share, "horizon_usd").points[-1].unserved == (1.0,)
    assert {d.workload for d in frontier.points[-1].plan.deployments} == {"few"}
    # a certificate that counts the value wrongly is refused
    point = frontier.points[-1]
    service = tuple(edited(level, unserved=1.0, bound=1.0) for level in certificate(point.plan).service)
    wrong = point.plan.model_copy(update={"certificate": edited(certificate(point.plan), service=service)})
    assert "unserved" in {found.rule for found in verify(point.question, wrong).violations}


def test_whole_workloads_are_served_or_not() -> None:
    kinds = [option("k", rates={"all": 1.0})]
    work = [profiled(kinds, rate, name) for name, rate in (("a", 1.0), ("b", 3.0), ("c", 2.0))]
    asked = resolved(instance(work, [offer()]))
    frontier = budget_frontier(asked, "horizon_usd", whole=True)
    assert [(p.at, p.full) for p in frontier.points] == [(0, False), (1, False), (3, False), (6, True)]
    assert frontier.complete
    assert frontier.proven
    assert all({entry.share for entry in p.plan.unserved} <= {1.0} for p in frontier.points)
    assert [p.plan.status for p in frontier.points] == ["feasible"] * 3 + ["optimal"]
    assert all(verify(p.question, p.plan).ok for p in frontier.points)


def _two_machines() -> ResolvedInstance:
    """A frugal, dear machine of one vendor and a hungry, cheap one of another; three are needed."""
    units = (accelerator("A"), accelerator("B", vendor="Other"))
    nodes = (node("n1", 1, "A", power_kw=0.5), node("n2", 1, "B", power_kw=2.0))
    kinds = [option("a", "n1", rates={"all": 1.0}), option("b", "n2", rates={"all": 1.0})]
    offers = [offer("dear", "n1", 3.0, stock=3), offer("cheap", "n2", 1.0, stock=2)]
    places = (site("here", pue=1.5, grid_gco2_per_kwh=400.0, grid_source="Assumed"),)
    return resolved(instance([profiled(kinds, 3.0)], offers, accelerators=units, node_types=nodes, sites=places))


@pytest.mark.parametrize(
    ("axis", "steps"),
    [
        ("energy", [(6.75, 5.0), (4.5, 7.0), (2.25, 9.0)]),
        ("co2", [(2.7, 5.0), (1.8, 7.0), (0.9, 9.0)]),
        ("vendors", [(2.0, 5.0), (1.0, 9.0)]),
    ],
)
def test_cost_over_what_the_fleet_takes(axis: str, steps: list[tuple[float, float]]) -> None:
    found = trade_off(_two_machines(), axis)
    assert [(p.at, certificate(p.plan).objective_usd) for p in found.points] == steps
    assert found.complete
    assert found.proven
    assert found.points[0].plan.status == "optimal"
    assert all(verify(p.question, p.plan).ok for p in found.points)


def test_cost_over_accuracy_and_deadline() -> None:
    found = trade_off(relaxable(), "accuracy:w", start=0.5)
    assert [(p.at, certificate(p.plan).objective_usd) for p in found.points] == [(0.8, 2), (0.9, 8)]
    assert found.resolution == 0
    assert found.complete
    hospital = load_instance(ROOT / "instances" / "reference" / "medical-imaging.yaml")
    days = trade_off(hospital, "deadline:tumour-segmentation", start=14, stop=11.8)
    cheap, dear = days.points
    (trained,) = [d.training_days for d in cheap.plan.deployments]
    assert trained is not None
    assert trained == pytest.approx(cheap.at, rel=1e-4)
    assert trained <= cheap.at
    assert dear.at == 11.8  # the end of the range; the plan would still do a little below it
    assert certificate(dear.plan).objective_usd > certificate(cheap.plan).objective_usd


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ("latency:w", "w has no latency bound"),
        ("accuracy:w", "w has no accuracy floor"),
        ("deadline:w", "w is not trained"),
        ("deadline:v", "no workload v; it has w"),
        ("co2", "site here has no grid_gco2_per_kwh"),
    ],
)
def test_axes_that_the_instance_does_not_have_are_refused(axis: str, message: str) -> None:
    asked = resolved(instance([profiled([option("k", rates={"all": 1.0})])], [offer()]))
    with pytest.raises(InputError, match=message):
        trade_off(asked, axis)


@pytest.mark.parametrize("axis", ["speed", "latency", "energy:w", "deadline:w:x", "latency::ttft"])
def test_axes_that_do_not_exist_are_refused(axis: str) -> None:
    asked = resolved(instance([profiled([option("k", rates={"all": 1.0})])], [offer()]))
    with pytest.raises(ValueError, match="nothing that cost can be drawn against"):
        trade_off(asked, axis)
