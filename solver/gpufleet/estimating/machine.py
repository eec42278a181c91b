"""The accelerator and the node type that it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from gpufleet.schema.hardware import Accelerator, NodeType

if TYPE_CHECKING:
    from gpufleet.estimating.wish import Wish
    from gpufleet.library import Library
    from gpufleet.library.findings import Findings

Chosen = Literal["given", "reference", "assumed"]
USUAL: Final = 8
"""Accelerators of a usual node."""
MOST_LISTED: Final = 8


def accelerator_of(wish: Wish, library: Library, findings: Findings) -> Accelerator | None:
    """The accelerator asked for; None, and a finding, when the library has none of that name."""
    if isinstance(wish.accelerator, Accelerator):
        return wish.accelerator
    found = library.accelerators.get(wish.accelerator)
    if found is None:
        whole = [name for name in library.accelerators if not _is_instance(name, library)]
        like = [name for name in whole if wish.accelerator.lower() in name.lower()]
        hint = f"write one of {', '.join(sorted(like)[:MOST_LISTED])}" if like else "see gpufleet catalog list"
        findings.unknown(("accelerator",), "accelerator", wish.accelerator, () if like else library.accelerators, hint)
    return found


def _is_instance(accelerator: str, library: Library) -> bool:
    """Is it a part of a partitioned accelerator?"""
    shapes = [node for node in library.node_types.values() if node.accelerator == accelerator]
    return bool(shapes) and all(node.partition_of for node in shapes)


def node_of(
    wish: Wish, accelerator: Accelerator, library: Library, findings: Findings
) -> tuple[NodeType, Chosen] | None:
    """The node type, and how it was chosen; None, and findings, when the question contradicts itself."""
    if wish.node is not None:
        for name in wish.given(("accelerators", "network_gb_s")):
            findings.add((name,), "does not go with node, which says so itself; leave out one of them")
        node = _named(wish.node, accelerator, library, findings)
        return None if node is None else (node, "given")
    reference = reference_node(accelerator.name, library)
    if wish.accelerators is None and reference is not None:
        changed = {} if wish.network_gb_s is None else {"network_gb_s": wish.network_gb_s}
        return reference.model_copy(update=changed), "given" if changed else "reference"
    if accelerator.memory_gb is None:
        message = f"{accelerator.name} has the memory of its node; name a node type (node) instead of a size"
        findings.add(("accelerators",), message)
        return None
    size = wish.accelerators or USUAL
    return _own(accelerator, size, wish.network_gb_s), "assumed" if wish.accelerators is None else "given"


def _named(node: str | NodeType, accelerator: Accelerator, library: Library, findings: Findings) -> NodeType | None:
    if isinstance(node, str) and node not in library.node_types:
        here = [name for name, other in library.node_types.items() if other.accelerator == accelerator.name]
        hint = f"nodes with {accelerator.name}: {', '.join(here[:MOST_LISTED]) or 'none in the library'}"
        findings.unknown(("node",), "node type", node, here, hint)
        return None
    found = library.node_types[node] if isinstance(node, str) else node
    if found.accelerator != accelerator.name:
        findings.add(("node",), f"{found.name} has {found.accelerator}, not {accelerator.name}")
        return None
    return found


def _own(accelerator: Accelerator, size: int, network_gb_s: float | None) -> NodeType:
    return NodeType(
        name=f"{size}x {accelerator.name}",
        accelerator=accelerator.name,
        accelerators=size,
        network_gb_s=network_gb_s,
        source="given with the question",
    )


def reference_node(accelerator: str, library: Library) -> NodeType | None:
    """The catalogue's node that stands for an accelerator, None when there is none.

    Whole before partitioned, nearest to 8 accelerators (8, then fewer, then more), fastest network, first name.
    """
    shapes = [node for node in library.node_types.values() if node.accelerator == accelerator]
    return min(shapes, key=_distance, default=None)


def _distance(node: NodeType) -> tuple[bool, bool, int, float, str]:
    beyond = node.accelerators > USUAL
    return (
        node.partition_of is not None,
        beyond,
        abs(node.accelerators - USUAL),
        -(node.network_gb_s or 0.0),
        node.name,
    )
