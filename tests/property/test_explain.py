"""Why there is no plan, what would help, and what requirements cost: cases worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from random_conflicts import check, feasible

from builders import NET, accelerator, instance, node, offer, option, profiled, resolved, site
from gpufleet import Explanation, explanation
from gpufleet.edits.requirements import requirements
from gpufleet.report.explanation_json import explanation_json
from gpufleet.report.explanation_text import explanation_text
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Quota, StageCaps
from gpufleet.schema.time import Period, Stage
from gpufleet.schema.workloads import SLO, AccuracyFloor, ItemClass, Privacy, Redundancy, RequestServing, Training

if TYPE_CHECKING:
    from gpufleet.explain.repairs import Repair
    from gpufleet.schema.resolved import ResolvedInstance

HIGH = (AccuracyFloor(metric="q", at_least=0.9),)
LOW = (AccuracyFloor(metric="q", at_least=0.8),)
DEMAND = "9 requests/s of w"


def question(offers: tuple[Any, ...] | None = None, **changes: Any) -> ResolvedInstance:
    """9 requests/s on single nodes of A (1 USD) and B (5 USD), 3 requests/s each: 3 USD."""
    options = [option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 3.0})]
    fields = {
        "accelerators": (accelerator("A", vendor="V"), accelerator("B", vendor="W")),
        "node_types": (node(), node("nb", carries="B")),
        "sites": (site(provider="P"),),
        **changes,
    }
    names = ("redundancy", "privacy", "precisions", "allowed", "min_replicas", "max_replicas", "max_utilisation")
    asked = {name: fields.pop(name) for name in names if name in fields}
    if "allowed" in asked:
        asked["accelerators"] = asked.pop("allowed")
    return resolved(instance([profiled(options, 9.0, **asked)], offers or (offer(), offer("b", "nb", 5.0)), **fields))


def vision(limit_ms: float, **changes: Any) -> ResolvedInstance:
    """A modelled service: how long one image takes is a matter of the model."""
    work = RequestServing(
        name="v",
        kind="request_serving",
        model="net",
        classes=(ItemClass(name="image", requests_per_s=10.0),),
        slo=(SLO(metric="end_to_end", percentile=99.0, limit_ms=limit_ms),),
        max_utilisation=1.0,
        **changes,
    )
    return resolved(instance([work], [offer()], models=(NET,)))  # type: ignore[list-item]


def training(days: float, **changes: Any) -> ResolvedInstance:
    work = Training(
        name="run", kind="training", model="net", samples=1e6, epochs=1.0, global_batch=8, deadline_days=days, **changes
    )
    return resolved(instance([work], [offer(stock=1)], models=(NET,)))  # type: ignore[list-item]


ONE_OF_EACH = (offer(stock=1), offer("b", "nb", 5.0, stock=1))
QUOTA = FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=1),))
CASES: list[tuple[ResolvedInstance, set[str], list[tuple[str, float]]]] = [
    (
        question(budgets=Budgets(horizon_usd=2.0)),
        {DEMAND, "budget of 2 USD over the horizon"},
        # two of three nodes serve 6 of 9 requests/s
        [("serve 67 % of the requests of w", 2.0), ("raise the budget to 3 USD over the horizon", 3.0)],
    ),
    (
        question(budgets=Budgets(usd_per_day=71.5)),
        {DEMAND, "budget of 71.5 USD per day"},
        [("serve 67 % of the requests of w", 2.0), ("raise the budget to 72 USD per day", 3.0)],
    ),
    (
        question(budgets=Budgets(sites={"here": BudgetCaps(horizon_usd=2.25)})),
        {DEMAND, "budget of site here of 2.25 USD over the horizon"},
        [
            ("serve 67 % of the requests of w", 2.0),
            ("raise the budget of site here to 3 USD over the horizon", 3.0),
        ],
    ),
    (
        question((offer(),), budgets=Budgets(workloads={"w": BudgetCaps(horizon_usd=2.0)})),
        {DEMAND, "budget of w of 2 USD over the horizon"},
        [("serve 67 % of the requests of w", 2.0), ("raise the budget of w to 3 USD over the horizon", 3.0)],
    ),
    (
        question(sites=(site(provider="P", power_cap_kw=2.0),)),
        {DEMAND, "power at here of at most 2 kW"},
        [("serve 67 % of the requests of w", 2.0), ("raise the power at here to 3 kW", 3.0)],
    ),
    (
        question(sites=(site(provider="P", rack_units=2.5),)),
        {DEMAND, "space at here of at most 2.5 rack units"},
        [("serve 67 % of the requests of w", 2.0), ("raise the space at here to 3 rack units", 3.0)],
    ),
    (
        question(ONE_OF_EACH),
        {DEMAND, "stock of o1 of 1 node", "stock of b of 1 node"},
        [("get 2 nodes of o1", 7.0), ("serve 67 % of the requests of w", 6.0), ("get 2 nodes of b", 11.0)],
    ),
    (
        question((offer(),), rules=QUOTA),
        {DEMAND, "quota of A accelerators from P of 1"},
        [("serve 33 % of the requests of w", 1.0), ("raise the quota of A accelerators from P to 3", 3.0)],
    ),
    (
        question((offer(),), rules=FleetRules(max_vendor_share={"V": 0.5})),
        {DEMAND, "accelerators of vendor V at most 0.5 of the fleet"},
        [("do without w", 0.0), ("allow a share of accelerators of vendor V of 1", 3.0)],
    ),
    (
        question((offer(),), rules=FleetRules(min_country_share={"DE": 0.25})),
        {DEMAND, "accelerators from DE at least 0.25 of the fleet"},
        [("do without w", 0.0), ("accept a share of accelerators from DE of 0", 3.0)],
    ),
    (
        question((offer(term="spot", interruptions_per_month=0.0),), rules=FleetRules(max_spot_share=0.25)),
        {DEMAND, "spot accelerators at most 0.25 of the fleet"},
        [("do without w", 0.0), ("allow a share of spot accelerators of 1", 3.0)],
    ),
    # 2 of A and 1 of B are there: one type is too few
    (
        question((offer(stock=2), offer("b", "nb", 5.0, stock=2)), rules=FleetRules(max_node_types=1)),
        {DEMAND, "at most 1 node type in the fleet", "stock of o1 of 2 nodes", "stock of b of 2 nodes"},
        [
            ("serve 67 % of the requests of w", 2.0),
            ("get 3 nodes of o1", 3.0),
            ("allow 2 node types", 7.0),
            ("get 3 nodes of b", 15.0),
        ],
    ),
    # 5 must be ordered, 4 are affordable
    (
        question((offer(min_order=5),), budgets=Budgets(horizon_usd=4.0)),
        {DEMAND, "minimum order of 5 nodes of o1", "budget of 4 USD over the horizon"},
        [
            ("do without w", 0.0),
            ("lower the minimum order of o1 to 4 nodes", 4.0),
            ("raise the budget to 5 USD over the horizon", 5.0),
        ],
    ),
    # 4 nodes are there: two spare ones are one too many
    (
        question((offer(stock=4),), redundancy=Redundancy(spare_nodes=2)),
        {DEMAND, "2 spare nodes for w", "stock of o1 of 4 nodes"},
        [
            ("serve 67 % of the requests of w", 4.0),
            ("accept 1 spare nodes for w", 4.0),
            ("get 5 nodes of o1", 5.0),
        ],
    ),
    (
        question(redundancy=Redundancy(survive_site_loss=True)),
        {DEMAND, "w survives the loss of any site"},
        [("do without w", 0.0), ("accept that w is down when a site is lost", 3.0)],
    ),
    (
        question((offer(stock=3),), min_replicas=4),
        {DEMAND, "at least 4 replicas of w", "stock of o1 of 3 nodes"},
        [("do without w", 0.0), ("accept 3 replicas of w", 3.0), ("get 4 nodes of o1", 4.0)],
    ),
    (
        question(max_replicas=2),
        {DEMAND, "at most 2 replicas of w"},
        [("serve 67 % of the requests of w", 2.0), ("allow 3 replicas of w", 3.0)],
    ),
    (
        question((offer(stock=3),), max_utilisation=0.75),
        {DEMAND, "stock of o1 of 3 nodes", "at most 0.75 of a replica's rate used by w"},
        [
            ("serve 75 % of the requests of w", 3.0),
            ("use 1 of a replica's rate for w", 3.0),
            ("get 4 nodes of o1", 4.0),
        ],
    ),
    (
        question(allowed=("B",), offers=(offer(),)),
        {DEMAND, "w only on B"},
        [("do without w", 0.0), ("allow A for w too", 3.0)],
    ),
    (
        question(precisions=("fp8",)),
        {DEMAND, "w only in fp8"},
        [("do without w", 0.0), ("allow all precisions for w", 3.0)],
    ),
    (
        question(
            privacy=Privacy(locations="on_prem"), sites=(site(kind="private_cloud", provider="P"),), offers=(offer(),)
        ),
        {DEMAND, "data of w only on own premises"},
        [("do without w", 0.0), ("allow a private cloud for w", 3.0)],
    ),
    (
        question(privacy=Privacy(countries=("DE",))),
        {DEMAND, "data of w only in the countries DE"},
        [("do without w", 0.0), ("allow country US for w too", 3.0)],
    ),
    (
        question(privacy=Privacy(certifications=("X",))),
        {DEMAND, "sites of w hold X"},
        [("do without w", 0.0), ("accept sites without X for w", 3.0)],
    ),
]


@pytest.mark.parametrize(("asked", "named", "repairs"), CASES, ids=lambda value: "")
def test_every_kind_of_requirement(asked: ResolvedInstance, named: set[str], repairs: list[tuple[str, float]]) -> None:
    """The whole explanation is checked by fresh solves; what helps is worked out by hand."""
    found = check(asked)
    assert found.conflict is not None
    assert {known.words for known in found.conflict.requirements} == named
    assert found.conflict.smallest or not any(asked.instance.workloads[0].options)
    if repairs:
        helping = [(_rounded(repair), repair.cost_usd) for repair in found.repairs]
        assert sorted(helping) == sorted(repairs)
        assert [cost for _, cost in helping] == sorted(cost for _, cost in repairs)


def _rounded(repair: Repair) -> str:
    """Demand in whole percent: it is found by bisection."""
    known = repair.requirement
    in_percent = known.kind == "demand" and repair.value is not None
    return known.putting.format(round(repair.value or 0)) if in_percent else repair.words


def accuracy_question() -> ResolvedInstance:
    """Two forms of 0.8 and 0.85; 0.9 is asked for."""
    best = (AccuracyFloor(metric="q", at_least=0.85),)
    options = [option("k", rates={"all": 2.0}, accuracy=LOW), option("l", rates={"all": 1.0}, accuracy=best)]
    return resolved(instance([profiled(options, 2.0, accuracy=HIGH)], [offer()]))


def test_the_nearest_accuracy_that_exists_is_offered() -> None:
    found = check(accuracy_question())
    assert [(repair.words, repair.cost_usd) for repair in found.repairs] == [
        ("do without w", 0.0),
        ("accept 0.85 q of w", 2.0),
    ]


def test_a_floor_of_a_class_is_a_requirement_of_its_own() -> None:
    work = profiled([option("k", rates={"a": 2.0, "b": 2.0}, accuracy=LOW)], {"a": 1.0, "b": 1.0})
    classes = (work.classes[0], work.classes[1].model_copy(update={"accuracy": HIGH}))
    found = check(resolved(instance([work.model_copy(update={"classes": classes})], [offer()])))
    assert [repair.words for repair in found.repairs] == ["do without w", "accept 0.8 q of class b of w"]


def test_latency_and_deadline_are_relaxed_no_further_than_needed() -> None:
    """Less than 1 % of the change separates what is proposed from what is too little: `check` solves just there."""
    latency = check(vision(1.0)).repairs[-1]
    assert latency.requirement.kind == "latency"
    assert latency.value is not None
    assert latency.value > 10.0  # one image takes 10 ms at the rate on the sheet
    deadline = next(repair for repair in check(training(0.01)).repairs if repair.requirement.kind == "deadline")
    assert deadline.value is not None
    # 3 x 10^18 operations at 10^14 a second are 0.35 days
    assert deadline.value > 0.35


def test_filters_and_rows_of_the_fleet_come_together_in_one_conflict() -> None:
    """The budget pays for the cloud, privacy forbids it."""
    options = [option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 3.0})]
    asked = resolved(
        instance(
            [profiled(options, 9.0, privacy=Privacy(locations="on_prem"))],
            (offer(usd_per_hour=4.0), offer("b", "nb", 1.0, site="cloud")),
            sites=(site(), site("cloud", kind="public_cloud", provider="P")),
            accelerators=(accelerator("A"), accelerator("B")),
            node_types=(node(), node("nb", carries="B")),
            budgets=Budgets(horizon_usd=6.0),
        )
    )
    found = check(asked)
    assert found.conflict is not None
    assert {known.kind for known in found.conflict.requirements} == {"demand", "privacy", "budget"}
    assert ("allow public clouds for w", 3.0) in [(repair.words, repair.cost_usd) for repair in found.repairs]


def test_two_conflicts_are_said_to_need_two_changes() -> None:
    found = check(question((offer(),), sites=(site(provider="P", power_cap_kw=2.0),), budgets=Budgets(horizon_usd=2.0)))
    assert [repair.requirement.kind for repair in found.repairs] == ["demand"]
    assert found.together is not None
    assert {known.kind for known in found.together.requirements} == {"budget", "power"}
    assert found.together.plan is not None
    assert found.together.plan.certificate is not None
    assert found.together.plan.certificate.objective_usd == 3.0
    assert "What would help together" in text_of(found)


def test_stages_and_run_periods_are_requirements() -> None:
    """Without them, and at another value, they are other questions."""
    purchase = offer("p", usd_per_hour=None, term="purchase", capex_usd=10.0, life_years=2.0)
    work = Training(
        name="run", kind="training", model="net", samples=1e3, epochs=1.0, global_batch=8, deadline_days=1.0,
        periods=("night",), parallelism=("tp1",),
    )  # fmt: skip
    asked = resolved(
        instance(
            [work],  # type: ignore[list-item]
            [purchase],
            horizon_days=730.0,
            models=(NET,),
            periods=(Period(name="day", hours=17000.0), Period(name="night", hours=520.0)),
            stages=(Stage(name="one", days=365.0), Stage(name="two", days=365.0)),
            budgets=Budgets(stages={"one": StageCaps(capex_usd=5.0)}),
        )
    )
    known = {requirement.kind: requirement for requirement in requirements(asked)}
    assert {"demand", "deadline", "run_periods", "parallelism", "stage_budget"} == set(known)
    for requirement in known.values():
        assert requirement.without(asked).digest != asked.digest
    assert known["stage_budget"].at(asked, 12.0).instance.budgets.stages["one"].capex_usd == 12.0
    with pytest.raises(ValueError, match="no number to change"):
        known["run_periods"].at(asked, 1.0)


def text_of(found: Explanation) -> str:
    from rich.console import Console

    console = Console(width=80, highlight=False)
    with console.capture() as capture:
        for part in explanation_text(found):
            console.print(part)
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) <= 80
    return " ".join(text.split())


def test_requirements_that_bind_have_a_price_and_others_have_none() -> None:
    """Privacy forces 3 nodes at 4 USD instead of 1; the budget is ample. N+1 costs 4 more beside it."""
    options = [option("a", rates={"all": 3.0}), option("b", "nb", rates={"all": 3.0})]
    asked = resolved(
        instance(
            [profiled(options, 9.0, privacy=Privacy(locations="on_prem"), redundancy=Redundancy(spare_nodes=1))],
            (offer(usd_per_hour=4.0), offer("b", "nb", 1.0, site="cloud")),
            sites=(site(), site("cloud", kind="public_cloud", provider="P")),
            accelerators=(accelerator("A"), accelerator("B")),
            node_types=(node(), node("nb", carries="B")),
            budgets=Budgets(horizon_usd=99.0),
        )
    )
    found = explanation(asked)
    assert found.bindings is not None
    prices = [(binding.requirements[0].kind, binding.price_usd, binding.proven) for binding in found.bindings.found]
    assert prices == [("privacy", 12.0, True), ("spare_nodes", 4.0, True)]
    assert found.bindings.complete
    (rival,) = found.rivals
    assert (rival.accelerator, rival.extra_usd, rival.homeless) == ("B", None, ("w",))
    assert "No other requirement costs anything by itself (proven)." in text_of(found)
    assert explanation_json(found, {})["binding"][0]["price_usd"] == 12.0


def test_the_runner_up_says_at_what_price_it_would_be_level() -> None:
    """B alone costs 15 USD instead of 3: level at 1 instead of 5 USD/h."""
    found = explanation(question())
    (rival,) = found.rivals
    assert (rival.accelerator, rival.extra_usd, rival.nodes, rival.level_factor) == ("B", 12.0, 3, 0.2)
    assert rival.level_usd_per_hour == 1.0
    assert "level at 1 instead of 5 USD/h a node" in text_of(found)


def test_a_rival_beyond_the_budget_still_has_a_cost() -> None:
    found = explanation(question(budgets=Budgets(horizon_usd=10.0)))
    (rival,) = found.rivals
    assert (rival.over_budget, rival.extra_usd) == (True, 12.0)
    assert "beyond the budget" in text_of(found)


def test_time_that_runs_out_is_said() -> None:
    from gpufleet.explain.explanation import explained
    from gpufleet.solving import solve

    asked = question(budgets=Budgets(horizon_usd=2.0))
    found = explained(asked, solve(asked), 1e-9, lambda _: None)
    assert found.conflict is None
    assert "Not found out within the time limit" in text_of(found)
    assert not feasible(asked)


def test_prices_of_requirements_that_took_too_long_are_said_to_be_missing() -> None:
    from gpufleet.explain.explanation import explained
    from gpufleet.solving import solve

    asked = question(budgets=Budgets(horizon_usd=2000.0))
    found = explained(asked, solve(asked), 1e-9, lambda _: None)
    assert found.bindings is not None
    assert not found.bindings.complete
    assert "None was settled within the time limit" in text_of(found)
