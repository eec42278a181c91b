"""One point of a sweep, solved with what other points are known to say."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.candidates.option import Candidates
from gpufleet.candidates.rejection import Rejections
from gpufleet.edits.neutral import about_candidates
from gpufleet.solving import solve_fully
from gpufleet.units import HOURS_PER_DAY, exact, micro_usd
from gpufleet.verification.run import verify_money
from gpufleet.whatif.answers import Answer, answer_of
from gpufleet.whatif.sharing import Adoption, fleet_of

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload
    from gpufleet.whatif.sharing import Adopted, Fleet, Nodes

KEPT: Final = 64
"""Workloads whose candidates a process keeps."""
_candidates: OrderedDict[str, Candidates] = OrderedDict()


@dataclass(frozen=True)
class Task:
    """A point, and what is known before."""

    resolved: ResolvedInstance
    limits: SolverLimits
    floor: int
    """Proven: no plan costs less, micro-USD."""
    fleets: tuple[Fleet, ...]
    """Plans of harder questions, which may serve here."""
    nodes: tuple[Nodes, ...] = ()
    """Fleets of easier questions that cost what is proven here: with other replicas they may serve too."""


def solve_point(task: Task) -> Answer:
    """The cheapest plan: one of another point if that is proven near enough, else the engine's."""
    return _Point(task).answer()


def candidates_of(resolved: ResolvedInstance) -> Candidates:
    """The deployment options of a question; those of a workload that many points have in common are kept."""
    found = [_of_workload(resolved, workload) for workload in resolved.instance.workloads]
    options = {name: known for candidates in found for name, known in candidates.options.items()}
    blocks = [block for candidates in found for block in candidates.rejections]
    return Candidates(options, Rejections(blocks), tuple(step for candidates in found for step in candidates.funnel))


def _of_workload(resolved: ResolvedInstance, workload: Workload) -> Candidates:
    """Workloads know nothing of each other until they share nodes."""
    alone = replace(resolved, instance=resolved.instance.model_copy(update={"workloads": (workload,)}))
    key = about_candidates(alone)
    if key not in _candidates:
        _candidates[key] = build_candidates(alone)
    _candidates.move_to_end(key)
    while len(_candidates) > KEPT:
        _candidates.popitem(last=False)
    return _candidates[key]


class _Point:
    """What is known so far."""

    def __init__(self, task: Task) -> None:
        self.resolved, self.limits, self.floor = task.resolved, task.limits, task.floor
        self.fleets, self.nodes = task.fleets, task.nodes
        self.until = time.monotonic() + task.limits.seconds
        self.candidates = candidates_of(task.resolved)
        self.best: Adopted | None = None
        self.shape: Fleet | None = None
        self.shared = False

    def answer(self) -> Answer:
        """Step by step, until the gap is small enough."""
        if self.fleets:
            self._adopt(self.fleets, shared=True)
        for nodes in self.nodes:
            if not self._is_close():
                self._refit(nodes)
        if self._is_close():
            return self._adopted()
        return self._in_full()

    def _left(self) -> SolverLimits:
        return replace(self.limits, seconds=max(self.until - time.monotonic(), 1.0))

    def _is_close(self) -> bool:
        if self.best is None:
            return False
        cost = self.best.result.objective or 0
        return cost - self.floor <= self.limits.relative_gap * cost

    def _adopt(self, fleets: tuple[Fleet, ...], *, shared: bool) -> None:
        """The cheapest plan among these fleets, if that is cheaper than what is known."""
        adoption = Adoption(self.resolved, self.candidates, self.limits)
        found = adoption.cheapest(fleets, self.floor)
        if found is not None and (self.best is None or _cost(found) < _cost(self.best)):
            self.best, self.shared = found, shared
            self.shape = fleet_of(found.problem, self.candidates, found.result)

    def _refit(self, nodes: Nodes) -> None:
        """The plan on these nodes, if replicas can be found for it."""
        found = Adoption(self.resolved, self.candidates, self._left()).refitted(nodes, self.floor)
        if found is not None and (self.best is None or _cost(found) < _cost(self.best)):
            self.best, self.shared = found, False
            self.shape = fleet_of(found.problem, self.candidates, found.result)

    def _in_full(self) -> Answer:
        """The engine's own answer, with the better bound and the better plan."""
        solved = solve_fully(self.resolved, self.candidates, self._left())
        certificate = solved.plan.certificate
        if certificate is not None and certificate.bound_usd is not None:
            self.floor = max(self.floor, micro_usd(certificate.bound_usd))
        ours = None if self.best is None else self.best.result.objective
        theirs = solved.result.objective
        if ours is not None and solved.plan.status != "infeasible" and (theirs is None or ours < theirs):
            return self._adopted()
        plan = with_bound(solved.plan, self.floor)
        return answer_of(self.resolved, plan, "solved", fleet_of(solved.problem, self.candidates, solved.result))

    def _adopted(self) -> Answer:
        assert self.best is not None
        plan = with_bound(self.best.plan, self.floor)
        return answer_of(self.resolved, plan, "shared" if self.shared else "solved", self.shape)


def _cost(adopted: Adopted) -> int:
    return adopted.result.objective or 0


def with_bound(plan: Plan, floor: int) -> Plan:
    """The plan with a certificate that says what was proven beside it, if that is more."""
    known = plan.certificate
    assert known is not None
    if known.bound_usd is not None and micro_usd(known.bound_usd) >= floor:
        return plan
    if known.objective_usd is None:
        return plan.model_copy(update={"certificate": known.model_copy(update={"bound_usd": floor / 1e6})})
    cost = micro_usd(known.objective_usd)
    bound = min(floor, cost)
    certificate = known.model_copy(update={"bound_usd": bound / 1e6, "gap": (cost - bound) / cost if cost else 0.0})
    proven = {"status": "optimal", "reason": None} if bound == cost else {}
    return plan.model_copy(update={"certificate": certificate, **proven})


def under_other_budgets(resolved: ResolvedInstance, known: Answer, floor: int) -> Answer | None:
    """The plan of a question that differs in its budgets alone, if it keeps those of this one too."""
    if known.plan is None or known.plan.certificate is None:
        return None
    certificate = known.plan.certificate.model_copy(update={"instance_digest": resolved.digest})
    plan = with_bound(known.plan.model_copy(update={"certificate": certificate}), floor)
    if not verify_money(resolved, plan).ok:
        return None
    return replace(answer_of(resolved, plan, "shared"), shape=None, plan=None)


def most_allowed(resolved: ResolvedInstance) -> float:
    """What a plan may cost in all, micro-USD; infinite without such a budget."""
    budgets, days = resolved.instance.budgets, resolved.instance.hours / HOURS_PER_DAY
    caps = [] if budgets.horizon_usd is None else [exact(budgets.horizon_usd)]
    caps += [] if budgets.usd_per_day is None else [exact(budgets.usd_per_day) * days]
    return min((float(cap * 1_000_000) for cap in caps), default=float("inf"))
