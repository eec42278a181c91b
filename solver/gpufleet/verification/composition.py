"""Rules on what the fleet is made of: shares by vendor, accelerator, site and country, and number of node types."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpufleet.units import exact

if TYPE_CHECKING:
    from gpufleet.schema.plan import PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings


def check_composition(
    resolved: ResolvedInstance, known: tuple[PlannedNodes, ...], label: str, findings: Findings
) -> None:
    """Shares are of all accelerators that are taken, used or not."""
    rules = resolved.instance.rules
    owned: dict[str, Counter[str]] = {
        "vendor": Counter(),
        "country": Counter(),
        "accelerator": Counter(),
        "site": Counter(),
        "term": Counter(),
    }
    total = 0
    for nodes in known:
        offer = resolved.offers[nodes.offer]
        unit = resolved.accelerator_of(offer.node_type)
        count = nodes.count * resolved.node_types[offer.node_type].accelerators
        total += count
        for kind, member in (
            ("vendor", unit.vendor),
            ("country", unit.country),
            ("accelerator", unit.name),
            ("site", offer.site),
            ("term", offer.term),
        ):
            owned[kind][member] += count
    for kind, shares in (
        ("vendor", rules.max_vendor_share),
        ("accelerator", rules.max_accelerator_share),
        ("site", rules.max_site_share),
        ("term", {} if rules.max_spot_share is None else {"spot": rules.max_spot_share}),
    ):
        for member, most in shares.items():
            over = owned[kind][member] - exact(most) * total
            message = f"{owned[kind][member]} of {total} accelerators, at most the share {most:g} is allowed"
            findings.check("share", f"{kind} {member}{label}", over <= 0, message, float(over), "accelerators")
    for member, least in rules.min_country_share.items():
        short = exact(least) * total - owned["country"][member]
        message = f"{owned['country'][member]} of {total} accelerators, at least the share {least:g} is required"
        findings.check("share", f"country {member}{label}", short <= 0, message, float(short), "accelerators")


def check_node_types(resolved: ResolvedInstance, known: tuple[PlannedNodes, ...], findings: Findings) -> None:
    """Node types are counted over the whole plan: each needs its spare parts and skills, whenever it is there."""
    most = resolved.instance.rules.max_node_types
    if most is not None:
        types = {resolved.offers[nodes.offer].node_type for nodes in known if nodes.count}
        message = f"{len(types)} node types, at most {most} are allowed"
        findings.check("node_types", "fleet", len(types) <= most, message, len(types) - most, "node types")
