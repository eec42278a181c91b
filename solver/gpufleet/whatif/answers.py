"""The answer at one point of a sweep: what the table shows, and what other points can make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from gpufleet.schema.plan import Plan
from gpufleet.schema.words import fleet_words
from gpufleet.units import micro_usd
from gpufleet.verification.unserved import unserved_of
from gpufleet.whatif.sharing import Fleet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.schema.resolved import ResolvedInstance

How = Literal["solved", "shared", "bound"]


@dataclass(frozen=True)
class Answer:
    """The cheapest plan found at a point, in figures, with the bound."""

    digest: str
    """Of the question."""
    status: str
    """`optimal`, `feasible`, `infeasible` or `unknown`."""
    how: How
    """`solved` here; `shared`: the plan of another point, which serves here; `bound`: what other points proved."""
    cost_usd: float | None = None
    """Over the horizon."""
    bound_usd: float | None = None
    """Proven: no plan costs less."""
    gap: float | None = None
    served: str = ""
    """`all`, or what is not served."""
    nodes: Mapping[str, int] | None = None
    """By node type; rented by the period: at their most."""
    accelerators: int | None = None
    capex_usd: float | None = None
    """Purchases at the start of the horizon or of a stage, and measures."""
    usd_per_day: float | None = None
    fleet: str = ""
    """In words."""
    shape: Fleet | None = None
    """The plan by names, where other points may take it over."""
    plan: Plan | None = None
    """The plan, without what eliminated candidates; where other points may take it over."""

    @property
    def bound(self) -> int:
        """Micro-USD; 0 where nothing is known."""
        return 0 if self.bound_usd is None else micro_usd(self.bound_usd)

    def is_proven(self, gap: float) -> bool:
        """Infeasible for certain, or within this relative gap of the optimum for certain."""
        return self.status in ("optimal", "infeasible") or (self.gap is not None and self.gap <= gap)

    def as_json(self) -> dict[str, Any]:
        """Plain values, as a journal keeps them."""
        plain = {name: value for name, value in vars(self).items() if name not in ("shape", "plan")}
        plain["nodes"] = None if self.nodes is None else dict(self.nodes)
        plain["shape"] = None if self.shape is None else self.shape.as_json()
        plain["plan"] = None if self.plan is None else self.plan.model_dump(mode="json", exclude_defaults=True)
        return plain

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Answer:
        """From what `as_json` gave, after a way through JSON."""
        shape = None if value["shape"] is None else Fleet.from_json(value["shape"])
        plan = None if value["plan"] is None else Plan.model_validate_json(_text(value["plan"]))
        return cls(**{**value, "shape": shape, "plan": plan})


def _text(value: Any) -> str:
    import json

    return json.dumps(value)


def answer_of(resolved: ResolvedInstance, plan: Plan, how: How, shape: Fleet | None = None) -> Answer:
    """The answer that a plan of this question is."""
    certificate = plan.certificate
    assert certificate is not None, "plans of the engine have one"
    cost = certificate.objective_usd
    answer = Answer(
        digest=resolved.digest,
        status=str(plan.status),
        how=how,
        bound_usd=None if plan.status == "infeasible" else certificate.bound_usd,
    )
    if cost is None:
        return answer
    return replace(
        answer,
        cost_usd=cost,
        gap=certificate.gap,
        served=_served(resolved, plan),
        nodes=_nodes(resolved, plan),
        accelerators=_accelerators(resolved, plan),
        capex_usd=_capex(plan),
        usd_per_day=round(cost / float(resolved.instance.hours / 24), 6),
        fleet=fleet_words(resolved, plan),
        shape=shape,
        plan=None if shape is None else plan.model_copy(update={"funnel": (), "rejections": (), "caution": None}),
    )


def refused(resolved: ResolvedInstance) -> Answer:
    """The answer where other points prove that there is no plan."""
    return Answer(digest=resolved.digest, status="infeasible", how="bound")


def _served(resolved: ResolvedInstance, plan: Plan) -> str:
    if not plan.unserved:
        return "all"
    shares = {w.name: unserved_of(resolved, w, plan) for w in resolved.instance.workloads}
    lost = [f"{share * 100:.4g} % of {name}" for name, share in shares.items() if share]
    return f"all but {', '.join(lost)}" if lost else "all"


def _nodes(resolved: ResolvedInstance, plan: Plan) -> dict[str, int]:
    """By node type: those there all the time, and the most that are rented beside them in any period."""
    counts: dict[str, dict[tuple[str | None, str | None, str | None], int]] = {}
    for entry in plan.nodes:
        when = (entry.period, entry.first_stage, entry.last_stage)
        by_time = counts.setdefault(resolved.offers[entry.offer].node_type, {})
        by_time[when] = by_time.get(when, 0) + entry.count
    return {
        name: sum(n for when, n in found.items() if when[0] is None)
        + max((n for when, n in found.items() if when[0] is not None), default=0)
        for name, found in sorted(counts.items())
    }


def _accelerators(resolved: ResolvedInstance, plan: Plan) -> int:
    return sum(resolved.node_types[name].accelerators * count for name, count in _nodes(resolved, plan).items())


def _capex(plan: Plan) -> float:
    """What is paid at once, over the whole horizon."""
    return round(sum(flow.usd for flow in plan.cash_flow if flow.item in ("purchase", "measure")), 6)
