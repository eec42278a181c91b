"""Offers, node types, accelerators and model cards behind the names that an instance uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.findings import IN_LIBRARY
from gpufleet.library.selections import select_offers
from gpufleet.library.wording import show
from gpufleet.schema.workloads import LLMServing, Profiled, RequestServing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.workloads import Workload

PlacedOffer = tuple["Loc", "Offer"]
"""An offer with the place in the instance that it comes from."""


def find_offers(instance: Instance, shelf: Shelf, findings: Findings) -> list[PlacedOffer]:
    """The instance's own offers and those it takes from the catalogue; notes unknown sites and clashing names."""
    own: list[PlacedOffer] = [(("offers", number), offer) for number, offer in enumerate(instance.offers)]
    for loc, offer in own:
        if offer.site not in shelf.sites:
            findings.unknown((*loc, "site"), "site", offer.site, shelf.sites)
    placed, names = own, {offer.name for _, offer in own}
    for loc, offer in select_offers(instance.catalog_offers, shelf, findings):
        if offer.name in names:
            findings.add(loc, f"takes offer {show(offer.name)}, which this instance has already")
        names.add(offer.name)
        placed.append((loc, offer))
    if not instance.offers and not instance.catalog_offers:
        findings.add((), "no offers: give offers, catalog_offers or both")
    return placed


def find_node_types(offers: Iterable[PlacedOffer], shelf: Shelf, findings: Findings) -> dict[str, NodeType]:
    """The node types of the offers, by name; notes unknown ones."""
    found: dict[str, NodeType] = {}
    for loc, offer in offers:
        node = shelf.node_type(offer.node_type)
        if node is None:
            findings.unknown((*loc, "node_type"), "node type", offer.node_type, shelf.node_type_names, IN_LIBRARY)
        else:
            found[offer.node_type] = node
    return found


def find_accelerators(
    instance: Instance, node_types: dict[str, NodeType], shelf: Shelf, findings: Findings
) -> dict[str, Accelerator]:
    """The accelerators of the node types, by name; notes unknown ones, at the node type if it is the instance's."""
    places: dict[str, Loc] = {node.name: ("node_types", n, "accelerator") for n, node in enumerate(instance.node_types)}
    found: dict[str, Accelerator] = {}
    for node in [*instance.node_types, *node_types.values()]:
        accelerator = shelf.accelerator(node.accelerator)
        if accelerator is not None and node.name in node_types:
            found[node.accelerator] = accelerator
        elif accelerator is None:
            _unknown_accelerator(node, places.get(node.name), shelf, findings)
    return found


def _unknown_accelerator(node: NodeType, loc: Loc | None, shelf: Shelf, findings: Findings) -> None:
    if loc is not None:
        findings.unknown(loc, "accelerator", node.accelerator, shelf.accelerator_names, IN_LIBRARY)
    else:
        findings.add((), f"the library's node type {node.name} has an unknown accelerator {show(node.accelerator)}")


def find_models(instance: Instance, shelf: Shelf, findings: Findings) -> dict[str, ModelCard]:
    """The model cards of the workloads, alternatives included, by name; notes unknown ones."""
    found: dict[str, ModelCard] = {}
    for number, workload in enumerate(instance.workloads):
        for loc, name in _models_named(workload):
            card = found.get(name) or shelf.model(name)
            if card is None:
                findings.unknown(("workloads", number, *loc), "model", name, shelf.model_names, IN_LIBRARY)
            else:
                found[name] = card
    return found


def _models_named(workload: Workload) -> Iterator[tuple[Loc, str]]:
    if not isinstance(workload, Profiled):
        yield ("model",), workload.model
    if isinstance(workload, LLMServing | RequestServing):
        yield from ((("alternatives", place), name) for place, name in enumerate(workload.alternatives))
