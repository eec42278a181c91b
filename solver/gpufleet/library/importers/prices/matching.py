"""Instances of price lists, found among the node types of the catalogue or made into new ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpufleet.library.importers.prices.accelerators import candidates
from gpufleet.schema.hardware import NodeType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpufleet.library.importers.prices.rows import PriceRow
    from gpufleet.library.library import Library

NO_INSTANCE: Final = "the row prices an accelerator without its host"
NO_ACCELERATOR: Final = "no accelerator, and no CPU node type of the catalogue"
FRACTION: Final = "it has a fraction of an accelerator"
HOST_ALONE: Final = "the row prices the host without its accelerators"
PROVIDERS: Final = {"lambdalabs": "Lambda", "lambda": "Lambda"}
"""Names of price lists for providers that the catalogue calls otherwise."""


class SkippedError(Exception):
    """Why a row is not taken."""


class Matcher:
    """Finds node types by the provider's name for them, and makes those that are missing where that is asked for."""

    def __init__(self, library: Library, *, create: bool, names: Mapping[str, str], source: str) -> None:
        self._library = library
        self._create, self._names, self._source = create, names, source
        self._known = {_fold(name): node for name, node in library.node_types.items() if node.partition_of is None}
        self._providers = {offer.provider.lower(): offer.provider for offer in library.offers.values()}
        self._meant: dict[tuple[str, float | None, str], tuple[str, ...]] = {}
        self.created: dict[str, NodeType] = {}

    def provider(self, name: str) -> str:
        """The provider as the catalogue spells it, e.g. `AWS` for `aws`."""
        return self._providers.get(name.lower()) or PROVIDERS.get(name.lower(), name)

    def node_type(self, row: PriceRow) -> NodeType:
        """The node type of a row. Raises SkippedError where there is none."""
        if not row.instance:
            raise SkippedError(NO_INSTANCE)
        if row.count is not None and row.count % 1:
            raise SkippedError(FRACTION)
        provider = self.provider(row.provider).lower()
        found = self._known.get(_fold(f"{provider}-{row.instance}")) or self._known.get(_fold(row.instance))
        if found is None:
            return self._made(row, provider)
        self._check(row, found)
        return found

    def _check(self, row: PriceRow, node: NodeType) -> None:
        """The row is of the same machine as the node type of that name."""
        kind = self._library.accelerators[node.accelerator].kind
        if not row.accelerator and not row.count and kind != "cpu" and not row.whole:
            raise SkippedError(HOST_ALONE)
        if row.count and kind != "cpu" and row.count != node.accelerators:
            raise SkippedError(f"it has {row.count:g} accelerators, the catalogue's {node.name} {node.accelerators}")
        meant = self._candidates(row)
        if meant and node.accelerator not in meant:
            raise SkippedError(f"it has {row.accelerator}, the catalogue's {node.name} {node.accelerator}")

    def _candidates(self, row: PriceRow) -> tuple[str, ...]:
        for name in (row.instance, row.accelerator):
            if name in self._names:
                return (self._names[name],)
        key = (row.accelerator, row.memory_gb, row.hint)
        if key not in self._meant:
            self._meant[key] = candidates(*key, self._library.accelerators)
        return self._meant[key]

    def _made(self, row: PriceRow, provider: str) -> NodeType:
        if not row.accelerator or not row.count:
            raise SkippedError(NO_ACCELERATOR if not row.whole else f"node type {row.instance} not in the catalogue")
        if not self._create:
            raise SkippedError("node type not in the catalogue")
        meant = self._candidates(row)
        if not meant:
            size = f" with {row.memory_gb:g} GB" if row.memory_gb else ""
            raise SkippedError(f"accelerator {row.accelerator}{size} not in the catalogue (--accelerator names it)")
        if len(meant) > 1:
            raise SkippedError(
                f"accelerator {row.accelerator} may be {' or '.join(meant)}; say which with "
                f"--accelerator '{row.accelerator}={meant[0]}'"
            )
        name = _clean(f"{provider}-{row.instance}")
        made = self.created.get(name) or self._new(row, name, meant[0])
        if (made.accelerator, made.accelerators) != (meant[0], row.count):
            raise SkippedError(f"{row.instance} has {made.accelerators}x {made.accelerator} in another row")
        self.created[name] = made
        return made

    def _new(self, row: PriceRow, name: str, accelerator: str) -> NodeType:
        return NodeType(
            name=name,
            accelerator=accelerator,
            accelerators=int(row.count or 1),
            host_vcpus=int(row.vcpus) if row.vcpus and row.vcpus >= 1 else None,
            host_memory_gb=row.host_memory_gb or None,
            source=self._source,
            note="Accelerators and host as the price list states them. Assumed: the accelerator's own links join them; "
            "no network is stated, so no replica spans nodes.",
        )


def _fold(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _clean(name: str) -> str:
    """A name that our format takes."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name)[:120]
