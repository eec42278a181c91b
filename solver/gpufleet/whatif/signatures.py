"""What a fleet is made of: its signature, by which fleets are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

By = Literal["fleet", "vendor", "accelerator", "term", "site"]
MEANING: Final[dict[By, str]] = {
    "fleet": "accelerators and terms",
    "vendor": "vendors",
    "accelerator": "accelerators",
    "term": "terms",
    "site": "sites",
}
"""What two fleets must differ in, in words."""


def part_of(resolved: ResolvedInstance, offer: Offer, by: By) -> str:
    """The part of a signature that a node of this offer adds, e.g. `T4 reserved_1y` of a fleet."""
    unit = resolved.accelerator_of(offer.node_type)
    parts: dict[By, str] = {
        "fleet": f"{unit.name} {offer.term}",
        "vendor": unit.vendor,
        "accelerator": unit.name,
        "term": offer.term,
        "site": offer.site,
    }
    return parts[by]


def parts_of(resolved: ResolvedInstance, by: By, count_owned: bool = False) -> dict[str, tuple[str, ...]]:
    """Part to the names of the offers whose nodes add it; owned nodes add nothing unless they are counted."""
    parts: dict[str, list[str]] = {}
    for name in sorted(resolved.offers):
        if _counts(resolved.offers[name], count_owned):
            parts.setdefault(part_of(resolved, resolved.offers[name], by), []).append(name)
    return {part: tuple(names) for part, names in sorted(parts.items())}


def signature_of(resolved: ResolvedInstance, plan: Plan, by: By, count_owned: bool = False) -> frozenset[str]:
    """The parts of which a plan takes nodes, read from the plan alone."""
    taken = [resolved.offers[nodes.offer] for nodes in plan.nodes if nodes.count]
    return frozenset(part_of(resolved, offer, by) for offer in taken if _counts(offer, count_owned))


def _counts(offer: Offer, count_owned: bool) -> bool:
    return count_owned or offer.term != "owned"
