"""What changed from one plan to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gpufleet.schema.plan import Deployment, Plan, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance

UNKNOWN: Final = "?"
CENT: Final = 0.005
"""Amounts that differ by less are the same."""
SMALLEST: Final = 1e-9
"""The same for shares."""


@dataclass(frozen=True)
class Change:
    """Something that is another number in the second plan."""

    what: tuple[str, ...]
    """Its name, in parts."""
    before: float
    after: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before


@dataclass(frozen=True)
class Fact:
    """Something else that is not the same."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class PlanDiff:
    """What is another in the second of two plans; empty parts did not change."""

    instances: tuple[str, str]
    """`uid` of either plan's instance."""
    same_question: bool | None
    """Are they answers to the same question, by its digest? None where a plan does not say."""
    cost: Change | None
    """Total over the horizon, USD; None where a plan does not say."""
    nodes: tuple[Change, ...]
    """(site, node type, offer, term, when): nodes."""
    costs: tuple[Change, ...]
    """(item,): USD over the horizon, by component."""
    measures: tuple[Fact, ...]
    """Measures taken or not."""
    served: tuple[Change, ...]
    """(workload, class, when): share that is served."""
    deployments: tuple[Change, ...]
    """(workload, site, node type, form, when): replicas."""
    certificate: tuple[Fact, ...]
    """Status, bound, gap, engine, versions."""

    @property
    def is_empty(self) -> bool:
        """Is the fleet with what it does and costs the same?"""
        cost = self.cost is None or abs(self.cost.difference) < CENT
        return cost and not (self.nodes or self.costs or self.measures or self.served or self.deployments)


def diff_plans(before: Plan, after: Plan, resolved: ResolvedInstance | None = None) -> PlanDiff:
    """Compare two plans, of the same question or not.

    `resolved` fills in sites, node types and terms that plans written by hand leave out.
    """
    return PlanDiff(
        instances=(before.instance, after.instance),
        same_question=_same_question(before, after),
        cost=_cost(before, after),
        nodes=_changes(_nodes(before, resolved), _nodes(after, resolved)),
        costs=_changes(_costs(before), _costs(after), CENT) if before.costs and after.costs else (),
        measures=tuple(_measures(before, after)),
        served=_changes(_served(before), _served(after), SMALLEST, usual=1.0),
        deployments=_changes(_deployments(before), _deployments(after)),
        certificate=tuple(_facts(before, after)),
    )


def _same_question(before: Plan, after: Plan) -> bool | None:
    if before.instance != after.instance:
        return False
    if before.certificate is None or after.certificate is None:
        return None
    return before.certificate.instance_digest == after.certificate.instance_digest


def _cost(before: Plan, after: Plan) -> Change | None:
    known = [plan.certificate.objective_usd for plan in (before, after) if plan.certificate is not None]
    if len(known) < 2 or known[0] is None or known[1] is None:
        return None
    return Change(("total",), known[0], known[1])


Amounts = dict[tuple[str, ...], float]


def _summed(entries: Iterable[tuple[tuple[str, ...], float]]) -> Amounts:
    found: Amounts = {}
    for key, amount in entries:
        found[key] = found.get(key, 0.0) + amount
    return found


def _changes(before: Amounts, after: Amounts, least: float = 0.0, usual: float = 0.0) -> tuple[Change, ...]:
    """Every amount that is not the same, sorted by name; what is not listed has the usual one."""
    pairs = ((key, before.get(key, usual), after.get(key, usual)) for key in sorted(before.keys() | after.keys()))
    return tuple(Change(key, ours, theirs) for key, ours, theirs in pairs if abs(theirs - ours) > least)


def _when(period: str | None, first: str | None = None, last: str | None = None) -> str:
    """Period and stages in words; empty = always."""
    stages = "" if first is None and last is None else first if first == last else f"{first or ''} to {last or ''}"
    return " ".join(part for part in (period, stages) if part)


def _nodes(plan: Plan, resolved: ResolvedInstance | None) -> Amounts:
    return _summed((_place(entry, resolved), entry.count) for entry in plan.nodes)


def _place(entry: PlannedNodes, resolved: ResolvedInstance | None) -> tuple[str, ...]:
    """Site, node type, offer, term and when, from the plan or the instance."""
    offer = None if resolved is None else resolved.offers.get(entry.offer)

    def of(field: str) -> str:
        return getattr(entry, field) or (UNKNOWN if offer is None else str(getattr(offer, field)))

    when = _when(entry.period, entry.first_stage, entry.last_stage)
    return (of("site"), of("node_type"), entry.offer, of("term"), when)


def _costs(plan: Plan) -> Amounts:
    return _summed(((line.item,), line.total_usd) for line in plan.costs)


def _measures(before: Plan, after: Plan) -> Iterable[Fact]:
    words: Callable[[bool | None], str] = {True: "taken", False: "not taken", None: "not there"}.__getitem__
    ours, theirs = ({m.measure: m.taken for m in plan.measures} for plan in (before, after))
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield Fact(name, words(ours.get(name)), words(theirs.get(name)))


def _served(plan: Plan) -> Amounts:
    """Shares of what is not served in full."""
    return {(e.workload, e.request_class, _when(e.period, e.stage, e.stage)): 1 - e.share for e in plan.unserved}


def _deployments(plan: Plan) -> Amounts:
    return _summed((_form(entry), entry.replicas) for entry in plan.deployments)


def _form(entry: Deployment) -> tuple[str, ...]:
    """Workload, place, what a replica is, and when it runs."""
    variant = "/".join(part for part in (entry.model, entry.variant or entry.option) if part)
    form = f"{variant} {entry.parallelism.label} batch {entry.batch}"
    form += f" on spot {entry.spot}" if entry.spot else ""
    form += f" with {', '.join(entry.measures)}" if entry.measures else ""
    return (entry.workload, entry.site, entry.node_type, form.strip(), _when(entry.period, entry.stage, entry.stage))


def _facts(before: Plan, after: Plan) -> Iterable[Fact]:
    ours, theirs = _claims(before), _claims(after)
    for name in dict.fromkeys((*ours, *theirs)):
        if ours.get(name) != theirs.get(name):
            yield Fact(name, _said(ours.get(name)), _said(theirs.get(name)))


def _claims(plan: Plan) -> dict[str, Any]:
    claims: dict[str, Any] = {"status": plan.status, "performance": plan.performance}
    known = plan.certificate
    if known is not None:
        claims |= {"bound_usd": known.bound_usd, "gap": known.gap, "engine": known.engine}
        claims |= {f"version of {name}": version for name, version in sorted(known.versions.items())}
    return claims


def _said(value: Any) -> str:
    return "not stated" if value is None else f"{value:,.10g}" if isinstance(value, float) else str(value)
