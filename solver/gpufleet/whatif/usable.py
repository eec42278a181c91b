"""Offers that can be of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.candidates.option import Candidates
    from gpufleet.schema.resolved import ResolvedInstance


def usable_offers(resolved: ResolvedInstance, candidates: Candidates) -> frozenset[str]:
    """Names of the offers on whose nodes some workload can run, as a whole or as a partition."""
    types = {name: node.partition_of or name for name, node in resolved.node_types.items()}
    places = {(o.site, types[o.node_type], o.spot) for options in candidates.options.values() for o in options}
    return frozenset(
        name
        for name, offer in resolved.offers.items()
        if (offer.site, offer.node_type, name if offer.term == "spot" else None) in places
    )
