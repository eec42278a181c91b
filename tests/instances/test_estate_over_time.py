"""The estate instances over periods and stages, and of measures: optima by hand, verified."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from gpufleet import load_instance, resolve, solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_fields, with_rates, with_workloads
from gpufleet.report.plan_text import plan_text
from gpufleet.report.sweep_text import sweep_text
from gpufleet.schema.instance import Budgets
from gpufleet.whatif.budget import BudgetSweep, sweep_budget
from gpufleet.whatif.measures import value_measures

if TYPE_CHECKING:
    from gpufleet import Plan
    from gpufleet.optimize.choice import BackendChoice
from estate_plans import ESTATE, cost_of


def test_day_and_night() -> None:
    """The own nodes are the base, rented ones the burst of the peak, and training uses what idles by night.

    Peak and trough decide by arithmetic that anyone can repeat from the plan: without the rented nodes the busiest hour
    is not served, and a node rented all year would cost more than the hours taken.
    """
    asked = load_instance(ESTATE / "day-and-night.yaml")
    plan = solve(asked)
    assert plan.status == "optimal"
    factors = {period.name: period.demand_factor for period in asked.instance.periods}
    rented = {nodes.period for nodes in plan.nodes if nodes.period is not None}
    assert rented
    assert min(factors[name] for name in rented if name is not None) >= 0.9
    assert all(nodes.term == "on_demand" for nodes in plan.nodes if nodes.period is not None)
    trained = [deployment for deployment in plan.deployments if deployment.workload == "fine-tuning"]
    assert {deployment.site for deployment in trained} == {"own"}
    assert {str(deployment.period) for deployment in trained} <= {"22h", "23h", *(f"{h:02d}h" for h in range(7))}
    # the nodes that train are there for the chat by day: they cost nothing more
    without = asked.instance.model_copy(update={"workloads": asked.instance.workloads[:1]})
    chat_alone = solve(resolve(without))
    assert plan.certificate is not None
    assert chat_alone.certificate is not None
    assert chat_alone.certificate.objective_usd == plan.certificate.objective_usd


def test_profile_from_csv() -> None:
    """A node carries 10 of either workload's requests/s; factors from the file.

    Search needs 1, 2, 4, 3 nodes by night, in the morning, by day and in the evening, tagging 3, 2, 1, 2: together 4,
    4, 5, 5. Four committed nodes cost 4 x 0.80 x 8,760; a fifth is needed for 2,920 + 1,460 hours, which at 1.20 is
    5,256 USD, less than 7,008 for a fifth committed one.
    """
    asked = load_instance(ESTATE / "profile-from-csv.yaml")
    plan = solve(asked)
    assert plan.certificate is not None
    assert plan.certificate.objective_usd == pytest.approx(4 * 0.8 * 8760 + 1.2 * 4380)
    assert {(nodes.offer, nodes.period, nodes.count) for nodes in plan.nodes} == {
        ("l4-committed", None, 4),
        ("l4-on-demand", "day", 1),
        ("l4-on-demand", "evening", 1),
    }
    assert verify(asked, plan).ok


def test_measures() -> None:
    """Nodes of 0.526 (T4), 0.8048 (L4) and 1.861 USD/h (L40S); what a measure saves is whole nodes for 8,760 hours.

    The feature cache saves 5 T4 nodes, 23,038.80 USD, and costs 22,000. The library saves one of 8 L40S nodes,
    16,302.36, and costs 180,000 over two years, 90,000 in this one: from about 6 times today's volume on it pays.
    Terms: 200 requests/s need 200/24, so 9 L4 nodes, or 200/36, so 6; 3 nodes are 21,150.14 USD for 9,000. One node
    would not be enough, two are: they are saved above 96 requests/s (5 nodes or 3), 0.48 times today's volume.
    """
    asked = load_instance(ESTATE / "measures.yaml")
    hour = {"T4": 0.526, "L4": 0.8048, "L40S": 1.861}
    plan = solve(asked)
    assert {entry.measure: entry.taken for entry in plan.measures} == {
        "kernel-library": False,
        "feature-cache": True,
        "int4-fine-tune": True,
    }
    assert {(nodes.node_type, nodes.count) for nodes in plan.nodes} == {
        ("aws-g4dn.xlarge", 16),
        ("aws-g6.xlarge", 6),
        ("aws-g6e.xlarge", 8),
    }
    assert cost_of(plan) == pytest.approx(8760 * (16 * hour["T4"] + 6 * hour["L4"] + 8 * hour["L40S"]) + 22_000 + 9_000)

    values = {value.measures: value for value in value_measures(asked)}
    library, cache, tune, together = values.values()
    saved = {
        library.measures: 8760 * hour["L40S"],
        cache.measures: 8760 * 5 * hour["T4"],
        tune.measures: 8760 * 3 * hour["L4"],
    }
    assert {names: values[names].today.value_usd for names in saved} == pytest.approx(saved)
    assert [value.cost_usd for value in (library, cache, tune, together)] == [90_000, 22_000, 9_000, 121_000]
    assert [value.today.pays for value in (library, cache, tune, together)] == [False, True, True, False]
    assert together.today.value_usd == pytest.approx(sum(saved.values()))
    assert tune.pays_from is not None
    assert 0.48 < tune.pays_from <= 0.48 * 1.02
    # rates are no part of the candidates of modelled workloads either; a training run's samples are
    named = ("chat", "ranking", "terms")
    more = with_rates(asked, named, 3.7)
    assert build_candidates(more).options == build_candidates(asked).options
    longer = build_candidates(with_rates(asked, ["tuning"], 20.0)).options["tuning"]
    assert longer != build_candidates(asked).options["tuning"]
    # below 5 times, nodes saved are too few: 90,000 USD are 5.5 of them
    assert library.pays_from is not None
    assert library.pays_from == pytest.approx(6.1, rel=0.05)
    point = next(point for point in library.points if point.factor == library.pays_from)
    assert point.value_usd == pytest.approx(6 * 8760 * hour["L40S"])


def _owned(node_kw: float, pue: float, running: float, discount: float) -> float:
    """Three years of energy at 0.0861 USD/kWh, and of running costs (USD/h), at present value."""
    return 8760 * (node_kw * pue * 0.0861 + running) * sum(discount**year for year in range(3))


def test_spot_and_terms() -> None:
    """A node carries 40 requests/s, 10 an accelerator. Payments fill 3 nodes, in the evening 4; in 2029 4 and 5.

    The room has power for two servers, the old one and one that is bought. Of the other nodes one is there all three
    years: 45,051 USD a year reserved for three years, 81,090 for one. The fourth one of 2029 is reserved for a year:
    two more years of the long term would be paid after the horizon. What runs four hours a day is rented: on demand
    21,453 USD a year for payments, which may not use spot nodes, and for half of the scoring; on spot nodes 11,260 for
    the other half, and in 2028 for the retraining. An interruption loses half an hour: 4 a month are 2 of 730 hours,
    so a spot node carries 40 x 728/730 = 39.9 requests/s, enough for half of 75.
    """
    asked = load_instance(ESTATE / "spot-and-terms.yaml")
    plan = solve(asked)
    node = "GCP/us-central1/gcp-a2-highgpu-4g"
    assert {(n.offer, n.first_stage, n.last_stage, n.period, n.count) for n in plan.nodes} == {
        ("old-a100", "2027", "2029", None, 1),
        ("list-price/any/a100-4x/purchase", "2027", "2029", None, 1),
        (f"{node}/reserved_3y", "2027", "2029", None, 1),
        (f"{node}/reserved_1y", "2029", "2029", None, 1),
        *((f"{node}/on_demand", year, year, "evening", 2) for year in ("2027", "2028", "2029")),
        *((f"{node}/spot", year, year, "evening", 1 + (year == "2028")) for year in ("2027", "2028", "2029")),
    }
    discount = 1 / 1.08
    years = [discount**year for year in range(4)]
    energy = _owned(3, 1.4, 0, discount)
    old = 20_000 + energy
    bought = 66_000 * (1 - (1 - 0.87 * 3 / 5) * years[3] + 0.05 * sum(years[:3])) + energy
    reserved = 8760 * (5.1428 * sum(years[:3]) + 9.2568 * years[2])
    rented = 1460 * (2 * 14.69354 * sum(years[:3]) + 7.71208 * (sum(years[:3]) + years[1]))
    assert cost_of(plan) == pytest.approx(old + bought + reserved + rented, abs=0.01)
    on_spot = {(d.workload, d.stage) for d in plan.deployments if d.spot is not None}
    assert on_spot == {("scoring", "2027"), ("scoring", "2028"), ("scoring", "2029"), ("retraining", "2028")}
    assert verify(asked, plan).ok

    # as if the fleet went on after 2029, the long term would be the cheaper one for its fourth node too
    going_on = solve(resolve(asked.instance.model_copy(update={"commitments": "horizon"})))
    assert "reserved_1y" not in {nodes.term for nodes in going_on.nodes}
    assert cost_of(going_on) == pytest.approx(cost_of(plan) - 8760 * (9.2568 - 5.1428) * years[2], abs=0.01)


def test_three_years() -> None:
    """The assistant fills 12, 18 and 27 accelerators: 3, 5 and 7 nodes of four. 100,000 USD buy two in 2027; the third
    is rented for a year, and three and two more are bought when they are needed, because prices fall and money has a
    price. Without the cap it would be three, two and two.

    One of the old V100 servers is kept for the eight copies of the test environment, the other one is sold: kept, it
    costs its 9,000 USD and three years of energy (3.5 kW at a PUE of 1.4) and running costs, 24,297 USD. Without it,
    eight more L40S would be needed, at 24,528 USD a node from 2028 on alone.
    """
    asked = load_instance(ESTATE / "three-years.yaml")
    plan = solve(asked)
    rent = "AWS/us-east-1/aws-g6e.12xlarge/on_demand"

    def stays(known: Plan) -> set[tuple[str, str | None, str | None, int]]:
        return {(nodes.offer, nodes.first_stage, nodes.last_stage, nodes.count) for nodes in known.nodes}

    old = ("old-v100", "2027", "2029", 1)
    last = ("new-l40s", "2029", "2029", 2)
    bought = {("new-l40s", "2027", "2029", 2), ("new-l40s", "2028", "2029", 3), last}
    assert stays(plan) == {old, *bought, (rent, "2027", "2027", 1)}
    used: dict[str | None, int] = {}
    for deployment in plan.deployments:
        if deployment.workload == "assistant":
            taken = deployment.replicas * deployment.parallelism.accelerators
            used[deployment.stage] = used.get(deployment.stage, 0) + taken
        else:
            assert (deployment.node_type, deployment.replicas) == ("dgx-1-v100", 8)
    assert used == {"2027": 12, "2028": 18, "2029": 27}

    discount = 1 / 1.07
    present = [discount**year for year in range(4)]
    kept = 9_000 + _owned(3.5, 1.4, 0.2, discount)
    cost = kept + 8760 * 10.49264
    for year, count in ((0, 2), (1, 3), (2, 2)):
        price, stay = 46_000 * 0.88**year, 3 - year
        left = (1 - 0.87 * stay / 5) * present[3]
        running = 0.05 * sum(present[year:3])
        energy = 8760 * 2.4 * 1.4 * 0.0861 * sum(present[year:3])
        cost += count * (price * (present[year] - left + running) + energy)
    assert cost_of(plan) == pytest.approx(cost, abs=0.05)

    free = solve(resolve(asked.instance.model_copy(update={"budgets": Budgets()})))
    assert stays(free) == {old, ("new-l40s", "2027", "2029", 3), ("new-l40s", "2028", "2029", 2), last}
    new = tuple(offer for offer in asked.instance.offers if offer.term != "owned")
    sold = solve(resolve(asked.instance.model_copy(update={"offers": new})))
    assert cost_of(sold) > cost_of(plan) + kept


def test_training_mix(backend: BackendChoice) -> None:
    """Two servers and two halves of the night a day are four places for jobs that take a server each.

    Half a night is 4 of 24 hours of a job's week: it does 1/6 x 7 / (days without a break). A start takes 20 of its 240
    minutes. Safety: 1.050 without the start, 0.962 with it, so two halves in a row, 2.012; dialect: 2 x 0.556 - 0.046 =
    1.066; style: 1.236 x 11/12 = 1.133, one half. Five places are asked for, and style comes last. Without what starts
    take, safety needs one half, and there is a place for each.
    """
    asked = load_instance(ESTATE / "training-mix.yaml")
    plan = solve(asked, backend=backend)
    assert plan.status == "optimal"
    assert [(entry.workload, entry.share) for entry in plan.unserved] == [("tuning-style", 1.0)]
    assert plan.certificate is not None
    assert [(e.priority, e.unserved, e.bound) for e in plan.certificate.service] == [
        (9, 0, 0), (3, 0, 0), (2, 0, 0), (1, 1, 1),
    ]  # fmt: skip
    trained = [d for d in plan.deployments if asked.workloads[d.workload].kind == "training"]
    assert sorted((d.workload, d.period) for d in trained) == [
        (name, half) for name in ("tuning-dialect", "tuning-safety") for half in ("evening", "night")
    ]
    halves = {d.workload: 7 / d.training_days / 6 for d in trained if d.training_days is not None}
    assert halves["tuning-safety"] * 11 / 12 < 1 < halves["tuning-safety"]
    assert halves["tuning-dialect"] * 23 / 12 > 1 > halves["tuning-dialect"]
    by_day = [d for d in plan.deployments if d.site == "institute" and d.period in ("morning", "afternoon")]
    assert [(d.workload, d.replicas * d.parallelism.accelerators) for d in by_day] == [("chat", 8), ("chat", 8)]
    assert {d.node_type for d in plan.deployments if d.workload == "search"} == {"aws-g6.xlarge", "aws-g4dn.xlarge"}
    # energy of two servers of 4.32 kW with PUE 1.3; an L4 for both halves of the day, a T4 for the second: list prices
    rent = 240 * (2 * 0.8048 + 0.526)
    assert plan.certificate.objective_usd == pytest.approx(rent + 2 * 241.7688, abs=0.01)
    assert verify(asked, plan).ok


def test_training_mix_without_what_starts_take() -> None:
    asked = load_instance(ESTATE / "training-mix.yaml")
    plan = solve(with_workloads(asked, restart_minutes=0.0))
    assert plan.status == "optimal"
    assert not plan.unserved
    places = [d.period for d in plan.deployments if asked.workloads[d.workload].kind == "training"]
    assert sorted(str(period) for period in places) == ["evening", "evening", "night", "night"]
    refused = solve(with_fields(asked, allow_unserved=False))
    assert refused.status == "infeasible"


def test_training_mix_under_small_budgets() -> None:
    """What is given up, from the lowest priority up; a run that is not done costs nothing."""
    asked = load_instance(ESTATE / "training-mix.yaml")
    points = list(sweep_budget(asked, BudgetSweep("usd_per_day", (5.0, 10.0, 20.0, 30.0, 35.0))))[::-1]
    assert [point.plan.status for point in points] == ["optimal"] * 5
    first = []
    for point in points:
        assert point.plan.certificate is not None
        first.append(point.plan.certificate.service[0].unserved)
        undone = {entry.workload for entry in point.plan.unserved if entry.request_class == "run"}
        ranked = ["tuning-safety", "tuning-dialect", "tuning-style"]
        assert undone == set(ranked[len(ranked) - len(undone) :])
    assert first == sorted(first)
    assert first[0] == 0
    assert first[-1] > 1
    table = Console(width=80, file=io.StringIO())
    table.print(sweep_text(asked, "usd_per_day", [(point.cap, point.plan) for point in points]))
    assert isinstance(table.file, io.StringIO)
    words = " ".join(table.file.getvalue().split())
    assert "not served" in words
    assert "tuning-style" in words


def test_what_the_mix_leaves_out_is_said() -> None:
    asked = load_instance(ESTATE / "training-mix.yaml")
    console = Console(width=80, file=io.StringIO())
    for part in plan_text(asked, solve(asked)):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(len(line) for line in text.splitlines()) <= 80
    words = " ".join(text.split())
    assert "Not served, although it is asked for tuning-style (priority 1): the run is not done" in words
    assert "starts once a day; each start takes 20 minutes" in words
    assert "priority 1 unserved shares of its workloads, by weight, add up to 1: proven smallest" in words
    assert "no plan that serves as much costs less" in words
