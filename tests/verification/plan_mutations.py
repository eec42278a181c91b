"""Plans that hold, broken one thing at a time: every break is found, by the right rule and by the right amount.

The profiled plan: 2 nodes `buy` (4 accelerators each, 70.80 USD each) and 1 node `rent` (30 USD); `chat` runs on one
replica of 1 at `cloud` (deployment 0, full) and one of 4 at `here` (deployment 1, 7/8 full), `vault` on one of 2 at
`here` (deployment 2, full). Routes: a half and half, b and all whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from verified_cases import CASES, Case, changed, without

from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Quota
from gpufleet.schema.migration import Moves
from gpufleet.schema.models import Runtime
from gpufleet.schema.plan import CostLine, LatencyFigure, PlannedNodes, PriceOfCaution, Route
from gpufleet.schema.prices import PlannedOverlay
from gpufleet.schema.workloads import SLO, AccuracyFloor, Privacy

if TYPE_CHECKING:
    from collections.abc import Callable

PROFILED, MEDICAL, SHOP, BANK = CASES


@dataclass(frozen=True)
class Mutation:
    """One thing that is wrong, and what must be said about it."""

    name: str
    base: str
    change: Callable[[Case], Case]
    rule: str
    excess: float | None = None
    """By how much, where it is a number."""

    def __str__(self) -> str:
        return f"{self.base}-{self.name}"


def _quota(accelerators: int) -> FleetRules:
    return FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=accelerators),))


_PRIVATE = Privacy(locations="private")
_ELSEWHERE = (Runtime(name="other", vendors=("Other",), source="-"),)


def _accuracy(metric: str, at_least: float) -> tuple[AccuracyFloor, ...]:
    return (AccuracyFloor(metric=metric, at_least=at_least),)


def _unit(c: Case) -> str:
    """The accelerator of the first deployment."""
    return c.asked.accelerator_of(c.plan.deployments[0].node_type).name


def _size(c: Case) -> int:
    """Accelerators of the first deployment."""
    return c.plan.deployments[0].parallelism.accelerators


def _objective(c: Case) -> float:
    assert c.plan.certificate is not None
    assert c.plan.certificate.objective_usd is not None
    return c.plan.certificate.objective_usd


def _latency(c: Case, **changes: object) -> Case:
    return c.with_deployment(0, latency=changed(c.plan.deployments[0].latency, 0, **changes))


def _dates(c: Case, date: str) -> Case:
    certificate = c.plan.certificate
    assert certificate is not None
    return c.with_certificate(price_dates={**certificate.price_dates, "rent": date})


def _price(c: Case, **changes: object) -> Case:
    return c.with_plan(offer_prices=changed(c.plan.offer_prices, 0, **changes))


def _overlay(c: Case) -> Case:
    return c.with_plan(overlay=PlannedOverlay(file="terms.yaml", digest="0" * 64))


FLEET = (
    Mutation("one node fewer", PROFILED, lambda c: c.with_nodes(0, count=1), "packing", 1),
    Mutation("one entry fewer", PROFILED, lambda c: c.with_plan(nodes=without(c.plan.nodes, 1)), "packing", 1),
    Mutation("one node fewer", MEDICAL, lambda c: c.with_nodes(0, count=c.plan.nodes[0].count - 1), "packing", 1),
    Mutation("one node fewer", SHOP, lambda c: c.with_nodes(0, count=c.plan.nodes[0].count - 1), "packing", 1),
    Mutation("no nodes", BANK, lambda c: c.with_nodes(0, count=0), "packing", 1),
    Mutation("unknown offer", PROFILED, lambda c: c.with_nodes(0, offer="by"), "offer"),
    Mutation("offer of another node type", PROFILED, lambda c: c.with_nodes(1, node_type="n4"), "offer"),
    Mutation("offer at another site", PROFILED, lambda c: c.with_nodes(0, site="cloud"), "offer"),
    Mutation("offer on another term", PROFILED, lambda c: c.with_nodes(0, term="owned"), "offer"),
    Mutation("stock exceeded", PROFILED, lambda c: c.with_nodes(0, count=5), "stock", 2),
    Mutation(
        "stock exceeded by two entries",
        PROFILED,
        lambda c: c.with_plan(nodes=(*c.plan.nodes, PlannedNodes(offer="buy", count=2))),
        "stock",
        1,
    ),
    Mutation("stock sold meanwhile", PROFILED, lambda c: c.with_offer("buy", stock=1), "stock", 1),
    Mutation("power cap lowered", PROFILED, lambda c: c.with_site(0, power_cap_kw=5.75), "power", 0.25),
    Mutation("a node more than the power cap allows", PROFILED, lambda c: c.with_nodes(0, count=3), "power", 2.5),
    Mutation("rack units lowered", PROFILED, lambda c: c.with_site(0, rack_units=7.5), "rack", 0.5),
    Mutation("power cap lowered", MEDICAL, lambda c: c.with_site(0, power_cap_kw=1.0), "power"),
    Mutation("quota lowered", PROFILED, lambda c: c.with_instance(rules=_quota(0)), "quota", 1),
    Mutation("moves from nowhere", PROFILED, lambda c: c.with_plan(moves=Moves(cost_usd=0.0)), "moves"),
    Mutation("quota exceeded", PROFILED, lambda c: c.with_nodes(1, count=4), "quota", 3),
)

DEPLOYMENTS = (
    Mutation("unknown workload", PROFILED, lambda c: c.with_deployment(2, workload="volt"), "names"),
    Mutation("unknown site", PROFILED, lambda c: c.with_deployment(2, site="there"), "names"),
    Mutation("unknown node type", PROFILED, lambda c: c.with_deployment(2, node_type="n5"), "names"),
    Mutation("unknown option", PROFILED, lambda c: c.with_deployment(2, option="exactly"), "names"),
    Mutation("no option", PROFILED, lambda c: c.with_deployment(2, option=None), "names"),
    Mutation("training a quantised model", MEDICAL, lambda c: c.with_deployment(0, variant="int8-ptq"), "method"),
    Mutation("unknown variant", MEDICAL, lambda c: c.with_deployment(0, variant="mixed-fp15"), "names"),
    Mutation("another model", SHOP, lambda c: c.with_deployment(0, model="resnet-50"), "model"),
    Mutation("a model on a profile", PROFILED, lambda c: c.with_deployment(0, model="resnet-50"), "model"),
    Mutation("no variant", SHOP, lambda c: c.with_deployment(0, variant=None), "names"),
    Mutation("site without the nodes", PROFILED, lambda c: c.with_deployment(1, site="cloud"), "packing", 1),
    Mutation("option of another node type", PROFILED, lambda c: c.with_deployment(0, option="four"), "profile"),
    Mutation("option of another size", PROFILED, lambda c: c.with_parallelism(1, tensor=8), "profile"),
    Mutation("a variant on a profile", PROFILED, lambda c: c.with_deployment(0, variant="fp16"), "figures"),
    Mutation("an option on a model", SHOP, lambda c: c.with_deployment(0, option="one"), "figures"),
    Mutation("private data in the cloud", PROFILED, lambda c: c.with_deployment(2, site="cloud"), "privacy"),
    Mutation("images leave the hospital", MEDICAL, lambda c: c.with_deployment(0, site="aws-us-east-1"), "privacy"),
    Mutation("privacy tightened", SHOP, lambda c: c.with_workload(0, privacy=Privacy(locations="on_prem")), "privacy"),
    Mutation("privacy tightened a little", SHOP, lambda c: c.with_workload(0, privacy=_PRIVATE), "privacy"),
    Mutation("no longer on premises", MEDICAL, lambda c: c.with_site(0, kind="private_cloud"), "privacy"),
    Mutation("private cloud turned public", BANK, lambda c: c.with_site(0, kind="public_cloud"), "privacy"),
    Mutation("country forbidden", SHOP, lambda c: c.with_workload(0, privacy=Privacy(countries=("DE",))), "privacy"),
    Mutation(
        "region forbidden", SHOP, lambda c: c.with_workload(0, privacy=Privacy(regions=("eu-west-1",))), "privacy"
    ),
    Mutation("provider forbidden", SHOP, lambda c: c.with_workload(0, privacy=Privacy(providers=("P",))), "privacy"),
    Mutation("certificate lapsed", BANK, lambda c: c.with_site(0, certifications=()), "privacy"),
    Mutation("option below the floor", PROFILED, lambda c: c.with_deployment(2, option="coarse"), "accuracy", 0.1),
    Mutation("floor raised", PROFILED, lambda c: c.with_workload(1, accuracy=_accuracy("top1", 0.9)), "accuracy", 0.1),
    Mutation("unknown metric", PROFILED, lambda c: c.with_workload(1, accuracy=_accuracy("top5", 0.1)), "accuracy"),
    Mutation("floor raised", SHOP, lambda c: c.with_workload(0, accuracy=_accuracy("auc", 0.99)), "accuracy"),
    Mutation("int8 where fp32 is asked for", PROFILED, lambda c: c.with_deployment(2, option="coarse"), "precision"),
    Mutation("int8 where fp32 is asked for", SHOP, lambda c: c.with_workload(0, precisions=("fp32",)), "precision"),
    Mutation("accelerator not allowed", PROFILED, lambda c: c.with_workload(1, accelerators=("A",)), "accelerator"),
    Mutation("accelerator not allowed", SHOP, lambda c: c.with_workload(0, accelerators=("other",)), "accelerator"),
    Mutation(
        "no runtime for it",
        SHOP,
        lambda c: c.with_hardware("models", "dlrm-ecommerce", runtimes=_ELSEWHERE),
        "software",
    ),
    Mutation("replica of 3", PROFILED, lambda c: c.with_parallelism(2, tensor=3), "replica_size"),
    Mutation("replica of 3", BANK, lambda c: c.with_parallelism(2, data=3), "replica_size"),
    Mutation("replica of one node and a half", PROFILED, lambda c: c.with_parallelism(1, tensor=6), "replica_size"),
    Mutation("wrong accelerators", PROFILED, lambda c: c.with_deployment(1, accelerators=2), "parallelism"),
    Mutation("tensor over nodes", MEDICAL, lambda c: c.with_parallelism(0, tensor=_size(c), data=1), "parallelism"),
    Mutation("tensor beside the heads", BANK, lambda c: c.with_parallelism(0, tensor=3), "parallelism"),
    Mutation("more stages than layers", BANK, lambda c: c.with_parallelism(0, pipeline=64), "parallelism"),
    Mutation("stages of a network without", SHOP, lambda c: c.with_parallelism(0, pipeline=2), "parallelism"),
    Mutation("experts of a dense model", BANK, lambda c: c.with_parallelism(0, tensor=2, expert=2), "parallelism"),
    Mutation("experts beyond the replica", BANK, lambda c: c.with_parallelism(0, expert=64), "parallelism"),
    Mutation(
        "parallelism not allowed", MEDICAL, lambda c: c.with_workload(0, parallelism=("tp8-dp8-zero3",)), "parallelism"
    ),
    Mutation("batch too large for the memory", MEDICAL, lambda c: c.with_deployment(0, batch=64), "memory"),
    Mutation(
        "smaller accelerators", SHOP, lambda c: c.with_hardware("accelerators", _unit(c), memory_gb=8.0), "memory"
    ),
    Mutation("batch above the limit", BANK, lambda c: c.with_workload(0, max_batch=64), "batch", 64),
    Mutation("deadline moved", MEDICAL, lambda c: c.with_workload(0, deadline_days=10.0), "deadline"),
    Mutation(
        "fewer accelerators, too late",
        MEDICAL,
        lambda c: c.with_parallelism(0, data=c.plan.deployments[0].parallelism.data // 2),
        "deadline",
    ),
)

SERVICE = (
    Mutation("one replica fewer", PROFILED, lambda c: c.with_deployment(0, replicas=0), "class"),
    Mutation(
        "one replica fewer",
        SHOP,
        lambda c: c.with_deployment(1, replicas=c.plan.deployments[1].replicas - 1),
        "capacity",
    ),
    Mutation("one replica fewer", BANK, lambda c: c.with_deployment(0, replicas=0), "replicas", 1),
    Mutation("min_replicas raised", PROFILED, lambda c: c.with_workload(0, min_replicas=4), "replicas", 2),
    Mutation(
        "max_replicas lowered", PROFILED, lambda c: c.with_workload(0, min_replicas=0, max_replicas=1), "replicas", 1
    ),
    Mutation("too many replicas", PROFILED, lambda c: c.with_deployment(0, replicas=7), "replicas", 3),
    Mutation("no training", MEDICAL, lambda c: c.with_deployment(0, replicas=0), "demand", 1),
    Mutation("no deployment", MEDICAL, lambda c: c.with_plan(deployments=()), "demand", 1),
    Mutation("share lowered", PROFILED, lambda c: c.with_route(0, share=0.25), "demand", 1.5),
    Mutation("class over-routed", PROFILED, lambda c: c.with_route(1, share=0.6), "demand", 0.6),
    Mutation("replica over-routed", PROFILED, lambda c: c.with_route(0, share=0.75), "capacity", 0.5),
    Mutation("route removed", PROFILED, lambda c: c.with_plan(routing=without(c.plan.routing, 2)), "demand", 2.0),
    Mutation(
        "route twice", PROFILED, lambda c: c.with_plan(routing=(*c.plan.routing, c.plan.routing[2])), "demand", 2.0
    ),
    Mutation("route to nowhere", PROFILED, lambda c: c.with_route(0, deployment=9), "routing"),
    Mutation("route to another workload", PROFILED, lambda c: c.with_route(3, deployment=1), "routing"),
    Mutation("route of an unknown class", PROFILED, lambda c: c.with_route(2, request_class="c"), "routing"),
    Mutation("route of an unknown workload", PROFILED, lambda c: c.with_route(3, workload="volt"), "routing"),
    Mutation("class that cannot be served there", PROFILED, lambda c: c.with_route(2, deployment=0), "class"),
    Mutation(
        "a training run routed",
        BANK,
        lambda c: c.with_plan(
            routing=(*c.plan.routing, Route(workload="fine-tuning", request_class="run", deployment=1, share=1.0))
        ),
        "routing",
    ),
    Mutation(
        "more demand",
        PROFILED,
        lambda c: c.with_workload(1, classes=changed(c.asked.instance.workloads[1].classes, 0, requests_per_s=5.5)),
        "capacity",
        0.1,
    ),
    Mutation("less utilisation allowed", PROFILED, lambda c: c.with_workload(1, max_utilisation=0.8), "capacity", 0.25),
    Mutation(
        "rate not measured after all",
        PROFILED,
        lambda c: c.with_workload(
            0, options=changed(c.asked.instance.workloads[0].options, 1, rates={"a": 8.0, "b": 2.0})
        ),
        "capacity",
        0.375,  # 3 of 8 of a, and 2 of 2 of b
    ),
    Mutation(
        "SLO tightened",
        SHOP,
        lambda c: c.with_workload(0, slo=(SLO(metric="end_to_end", percentile=99.0, limit_ms=0.5),)),
        "capacity",
    ),
    Mutation(
        "SLO below the fastest answer",
        SHOP,
        lambda c: c.with_workload(0, slo=(SLO(metric="end_to_end", percentile=99.0, limit_ms=1e-3),)),
        "latency",
    ),
    Mutation(
        "slower accelerators",
        BANK,
        lambda c: c.with_hardware("accelerators", _unit(c), memory_bandwidth_gb_s=9.0),
        "class",
    ),
)

MONEY = (
    Mutation("payment left out", PROFILED, lambda c: c.with_plan(cash_flow=c.plan.cash_flow[1:]), "cash_flow"),
    Mutation("cheaper price", PROFILED, lambda c: c.with_nodes(1, unit_cost_usd=29.0), "cost", 1.0),
    Mutation("cheaper total", PROFILED, lambda c: c.with_nodes(0, total_cost_usd=141.599999), "cost", 1e-6),
    Mutation("price risen", PROFILED, lambda c: c.with_offer("rent", usd_per_hour=1.5), "cost", 6.0),
    Mutation("price risen", BANK, lambda c: c.with_offer("a30-node", usd_per_hour=3.7), "cost", 876.0),
    Mutation("electricity dearer", PROFILED, lambda c: c.with_site(0, electricity_usd_per_kwh=0.2), "cost", 10.8),
    Mutation("cost line removed", PROFILED, lambda c: c.with_plan(costs=without(c.plan.costs, 1)), "cost", 24.0),
    Mutation("cost line twice", PROFILED, lambda c: c.with_plan(costs=(*c.plan.costs, c.plan.costs[3])), "cost", 30.0),
    Mutation("cost line edited", PROFILED, lambda c: c.with_cost(0, unit_usd=47.0), "cost", 1.0),
    Mutation("cost line does not multiply", PROFILED, lambda c: c.with_cost(0, total_usd=95.0), "cost", 1.0),
    Mutation("another quantity", PROFILED, lambda c: c.with_cost(0, quantity=1, total_usd=48.0), "cost", 48.0),
    Mutation("cost line of an offer not taken", PROFILED, lambda c: c.with_cost(3, offer="rent4"), "cost"),
    Mutation("cost line of another kind", PROFILED, lambda c: c.with_cost(3, item="running"), "cost"),
    Mutation(
        "an extra fee",
        PROFILED,
        lambda c: c.with_plan(
            costs=(
                *c.plan.costs,
                CostLine(item="fee", offer="rent", quantity=1, unit_usd=1.0, total_usd=1.0, source="-"),
            )
        ),
        "cost",
    ),
    Mutation("budget lowered", PROFILED, lambda c: c.with_instance(budgets=Budgets(usd_per_day=170.0)), "budget", 1.6),
    Mutation("horizon budget", PROFILED, lambda c: c.with_instance(budgets=Budgets(horizon_usd=171.5)), "budget", 0.1),
    Mutation(
        "capex budget", PROFILED, lambda c: c.with_instance(budgets=Budgets(capex_usd=175_000.0)), "budget", 200.0
    ),
    Mutation(
        "budget of a site",
        PROFILED,
        lambda c: c.with_instance(budgets=Budgets(sites={"cloud": BudgetCaps(usd_per_day=29.5)})),
        "budget",
        0.5,
    ),
    Mutation("budget lowered", SHOP, lambda c: c.with_instance(budgets=Budgets(usd_per_day=100.0)), "budget"),
)

CLAIMS = (
    Mutation("another instance", PROFILED, lambda c: c.with_plan(instance="profile"), "instance"),
    Mutation("stale digest", PROFILED, lambda c: c.with_certificate(instance_digest="0" * 64), "digest"),
    Mutation("objective too low", PROFILED, lambda c: c.with_certificate(objective_usd=171.5), "certificate", 0.1),
    Mutation(
        "objective off by a millionth",
        BANK,
        lambda c: c.with_certificate(objective_usd=_objective(c) + 1e-6),
        "certificate",
    ),
    Mutation("bound above the objective", PROFILED, lambda c: c.with_certificate(bound_usd=172.6), "certificate", 1.0),
    Mutation("optimal without a tight bound", PROFILED, lambda c: c.with_certificate(bound_usd=171.0), "certificate"),
    Mutation(
        "optimal without a bound", PROFILED, lambda c: c.with_certificate(bound_usd=None, gap=None), "certificate"
    ),
    Mutation("gap without a bound", PROFILED, lambda c: c.with_certificate(bound_usd=None), "certificate"),
    Mutation("wrong gap", PROFILED, lambda c: c.with_certificate(gap=0.01), "certificate"),
    Mutation("no gap", PROFILED, lambda c: c.with_certificate(gap=None), "certificate"),
    Mutation("no objective", PROFILED, lambda c: c.with_certificate(objective_usd=None), "certificate"),
    Mutation("no certificate", PROFILED, lambda c: c.with_plan(certificate=None), "certificate"),
    Mutation("newer price date", PROFILED, lambda c: _dates(c, "2026-08-01"), "certificate"),
    Mutation("no price dates", PROFILED, lambda c: c.with_certificate(price_dates={}), "certificate"),
    Mutation("another list price", PROFILED, lambda c: _price(c, list_usd=99.0), "prices"),
    Mutation("another price paid", SHOP, lambda c: _price(c, paid_usd=0.01), "prices"),
    Mutation("another unit", MEDICAL, lambda c: _price(c, unit="usd_per_hour"), "prices"),
    Mutation("one price fewer", SHOP, lambda c: c.with_plan(offer_prices=without(c.plan.offer_prices, 0)), "prices"),
    Mutation("an overlay that is not given", SHOP, _overlay, "overlay"),
    Mutation("infeasible with a fleet", PROFILED, lambda c: c.with_plan(status="infeasible"), "status"),
    Mutation("unknown with a fleet", MEDICAL, lambda c: c.with_plan(status="unknown"), "status"),
    Mutation("utilisation", PROFILED, lambda c: c.with_deployment(1, utilisation=0.8), "figures", 0.075),
    Mutation("utilisation", SHOP, lambda c: c.with_deployment(1, utilisation=0.5), "figures"),
    Mutation("memory", MEDICAL, lambda c: c.with_deployment(0, memory_gb=20.5), "figures", 10.0),
    Mutation("memory limit", MEDICAL, lambda c: c.with_deployment(0, memory_limit_gb=80.0), "figures"),
    Mutation("memory of a profile", PROFILED, lambda c: c.with_deployment(0, memory_gb=1.0), "figures"),
    Mutation("training days", MEDICAL, lambda c: c.with_deployment(0, training_days=10.0), "figures"),
    Mutation("training days of a service", SHOP, lambda c: c.with_deployment(0, training_days=1.0), "figures"),
    Mutation("latency", SHOP, lambda c: _latency(c, predicted_ms=5.0), "figures"),
    Mutation("latency limit", SHOP, lambda c: _latency(c, limit_ms=60.0), "figures", 10.0),
    Mutation("latency of an unknown class", BANK, lambda c: _latency(c, request_class="third-turn"), "figures"),
    Mutation("latency at another percentile", BANK, lambda c: _latency(c, percentile=99.0), "figures"),
    Mutation("latency of another metric", BANK, lambda c: _latency(c, metric="ttft"), "figures"),
    Mutation(
        "latency of a profile",
        PROFILED,
        lambda c: c.with_deployment(
            0,
            latency=(LatencyFigure(metric="ttft", request_class="a", percentile=99.0, predicted_ms=1.0, limit_ms=2.0),),
        ),
        "figures",
    ),
    Mutation("precision", PROFILED, lambda c: c.with_deployment(2, precision="fp16"), "figures"),
    Mutation("precision", SHOP, lambda c: c.with_deployment(0, precision="fp32"), "figures"),
    Mutation("bottleneck", MEDICAL, lambda c: c.with_deployment(0, bottleneck="interconnect"), "figures"),
    Mutation("made for p90", PROFILED, lambda c: c.with_plan(performance="p90"), "performance"),
    Mutation("asked for p90", MEDICAL, lambda c: c.with_instance(performance="p90"), "performance"),
    Mutation("low of a rate", PROFILED, lambda c: c.with_deployment(0, rate_low=0.96), "figures", 0.01),
    Mutation("high of a rate", SHOP, lambda c: c.with_deployment(0, rate_high=1.01), "figures"),
    Mutation("low of a latency", SHOP, lambda c: _latency(c, low=0.99), "figures"),
    Mutation("high of a latency", BANK, lambda c: _latency(c, high=1.01), "figures"),
    Mutation("caution at p50", SHOP, lambda c: c.with_plan(caution=PriceOfCaution(note="none")), "caution"),
    Mutation("called measured", MEDICAL, lambda c: c.with_deployment(0, provenance="measured"), "figures"),
)

MUTATIONS = (*FLEET, *DEPLOYMENTS, *SERVICE, *MONEY, *CLAIMS)
