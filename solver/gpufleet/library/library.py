"""The library: accelerators, node types, prices and model cards, from the folders of a search path.

Folders are read when something in them is first asked for; model cards one file at a time. The same name in an earlier
folder replaces that of a later one; the same name twice within one folder is an error.
"""

from __future__ import annotations

import hashlib
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.calibrations import default_calibration
from gpufleet.library.cards import load_model_card, read_accelerators
from gpufleet.library.overlays import load_overlay, overlay_of_environment
from gpufleet.library.search_path import library_roots
from gpufleet.library.tables import read_table
from gpufleet.schema.hardware import Accelerator, NodeType
from gpufleet.schema.offers import CatalogOffer
from gpufleet.schema.resolved import PriceFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gpufleet.library.overlays import LoadedOverlay
    from gpufleet.schema.calibration import Calibration
    from gpufleet.schema.models import ModelCard

R = TypeVar("R", Accelerator, NodeType, CatalogOffer)
Entry = tuple[str, int, R]
"""A record with the file and the line that it stands on."""


class Library:
    """Everything on the search path, read lazily. Reading raises InputError for what is wrong in the files."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """A library of exactly these folders, in the order of precedence; see `open` for the usual search path."""
        self.roots = tuple(roots)
        self.overlay: LoadedOverlay | None = None
        self._cards: dict[str, ModelCard] = {}
        self._price_files: dict[Path, PriceFile] = {}

    @classmethod
    def open(cls, dirs: Sequence[Path | str] = (), overlay: Path | str | None = None) -> Self:
        """The library of `dirs`, then the folders in GPUFLEET_LIBRARY, then the bundled data; over its prices and those
        of instances the `overlay` (docs/prices.md), or the one that GPUFLEET_OVERLAY names.

        Raises InputError for a folder that does not exist or holds no library, and for everything wrong in the overlay.
        """
        library, path = cls(library_roots(dirs)), overlay or overlay_of_environment()
        return library if path is None else library.with_overlay(path)

    def with_overlay(self, path: Path | str) -> Self:
        """The same library with another overlay. Raises InputError with everything that is wrong in the file."""
        other = copy(self)
        other.overlay = load_overlay(path)
        return other

    @cached_property
    def accelerators(self) -> Mapping[str, Accelerator]:
        """Accelerators by name."""
        return _merge(self._accelerators(root) for root in self.roots)

    @cached_property
    def node_types(self) -> Mapping[str, NodeType]:
        """Node types by name."""
        return _merge(_tables(root / "catalog" / "node_types", NodeType) for root in self.roots)

    @cached_property
    def offers(self) -> Mapping[str, CatalogOffer]:
        """Prices of the catalogue by name (`provider/region/node type/term`)."""
        return {name: record for name, (_, record) in self._placed_offers.items()}

    def price_file(self, name: str) -> PriceFile:
        """The file of the library that this price of the catalogue stands in. Raises KeyError if there is none."""
        root, path = self._placed_offers[name][0]
        if path not in self._price_files:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            self._price_files[path] = PriceFile(path.relative_to(root).as_posix(), digest)
        return self._price_files[path]

    @cached_property
    def _placed_offers(self) -> Mapping[str, tuple[tuple[Path, Path], CatalogOffer]]:
        """Prices with their library folder and file."""
        found: dict[str, tuple[tuple[Path, Path], CatalogOffer]] = {}
        for root in self.roots:
            entries = list(_tables(root / "catalog" / "offers", CatalogOffer))
            files = {record.name: Path(file) for file, _, record in entries}
            for name, record in _unique(iter(entries)).items():
                found.setdefault(name, ((root, files[name]), record))
        return found

    @cached_property
    def calibration(self) -> Calibration:
        """Figures of the performance model: of the first folder that has a calibration."""
        return default_calibration(self.roots)

    @cached_property
    def model_names(self) -> tuple[str, ...]:
        """Names of all model cards, sorted; none of them is read for this."""
        return tuple(sorted(self._card_paths))

    def model(self, name: str) -> ModelCard:
        """The model card of this name. Raises KeyError if there is none, InputError if its file is wrong."""
        if name not in self._cards:
            self._cards[name] = _read_card(self._card_paths[name], name)
        return self._cards[name]

    @cached_property
    def _card_paths(self) -> Mapping[str, Path]:
        found: dict[str, Path] = {}
        for root in self.roots:
            for path in sorted((root / "models").glob("*.yaml")):
                found.setdefault(path.stem, path)
        return found

    @staticmethod
    def _accelerators(root: Path) -> Iterator[Entry[Accelerator]]:
        for path in sorted((root / "catalog" / "accelerators").glob("*.yaml")):
            for line, record in read_accelerators(path):
                yield str(path), line, record


def given_or_usual(library: Library | None) -> Library:
    """The library that was given, or that of the usual search path."""
    return Library.open() if library is None else library


def _tables(folder: Path, record: type[R]) -> Iterator[Entry[R]]:
    for path in sorted(folder.glob("*.csv")):
        for line, row in read_table(path, record):
            yield str(path), line, row


def _merge(folders: Iterable[Iterator[Entry[R]]]) -> dict[str, R]:
    """Records by name over all folders, earlier folders first; a name twice in one folder is an error."""
    found: dict[str, R] = {}
    for folder in folders:
        for name, record in _unique(folder).items():
            found.setdefault(name, record)
    return found


def _unique(entries: Iterator[Entry[R]]) -> dict[str, R]:
    found: dict[str, R] = {}
    places: dict[str, str] = {}
    problems: list[InputProblem] = []
    for file, line, record in entries:
        if record.name in found:
            message = f"{record.name} is already defined in {places[record.name]}"
            problems.append(InputProblem(file, line, "name", message))
        found[record.name] = record
        places[record.name] = f"{file}:{line}"
    if problems:
        raise InputError(problems)
    return found


def _read_card(path: Path, name: str) -> ModelCard:
    card = load_model_card(path)
    if card.name != name:
        message = f"the card's name is {card.name}, so the file must be called {card.name}.yaml"
        raise InputError([InputProblem(str(path), 0, "name", message)])
    return card
