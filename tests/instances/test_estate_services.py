"""The estate instances of services, models and confidence: optima by hand, the same on every back end, and verified."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from builders import edited
from gpufleet import load_instance, resolve, solve, verify
from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_fields
from gpufleet.library.reader import read_document
from gpufleet.library.validation import validate
from gpufleet.report.plan_text import plan_text
from gpufleet.schema.instance import Instance
from gpufleet.schema.workloads import LLMServing

if TYPE_CHECKING:
    from gpufleet import ResolvedInstance
    from gpufleet.optimize.choice import BackendChoice
from estate_plans import ESTATE, cost_of, text_of


def test_shared_assistant() -> None:
    """Two nodes each if every team has its own, four if they share nodes, three if they share replicas.

    A node costs 9.2568 USD/h, so 81,089.568 USD a year.
    """
    node = 9.2568 * 8760
    asked = load_instance(ESTATE / "shared-assistant.yaml")
    plan = solve(asked)
    assert cost_of(plan) == pytest.approx(3 * node)
    assert [nodes.count for nodes in plan.nodes] == [3]
    assert {route.workload for route in plan.routing} == {"assistant"}
    text = text_of(asked, plan)
    assert "shared by chat, documents, classification" in text
    assert "serves at most chat/turn 100.0 %, documents/summary 100.0 %" in text

    document = read_document(ESTATE / "shared-assistant.yaml")
    question = validate(Instance, document.value, document)
    apart = tuple(workload.model_copy(update={"service": None}) for workload in question.workloads)
    assert cost_of(solve(resolve(question.model_copy(update={"workloads": apart})))) == pytest.approx(4 * node)
    for workload in apart:
        alone = question.model_copy(update={"workloads": (workload,)})
        assert cost_of(solve(resolve(alone))) == pytest.approx(2 * node)


def test_small_where_good_enough() -> None:
    """The floors decide who may serve what, and what they cost can be seen by moving them.

    With the large model alone, or with a floor on extraction that only the large one reaches, the fleet costs the same;
    without floors the small model serves everything; the instance as it stands lies strictly between.
    """
    asked = load_instance(ESTATE / "small-where-good-enough.yaml")
    plan = solve(asked)
    models = [deployment.model for deployment in plan.deployments]
    drafts = {models[route.deployment] for route in plan.routing if route.request_class == "draft"}
    assert drafts == {"llama-3.1-70b"}
    extracts = {models[r.deployment]: r.share for r in plan.routing if r.request_class == "extract"}
    assert extracts["llama-3.1-8b"] > 0.9
    text = text_of(asked, plan)
    assert "assistant (llm_serving, llama-3.1-70b or llama-3.1-8b)" in text
    assert "1 x llama-3.1-8b fp8 on" in text

    workload = asked.instance.workloads[0]
    assert isinstance(workload, LLMServing)

    def cost(**changes: object) -> float:
        return cost_of(solve(resolve(asked.instance.model_copy(update={"workloads": (edited(workload, **changes),)}))))

    large = cost(alternatives=())
    strict = tuple(edited(group, accuracy=workload.classes[1].accuracy) for group in workload.classes)
    free = tuple(edited(group, accuracy=()) for group in workload.classes)
    assert cost(classes=strict) == large
    assert cost(classes=free) < cost_of(plan) < large
    small = cost(classes=free, model="llama-3.1-8b", alternatives=())
    assert cost(classes=free) == small


def test_two_teams_behind_one_service_cost_what_one_workload_with_both_classes_costs() -> None:
    """The instance above, written as two workloads that share a service."""
    asked = load_instance(ESTATE / "small-where-good-enough.yaml")
    workload = asked.instance.workloads[0]
    assert isinstance(workload, LLMServing)
    ttft, tpot = (edited(bound, classes=None) for bound in workload.slo)
    bounds = {"extract": (ttft,), "draft": (ttft, tpot)}
    teams = tuple(
        edited(workload, name=group.name, service="assistant", classes=(group,), slo=bounds[group.name])
        for group in workload.classes
    )
    shared = resolve(asked.instance.model_copy(update={"workloads": teams}))
    one, two = solve(asked), solve(shared)
    assert cost_of(one) == cost_of(two)
    assert one.nodes == two.nodes
    assert {(r.request_class, r.share) for r in two.routing} == {
        (f"{r.request_class}/{r.request_class}", r.share) for r in one.routing
    }


def _with_first(asked: ResolvedInstance, **changes: object) -> ResolvedInstance:
    """The instance with some fields of its only workload replaced."""
    workload = asked.instance.workloads[0]
    return resolve(asked.instance.model_copy(update={"workloads": (edited(workload, **changes),)}))


def test_disaggregated_assistant(backend: BackendChoice) -> None:
    """Long prompts under a tight bound on gaps: apart, prompts do not hold up tokens, and half of the nodes are saved.

    The gap of an engine that does both is a step and a chunk of a prompt. Without bounds the chunks harm nobody, and
    one pool of accelerators serves as much as two.
    """
    asked = load_instance(ESTATE / "disaggregated-assistant.yaml")
    plan = solve(asked, backend=backend)
    assert all(deployment.parallelism.prefill_instances for deployment in plan.deployments)
    together = solve(_with_first(asked, disaggregated=False))
    assert not any(deployment.parallelism.prefill_instances for deployment in together.deployments)
    assert cost_of(plan) <= cost_of(together) / 2
    assert cost_of(solve(_with_first(asked, disaggregated=False, slo=()))) <= cost_of(plan)
    assert verify(asked, plan).ok
    cut = plan.deployments[0].parallelism
    words = f"prefill {cut.prefill_instances} x TP{cut.prefill_tensor} + decode {cut.data} x TP{cut.tensor}, batch"
    assert words in text_of(asked, plan)


def test_prefix_cache() -> None:
    """The fleet of an agent three quarters of whose prompts are cached is half of what it would be, or less.

    Reading the prompt is nearly all the work: of 8,000 tokens against 60 generated ones. Of a prompt whose first 6,000
    tokens are cached, 1/4 of the products and 7/16 of the scores are left (2,000 tokens at a mean of 7,000 before
    them, against 8,000 at 4,000). So the fleet falls to less than 7/16 but for the tokens generated, which cost the
    same: it halves as long as these take less than an eighth of the reading of a whole prompt.
    """
    asked = load_instance(ESTATE / "prefix-cache.yaml")
    without = _with_first(asked, prefix_cache_hit_fraction=0.0, prefix_cache_tokens=None)
    plan, all_read = solve(asked), solve(without)
    assert 2 * plan.nodes[0].count <= all_read.nodes[0].count
    assert cost_of(plan) / cost_of(all_read) == plan.nodes[0].count / all_read.nodes[0].count
    best = {
        name: float(max(option.rates[0] for option in build_candidates(question).options["agent"]))
        for name, question in {
            "cached": _with_first(asked, slo=()),
            "read": _with_first(without, slo=()),
            "generated": _with_first(asked, slo=(), prefix_cache_hit_fraction=1.0),
        }.items()
    }
    reading, rest = (1 / best[name] - 1 / best["generated"] for name in ("read", "cached"))
    assert 1 / 4 < rest / reading < 7 / 16
    assert 1 / best["generated"] < reading / 8
    assert verify(asked, plan).ok
    assert not verify(without, plan).ok


def test_counted_on(backend: BackendChoice) -> None:
    """31 requests/s on nodes measured at 8, for 1.2 USD/h: four nodes (31 / 8 = 3.875) for 3,456 USD.

    With 90 % confidence a node does 8 x 0.95^(1.28155 / 1.64485) = 8 x 0.96082 = 7.6866, and 31 take 4.033: five,
    for 4,320 USD. The p95 of TPOT at 80.7 % of that rate, 34.69 ms, is within 50 ms in any case.
    """
    asked = load_instance(ESTATE / "counted-on.yaml")
    plan = solve(asked, backend=backend)
    assert {nodes.offer: nodes.count for nodes in plan.nodes} == {"l40s": 5}
    assert plan.caution is not None
    assert (plan.caution.p50_usd, plan.caution.extra_usd, plan.caution.proven) == (3456.0, 864.0, True)
    (deployment,) = plan.deployments
    assert deployment.utilisation == pytest.approx(31 / (5 * 7.6866), rel=1e-4)
    assert (deployment.provenance, deployment.rate_low, deployment.rate_high) == ("measured", 0.95, 1.05)
    assert verify(asked, plan).ok
    usual = solve(with_fields(asked, performance="p50"), backend=backend)
    assert {nodes.offer: nodes.count for nodes in usual.nodes} == {"l40s": 4}
    assert usual.caution is None


def test_counted_on_by_the_model_costs_more_caution() -> None:
    """Without measurements and without stated intervals, the error is assumed at 30 %, log-normal: a node does
    1.3^-1.28155 = 0.71446 of its estimate. The nodes follow from the utilisation of the plan at p50 alone."""
    asked = load_instance(ESTATE / "counted-on.yaml")
    (chat,) = asked.instance.workloads
    fields = {"measurements": (), "measurements_policy": "strict", "workloads": (edited(chat, slo=()),)}
    plain = resolve(asked.instance.model_copy(update=fields), path=asked.path)
    plain = replace(plain, calibration=plain.calibration.model_copy(update={"intervals": ()}))
    plan, usual = solve(plain), solve(with_fields(plain, performance="p50"))
    needed = sum(d.replicas * (d.utilisation or 0.0) for d in usual.deployments)
    assert usual.nodes[0].count == math.ceil(needed)
    assert plan.nodes[0].count == math.ceil(needed / 0.71446)
    assert plan.deployments[0].rate_low == pytest.approx(1.3**-1.6448536)
    text = io.StringIO()
    for part in plan_text(plain, plan):
        Console(file=text, width=80, highlight=False).print(part)
    assert "modelled, 0.65-1.54x" in text.getvalue()
    assert "Bought at p90" in text.getvalue()
