"""From the nodes that each pool needs in each period to what is bought, reserved and rented."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suite.peers.question import Offer, Pool, Question

Taken = dict[tuple[str, str | None], int]
"""Nodes by offer and period."""


def taken(question: Question, needed: Sequence[Sequence[int]]) -> Taken | None:
    """What to take for `needed` nodes by period and pool; None where stock does not suffice.

    Purchases under a cap go first where they save most per dollar of it.
    """
    left = question.capex_cap
    found: Taken = {}
    order = sorted(range(len(question.pools)), key=lambda p: -_saving(question.pools[p]))
    for p in order:
        pool, counts = question.pools[p], [row[p] for row in needed]
        if not any(counts):
            continue
        part = _of_pool(question, pool, counts, left)
        if part is None:
            return None
        found |= part
        if left is not None:
            bought = {offer.name: offer.capex for offer in pool.offers}
            left -= sum(count * bought[name] for (name, _), count in part.items())
    return found


def _saving(pool: Pool) -> float:
    """USD an hour saved per dollar of a purchase."""
    rent = max(offer.usd_per_hour for offer in pool.offers)
    return max(((rent - offer.usd_per_hour) / offer.capex for offer in pool.offers if offer.capex), default=0.0)


def _of_pool(question: Question, pool: Pool, counts: list[int], capex: float | None) -> Taken | None:
    """The cheapest number of nodes for the whole horizon, by looking at all that some period needs; the rest by the
    hour."""
    hours = [h for _, h in question.periods]
    lasting = [offer for offer in pool.offers if not offer.by_the_hour]
    rented = [offer for offer in pool.offers if offer.by_the_hour]
    best: tuple[float, Taken] | None = None
    for base in sorted({0, *counts}):
        cost, part, rest = 0.0, {}, base
        for offer in sorted(lasting, key=lambda offer: offer.usd_per_hour):
            count = min(rest, _available(offer, capex))
            part[offer.name, None] = count
            cost += count * offer.usd_per_hour * sum(hours)
            rest -= count
        there = base - rest
        ok = True
        for (name, length), count in zip(question.periods, counts, strict=True):
            more = max(0, count - there)
            for offer in sorted(rented, key=lambda offer: offer.usd_per_hour):
                some = more if offer.stock is None else min(more, offer.stock)
                part[offer.name, name] = some
                cost += some * offer.usd_per_hour * length
                more -= some
            ok = ok and not more
        if ok and (best is None or cost < best[0]):
            best = cost, part
    return None if best is None else best[1]


def _available(offer: Offer, capex: float | None) -> int:
    most = 10**9 if offer.stock is None else offer.stock
    return most if capex is None or not offer.capex else min(most, int(max(capex, 0.0) / offer.capex))
