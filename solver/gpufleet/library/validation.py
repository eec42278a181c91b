"""A mapping to a record, with every problem found at once, placed and worded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from gpufleet.errors import InputError, InputProblem
from gpufleet.library import wording
from gpufleet.library.fields import Loc, choices, follow, format_path, tagged
from gpufleet.library.findings import MAX_PROBLEMS, overflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_core import ErrorDetails

R = TypeVar("R", bound=BaseModel)


class Located(Protocol):
    """What can tell on which line a field stands."""

    @property
    def path(self) -> str:
        """The file's path, for messages."""

    def line_of(self, loc: Loc) -> int:
        """The line of a field; 0 when there are no lines."""


class Memory:
    """A place for objects that were built in code: no lines."""

    def __init__(self, path: str = "<memory>") -> None:
        self.path = path

    def line_of(self, loc: Loc) -> int:
        """Always 0."""
        return 0


def validate(record: type[R], value: Any, document: Located, prefix: Loc = ()) -> R:
    """Validate `value` (found at `prefix` of the document) as a record. Raises InputError with every problem."""
    try:
        return record.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
    raise InputError(_problems(record, details, document, prefix))


def _problems(
    record: type[BaseModel], details: list[ErrorDetails], document: Located, prefix: Loc
) -> Iterator[InputProblem]:
    """The problems of a record, without those that only follow from another: a misspelt field is not missing too."""
    details = [error for error in details if not _follows(error)]
    yield from overflow(document.path, len(details))
    placed = [(error, *_place(record, error)) for error in details[:MAX_PROBLEMS]]
    meant = {
        (*loc[:-1], wording.meant(str(loc[-1]), owner.model_fields))
        for error, loc, _, owner in placed
        if error["type"] == "extra_forbidden" and owner is not None
    }
    for error, loc, annotation, owner in placed:
        if error["type"] != "missing" or loc not in meant:
            full = prefix + loc
            message = _message(error, loc, annotation, owner)
            yield InputProblem(document.path, document.line_of(full), format_path(full), message)


def _follows(error: ErrorDetails) -> bool:
    """Does a list count as too short only because its entries are wrong?"""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _place(record: type[BaseModel], error: ErrorDetails) -> tuple[Loc, Any, type[BaseModel] | None]:
    """Where the problem is, down to the field that a record's own check names with its first word."""
    loc, annotation, owner = follow(record, error["loc"])
    if error["type"].startswith("union_tag"):
        return (*loc, "kind"), annotation, owner
    if error["type"] == "value_error" and owner is not None:
        field = str(error["ctx"]["error"]).split(" ", 1)[0]
        return ((*loc, field) if field in owner.model_fields else loc), annotation, owner
    return loc, annotation, owner


def _message(error: ErrorDetails, loc: Loc, annotation: Any, owner: type[BaseModel] | None) -> str:
    field, value, kind = str(loc[-1]) if loc else "", error["input"], error["type"]
    context = error.get("ctx", {})
    match kind:
        case "missing":
            return _missing(field, owner)
        case "extra_forbidden":
            return wording.unknown_key(field, owner)
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return wording.one_of(value, choices(annotation))
        case "union_tag_invalid":
            return wording.one_of(value.get("kind"), tagged(annotation))
        case "union_tag_not_found":
            return f"missing field; one of {', '.join(tagged(annotation))}"
        case "string_pattern_mismatch":
            return wording.bad_pattern(value, context["pattern"])
        case "finite_number":
            return f"must be a finite number, got {value}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return wording.out_of_range(error)
    return _wrong_kind(kind, value, field, context) or f"{error['msg'][:1].lower()}{error['msg'][1:]}"


def _missing(field: str, owner: type[BaseModel] | None) -> str:
    found = owner.model_fields.get(field) if owner is not None else None
    described = (found.description or "") if found is not None else ""
    first = described.split("\n\n")[0].replace("\n", " ").strip()
    return f"missing field; {first}" if first else "missing field"


def _wrong_kind(kind: str, value: Any, field: str, context: dict[str, Any]) -> str | None:
    """Message for a value of the wrong type or length; None for types that pydantic words well enough."""
    kind = kind.removesuffix("_parsing")
    if kind.startswith("date"):
        return f"expected a date such as 2026-01-31, got {wording.kind(value)}"
    if kind in _PLAIN:
        return _PLAIN[kind](value)
    if kind in ("float", "float_type"):
        return wording.not_a_number(value, field, "a number")
    if kind in ("int", "int_type", "int_from_float", "int_parsing_size"):
        return wording.not_a_number(value, field, "a whole number")
    if kind == "string_too_long":
        return f"longer than {context['max_length']} characters ({len(value)})"
    if kind == "too_short":
        return f"needs at least {context['min_length']} {'entry' if context['min_length'] == 1 else 'entries'}"
    return None


_PLAIN: Final[dict[str, Callable[[Any], str]]] = {
    "bool": lambda value: f"expected true or false, got {wording.kind(value)}",
    "bool_type": lambda value: f"expected true or false, got {wording.kind(value)}",
    "string_type": wording.not_text,
    "string_unicode": lambda value: f"holds half a character (a lone surrogate): {ascii(value)[:60]}",
    "string_too_short": lambda value: "must not be empty",
    "tuple_type": wording.not_a_list,
    "list_type": wording.not_a_list,
    "dict_type": lambda value: f"expected a mapping (`name: value` lines), got {wording.kind(value)}",
    "model_type": lambda value: f"expected a mapping (`name: value` lines), got {wording.kind(value)}",
    "model_attributes_type": lambda value: f"expected a mapping (`name: value` lines), got {wording.kind(value)}",
}
"""Messages that need nothing but the value, by pydantic's error type."""
