"""The cheapest fleets that are made of something else: one after the other, each proven, until the margin is passed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_vendor_share
from gpufleet.errors import VerificationError
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.problem.signatures import KnownFleet, PartRules
from gpufleet.solving import solve_candidates
from gpufleet.units import exact, micro_usd
from gpufleet.verification.run import verify
from gpufleet.whatif.figures import figures_of
from gpufleet.whatif.signatures import MEANING, parts_of, signature_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.schema.plan import Certificate, Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.figures import FleetFigures
    from gpufleet.whatif.signatures import By

Ended = Literal["number", "margin", "none", "less_service", "unproven", "no_optimum"]


@dataclass(frozen=True)
class Alternative:
    """The cheapest fleet of its kind."""

    plan: Plan
    """A plan of the instance as it stands; unless it costs as little as the optimum, its status is `feasible`, and its
    gap says how far it is from the optimum."""
    signature: frozenset[str]
    """What it is made of."""
    proven: bool
    """Is no fleet that is told apart from all before it cheaper?"""
    figures: FleetFigures


@dataclass(frozen=True)
class VendorShare:
    """The cheapest fleet that takes at most so much of its accelerators from one vendor."""

    share: float
    plan: Plan
    """Of the instance with that rule; `infeasible` is an answer too."""
    figures: FleetFigures | None
    """None without a fleet."""


@dataclass(frozen=True)
class Alternatives:
    """The optimum and what else there is."""

    by: By
    within: float
    """How much more than the optimum an alternative may cost, as a share of it."""
    optimum: Plan
    """The answer to the question as it stands; without a fleet, there are no alternatives."""
    first: Alternative | None
    """The same with its figures."""
    others: tuple[Alternative, ...]
    """At most so much dearer than the optimum, the cheapest first."""
    beyond: Alternative | None
    """The cheapest that is dearer than that, or serves less, where it was met."""
    ended: Ended
    """Why there are not more: `number` = as many as asked for; `margin` = the next, `beyond`, is too dear; `none` =
    proven that no other fleet exists; `less_service` = the next serves less; `unproven` = a time limit was reached;
    `no_optimum` = there is no first plan, or it is not proven."""
    vendor_share: VendorShare | None = None


def find_alternatives(
    resolved: ResolvedInstance,
    *,
    by: By = "fleet",
    number: int = 5,
    within: float = 0.05,
    count_owned: bool = False,
    max_vendor_share: float | None = None,
    time_limit_s: float = 60.0,
    progress: Callable[[Alternative], None] | None = None,
) -> Alternatives:
    """The optimum, then the cheapest fleets of other signatures, each told apart from all before it, up to `number`.

    A signature is the set of accelerator and term (`fleet`), or of vendors, accelerators, terms or sites, of which the
    fleet takes a node; owned nodes count only with `count_owned`. A fleet that is one found before with further nodes
    that save nothing on the rest is no alternative. `max_vendor_share` asks one more question: the cheapest fleet with
    at most that share of its accelerators from any one vendor. `time_limit_s` holds for each plan. `progress` hears of
    each alternative as it is found.

    Raises InputError for input that cannot be solved, VerificationError where a plan fails (a bug in gpufleet).
    """
    search = _Search(resolved, by, within, count_owned, SolverLimits(time_limit_s))
    found = search.run(number, progress)
    if max_vendor_share is None:
        return found
    return replace(found, vendor_share=_asked_share(search, max_vendor_share))


class _Search:
    """One question and what was found so far."""

    def __init__(
        self, resolved: ResolvedInstance, by: By, within: float, count_owned: bool, limits: SolverLimits
    ) -> None:
        self.resolved, self.by, self.within, self.count_owned, self.limits = resolved, by, within, count_owned, limits
        self.candidates = build_candidates(resolved)
        self.parts = parts_of(resolved, by, count_owned)
        self.optimum = solve_candidates(resolved, self.candidates, limits)
        self.others: list[Alternative] = []

    def run(self, number: int, progress: Callable[[Alternative], None] | None) -> Alternatives:
        """Go on until enough is found, or something ends it."""
        if cost_of(self.optimum) is None:
            return self._result(None, None, "no_optimum")
        first = self._described(self.optimum, self.optimum.status == "optimal")
        if not first.proven:
            return self._result(first, None, "no_optimum")
        while len(self.others) < number:
            found = self._next(first)
            if not isinstance(found, Alternative):
                return self._result(first, None, found)
            ended = self._ended(first, found)
            if ended is not None:
                return self._result(first, found, ended)
            self.others.append(found)
            if progress is not None:
                progress(found)
        return self._result(first, None, "number")

    def _result(self, first: Alternative | None, beyond: Alternative | None, ended: Ended) -> Alternatives:
        return Alternatives(self.by, self.within, self.optimum, first, tuple(self.others), beyond, ended)

    def _next(self, first: Alternative) -> Alternative | Ended:
        known = [first, *self.others]
        rules = PartRules(self.parts, tuple(_known(fleet) for fleet in known))
        plan = solve_candidates(self.resolved, self.candidates, self.limits, parts=rules)
        if plan.status != "optimal":
            return "none" if plan.status == "infeasible" else "unproven"
        found = self._described(plan, proven=True)
        if found.signature in {fleet.signature for fleet in known}:
            raise VerificationError(f"the fleet is no other: {sorted(found.signature)} was found before")
        return replace(found, plan=_stated(self.resolved, plan, self.optimum, MEANING[self.by]))

    def _described(self, plan: Plan, proven: bool) -> Alternative:
        signature = signature_of(self.resolved, plan, self.by, self.count_owned)
        return Alternative(plan, signature, proven, figures_of(self.resolved, plan))

    def _ended(self, first: Alternative, found: Alternative) -> Ended | None:
        """Why this one is no longer wanted; None where it is. What costs nothing has no percentages: within 0 USD."""
        if _unserved(found.plan) != _unserved(first.plan):
            return "less_service"
        most = (1 + exact(self.within)) * micro_usd(first.figures.cost_usd)
        return "margin" if micro_usd(found.figures.cost_usd) > most else None


def cost_of(plan: Plan) -> float | None:
    """Cost of a plan over the horizon, USD; None without a fleet."""
    return plan.certificate.objective_usd if plan.certificate else None


def _known(fleet: Alternative) -> KnownFleet:
    return KnownFleet(fleet.signature, micro_usd(fleet.figures.cost_usd))


def _unserved(plan: Plan) -> tuple[float, ...]:
    return tuple(level.unserved for level in plan.certificate.service) if plan.certificate else ()


def _stated(resolved: ResolvedInstance, plan: Plan, optimum: Plan, differ: str) -> Plan:
    """A plan of the instance as it stands: what was proven of the other fleets alone is said in words, its certificate
    is about all fleets."""
    assert plan.certificate is not None
    assert optimum.certificate is not None
    certificate = _about_all(plan.certificate, optimum.certificate)
    ties = certificate.gap == 0
    reason = None if ties else f"proven cheapest of the fleets with other {differ} than those found before it"
    status = "optimal" if ties else "feasible"
    stated = plan.model_copy(update={"status": status, "reason": reason, "certificate": certificate})
    report = verify(resolved, stated)
    if not report.ok:
        found = "\n".join(str(violation) for violation in report.violations)
        raise VerificationError(f"an alternative for {resolved.instance.uid} fails verification:\n{found}")
    return stated


def _about_all(own: Certificate, optimum: Certificate) -> Certificate:
    assert own.objective_usd is not None
    assert optimum.bound_usd is not None
    if [level.unserved for level in own.service] != [level.unserved for level in optimum.service]:
        return own.model_copy(update={"bound_usd": None, "gap": None, "prices": None})
    gap = (own.objective_usd - optimum.bound_usd) / own.objective_usd if own.objective_usd else 0.0
    about = {"bound_usd": optimum.bound_usd, "gap": gap, "service": optimum.service, "prices": None}
    return own.model_copy(update=about)


def _asked_share(search: _Search, share: float) -> VendorShare:
    """The cheapest fleet under the rule; candidates do not depend on it."""
    asked = with_vendor_share(search.resolved, share)
    plan = solve_candidates(asked, search.candidates, search.limits)
    return VendorShare(share, plan, None if cost_of(plan) is None else figures_of(asked, plan))
