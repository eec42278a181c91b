"""Plans that hold, to be broken one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders import accelerator, edited, instance, node, offer, option, profiled, resolved, site
from gpufleet import load_instance, solve
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules, Quota
from gpufleet.schema.workloads import AccuracyFloor, Privacy

if TYPE_CHECKING:
    from gpufleet import Plan, ResolvedInstance
    from gpufleet.schema.instance import Instance

REFERENCE = Path(__file__).resolve().parents[2] / "instances" / "reference"
CASES = ("profiled", "medical-imaging", "ecommerce-recommender", "bank-assistant")


def profiled_question() -> Instance:
    """A routed workload that may go anywhere, a covering one that must stay; an own, a bought and a rented pool.

    `chat`: `four` is the only option that serves b, and needs half a replica for it; of a, 8 x 1/2 = 4 fit beside it,
    and 2 remain for `one` (2/3 of a replica). `vault`: one replica of 2 accelerators, beside `four` on a second node.
    """
    floor = (AccuracyFloor(metric="top1", at_least=0.8),)
    chat = profiled(
        [
            option("one", rates={"a": 3.0}, precision="fp16"),
            option("four", "n4", 4, rates={"a": 8.0, "b": 4.0}, precision="int8"),
        ],
        {"a": 6.0, "b": 2.0},
        "chat",
        min_replicas=2,
        max_replicas=5,
    )
    vault = profiled(
        [
            option("exact", "n4", 2, rates={"all": 5.0}, precision="fp32", accuracy=floor),
            option("coarse", "n4", 1, rates={"all": 5.0}, precision="int8", accuracy=(edited(floor[0], at_least=0.7),)),
        ],
        5.0,
        "vault",
        privacy=Privacy(locations="on_prem"),
        accuracy=floor,
        precisions=("fp32", "fp16"),
        accelerators=("B",),
    )
    bought = {"term": "purchase", "capex_usd": 87_600.0, "life_years": 5.0, "maintenance_fraction_per_year": 0.05}
    return instance(
        [chat, vault],
        [
            offer("buy", "n4", None, stock=3, **bought),
            offer("rent", "n1", 1.25, site="cloud", as_of="2026-01-31"),
            offer("rent4", "n4", 40.0, site="cloud"),
        ],
        uid="profiled",
        horizon_hours=24.0,
        sites=(
            site(power_cap_kw=6.5, rack_units=9.0, electricity_usd_per_kwh=0.1, pue=1.5),
            site("cloud", kind="public_cloud", provider="P", region="r"),
        ),
        accelerators=(accelerator("A"), accelerator("B")),
        node_types=(node("n1", 1, "A"), node("n4", 4, "B", power_kw=3.0, rack_units=4.0)),
        budgets=Budgets(usd_per_day=200.0, capex_usd=200_000.0, sites={"cloud": BudgetCaps(horizon_usd=31.0)}),
        rules=FleetRules(quotas=(Quota(provider="P", accelerator="A", accelerators=1),)),
    )


@dataclass(frozen=True)
class Case:
    """A question and a plan for it."""

    asked: ResolvedInstance
    plan: Plan

    def with_plan(self, **changes: Any) -> Case:
        """Some fields of the plan replaced."""
        return replace(self, plan=edited(self.plan, **changes))

    def with_certificate(self, **changes: Any) -> Case:
        """Some fields of the certificate replaced."""
        return self.with_plan(certificate=edited(self.plan.certificate, **changes))

    def with_nodes(self, position: int = 0, **changes: Any) -> Case:
        """Some fields of one entry of the fleet replaced."""
        return self.with_plan(nodes=changed(self.plan.nodes, position, **changes))

    def with_deployment(self, position: int = 0, **changes: Any) -> Case:
        """Some fields of one deployment replaced."""
        return self.with_plan(deployments=changed(self.plan.deployments, position, **changes))

    def with_parallelism(self, position: int = 0, **changes: Any) -> Case:
        """Another parallelism for one deployment, which then claims nothing about accelerators."""
        parallelism = edited(self.plan.deployments[position].parallelism, **changes)
        return self.with_deployment(position, parallelism=parallelism, accelerators=None)

    def with_route(self, position: int = 0, **changes: Any) -> Case:
        """Some fields of one route replaced."""
        return self.with_plan(routing=changed(self.plan.routing, position, **changes))

    def with_cost(self, position: int = 0, **changes: Any) -> Case:
        """Some fields of one cost line replaced."""
        return self.with_plan(costs=changed(self.plan.costs, position, **changes))

    def with_instance(self, **changes: Any) -> Case:
        """Some fields of the instance replaced behind the plan's back: the digest stays."""
        question = edited(self.asked.instance, **changes)
        sites = {place.name: place for place in question.sites}
        offers = {**self.asked.offers, **{taken.name: taken for taken in question.offers}}
        return replace(self, asked=replace(self.asked, instance=question, sites=sites, offers=offers))

    def with_workload(self, position: int = 0, **changes: Any) -> Case:
        """Some fields of one workload replaced."""
        return self.with_instance(workloads=changed(self.asked.instance.workloads, position, **changes))

    def with_site(self, position: int = 0, **changes: Any) -> Case:
        """Some fields of one site replaced."""
        return self.with_instance(sites=changed(self.asked.instance.sites, position, **changes))

    def with_offer(self, name: str, **changes: Any) -> Case:
        """Some fields of one offer replaced."""
        offers = {**self.asked.offers, name: edited(self.asked.offers[name], **changes)}
        return replace(self, asked=replace(self.asked, offers=offers))

    def with_hardware(self, kind: str, name: str, **changes: Any) -> Case:
        """Some fields of one accelerator, node type or model card replaced."""
        shelf = getattr(self.asked, kind)
        return replace(self, asked=replace(self.asked, **{kind: {**shelf, name: edited(shelf[name], **changes)}}))


def changed(rows: tuple[Any, ...], position: int, **changes: Any) -> tuple[Any, ...]:
    """The rows with one of them edited."""
    return (*rows[:position], edited(rows[position], **changes), *rows[position + 1 :])


def without(rows: tuple[Any, ...], position: int) -> tuple[Any, ...]:
    """The rows but one."""
    return (*rows[:position], *rows[position + 1 :])


@cache
def case(name: str) -> Case:
    """The question of that name with its optimal plan."""
    asked = resolved(profiled_question()) if name == "profiled" else load_instance(REFERENCE / f"{name}.yaml")
    return Case(asked, solve(asked))
