"""Arguments that several commands share: what they take, and what the shell completes them to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

INSTANCES = (".yaml", ".yml", ".json", ".gz")
"""Endings of instance files."""


class InstanceFile(click.ParamType):  # type: ignore[type-arg]  # no generic class in older releases of click
    """The path of an instance file, or the name of a bundled instance where there is no such file."""

    name = "instance"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """`bank-assistant` to the path of the bundled instance; a path stays as it is."""
        given = str(value)
        if Path(given).name != given or Path(given).suffix in INSTANCES or Path(given).exists():
            return given
        from gpufleet.library.bundled_instances import bundled_instances

        return str(bundled_instances().get(given, given))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Files, as the shell completes them; names of bundled instances where no file begins so."""
        if _is_begun(incomplete):
            return [CompletionItem(incomplete, type="file")]
        from gpufleet.library.bundled_instances import bundled_instances

        return _starting(bundled_instances(), incomplete) or [CompletionItem(incomplete, type="file")]


def _is_begun(incomplete: str) -> bool:
    """Is there a folder or an instance file that begins so?"""
    folder, start = Path(incomplete).parent, Path(incomplete).name
    if not folder.is_dir() or "/" in incomplete:
        return True
    return any(
        entry.name.startswith(start) and (entry.is_dir() or entry.suffix in INSTANCES)
        for entry in folder.iterdir()
        if not entry.name.startswith(".")
    )


def _starting(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def instance_argument(name: str = "file", **settings: Any) -> Callable[..., Any]:
    """An argument that takes an instance."""
    return click.argument(name, type=InstanceFile(), **settings)


def names_of(*kinds: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """A completion to names of the library: `accelerators`, `node_types`, `offers` or `models`.

    It knows the folders given with --library so far. A library that cannot be read completes to nothing: this is no
    place for error messages.
    """

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from gpufleet.errors import InputError
        from gpufleet.library import Library

        try:
            library = Library.open(ctx.params.get("libraries") or ())
            return [item for kind in kinds for item in _starting(_names(library, kind), incomplete)]
        except InputError:
            return []

    return complete


def _names(library: Any, kind: str) -> Iterable[str]:
    return library.model_names if kind == "models" else getattr(library, kind)  # type: ignore[no-any-return]
