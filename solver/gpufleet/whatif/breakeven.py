"""At which price each offer enters or leaves the cheapest fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import price_field
from gpufleet.errors import InputError, InputProblem
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.schema.instance import Budgets
from gpufleet.solving import solve_candidates
from gpufleet.units import exact
from gpufleet.whatif.price_search import PriceSearch
from gpufleet.whatif.usable import usable_offers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from gpufleet.candidates.option import Candidates
    from gpufleet.schema.offers import Term
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

Outcome = Literal["found", "needed", "never", "nothing_runs", "no_fleet", "open"]


@dataclass(frozen=True)
class PriceBreak:
    """The break-even price of one offer. In = some cheapest fleet takes it, so a tie counts as in."""

    offer: str
    term: Term
    unit: Literal["usd_per_hour", "capex_usd"]
    """What its prices are: rent of a node and hour, or purchase price of a node, USD."""
    price_usd: float
    """Today's."""
    outcome: Outcome
    """`found`; `needed` = without it there is no plan, so no price drives it out (unless a budget does); `never` = not
    even the smallest price of the grid brings it in; `nothing_runs` = no workload can use its nodes; `no_fleet` = there
    is no plan, with it or without, and no budget that a lower price could help to keep; `open` = a time limit was
    reached."""
    is_in: bool | None
    """Today; None where a time limit left it open."""
    in_at_usd: float | None = None
    """Proven in at this price and at all below."""
    out_at_usd: float | None = None
    """Proven out at this price and at all above: the next on the grid."""
    inside: Plan | None = None
    """The cheapest fleet with it, at `in_at_usd`."""
    outside: Plan | None = None
    """The cheapest fleet without it."""
    one_of_several: bool = False
    """Caps on single workloads follow the dearest price of a pool: there may be other prices at which it changes."""
    solves: int = 0

    @property
    def change(self) -> float | None:
        """(`in_at_usd` - today's price) / today's price."""
        return None if self.in_at_usd is None or not self.price_usd else self.in_at_usd / self.price_usd - 1


@dataclass(frozen=True)
class PriceBreaks:
    """The answer for all offers asked about, those nearest to their break-even first."""

    optimum: Plan
    step_usd: float
    breaks: tuple[PriceBreak, ...]
    without_price: tuple[str, ...]
    """Offers of owned nodes, which have no price."""


def break_even_prices(
    resolved: ResolvedInstance,
    offers: Sequence[str] = (),
    *,
    step_usd: float = 0.01,
    time_limit_s: float = 60.0,
    candidates: Candidates | None = None,
    progress: Callable[[PriceBreak], None] | None = None,
) -> PriceBreaks:
    """Break-even prices of some offers, by default of all, exact to a grid of `step_usd`, the nearest ones first.

    All other prices stay as they are. `time_limit_s` holds for each plan. `candidates` are those of the
    instance, where they are known already. `progress` hears of each offer when it is done.

    Raises InputError for an offer that the instance does not have, or input that cannot be solved.
    """
    _check(resolved, offers)
    limits, candidates = SolverLimits(time_limit_s), candidates or build_candidates(resolved)
    optimum = solve_candidates(resolved, candidates, limits)
    asked = list(dict.fromkeys(offers)) or sorted(resolved.offers)
    found = []
    for name in asked:
        if price_field(resolved.offers[name]) is not None:
            found.append(_break(resolved, name, candidates, limits, exact(step_usd), optimum))
            if progress is not None:
                progress(found[-1])
    owned = tuple(name for name in asked if price_field(resolved.offers[name]) is None)
    return PriceBreaks(optimum, step_usd, tuple(sorted(found, key=_interest)), owned)


def _check(resolved: ResolvedInstance, offers: Sequence[str]) -> None:
    for name in offers:
        if name not in resolved.offers:
            known = ", ".join(sorted(resolved.offers))
            message = f"the instance has no offer {name!r}; its offers are {known}"
            raise InputError([InputProblem(resolved.path, 0, "--offer", message)])


def _interest(one: PriceBreak) -> tuple[bool, bool, float, str]:
    change = one.change
    return (one.outcome == "nothing_runs", change is None, abs(change or 0.0), one.offer)


def _break(
    resolved: ResolvedInstance,
    name: str,
    candidates: Candidates,
    limits: SolverLimits,
    step: Fraction,
    optimum: Plan,
) -> PriceBreak:
    offer, field = resolved.offers[name], price_field(resolved.offers[name])
    assert field is not None
    price = getattr(offer, field)

    def answer(outcome: Outcome, is_in: bool | None, **more: object) -> PriceBreak:
        return PriceBreak(name, offer.term, field, price, outcome, is_in, **more)  # type: ignore[arg-type]

    if not _counts_idle(resolved) and name not in usable_offers(resolved, candidates):
        return answer("nothing_runs", False)
    search = PriceSearch(resolved, name, candidates, limits, step, optimum if optimum.status == "optimal" else None)
    today = search.look(search.today)
    if today.taken is None:
        return answer("open", None, solves=search.solves)
    if today.inside.status == today.outside.status == "infeasible" and resolved.instance.budgets == Budgets():
        return answer("no_fleet", False, solves=search.solves)
    if today.taken and today.outside.status == "infeasible":
        return answer("needed", True, inside=today.inside, solves=search.solves)
    below, above, settled = search.neighbours(today)
    outcome: Outcome = "open" if not settled else "never" if below is None else "found"
    return answer(
        outcome,
        today.taken,
        in_at_usd=None if below is None else float(below.price),
        out_at_usd=None if above is None else float(above.price),
        inside=None if below is None else below.inside,
        outside=today.outside,
        one_of_several=not search.is_fixed,
        solves=search.solves,
    )


def _counts_idle(resolved: ResolvedInstance) -> bool:
    """Can nodes on which nothing runs help to keep a rule?"""
    rules = resolved.instance.rules
    shares = (rules.max_vendor_share, rules.max_accelerator_share, rules.max_site_share, rules.min_country_share)
    return any(shares) or rules.max_spot_share is not None
