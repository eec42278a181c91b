"""Catalogue selections to offers: which prices a site can have, and an error wherever there is none."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpufleet.library.wording import did_you_mean, show
from gpufleet.schema.offers import Offer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.offers import CatalogOffer, OfferSelection, Site

ANY_REGION = "any"


def select_offers(
    selections: Iterable[OfferSelection], shelf: Shelf, findings: Findings
) -> Iterator[tuple[Loc, Offer]]:
    """The offers that the selections take from the catalogue, each with the place of its selection.

    An offer is called as its price (`provider/region/node type/term`); where two sites take the same price, `@site` is
    appended to both.
    """
    taken: list[tuple[Loc, OfferSelection, CatalogOffer]] = []
    for number, selection in enumerate(selections):
        loc: Loc = ("catalog_offers", number)
        site = shelf.sites.get(selection.site)
        if site is None:
            findings.unknown((*loc, "site"), "site", selection.site, shelf.sites)
        else:
            taken += [(loc, selection, price) for price in _prices(loc, selection, site, shelf, findings)]
    uses = Counter(price.name for _, _, price in taken)
    sites = {(price.name, selection.site) for _, selection, price in taken}
    shared = {name for name in uses if sum(name == other for other, _ in sites) > 1}
    for loc, selection, price in taken:
        yield loc, _offer(selection, price, f"{price.name}@{selection.site}" if price.name in shared else price.name)


def _offer(selection: OfferSelection, price: CatalogOffer, name: str) -> Offer:
    fields = price.model_dump(exclude={"provider", "region", "volume_discounts"})
    # fewer than the seller has may be counted on, never more
    stocks = [count for count in (selection.stock, price.stock) if count is not None]
    if price.interruptions_per_month is None and price.term == "spot":
        fields["interruptions_per_month"] = selection.interruptions_per_month
    return Offer.model_validate(
        {
            **fields,
            "name": name,
            "site": selection.site,
            "stock": min(stocks, default=None),
            "price_steps": price.price_steps,
        }
    )


def _prices(
    loc: Loc, selection: OfferSelection, site: Site, shelf: Shelf, findings: Findings
) -> Iterator[CatalogOffer]:
    """The prices that a selection takes; notes every filter that matches none."""
    if "owned" in selection.terms:
        findings.add((*loc, "terms"), "owned nodes have no price in a catalogue; write an offer with term owned")
        return
    seller = selection.provider or site.provider
    at_site = _at_site(loc, site, seller, shelf, findings)
    known = _names_exist(loc, selection, shelf, findings)
    if not at_site or not known:
        return
    chosen = [price for price in at_site if _fits(price, selection, shelf)]
    where = f"{seller} {site.region or ANY_REGION}"
    for price in chosen:
        if shelf.node_type(price.node_type) is None:
            findings.add(loc, f"the catalogue's price {price.name} is for an unknown node type {show(price.node_type)}")
    _every_filter_matches(loc, selection, chosen, where, shelf, findings)
    yield from (price for price in chosen if shelf.node_type(price.node_type) is not None)


def _at_site(loc: Loc, site: Site, seller: str | None, shelf: Shelf, findings: Findings) -> list[CatalogOffer]:
    """All prices of the seller in the site's region; a price of the region replaces one of `any` region."""
    if seller is None:
        findings.add((*loc, "site"), f"site {site.name} has no provider, so the catalogue has no prices for it")
        return []
    offers = [offer for offer in shelf.library.offers.values() if offer.provider == seller]
    regions = {offer.region for offer in offers}
    if not offers:
        hint = did_you_mean(seller, {offer.provider for offer in shelf.library.offers.values()})
        findings.add((*loc, "site"), f"no price: the catalogue has none of provider {show(seller)}{hint}")
    elif site.region is None and regions != {ANY_REGION}:
        findings.add((*loc, "site"), f"site {site.name} has no region; {seller}'s prices differ by region")
        return []
    elif not {site.region, ANY_REGION} & regions:
        hint = did_you_mean(str(site.region), regions)
        findings.add((*loc, "site"), f"no price: the catalogue has none of {seller} in {site.region}{hint}")
    local = {(offer.node_type, offer.term) for offer in offers if offer.region == site.region}
    return [
        offer
        for offer in offers
        if offer.region == site.region or (offer.region == ANY_REGION and (offer.node_type, offer.term) not in local)
    ]


def _names_exist(loc: Loc, selection: OfferSelection, shelf: Shelf, findings: Findings) -> bool:
    before = len(findings.problems)
    for number, name in enumerate(selection.accelerators or ()):
        if shelf.accelerator(name) is None:
            findings.unknown((*loc, "accelerators", number), "accelerator", name, shelf.accelerator_names)
    for number, name in enumerate(selection.node_types or ()):
        if shelf.node_type(name) is None:
            findings.unknown((*loc, "node_types", number), "node type", name, shelf.node_type_names)
    return len(findings.problems) == before


def _fits(price: CatalogOffer, selection: OfferSelection, shelf: Shelf) -> bool:
    node = shelf.node_type(price.node_type)
    accelerator_fits = selection.accelerators is None or node is None or node.accelerator in selection.accelerators
    node_type_fits = selection.node_types is None or price.node_type in selection.node_types
    return price.term in selection.terms and accelerator_fits and node_type_fits


def _every_filter_matches(
    loc: Loc, selection: OfferSelection, chosen: list[CatalogOffer], where: str, shelf: Shelf, findings: Findings
) -> None:
    nodes = [shelf.node_type(price.node_type) for price in chosen]
    matched = {
        "terms": {str(price.term) for price in chosen},
        "accelerators": {node.accelerator for node in nodes if node is not None},
        "node_types": {price.node_type for price in chosen},
    }
    before = len(findings.problems)
    for field, present in matched.items():
        for number, name in enumerate(getattr(selection, field) or ()):
            if name not in present:
                findings.add((*loc, field, number), f"no price: the selection matches none for {name} at {where}")
    if not chosen and len(findings.problems) == before:
        findings.add(loc, f"no price: the selection matches none at {where}")
