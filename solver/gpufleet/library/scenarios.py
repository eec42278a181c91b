"""Scenario files: named sets of edits, and grids of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.document_edits import Edit
from gpufleet.library.fields import format_path
from gpufleet.library.reader import read_document
from gpufleet.library.wording import did_you_mean, kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpufleet.library.fields import Loc
    from gpufleet.library.reader import Document

TOP = ("scenarios", "grid")
INSIDE = ("set", "scale", "grid")
Action = Literal["set", "scale"]


@dataclass(frozen=True)
class ScenarioAxis:
    """One path with the values that it takes."""

    action: Action
    path: str
    values: tuple[Any, ...]
    place: str
    """File and line."""


@dataclass(frozen=True)
class Scenario:
    """A name, edits, and axes over which they are repeated."""

    name: str | None
    edits: tuple[Edit, ...]
    axes: tuple[ScenarioAxis, ...]


def load_scenarios(path: Path | str, values_of: Callable[[str], tuple[Any, ...]]) -> tuple[Scenario, ...]:
    """Read a scenario file; `values_of` reads ranges (`200:600:25`). Axes of a `grid` at the top go with
    every scenario.

    Raises InputError with everything that is wrong, each with its line.
    """
    reader = _Reader(read_document(path), values_of)
    found = tuple(reader.scenarios())
    if reader.problems:
        raise InputError(reader.problems)
    return found


class _Reader:
    """Collects problems on the way."""

    def __init__(self, document: Document, values_of: Callable[[str], tuple[Any, ...]]) -> None:
        self._document, self._values_of = document, values_of
        self.problems: list[InputProblem] = []

    def scenarios(self) -> Iterator[Scenario]:
        """Every scenario of the file; one without a name where there is a grid alone."""
        top = self._document.value
        self._known(top, TOP, ())
        shared = tuple(self._grid(top.get("grid"), ("grid",)))
        named = self._mapping(top.get("scenarios"), ("scenarios",))
        if not named and not shared and not self.problems:
            self._note((), "the file holds neither scenarios nor a grid")
        if not named:
            yield Scenario(None, (), shared)
        for name, content in named.items():
            yield self._scenario(name, content, shared)

    def _scenario(self, name: str, content: Any, shared: tuple[ScenarioAxis, ...]) -> Scenario:
        loc: Loc = ("scenarios", name)
        fields = self._mapping(content, loc)
        self._known(fields, INSIDE, loc)
        edits: list[Edit] = []
        for action in ("set", "scale"):
            for path, value in self._mapping(fields.get(action), (*loc, action)).items():
                at = (*loc, action, path)
                if action == "scale" and not self._is_factor(value, at):
                    continue
                edits.append(Edit(action, path, value, self._place(at)))
        return Scenario(name, tuple(edits), (*shared, *self._grid(fields.get("grid"), (*loc, "grid"))))

    def _grid(self, content: Any, loc: Loc) -> Iterator[ScenarioAxis]:
        fields = self._mapping(content, loc)
        self._known(fields, ("set", "scale"), loc)
        for action in ("set", "scale"):
            for path, given in self._mapping(fields.get(action), (*loc, action)).items():
                at = (*loc, action, path)
                values = self._values(given, at)
                if action == "scale":
                    values = tuple(value for value in values if self._is_factor(value, at))
                if values:
                    yield ScenarioAxis(action, path, values, self._place(at))

    def _values(self, given: Any, loc: Loc) -> tuple[Any, ...]:
        """A list, a range as text, or a single value."""
        if isinstance(given, list):
            if not given:
                self._note(loc, "has no values; give a list such as [0.8, 1, 1.2] or a range such as 200:600:25")
            return tuple(given)
        if not isinstance(given, str):
            return (given,)
        try:
            return self._values_of(given)
        except ValueError as error:
            self._note(loc, str(error))
            return ()

    def _is_factor(self, value: Any, loc: Loc) -> bool:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1e9:
            return True
        self._note(loc, f"expected a factor from 0 to 1e9, got {kind(value)}")
        return False

    def _mapping(self, value: Any, loc: Loc) -> dict[str, Any]:
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self._note(loc, f"expected a mapping (`name: value` lines), got {kind(value)}")
        return {}

    def _known(self, fields: dict[str, Any], known: tuple[str, ...], loc: Loc) -> None:
        for key in fields:
            if key not in known:
                hint = did_you_mean(key, known) or f"; known here: {', '.join(known)}"
                self._note((*loc, key), f"unknown key {key!r}{hint}")

    def _note(self, loc: Loc, message: str) -> None:
        document = self._document
        self.problems.append(InputProblem(document.path, document.line_of(loc), format_path(loc), message))

    def _place(self, loc: Loc) -> str:
        return f"{self._document.path}:{self._document.line_of(loc)}"
