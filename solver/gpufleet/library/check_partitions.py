"""Partitioned node types: are those that the instance lists partitions of nodes that it can have?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.library.findings import IN_LIBRARY
from gpufleet.library.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.library.references import PlacedOffer
    from gpufleet.library.shelf import Shelf
    from gpufleet.schema.hardware import NodeType
    from gpufleet.schema.instance import Instance


def find_partitions(
    instance: Instance, bought: Mapping[str, NodeType], shelf: Shelf, findings: Findings
) -> dict[str, NodeType]:
    """The partitions that the instance lists, by name; notes those that are none, or of nodes that nobody offers."""
    found: dict[str, NodeType] = {}
    for number, name in enumerate(instance.partitions):
        loc: Loc = ("partitions", number)
        node = shelf.node_type(name)
        if name in instance.partitions[:number]:
            findings.add(loc, f"{name} is listed twice; remove it")
        elif node is None:
            findings.unknown(loc, "node type", name, shelf.node_type_names, IN_LIBRARY)
        elif node.partition_of is None:
            findings.add(loc, f"{name} is no partition: it has no partition_of; remove it")
        elif _is_sound(_place(instance, node, loc), node, shelf, findings):
            if node.partition_of not in bought:
                findings.add(loc, f"no offer sells {node.partition_of}, of which {name} is a partition; remove it")
            found[name] = node
    return found


def check_partitions(
    instance: Instance,
    offers: Sequence[PlacedOffer],
    partitions: Mapping[str, NodeType],
    shelf: Shelf,
    findings: Findings,
) -> None:
    """Note node types of the instance with an impossible `partition_of`, offers that sell partitions, and rules on
    accelerators that only partitions carry: rules count physical accelerators."""
    for node in instance.node_types:
        if node.partition_of is not None and node.name not in instance.partitions:
            _is_sound(_place(instance, node, ()), node, shelf, findings)
    for place, offer in offers:
        sold = shelf.node_type(offer.node_type)
        if sold is not None and sold.partition_of is not None:
            remedy = f"offer {sold.partition_of} and list {sold.name} under partitions"
            findings.add(
                (*place, "node_type"),
                f"{sold.name} is a partition of {sold.partition_of}, and offers sell nodes; {remedy}",
            )
    _check_rules(instance, partitions.values(), shelf, findings)


def _place(instance: Instance, node: NodeType, otherwise: Loc) -> Loc:
    """Where a node type of the instance says what it is a partition of; `otherwise` for those of the library."""
    names = [own.name for own in instance.node_types]
    return ("node_types", names.index(node.name), "partition_of") if node.name in names else otherwise


def _is_sound(loc: Loc, node: NodeType, shelf: Shelf, findings: Findings) -> bool:
    """Does it divide an existing node, which is no partition itself, into equal instances?"""
    base = shelf.node_type(str(node.partition_of))
    if base is None:
        message = f"{node.name} is a partition of an unknown node type {show(str(node.partition_of))}; {IN_LIBRARY}"
        findings.add(loc, message)
    elif base.partition_of is not None:
        message = f"{node.name} is a partition of {base.name}, itself a partition; name {base.partition_of}"
        findings.add(loc, message)
    elif node.accelerators % base.accelerators:
        message = (
            f"{node.name} has {node.accelerators} instances, which the {base.accelerators} accelerators of "
            f"{base.name} cannot be cut into equally; give a multiple of {base.accelerators}"
        )
        findings.add(loc, message)
    else:
        return True
    return False


def _check_rules(instance: Instance, partitions: Iterable[NodeType], shelf: Shelf, findings: Findings) -> None:
    bases = {node.accelerator: shelf.node_type(str(node.partition_of)) for node in partitions}
    rules = instance.rules
    places: list[tuple[Loc, str]] = [
        (("rules", "quotas", n, "accelerator"), q.accelerator) for n, q in enumerate(rules.quotas)
    ]
    places += [(("rules", "max_accelerator_share", name), name) for name in rules.max_accelerator_share]
    for loc, name in places:
        if (base := bases.get(name)) is not None:
            message = f"{name} is an instance of a partitioned accelerator, and rules count whole ones"
            findings.add(loc, f"{message}; name {base.accelerator}")
