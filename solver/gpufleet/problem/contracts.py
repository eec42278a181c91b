"""For how long the nodes of an offer can be taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.problem.horizon import Span
from gpufleet.schema.offers import RENTED_TERMS, TERM_YEARS
from gpufleet.units import HOURS_PER_YEAR, exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.problem.horizon import Horizon
    from gpufleet.schema.offers import Offer


@dataclass(frozen=True)
class Contract:
    """Nodes are there from the start of one stage to the end of another, in one period or in all."""

    first: int
    """First stage."""
    last: int
    """Last stage."""
    span: Span
    """From its start to its end."""
    paid: Span
    """Hours that are paid for within the horizon (all hours, of which `share` count)."""
    committed: Span
    """Hours after the horizon for which a reservation binds."""
    period: int | None = None
    """Position of the period in a stage; None = all periods."""
    share: Fraction = Fraction(1)
    """Share of the hours that the period takes."""

    def periods(self, horizon: Horizon) -> tuple[int, ...] | None:
        """Positions in `horizon.periods` where the nodes are there; None = in all."""
        if self.period is None and len(horizon.stages) == self.last - self.first + 1:
            return None
        inside = range(len(horizon.shares)) if self.period is None else (self.period,)
        return tuple(horizon.index(s, t) for s in range(self.first, self.last + 1) for t in inside)


def contracts(offer: Offer, horizon: Horizon) -> Iterator[Contract]:
    """All that the term allows: rented by stage and period, reserved for whole terms, bought for 1..n stages."""
    if offer.term in RENTED_TERMS:
        several = len(horizon.shares) > 1
        for s, span in enumerate(horizon.stages):
            for t, share in enumerate(horizon.shares):
                yield Contract(s, s, span, span, _nothing(span.end), t if several else None, share)
    elif offer.term in TERM_YEARS:
        for s in range(len(horizon.stages)):
            yield _reservation(horizon, s, TERM_YEARS[offer.term] * HOURS_PER_YEAR)
    else:
        yield from _own(offer, horizon)


def _nothing(at: Fraction) -> Span:
    return Span(at, at)


def _own(offer: Offer, horizon: Horizon) -> Iterator[Contract]:
    """Bought at the start of any stage, there for as long as the node lives; within a single stage it is replaced."""
    life = None if offer.life_years is None else exact(offer.life_years) * HOURS_PER_YEAR
    for s in range(len(horizon.stages) if offer.term == "purchase" else 1):
        for e in range(s, len(horizon.stages)):
            span = Span(horizon.stages[s].start, horizon.stages[e].end)
            if e == s or life is None or span.end - span.start <= life:
                yield Contract(s, e, span, span, _nothing(span.end))


def _reservation(horizon: Horizon, s: int, term: int) -> Contract:
    """The stages that it covers in full; in a stage longer than the term it is renewed, for a whole term each time."""
    start, stage_end = horizon.stages[s].start, horizon.stages[s].end
    bound = start + term * max(1, math.ceil((stage_end - start) / term))
    last = max(e for e, span in enumerate(horizon.stages) if span.end <= bound)
    inside = min(bound, horizon.end)
    return Contract(s, last, Span(start, horizon.stages[last].end), Span(start, inside), Span(inside, bound))
