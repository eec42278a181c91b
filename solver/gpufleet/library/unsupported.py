"""What the vocabulary can say but this version does not optimise: refused by name, never ignored.

One row per feature. A feature that becomes supported loses its row here and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings
    from gpufleet.schema.instance import Instance


def _field(*names: str) -> Callable[[Instance], Iterator[Loc]]:
    """Finds a field of the instance (or of its budgets or rules) that is set to something."""

    def find(instance: Instance) -> Iterator[Loc]:
        value: object = instance
        for name in names:
            value = getattr(value, name)
        if value:
            yield names

    return find


def _each(collection: str, *names: str) -> Callable[[Instance], Iterator[Loc]]:
    """Finds a field that is set to something in the members of a collection."""

    def find(instance: Instance) -> Iterator[Loc]:
        for number, member in enumerate(getattr(instance, collection)):
            value = member
            for name in names:
                value = getattr(value, name, None)
            if value:
                yield (collection, number, *names)

    return find


UNSUPPORTED: Final[tuple[tuple[Callable[[Instance], Iterator[Loc]], str], ...]] = ()
"""Where the feature is used, and what to say about it; `_each("workloads", "name")` finds a field. None at present."""


def refuse_unsupported(instance: Instance, findings: Findings) -> None:
    """Note every use of a feature that this version does not optimise."""
    for find, message in UNSUPPORTED:
        for loc in find(instance):
            findings.add(loc, message)
