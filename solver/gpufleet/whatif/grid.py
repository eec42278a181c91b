"""The points of a sweep: axes of edits, and scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from gpufleet.edits.order import Comparison
from gpufleet.errors import InputError, InputProblem
from gpufleet.library.document_edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpufleet.edits.questions import Action, Question
    from gpufleet.library.scenarios import Scenario
    from gpufleet.schema.resolved import ResolvedInstance

MOST_POINTS: Final = 10_000


@dataclass(frozen=True)
class Axis:
    """One path, and the values that it takes one after the other."""

    action: Action
    path: str
    values: tuple[Any, ...]
    place: str | None = None
    """File and line, where it comes from a scenario file."""

    @property
    def column(self) -> str:
        """Its name in the table."""
        return self.path if self.action == "set" else f"scale {self.path}"

    def edit(self, value: Any) -> Edit:
        """The change that one of its values stands for."""
        return Edit(self.action, self.path, value, self.place)


@dataclass(frozen=True)
class Point:
    """One question of a sweep."""

    scenario: str | None
    coordinates: tuple[tuple[str, Any], ...]
    """(column, value) of every axis."""
    edits: tuple[Edit, ...]
    position: tuple[int, ...]
    """Position on every axis."""
    lengths: tuple[int, ...]
    """Values of every axis."""


@dataclass(frozen=True)
class Sweep:
    """All questions, in the order of the table."""

    points: tuple[Point, ...]
    columns: tuple[str, ...]
    """Axes in the table, the scenario first where there are some."""


def spanned(axes: Sequence[Axis], fixed: Sequence[Edit] = (), scenarios: Sequence[Scenario] = ()) -> Sweep:
    """Every combination of the values of all axes, for every scenario; `fixed` edits hold everywhere.

    Raises InputError where the same path is given twice, or there are too many points.
    """
    points: list[Point] = []
    columns: dict[str, None] = {}
    for name, edits, inside in _blocks(axes, scenarios):
        _check_paths(inside)
        count = len(points) + _size(inside)
        if count > MOST_POINTS:
            raise _problem(f"{count:,} points and more; at most {MOST_POINTS:,} are solved in one sweep")
        columns |= dict.fromkeys(axis.column for axis in inside)
        points += _points(name, (*fixed, *edits), inside)
    named = ("scenario",) if any(point.scenario is not None for point in points) else ()
    return Sweep(tuple(points), (*named, *columns))


def _blocks(
    axes: Sequence[Axis], scenarios: Sequence[Scenario]
) -> Iterator[tuple[str | None, tuple[Edit, ...], tuple[Axis, ...]]]:
    if not scenarios:
        yield None, (), tuple(axes)
    for scenario in scenarios:
        own = (Axis(axis.action, axis.path, axis.values, axis.place) for axis in scenario.axes)
        yield scenario.name, scenario.edits, (*axes, *own)


def _size(axes: Iterable[Axis]) -> int:
    size = 1
    for axis in axes:
        size *= len(axis.values)
    return size


def _check_paths(axes: Sequence[Axis]) -> None:
    columns = [axis.column for axis in axes]
    for column in columns:
        if columns.count(column) > 1:
            raise _problem(f"{column} is given twice; write its values in one list")


def _problem(message: str) -> InputError:
    return InputError([InputProblem("sweep", 0, "", message)])


def _points(name: str | None, edits: tuple[Edit, ...], axes: Sequence[Axis]) -> Iterator[Point]:
    lengths = tuple(len(axis.values) for axis in axes)
    for position in product(*(range(length) for length in lengths)):
        values = [axis.values[i] for axis, i in zip(axes, position, strict=True)]
        coordinates = tuple((axis.column, value) for axis, value in zip(axes, values, strict=True))
        own = tuple(axis.edit(value) for axis, value in zip(axes, values, strict=True))
        yield Point(name, coordinates, (*edits, *own), position, lengths)


def questions_of(question: Question, sweep: Sweep) -> list[ResolvedInstance]:
    """The resolved instance of every point. Raises InputError with what is wrong at any of them."""
    found: list[ResolvedInstance] = []
    problems: dict[InputProblem, None] = {}
    for point in sweep.points:
        try:
            found.append(question.with_edits(point.edits))
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InputError(problems)
    return found


class Agenda:
    """Which points wait for which: ends of axes come first, points between them know more.

    Of budgets the largest comes first, because its answer often settles the others. What a point may know hangs on
    positions alone, not on when anything is finished, so that a sweep always ends with the same table.
    """

    def __init__(self, points: Sequence[Point], questions: Sequence[ResolvedInstance]) -> None:
        self._compare = Comparison(questions).is_as_hard
        self._levels = [_level(point) for point in points]
        self.order = sorted(range(len(points)), key=lambda i: (self._levels[i], i))
        self.harder: list[list[int]] = [[] for _ in points]
        """By point: those it may know whose plans serve it too."""
        self.easier: list[list[int]] = [[] for _ in points]
        """By point: those it may know whose bounds hold for it too."""
        for i in self.order:
            for j in self.order:
                if self._levels[j] >= self._levels[i]:
                    break
                if self._compare(j, i):
                    self.harder[i].append(j)
                if self._compare(i, j):
                    self.easier[i].append(j)

    def needed(self, point: int) -> set[int]:
        """The points that it waits for."""
        return {*self.harder[point], *self.easier[point]}


def _level(point: Point) -> int:
    """How late a point comes: 0 = at once."""
    axes = zip(point.position, point.lengths, point.coordinates, strict=True)
    return sum(_depth(position, length, _is_cap(column)) for position, length, (column, _) in axes)


def _is_cap(column: str) -> bool:
    return column.removeprefix("scale ").startswith("budgets.")


def _depth(position: int, length: int, is_cap: bool) -> int:
    """0 for the ends of an axis (of budgets: the last), then the middle, then the middles of the halves, and so on."""
    if length == 1 or position == length - 1:
        return 0
    if position == 0:
        return int(is_cap)
    first, last, depth = 0, length - 1, 1 + is_cap
    while (middle := (first + last) // 2) != position:
        first, last = (middle, last) if position > middle else (first, middle)
        depth += 1
    return depth
