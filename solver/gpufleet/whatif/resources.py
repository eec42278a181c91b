"""Cost against what the fleet takes as a whole: energy, CO2, vendors. One integer program, exact at every point."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.errors import InputError, InputProblem, VerificationError
from gpufleet.optimize.formulation.build import build_model
from gpufleet.problem.build import build_problem
from gpufleet.units import WATTS_PER_KW, exact
from gpufleet.whatif.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.formulation.variables import FleetVariables
    from gpufleet.problem.data import OfferData, Problem
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.axes import Axis

WORDS = {
    "energy": ("energy of all nodes over the horizon, at maximum power times PUE", "kWh"),
    "co2": ("CO2 equivalent of that energy over the horizon, by the carbon intensity of each site's grid", "kg"),
    "vendors": ("vendors of the accelerators", "vendors"),
}
PER_UNIT = {"energy": WATTS_PER_KW, "co2": 1_000, "vendors": 1}
"""Watt-hours in a kWh, grams in a kg."""


class Resource:
    """The staircase of cost over one of them."""

    resolution = 0.0

    def __init__(self, resolved: ResolvedInstance, axis: Axis, limits: SolverLimits) -> None:
        self.resolved, self.axis = resolved, axis
        self.words, self.unit = WORDS[axis.kind]
        candidates = build_candidates(resolved)
        problem = build_problem(resolved, candidates)
        model, variables = build_model(problem)
        weights = (
            self._vendors(problem, model, variables) if axis.kind == "vendors" else self._drawn(problem, variables)
        )
        self.program = Program(resolved, candidates, problem, model, variables, weights, limits)
        self.end = "no plan takes less"
        self.complete = True

    @property
    def solves(self) -> int:
        """Integer programs solved."""
        return self.program.staircase.solves

    def points(self, start: float | None, stop: float | None) -> Iterator[tuple[float, Plan, ResolvedInstance, bool]]:
        """From the least on the axis (or `start`) to the cheapest plan (or `stop`)."""
        stairs, per = self.program.staircase, PER_UNIT[self.axis.kind]
        first = stairs.best_axis() if start is None else stairs.best(int(exact(start) * per))
        if first is None:
            self.complete = stairs.settled
            self.end = "there is no plan" if stairs.settled else "no plan was found within the time limit"
            return
        below = None if stop is None else int(exact(stop) * per) + 1
        found = [first, *stairs.steps(first, below)]
        self.complete = stairs.settled
        if not stairs.settled:
            self.end = "the time limit ended the search for the next point"
        least = found[-1].goal_bounds[-1] if stop is None else 0
        for point in found:
            plan = self.program.plan(point, self.resolved, min(least, point.goal_bounds[-1]))
            self._check(plan, point.axis)
            yield point.axis / per, plan, self.resolved, point.proven

    def _drawn(self, problem: Problem, variables: FleetVariables) -> dict[int, int]:
        """Watt-hours (or grams of CO2) of a node of every offer, to nearest."""
        return {
            variables.nodes[f]: weight
            for f, offer in enumerate(problem.offers)
            if (weight := self._weight(problem, offer))
        }

    def _weight(self, problem: Problem, offer: OfferData) -> int:
        there = sum((period.hours for t, period in enumerate(problem.periods) if offer.there(t)), Fraction(0))
        return round(there * self._rate(offer.name))

    def _rate(self, name: str) -> Fraction:
        """Watts (or grams of CO2 an hour) of a node of an offer, at maximum power."""
        offer = self.resolved.offers[name]
        node, site = self.resolved.node_types[offer.node_type], self.resolved.sites[offer.site]
        if node.power_kw is None:
            message = f"node type {node.name} has no power_kw; give it, or keep the node type out of the offers"
            raise InputError([InputProblem(self.resolved.path, 0, "--over", message)])
        kilowatts = exact(node.power_kw) * exact(site.pue)
        if self.axis.kind == "energy":
            return kilowatts * WATTS_PER_KW
        if site.grid_gco2_per_kwh is None:
            message = f"site {site.name} has no grid_gco2_per_kwh; give the carbon intensity of its electricity"
            raise InputError([InputProblem(self.resolved.path, 0, "--over", message)])
        return kilowatts * exact(site.grid_gco2_per_kwh)

    def _vendors(self, problem: Problem, model: LinearModel, variables: FleetVariables) -> dict[int, int]:
        """A switch for every vendor, on where any of its nodes is taken."""
        used: dict[str, int] = {}
        for f, offer in enumerate(problem.offers):
            vendor = self._vendor(offer.name)
            if vendor not in used:
                used[vendor] = model.add_variable(f"vendor_{len(used)}", 0, 1)
            terms = [(variables.nodes[f], 1), (used[vendor], -offer.most)]
            model.add_row("frontier", f"vendor_of_{f}", terms, upper=0)
        return dict.fromkeys(used.values(), 1)

    def _vendor(self, offer: str) -> str:
        return self.resolved.accelerator_of(self.resolved.offers[offer].node_type).vendor

    def _check(self, plan: Plan, expected: int) -> None:
        """What the axis says is what the plan takes, counted anew from its nodes."""
        if self.axis.kind == "vendors":
            counted = len({self._vendor(nodes.offer) for nodes in plan.nodes if nodes.count})
            wrong = counted > expected
        else:
            data = self.program.problem
            taken = {(f.name, *self._times(f)): self._weight(data, f) for f in data.offers}
            counted = sum(
                nodes.count * taken[nodes.offer, nodes.first_stage, nodes.last_stage, nodes.period]
                for nodes in plan.nodes
            )
            wrong = counted != expected
        if wrong:
            raise VerificationError(f"a point of the frontier says {expected} on its axis, its plan takes {counted}")

    def _times(self, offer: OfferData) -> tuple[str | None, str | None, str | None]:
        contract, stages, periods = offer.contract, self.resolved.instance.stages, self.resolved.instance.periods
        assert contract is not None
        names: list[str | None] = [stage.name for stage in stages]
        names = names or [None]
        period = None if contract.period is None else periods[contract.period].name
        return names[contract.first], names[contract.last], period
