"""Collects problems with where they stand, so that all are reported at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.fields import format_path
from gpufleet.library.wording import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gpufleet.library.fields import Loc


IN_INSTANCE: Final = "this instance has none of that name"
IN_LIBRARY: Final = "neither this instance nor the library has one of that name"


MAX_PROBLEMS: Final = 200
"""Problems that are placed and worded; a file with more is of another kind, and says so."""


class Findings:
    """The problems found so far in one instance."""

    def __init__(self, path: str, locate: Callable[[Loc], int] | None = None) -> None:
        """`locate` gives the line of a field, or of its parent when the field is missing; None: no lines."""
        self._path = path
        self._locate = locate
        self._found = 0
        self.problems: list[InputProblem] = []

    def add(self, loc: Loc, message: str) -> None:
        """Note one problem of the field at `loc`."""
        self._found += 1
        if self._found > MAX_PROBLEMS:
            return
        line = self._locate(loc) if self._locate is not None else 0
        self.problems.append(InputProblem(self._path, line, format_path(loc), message))

    def unknown(self, loc: Loc, what: str, name: str, known: Iterable[str], nowhere: str = IN_INSTANCE) -> None:
        """Note that nothing has the name that stands at `loc`."""
        hint = did_you_mean(name, known) if self._found < MAX_PROBLEMS else ""
        hint = hint or f"; {nowhere}"
        self.add(loc, f"unknown {what} {show(name)}{hint}")

    def repeated(self, loc: Loc, names: Sequence[str], field: str = "name") -> None:
        """Note every name of the list at `loc` that stood there before."""
        first: dict[str, int] = {}
        for number, name in enumerate(names):
            if name in first:
                before = format_path((*loc, first[name]))
                self.add((*loc, number, field), f"duplicate {field} {show(name)}: {before} has it already")
            first.setdefault(name, number)

    def stop(self) -> None:
        """Raise InputError if there are problems."""
        if self.problems:
            raise InputError([*overflow(self._path, self._found), *self.problems])


def overflow(path: str, found: int) -> list[InputProblem]:
    """The heading of a list that was cut off, if it was."""
    if found <= MAX_PROBLEMS:
        return []
    return [InputProblem(path, 0, "", f"{found} problems; here are {MAX_PROBLEMS} of them")]
