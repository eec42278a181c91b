"""What one question's answer says about another: its fleet by name, and whether that serves the other question too."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from gpufleet.assembly import assemble
from gpufleet.optimize.backends.registry import backend
from gpufleet.optimize.formulation.build import build_model
from gpufleet.optimize.reduction import completed
from gpufleet.optimize.results import EngineResult, by_meaning
from gpufleet.optimize.ties import break_ties
from gpufleet.problem.build import build_problem
from gpufleet.verification.run import verify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpufleet.candidates.option import Candidates, Option
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.problem.data import OfferData, Problem, WorkloadData
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

REFIT_EFFORT: Final = 1.0
"""Deterministic time (about seconds), for each period, for replicas on a fleet that is known."""
NodeKey = tuple[str, int, int, int, str | None]
"""(offer, price tier, first stage, last stage, period)"""
Nodes = tuple[tuple[NodeKey, int], ...]
RunKey = tuple[str, int, str | None, str]
"""(workload, stage, period, option)"""
ShareKey = tuple[str, int, str | None, str, str]
"""(workload, stage, period, option, class)"""


@dataclass(frozen=True)
class Fleet:
    """Values of the integer program by names, so that they mean the same in another program."""

    nodes: Nodes
    replicas: tuple[tuple[RunKey, int], ...]
    shares: tuple[tuple[ShareKey, int], ...]
    measures: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Lists and mappings alone."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fleet:
        """From what `as_json` gave, after a way through JSON."""

        def entries(name: str) -> Any:
            return tuple((tuple(key), count) for key, count in value[name])

        return cls(entries("nodes"), entries("replicas"), entries("shares"), tuple(value["measures"]))


def fleet_of(problem: Problem, candidates: Candidates, result: EngineResult) -> Fleet | None:
    """The fleet of a result; None without one, or where it says more than a fleet by name does (what is unserved, what
    carries the load after the loss of a site)."""
    if result.objective is None or any(result.fallbacks) or problem.service:
        return None
    nodes = [(_node_key(problem, offer), n) for offer, n in zip(problem.offers, result.nodes, strict=True) if n]
    replicas: list[tuple[RunKey, int]] = []
    shares: list[tuple[ShareKey, int]] = []
    for workload, counts, routed in zip(problem.workloads, result.replicas, result.shares, strict=True):
        known = candidates.options[workload.name]
        for option, count, loads in zip(workload.options, counts, routed, strict=True):
            key = (*_part_key(problem, workload), option_name(known[option.key]))
            replicas += [(key, count)] if count else []
            shares += [((*key, workload.classes[c]), units) for c, units in loads.items() if units]
    taken = tuple(m.name for m, z in zip(problem.measures, result.measures, strict=True) if z)
    return Fleet(tuple(nodes), tuple(replicas), tuple(shares), taken)


def option_name(option: Option) -> str:
    """Unique among the options of a workload, whatever their order."""
    place = f"{option.site}|{option.node_type}|{option.spot or ''}"
    return f"{place}|{option.label}|{','.join(option.measures)}"


def _node_key(problem: Problem, offer: OfferData) -> NodeKey:
    contract = offer.contract
    assert contract is not None, "every offer of an instance has a contract"
    period = None if contract.period is None else problem.periods[contract.period].name
    return offer.name, offer.tier, contract.first, contract.last, period


def _part_key(problem: Problem, workload: WorkloadData) -> tuple[str, int, str | None]:
    period = problem.periods[workload.period]
    return workload.name, period.stage, period.name


def result_of(problem: Problem, candidates: Candidates, fleet: Fleet, bound: int) -> EngineResult | None:
    """The fleet as values of another program; None where that has no place for some part of it, or costs are below the
    bound (then one of the two is not about this question)."""
    nodes, replicas, shares = dict(fleet.nodes), dict(fleet.replicas), dict(fleet.shares)
    counts = tuple(nodes.pop(_node_key(problem, offer), 0) for offer in problem.offers)
    runs, routes = [], []
    parts = {_part_key(problem, workload): workload for workload in problem.workloads}
    for workload in problem.workloads:
        known, part = candidates.options[workload.name], _part_key(problem, workload)
        keys = [(*part, option_name(known[option.key])) for option in workload.options]
        runs.append(tuple(replicas.pop(key, 0) for key in keys))
        routes.append(tuple(_taken(shares, key, workload.classes) for key in keys))
    missing = set(fleet.measures) - {measure.name for measure in problem.measures}
    # what served demand that is not there in this question is left out
    homeless = any(key[:3] in parts for key in replicas)
    unrouted = any(_is_routed(parts.get(key[:3]), key[4]) for key in shares)
    if nodes or homeless or unrouted or missing or problem.service:
        return None
    measures = tuple(int(measure.name in fleet.measures) for measure in problem.measures)
    cost = sum(offer.cost * count for offer, count in zip(problem.offers, counts, strict=True))
    cost += sum(measure.cost * z for measure, z in zip(problem.measures, measures, strict=True))
    if cost < bound:
        return None
    nothing: tuple[dict[int, int], ...] = tuple({} for _ in problem.workloads)
    return EngineResult(
        outcome="optimal" if cost == bound else "feasible",
        objective=cost,
        bound=bound,
        nodes=counts,
        replicas=tuple(runs),
        shares=tuple(routes),
        fallbacks=tuple({} for _ in problem.workloads),
        measures=measures,
        unserved=nothing,
        service=(),
        engine="shared",
        reason="the plan of one question of the sweep serves another one",
        solver="none",
        tie_break="none: the plan was found for another question",
    )


def _is_routed(part: WorkloadData | None, request_class: str) -> bool:
    return part is not None and part.routed and request_class in part.classes


def _taken(shares: dict[ShareKey, int], key: RunKey, classes: Iterable[str]) -> dict[int, int]:
    """Shares by position of the class; taken out of the mapping."""
    found = {position: shares.pop((*key, name), 0) for position, name in enumerate(classes)}
    return {position: units for position, units in found.items() if units}


@dataclass(frozen=True)
class Adopted:
    """A fleet of another question as a plan of this one."""

    plan: Plan
    result: EngineResult
    problem: Problem


class Adoption:
    """Tries fleets of other questions on one question."""

    def __init__(self, resolved: ResolvedInstance, candidates: Candidates, limits: SolverLimits) -> None:
        self._resolved, self._candidates, self._limits = resolved, candidates, limits
        self.problem = build_problem(resolved, candidates)

    def cheapest(self, fleets: Iterable[Fleet], bound: int) -> Adopted | None:
        """The cheapest of the fleets that the independent verifier accepts here."""
        results = (result_of(self.problem, self._candidates, fleet, bound) for fleet in fleets)
        for result in sorted((found for found in results if found is not None), key=_cost):
            plan = self._plan(result)
            if verify(self._resolved, plan).ok:
                return Adopted(plan, result, self.problem)
        return None

    def refitted(self, nodes: Nodes, bound: int) -> Adopted | None:
        """A plan on just these nodes, whatever runs on them, that the independent verifier accepts."""
        counts, problem = dict(nodes), self.problem
        fixed_nodes = [counts.pop(_node_key(problem, offer), 0) for offer in problem.offers]
        if counts or problem.service or any(n > o.most for n, o in zip(fixed_nodes, problem.offers, strict=True)):
            return None
        model, variables = build_model(problem)
        fixed = dict(zip(variables.nodes, fixed_nodes, strict=True))
        effort = REFIT_EFFORT * len(problem.periods)
        values = completed(model, fixed, replace(self._limits, relative_gap=0.0, effort=effort))
        if values is None or (cost := model.value(model.objective, values)) < bound:
            return None
        values, ties = break_ties(problem, model, variables, values, self._limits, "feasible")
        meaning: dict[str, Any] = by_meaning(variables, values)
        result = EngineResult(
            outcome="optimal" if cost == bound else "feasible",
            objective=cost,
            bound=bound,
            service=(),
            engine="shared",
            reason="the nodes of another question of the sweep serve this one, with other replicas",
            solver=backend("cpsat").version(),
            tie_break=ties,
            **meaning,
        )
        plan = self._plan(result)
        return Adopted(plan, result, problem) if verify(self._resolved, plan).ok else None

    def _plan(self, result: EngineResult) -> Plan:
        reason = None if result.outcome == "optimal" else "taken over from another question, not proven cheapest"
        return assemble(self._resolved, self._candidates, self.problem, result, self._limits, reason)


def _cost(result: EngineResult) -> int:
    assert result.objective is not None
    return result.objective
