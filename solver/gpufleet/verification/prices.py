"""Rules on what a plan says of its prices: the overlay it was made with, and each price and its date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.schema.offers import HOURLY_TERMS

if TYPE_CHECKING:
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings


def check_overlay(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """The plan is checked with the overlay that it was made with; one written by hand names none."""
    if plan.certificate is None and plan.overlay is None:
        return
    made, here = plan.overlay, None if resolved.overlay is None else resolved.overlay.record
    if made is None:
        message = f"the plan was made without an overlay; leave out {here.file if here is not None else ''}"
    elif here is None:
        message = f"the plan was made with the overlay {made.file} (sha256 {made.digest[:16]}); give it with --overlay"
    else:
        message = (
            f"the plan was made with the overlay {made.file} (sha256 {made.digest[:16]}), but {here.file} has "
            f"{here.digest[:16]}; give the same one, or solve again"
        )
    same = (made is None) == (here is None) and (made is None or here is None or made.digest == here.digest)
    findings.check("overlay", "overlay", same, message)


def check_offer_prices(resolved: ResolvedInstance, plan: Plan, findings: Findings) -> None:
    """List price, price paid and date of every offer are the ones that the files say; each offer of the plan has one.

    A plan of an earlier version has none of them.
    """
    if not plan.offer_prices:
        return
    taken = {nodes.offer for nodes in plan.nodes if nodes.count}
    said = [price.offer for price in plan.offer_prices]
    known = taken <= set(said) <= {nodes.offer for nodes in plan.nodes} and len(said) == len(set(said))
    message = f"offer_prices are of {', '.join(said)}; the plan has {', '.join(sorted(taken))}"
    findings.check("prices", "offer_prices", known, message)
    listed = {} if resolved.overlay is None else resolved.overlay.list_prices
    for price in plan.offer_prices:
        if price.offer in resolved.offers:
            offer = resolved.offers[price.offer]
            unit = "usd_per_hour" if offer.term in HOURLY_TERMS else "capex_usd" if offer.term == "purchase" else None
            paid = None if unit is None else getattr(offer, unit)
            right = (unit, listed.get(price.offer, paid), paid, offer.as_of)
            stated = (price.unit, price.list_usd, price.paid_usd, price.as_of)
            message = f"says (unit, list price, price paid, date) {_shown(stated)}, the files say {_shown(right)}"
            findings.check("prices", price.offer, _same(stated, right), message)


def _same(stated: tuple[object, ...], right: tuple[object, ...]) -> bool:
    """Prices to the millionth of a dollar that plan files hold."""
    return all(
        round(a, 6) == round(b, 6) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(stated, right, strict=True)
    )


def _shown(facts: tuple[object, ...]) -> str:
    return ", ".join("none" if fact is None else str(fact) for fact in facts)
