"""The price at which an offer leaves the cheapest fleet, on a grid of prices, by proven solves on both sides.

V_in(p), the cost of the cheapest fleet that takes the offer at the price p, rises with p; V_out, of the cheapest that
does not take it, does not depend on p. The offer is in at p when V_in(p) <= V_out: a tie counts as in. A fleet that
takes it costs a + k p, and V_in is the least of such lines, so it is concave: where the line of the best fleet found at
one price meets V_out, the offer is still in. The search goes from line to line, up or down, and ends when two
neighbours of the grid are proven, in at the lower one and out at the higher one. Where a money budget cuts fleets off,
the next line may promise too much; then what is between the two sides is halved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from gpufleet.edits.changes import price_field, with_price
from gpufleet.problem.signatures import PartRules
from gpufleet.solving import solve_candidates
from gpufleet.units import exact

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

MOST_PRICES: Final = 60
"""Prices looked at before the search gives up."""
FOLLOWS_PRICE: Final = frozenset({"rent", "write-off", "maintenance"})
"""Cost lines that are the price times something."""


@dataclass(frozen=True)
class Look:
    """One price, and the cheapest fleet with and without the offer."""

    price: Fraction
    """USD, in the unit of the offer's price."""
    inside: Plan
    outside: Plan
    taken: bool | None
    """Is the offer in? None where a time limit left it open."""


class PriceSearch:
    """The break-even price of one offer."""

    def __init__(
        self,
        resolved: ResolvedInstance,
        offer: str,
        candidates: Candidates,
        limits: SolverLimits,
        step: Fraction,
        known: Plan | None = None,
    ) -> None:
        self.resolved, self.offer, self.candidates, self.limits, self.step = resolved, offer, candidates, limits, step
        field = price_field(resolved.offers[offer])
        assert field is not None, f"{offer} has no price"
        self.today = exact(getattr(resolved.offers[offer], field))
        self.solves = 0
        takes = known is not None and any(nodes.offer == offer and nodes.count for nodes in known.nodes)
        self._known_inside = known if takes else None
        self._outside = None if takes else known
        # what a workload is charged follows the dearest price of a pool, taken or not
        self.is_fixed = not resolved.instance.budgets.workloads

    def look(self, price: Fraction) -> Look:
        """Solve at one price, with the offer and without it."""
        asked = self.resolved if price == self.today else with_price(self.resolved, self.offer, float(price))
        inside = self._known_inside if price == self.today and self._known_inside is not None else None
        inside = inside or self._solve(asked, PartRules({self.offer: (self.offer,)}, required=(self.offer,)))
        outside = self._outside
        if outside is None or not (self.is_fixed or price == self.today):
            outside = self._solve(asked, PartRules({self.offer: (self.offer,)}, forbidden=(self.offer,)))
            self._outside = outside
        return Look(price, inside, outside, is_no_worse(inside, outside))

    def _solve(self, asked: ResolvedInstance, rules: PartRules) -> Plan:
        self.solves += 1
        return solve_candidates(asked, self.candidates, self.limits, parts=rules)

    def meets(self, look: Look) -> Fraction | None:
        """The price at which the line of the fleet found with the offer meets the cost without it; None without one."""
        with_it, without = _micro(look.inside), _micro(look.outside)
        share = _follows(look.inside, self.offer)
        if with_it is None or without is None or not share:
            return None
        return look.price + (without - with_it) * look.price / share

    def neighbours(self, first: Look) -> tuple[Look | None, Look | None, bool]:
        """(dearest look of the grid at which it is in, cheapest at which it is out, whether that is settled).

        No first one: it is out at the smallest price of the grid already.
        """
        low, high = self._around(first)
        # today's price can be below the grid
        sides: dict[int, Look] = {0: first} if first.taken and not low else {}
        guess = self._grid(self.meets(first))
        for _ in range(MOST_PRICES):
            if high is not None and high - low <= 1 and high in sides and (not low or low in sides):
                return sides.get(low), sides[high], True
            place = self._next(low, high, guess, sides)
            look = sides[place] = self.look(place * self.step)
            if look.taken is None:
                break
            guess = self._grid(self.meets(look))
            if look.taken:
                low = max(low, place)
            else:
                high = place if high is None else min(high, place)
        return sides.get(low), None if high is None else sides.get(high), False

    def _around(self, first: Look) -> tuple[int, int | None]:
        """The grid beside today's price, which need not be on it: in at the first, out at the second; 0 = no price."""
        place = first.price / self.step
        return (math.floor(place), None) if first.taken else (0, max(math.ceil(place), 1))

    def _grid(self, price: Fraction | None) -> int | None:
        return None if price is None else math.floor(price / self.step)

    def _next(self, low: int, high: int | None, guess: int | None, sides: dict[int, Look]) -> int:
        """Where to look next: where the line meets, just beyond a price at which it is in, or between both sides."""
        if high is not None and high - low <= 1:
            return low if low and low not in sides else high
        if guess is not None and guess > low and (high is None or guess < high):
            return guess
        if low and low not in sides:
            return low
        if high is None or guess is not None:
            return low + 1
        return (low + high) // 2


def is_no_worse(inside: Plan, outside: Plan) -> bool | None:
    """Does a plan serve as much at no more cost, or more? None where that is not proven."""
    if inside.status == "infeasible":
        return False
    if outside.status == "infeasible":
        return True if inside.status in ("optimal", "feasible") else None
    ours, theirs = inside.certificate, outside.certificate
    if ours is None or theirs is None or ours.objective_usd is None or theirs.objective_usd is None:
        return None
    if inside.status == outside.status == "optimal":
        served = [[level.unserved for level in each.service] for each in (ours, theirs)]
        return (served[0], ours.objective_usd) <= (served[1], theirs.objective_usd)
    if ours.service or theirs.service or ours.bound_usd is None or theirs.bound_usd is None:
        return None
    if ours.objective_usd <= theirs.bound_usd:
        return True
    return False if ours.bound_usd > theirs.objective_usd else None


def _micro(plan: Plan) -> Fraction | None:
    cost = None if plan.certificate is None else plan.certificate.objective_usd
    return None if cost is None else exact(cost)


def _follows(plan: Plan, offer: str) -> Fraction:
    """What of a plan's cost is the price of an offer times something, USD."""
    lines = [line for line in plan.costs if line.offer == offer and line.item in FOLLOWS_PRICE]
    return sum((exact(line.total_usd) for line in lines), Fraction(0))
