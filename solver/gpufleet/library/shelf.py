"""What an instance can refer to by name: its own records first, then the library's."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpufleet.library.library import Library
    from gpufleet.schema.hardware import Accelerator, NodeType
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.models import ModelCard
    from gpufleet.schema.offers import Site


class Shelf:
    """Look-up by name over an instance and a library. The library is read only for names the instance lacks."""

    def __init__(self, instance: Instance, library: Library) -> None:
        self.library = library
        self._accelerators = {record.name: record for record in instance.accelerators}
        self._node_types = {record.name: record for record in instance.node_types}
        self._models = {record.name: record for record in instance.models}
        self.sites: dict[str, Site] = {site.name: site for site in instance.sites}

    def accelerator(self, name: str) -> Accelerator | None:
        """The accelerator of this name, or None."""
        return self._accelerators.get(name) or self.library.accelerators.get(name)

    def node_type(self, name: str) -> NodeType | None:
        """The node type of this name, or None."""
        return self._node_types.get(name) or self.library.node_types.get(name)

    def model(self, name: str) -> ModelCard | None:
        """The model card of this name, or None."""
        if name in self._models:
            return self._models[name]
        return self.library.model(name) if name in self.library.model_names else None

    @cached_property
    def accelerator_names(self) -> list[str]:
        """All names of accelerators."""
        return [*self._accelerators, *self.library.accelerators]

    @cached_property
    def node_type_names(self) -> list[str]:
        """All names of node types."""
        return [*self._node_types, *self.library.node_types]

    @cached_property
    def model_names(self) -> list[str]:
        """All names of model cards."""
        return [*self._models, *self.library.model_names]
