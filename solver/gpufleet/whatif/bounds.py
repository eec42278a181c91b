"""Cost against a bound on single options: a latency, an accuracy floor, a deadline.

The cheapest plan under a bound stays the cheapest until the bound no longer allows it. So from every plan the tightest
bound is looked up at which the verifier still accepts it, and the next question is asked just beyond that. Accuracy
has the figures of the variants as its only values, and is exact; latencies and deadlines are found to a ten-thousandth.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import redigest
from gpufleet.errors import InputError, InputProblem
from gpufleet.schema.workloads import Profiled, Training
from gpufleet.solving import solve_candidates
from gpufleet.verification.run import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload
    from gpufleet.whatif.axes import Axis

RESOLUTION: Final = 1e-4
"""Relative precision of breakpoints of latencies and deadlines."""
MOST_POINTS: Final = 500
"""Solves after which a range is given up as too wide."""
ROUNDED: Final = 6
"""Significant digits of a bound, so that it can be written down."""


class Tightening:
    """From the loose end of a bound to the tight one, plan by plan."""

    def __init__(self, resolved: ResolvedInstance, axis: Axis, limits: SolverLimits) -> None:
        self.resolved, self.axis, self.limits = resolved, axis, limits
        if axis.workload not in resolved.workloads:
            self._refuse(f"the instance has no workload {axis.workload}; it has {', '.join(resolved.workloads)}")
        self.workload = resolved.workloads[axis.workload]
        self.metric, self.now = self._bound()
        self.rising = axis.kind == "accuracy"
        self.unit = {"latency": "ms", "deadline": "days"}.get(axis.kind, self.metric)
        self.words = {
            "latency": f"limit on {self.metric} of {axis.workload}, ms",
            "accuracy": f"smallest {self.metric} of {axis.workload}",
            "deadline": f"deadline of {axis.workload}, days",
        }[axis.kind]
        self.resolution = 0.0 if self.rising else RESOLUTION
        self.solves = 0
        self.end, self.complete = "", True

    def _refuse(self, message: str) -> None:
        raise InputError([InputProblem(self.resolved.path, 0, "--over", message)])

    def _bound(self) -> tuple[str, float]:
        """(metric, the bound of the instance)."""
        workload, kind, name = self.workload, self.axis.kind, self.axis.workload
        if kind == "deadline":
            if not isinstance(workload, Training):
                self._refuse(f"{name} is not trained and has no deadline")
            assert isinstance(workload, Training)
            return "deadline", workload.deadline_days
        if kind == "accuracy":
            floors = {floor.metric: floor.at_least for floor in workload.accuracy}
        elif isinstance(workload, Profiled | Training):
            floors = {}
        else:
            floors = {bound.metric: bound.limit_ms for bound in workload.slo if bound.classes is None}
        if not floors:
            what = "accuracy floor" if kind == "accuracy" else "latency bound for all of its classes"
            self._refuse(f"{name} has no {what}; give one, also a loose one, to say what is measured")
        metric = self.axis.metric or next(iter(floors))
        if metric not in floors or (self.axis.metric is None and len(floors) > 1):
            self._refuse(
                f"say which bound of {name}: one of {', '.join(f'{self.axis.kind}:{name}:{m}' for m in floors)}"
            )
        return metric, floors[metric]

    def points(self, start: float | None, stop: float | None) -> Iterator[tuple[float, Plan, ResolvedInstance, bool]]:
        """(the tightest bound of the plan, the plan, its question, proven), from the loose end on."""
        ends = [value for value in (start, stop) if value is not None]
        loose = (min(ends) if self.rising else max(ends)) if ends else self.now
        tight = None if len(ends) < 2 else max(ends) if self.rising else min(ends)
        at: float | None = loose
        cost: float | None = None
        last: tuple[float, Plan, ResolvedInstance, bool] | None = None
        while at is not None and self.solves < MOST_POINTS:
            question = redigest(self._at(at))
            plan = solve_candidates(question, build_candidates(question), self.limits)
            self.solves += 1
            if plan.certificate is None or plan.certificate.objective_usd is None:
                self.complete = plan.status == "infeasible"
                self.end = f"at {at:g} {self.unit}: {plan.reason}"
                break
            reached, nearest = self._tightest(plan, at)
            if tight is not None:
                reached = min(reached, tight) if self.rising else max(reached, tight)
            found = (reached, plan, question, plan.status == "optimal")
            if last is not None and plan.certificate.objective_usd > (cost or 0.0):
                yield last
            cost, last = plan.certificate.objective_usd, found
            at = nearest
            if tight is not None and at is not None and (at > tight if self.rising else at < tight):
                self.end = "the end of the range"
                break
        else:
            self.complete = at is None
            self.end = "nothing is stricter" if at is None else f"given up after {MOST_POINTS} points; give a range"
        if last is not None:
            yield last

    def _tightest(self, plan: Plan, at: float) -> tuple[float, float | None]:
        """(the tightest bound that allows the plan, the next stricter one to be asked for; None = there is none)."""
        if self.rising:
            figures = sorted(set(self._figures()))
            used = min(self._used(plan))
            return used, next((figure for figure in figures if figure > used), None)
        free = self._bare(plan)
        kept, broken = at, 0.0
        while kept - broken > RESOLUTION * kept / 4:
            middle = (kept + broken) / 2
            if self._allows(free, middle):
                kept = middle
            else:
                broken = middle
        reached = _rounded(kept)
        reached = reached if self._allows(free, reached) else _rounded(kept * (1 + RESOLUTION / 4))
        beyond = _rounded(reached * (1 - RESOLUTION))
        return min(reached, at), beyond if beyond > 0 else None

    def _bare(self, plan: Plan) -> Plan:
        """What runs where, without the figures that the plan states; one class may be shared out anew."""
        deployments = tuple(deployment.model_copy(update=UNSTATED) for deployment in plan.deployments)
        changes: dict[str, Any] = {"certificate": None, "status": None, "caution": None, "deployments": deployments}
        if len(getattr(self.workload, "classes", ())) == 1:
            changes["routing"] = tuple(route for route in plan.routing if route.workload != self.workload.name)
        return plan.model_copy(update=changes)

    def _allows(self, plan: Plan, bound: float) -> bool:
        """Does the verifier accept the bare plan under this bound?"""
        return verify(self._at(bound), plan).ok

    def _figures(self) -> list[float]:
        if isinstance(self.workload, Profiled):
            options = self.workload.options
            return [f.at_least for option in options for f in option.accuracy if f.metric == self.metric]
        cards = self.resolved.models_of(self.workload)
        return [f.value for card in cards for v in card.variants for f in v.accuracy if f.metric == self.metric]

    def _used(self, plan: Plan) -> Iterator[float]:
        """The figures of what the plan runs for the workload."""
        for deployment in (d for d in plan.deployments if d.workload == self.workload.name and d.replicas):
            if isinstance(self.workload, Profiled):
                option = next(option for option in self.workload.options if option.name == deployment.option)
                yield next(f.at_least for f in option.accuracy if f.metric == self.metric)
            else:
                card = self.resolved.models[deployment.model or self.workload.model]
                variant = next(variant for variant in card.variants if variant.name == deployment.variant)
                yield next(f.value for f in variant.accuracy if f.metric == self.metric)

    def _at(self, bound: float) -> ResolvedInstance:
        """The instance with the bound at a value; its digest stays, which takes longer than a verification."""
        changed = self._changed(bound)
        workloads = tuple(changed if w.name == changed.name else w for w in self.resolved.instance.workloads)
        return replace(self.resolved, instance=self.resolved.instance.model_copy(update={"workloads": workloads}))

    def _changed(self, bound: float) -> Workload:
        workload = self.workload
        changes: dict[str, Any]
        if self.axis.kind == "deadline":
            changes = {"deadline_days": bound, "relaxed_deadline_days": None}
        elif self.axis.kind == "accuracy":
            floors = (
                floor.model_copy(update={"at_least": bound, "relaxed_at_least": None})
                if floor.metric == self.metric
                else floor
                for floor in workload.accuracy
            )
            changes = {"accuracy": tuple(floors)}
        else:
            assert not isinstance(workload, Profiled | Training)
            slo = (
                known.model_copy(update={"limit_ms": bound, "relaxed_limit_ms": None})
                if known.metric == self.metric and known.classes is None
                else known
                for known in workload.slo
            )
            changes = {"slo": tuple(slo)}
        return workload.model_copy(update=changes)


UNSTATED: Final[dict[str, Any]] = {
    "utilisation": None,
    "memory_gb": None,
    "memory_limit_gb": None,
    "latency": (),
    "training_days": None,
    "rate_low": None,
    "rate_high": None,
}


def _rounded(value: float) -> float:
    return float(f"{value:.{ROUNDED}g}")
