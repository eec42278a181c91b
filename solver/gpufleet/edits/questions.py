"""Questions made from a file and edits: `--set path=value` and `--scale path=factor`."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, Literal

from gpufleet.edits.shorthands import with_shorthand
from gpufleet.library.document_edits import Edit
from gpufleet.library.library import given_or_usual
from gpufleet.library.parsers import parse_yaml
from gpufleet.library.reader import read_document
from gpufleet.library.resolve import resolve_document
from gpufleet.library.scalars import parse_scalar
from gpufleet.library.tree import StructureError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpufleet.library.library import Library
    from gpufleet.schema.measurements import PerformanceSource
    from gpufleet.schema.resolved import ResolvedInstance

Action = Literal["set", "scale"]
MOST_VALUES: Final = 1000
EXAMPLES: Final = {"set": "budgets.usd_per_day=200", "scale": "demand=1.2"}
_RANGE: Final = re.compile(r"\s*([-+.\deE]+)\s*:\s*([-+.\deE]+)\s*:\s*([-+.\deE]+)\s*\Z")


class Question:
    """An instance file that is read once, and made into any number of edited instances."""

    def __init__(
        self,
        path: Path | str,
        library: Library | None = None,
        performance_source: PerformanceSource | None = None,
    ) -> None:
        """Raises InputError where the file cannot be read."""
        self._document = read_document(path)
        self._library = given_or_usual(library)
        self._source = performance_source

    @property
    def path(self) -> str:
        """The file."""
        return self._document.path

    def with_edits(self, edits: Sequence[Edit]) -> ResolvedInstance:
        """The resolved instance after edits of the file, then shorthands, each in the order given.

        Raises InputError with every problem; one that an edit caused names the edit instead of a line.
        """
        inside = [edit for edit in edits if not edit.is_shorthand]
        resolved = resolve_document(self._document, self._library, self._source, inside)
        for edit in edits:
            resolved = with_shorthand(resolved, edit) if edit.is_shorthand else resolved
        return resolved


def load_edited(
    path: Path | str,
    edits: Sequence[Edit] = (),
    library: Library | None = None,
    performance_source: PerformanceSource | None = None,
    overlay: Path | str | None = None,
) -> ResolvedInstance:
    """Read an instance file and resolve it with edits, shorthands included; `overlay` as in `load_instance`.

    Raises InputError.
    """
    if overlay is not None:
        library = given_or_usual(library).with_overlay(overlay)
    return Question(path, library, performance_source).with_edits(edits)


def parse_edit(action: Action, text: str) -> Edit:
    """An edit from `path=value`. Raises ValueError with a message for the user.

    >>> parse_edit("scale", "demand=1.2").value
    1.2
    """
    path, values = parse_axis(action, text)
    if len(values) > 1:
        raise ValueError(f"{text!r} has {len(values)} values; one is wanted here (whatif takes ranges and lists)")
    return Edit(action, path, values[0])


def parse_axis(action: Action, text: str) -> tuple[str, tuple[Any, ...]]:
    """Path and values of `path=value`, `path=FROM:TO:STEP` (both ends included) or `path=value,value,...`.

    Raises ValueError with a message for the user.

    >>> parse_axis("set", "budgets.usd_per_day=200:300:50")
    ('budgets.usd_per_day', (200, 250, 300))
    """
    path, sign, given = text.partition("=")
    if not sign or not path.strip() or not given.strip():
        raise ValueError(f"{text!r} is no edit; write PATH=VALUE, as in {EXAMPLES[action]}")
    values = values_of(given)
    for value in values if action == "scale" else ():
        check_factor(value)
    return path.strip(), values


def check_factor(value: Any) -> None:
    """Raise ValueError for something that nothing can be multiplied by."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
        raise ValueError(f"{value!r} is no factor; give a number from 0 to 1e9, as in {EXAMPLES['scale']}")


def values_of(text: str) -> tuple[Any, ...]:
    """The values that a range, a list with commas or a single value stands for, in the order given."""
    match = _RANGE.match(text)
    if match is not None:
        return _range(text, *match.groups())
    values = tuple(_value(part) for part in _split(text))
    if len(values) > MOST_VALUES:
        raise ValueError(f"{len(values):,} values; at most {MOST_VALUES:,} are taken")
    return values


def _range(text: str, *parts: str) -> tuple[Any, ...]:
    try:
        start, stop, step = (Decimal(part) for part in parts)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no range; write FROM:TO:STEP, as in 200:600:25") from None
    if stop < start or step <= 0:
        raise ValueError(f"{text!r} is no range; FROM must not be above TO, and STEP must be positive")
    count = int((stop - start) / step) + 1
    if count > MOST_VALUES:
        raise ValueError(f"{text!r} has {count:,} points; at most {MOST_VALUES:,} are taken")
    return tuple(_number(start + index * step) for index in range(count))


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _split(text: str) -> list[str]:
    """Parts between commas that stand in no brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        depth += (sign in "[{") - (sign in "]}") if not quote else 0
        if sign == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def _value(text: str) -> Any:
    """A value as in YAML: a number, a truth value, `null`, text, or `[a, b]`."""
    if text[:1] not in ("[", "{", "'", '"'):
        if not text:
            raise ValueError("an empty value; write null where nothing is meant")
        return parse_scalar(text)
    try:
        built = parse_yaml(text)
    except StructureError as error:
        raise ValueError(f"{text!r} cannot be read: {error.message}") from None
    if built.problems or built.root is None:
        raise ValueError(f"{text!r} cannot be read")
    return built.root.value
