"""Sites, budgets and rules: do they name things that exist, and is every needed price and figure there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.findings import IN_LIBRARY
from gpufleet.library.services import note_unknown_workload
from gpufleet.library.wording import shown
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.references import PlacedOffer
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer, Site

OWN_TERMS = ("owned", "purchase")


def check_fleet(
    instance: Instance,
    offers: Sequence[PlacedOffer],
    node_types: Mapping[str, NodeType],
    shelf: Shelf,
    findings: Findings,
) -> None:
    """Note unknown names in budgets and rules, missing power figures and electricity prices, impossible shares."""
    _known(("budgets", "sites"), instance.budgets.sites, "site", shelf.sites, findings)
    for name in instance.budgets.workloads:
        note_unknown_workload(("budgets", "workloads", name), name, instance, findings)
    _check_workload_budgets(instance, findings)
    _known(("rules", "max_site_share"), instance.rules.max_site_share, "site", shelf.sites, findings)
    _check_quotas(instance, shelf, findings)
    _check_shares(instance, shelf, findings)
    _check_electricity(instance, offers, findings)
    for loc, offer in offers:
        if offer.term == "spot" and offer.interruptions_per_month is None:
            message = f"spot price {offer.name} states no interruptions_per_month; give it (0 if there are none)"
            findings.add(loc, message)
        if offer.site in shelf.sites and offer.node_type in node_types:
            _check_power(loc, offer, node_types[offer.node_type], shelf.sites[offer.site], findings)


def _known(loc: Loc, names: Iterable[str], what: str, known: Iterable[str], findings: Findings) -> None:
    for name in names:
        if name not in known:
            findings.unknown((*loc, name), what, name, known)


def _check_workload_budgets(instance: Instance, findings: Findings) -> None:
    for name, caps in instance.budgets.workloads.items():
        if caps.capex_usd is not None:
            message = (
                "workloads share the nodes that are bought, so no purchase belongs to one of them; cap what the "
                "workload is charged (usd_per_day, horizon_usd), or the purchases of a site or of the whole plan"
            )
            findings.add(("budgets", "workloads", name, "capex_usd"), message)


def _check_quotas(instance: Instance, shelf: Shelf, findings: Findings) -> None:
    providers = {site.provider for site in instance.sites if site.provider is not None}
    for number, quota in enumerate(instance.rules.quotas):
        loc: Loc = ("rules", "quotas", number)
        if quota.provider not in providers:
            findings.unknown((*loc, "provider"), "provider", quota.provider, providers, "no site has it")
        if shelf.accelerator(quota.accelerator) is None:
            known = shelf.accelerator_names
            findings.unknown((*loc, "accelerator"), "accelerator", quota.accelerator, known, IN_LIBRARY)


def _check_shares(instance: Instance, shelf: Shelf, findings: Findings) -> None:
    rules = instance.rules
    if rules.max_vendor_share:
        vendors = {unit.vendor for unit in map(shelf.accelerator, shelf.accelerator_names) if unit is not None}
        _known(("rules", "max_vendor_share"), rules.max_vendor_share, "vendor", vendors, findings)
    for name in rules.max_accelerator_share:
        if shelf.accelerator(name) is None:
            loc: Loc = ("rules", "max_accelerator_share", name)
            findings.unknown(loc, "accelerator", name, shelf.accelerator_names, IN_LIBRARY)
    total = sum(exact(share) for share in instance.rules.min_country_share.values())
    if total > 1:
        findings.add(("rules", "min_country_share"), f"the shares add up to {shown(total)}, more than 1")


def _check_electricity(instance: Instance, offers: Iterable[PlacedOffer], findings: Findings) -> None:
    first: dict[str, Offer] = {}
    for _, owned in offers:
        if owned.term in OWN_TERMS:
            first.setdefault(owned.site, owned)
    for number, site in enumerate(instance.sites):
        if site.electricity_usd_per_kwh is None and site.name in first:
            offer = first[site.name]
            message = f"missing price: {offer.term} nodes (offer {offer.name}) pay for electricity here; give it, or 0"
            findings.add(("sites", number, "electricity_usd_per_kwh"), message)


def _check_power(loc: Loc, offer: Offer, node: NodeType, site: Site, findings: Findings) -> None:
    place = (*loc, "node_type")
    if node.power_kw is None and offer.term in OWN_TERMS:
        findings.add(place, f"{node.name} has no power_kw, which the electricity bill of {offer.term} nodes needs")
    elif node.power_kw is None and site.power_cap_kw is not None:
        findings.add(place, f"{node.name} has no power_kw, which the power cap of site {site.name} needs")
    if node.rack_units is None and site.rack_units is not None:
        findings.add(place, f"{node.name} has no rack_units, which the rack space of site {site.name} needs")
