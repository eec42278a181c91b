"""Edits of a raw instance document by path, before it is checked: every check then holds for what was edited too.

A path is dotted (`budgets.usd_per_day`); members of lists go by name or number, in dots or brackets
(`workloads.chat.classes[0]`), and names may hold wildcards (`offers[h100-*].usd_per_hour`, `workloads.*.slo[*]`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.fields import bare, format_path, is_record, tagged
from gpufleet.library.wording import did_you_mean, kind, show, unknown_key
from gpufleet.schema.instance import Instance
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from gpufleet.library.fields import Loc

SHORTHANDS: Final = ("prices", "demand", "stock")
"""First words of paths that stand for something of the resolved instance, not of its file (`edits.shorthands`)."""
_PART: Final = re.compile(r"\[([^\[\]]*)\]|([^.\[\]]+)|(\.)")
_LARGEST: Final = 1e300


@dataclass(frozen=True)
class Edit:
    """One change of an instance: a value set, or a number scaled."""

    action: Literal["set", "scale"]
    path: str
    value: Any
    """The new value, or the factor."""
    place: str | None = None
    """Where it stands (`scenarios.yaml:12`); None = it was given as an option."""

    @property
    def label(self) -> str:
        """As an option: `--set budgets.usd_per_day=200`."""
        words = f"--{self.action} {self.path}={_written(self.value)}"
        return words if self.place is None else f"{words[2:]} ({self.place})"

    @property
    def head(self) -> str:
        """The first word of the path."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]

    @property
    def is_shorthand(self) -> bool:
        """Is it about the resolved instance?"""
        return self.head in SHORTHANDS


def _written(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


class EditError(ValueError):
    """What is wrong with an edit, in words."""


def edited_document(
    value: dict[str, Any], edits: Sequence[Edit], file: str
) -> tuple[dict[str, Any], list[tuple[Loc, Edit]]]:
    """A copy of the document with the edits, one after the other, and which place was changed by which.

    Raises InputError for every edit whose path leads nowhere, or which scales something that is no number.
    """
    target: dict[str, Any] = _fresh(value)
    places: list[tuple[Loc, Edit]] = []
    problems: list[InputProblem] = []
    for edit in edits:
        try:
            places += [(loc, edit) for loc in _apply(target, edit)]
        except EditError as error:
            problems.append(InputProblem(file, 0, edit.label, str(error)))
    if problems:
        raise InputError(problems)
    return target, places


def _fresh(value: Any) -> Any:
    """A copy in which nothing stands twice: what a file says by an alias can be edited in one place alone."""
    if isinstance(value, dict):
        return {key: _fresh(member) for key, member in value.items()}
    return [_fresh(member) for member in value] if isinstance(value, list) else value


def placed_at_edits(error: InputError, places: Sequence[tuple[Loc, Edit]]) -> InputError:
    """The error with the option that changed a field in place of the line on which it stood."""
    return InputError([_placed(problem, places) for problem in error.problems])


def _placed(problem: InputProblem, places: Sequence[tuple[Loc, Edit]]) -> InputProblem:
    for loc, edit in reversed(places):
        path = format_path(loc)
        below, above = problem.field.startswith((f"{path}.", f"{path}[")), path.startswith(f"{problem.field}.")
        if problem.field and (problem.field == path or below or above):
            return InputProblem(problem.file, 0, edit.label, f"{problem.field}: {problem.message}")
    return problem


def _apply(target: dict[str, Any], edit: Edit) -> list[Loc]:
    """Change the document in place; the places that were changed."""
    parts = _parts(edit.path)
    found = list(_holders(target, Instance, parts, (), create=edit.action == "set"))
    changed = []
    for holder, key, loc in found:
        if edit.action == "set":
            holder[key] = _fresh(edit.value)
        elif holder[key] is None:
            continue
        else:
            holder[key] = _times(holder[key], edit.value, format_path(loc))
        changed.append(loc)
    if not changed:
        raise EditError("nothing there has a number to scale")
    return changed


def _parts(path: str) -> list[str]:
    """`workloads[chat].slo[0]` as its keys and selectors."""
    parts, end = [], 0
    for match in _PART.finditer(path):
        if match.start() != end:
            break
        end = match.end()
        if match[3] is None:
            parts.append(match[1] if match[1] is not None else match[2])
    if end != len(path) or not parts or ".." in path or path.endswith(".") or "" in parts:
        raise EditError(f"{show(path)} is no path; write it as in budgets.usd_per_day or offers[h100-*].usd_per_hour")
    return parts


def _holders(
    here: Any, annotation: Any, parts: Sequence[str], loc: Loc, *, create: bool
) -> Iterator[tuple[Any, Any, Loc]]:
    """(mapping or list, key in it, location) of everything that the path leads to."""
    annotation = _member_type(annotation, here)
    key, rest = parts[0], parts[1:]
    for step in _steps(here, annotation, key, loc, create=create):
        below = _below(annotation, step)
        if not rest:
            yield here, step, (*loc, step)
            continue
        if create and isinstance(here, dict) and here.get(step) is None and is_record(below):
            here[step] = {}
        inside = here[step]
        if not isinstance(inside, dict | list):
            raise EditError(f"{format_path((*loc, step))} is {kind(inside)}, so there is no {rest[0]} in it")
        yield from _holders(inside, below, rest, (*loc, step), create=create)


def _steps(here: Any, annotation: Any, key: str, loc: Loc, *, create: bool) -> list[Any]:
    """Keys or positions that one part of a path stands for; EditError where there are none."""
    if isinstance(here, list):
        return _positions(here, key, loc)
    known = list(here)
    if any(sign in key for sign in "*?"):
        matching = [name for name in known if fnmatchcase(name, key)]
        if not matching:
            raise EditError(f"{_where(loc)} has nothing that matches {key}; it has {', '.join(known) or 'nothing'}")
        return matching
    if key in here:
        return [key]
    if not is_record(annotation):
        if create:
            return [key]
        raise EditError(f"{_where(loc)} has no {show(key)}{did_you_mean(key, known) or _listed(known)}")
    if key not in annotation.model_fields:
        raise EditError(_unknown(key, annotation, loc))
    if not create:
        raise EditError(f"{format_path((*loc, key))} is not given in the file, so there is nothing to scale; set it")
    return [key]


def _unknown(key: str, record: type[BaseModel], loc: Loc) -> str:
    """Message for a key that no such record has; at the top also shorthands are known."""
    if not loc and not unknown_key(key, record).count("did you mean"):
        return f"unknown path {show(key)}{did_you_mean(key, SHORTHANDS)}; known here: {', '.join(record.model_fields)}"
    return f"{format_path(loc)}: {unknown_key(key, record)}" if loc else unknown_key(key, record)


def _positions(here: list[Any], key: str, loc: Loc) -> list[int]:
    """Members of a list by number, name or pattern."""
    names = [str(member.get("name", "")) if isinstance(member, dict) else str(member) for member in here]
    if key in names:
        return [number for number, name in enumerate(names) if name == key]
    if re.fullmatch(r"[0-9]+", key):
        if int(key) < len(here):
            return [int(key)]
        raise EditError(f"{format_path(loc)} has {len(here)} entries, numbered from 0; there is no {key}")
    matching = [n for n, name in enumerate(names) if fnmatchcase(name, key)]
    if not matching:
        named = [name for name in names if name]
        hint = did_you_mean(key, named) or _listed(named)
        what = "matches" if any(sign in key for sign in "*?") else "is called"
        raise EditError(f"nothing in {format_path(loc)} {what} {show(key)}{hint}")
    return matching


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; there are {shown}" if names else "; it is empty"


def _where(loc: Loc) -> str:
    return format_path(loc) or "the instance"


def _member_type(annotation: Any, here: Any) -> Any:
    """The record behind an annotation; of a union told apart by `kind`, the one that the value names."""
    annotation = bare(annotation)
    tags = {} if annotation is None or is_record(annotation) else tagged(annotation)
    return tags.get(str(here.get("kind"))) if tags and isinstance(here, dict) else annotation


def _below(annotation: Any, step: Any) -> Any:
    """The annotation one level down; None beyond the schema."""
    if is_record(annotation):
        found = annotation.model_fields.get(str(step))
        return None if found is None else bare(found.annotation)
    origin, arguments = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", ())
    if not isinstance(origin, type) or not arguments:
        return None
    if issubclass(origin, Mapping):
        return bare(arguments[1])
    return bare(arguments[0]) if issubclass(origin, Sequence) else None


def _times(value: Any, factor: Any, path: str) -> Any:
    """A number times a factor, in exact decimals; whole where it was whole and stays so."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EditError(f"{path} is {kind(value)}; only numbers can be scaled")
    if abs(value) > _LARGEST:
        raise EditError(f"{path} is too large to be scaled")
    product = exact(value) * exact(factor)
    return int(product) if isinstance(value, int) and product.denominator == 1 else float(product)
