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
    }
    total = 0
    types = set()
    for nodes in known:
        offer = resolved.offers[nodes.offer]
        unit = resolved.accelerator_of(offer.node_type)
        count = nodes.count * resolved.node_types[offer.node_type].accelerators
        total += count
        types |= {offer.node_type} if nodes.count else set()
        for kind, member in (
            ("vendor", unit.vendor),
            ("country", unit.country),
            ("accelerator", unit.name),
            ("site", offer.site),
        ):
            owned[kind][member] += count
    for kind, shares in (
        ("vendor", rules.max_vendor_share),
        ("accelerator", rules.max_accelerator_share),
        ("site", rules.max_site_share),
    ):
        for member, most in shares.items():
            over = owned[kind][member] - exact(most) * total
            message = f"{owned[kind][member]} of {total} accelerators, at most the share {most:g} is allowed"
            findings.check("share", f"{kind} {member}{label}", over <= 0, message, float(over), "accelerators")
    for member, least in rules.min_country_share.items():
        short = exact(least) * total - owned["country"][member]
        message = f"{owned['country'][member]} of {total} accelerators, at least the share {least:g} is required"
        findings.check("share", f"country {member}{label}", short <= 0, message, float(short), "accelerators")
    if rules.max_node_types is not None:
        extra = len(types) - rules.max_node_types
        message = f"{len(types)} node types, at most {rules.max_node_types} are allowed"
        findings.check("node_types", f"fleet{label}", extra <= 0, message, extra, "node types")
