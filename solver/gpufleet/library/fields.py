"""Field paths: from pydantic's locations to the paths that a person would write, and to the record behind them."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

Loc = tuple[str | int, ...]
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def format_path(loc: Loc) -> str:
    """`("workloads", 2, "slo")` as `workloads[2].slo`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PLAIN_KEY.match(part):
            path += f".{part}" if path else part
        else:
            path += f'["{part}"]'
    return path


def bare(annotation: Any) -> Any:
    """The annotation without `Annotated` and `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not type(None)]
            if len(members) > 1:
                return annotation
            annotation = members[0]
        else:
            return annotation


@cache
def tagged(annotation: Any) -> dict[str, type[BaseModel]]:
    """The records of a union told apart by `kind`, by tag; empty when the annotation is no such union."""
    annotation = bare(annotation)
    if get_origin(annotation) not in (Union, types.UnionType):
        return {}
    members = [bare(member) for member in get_args(annotation)]
    return {get_args(member.model_fields["kind"].annotation)[0]: member for member in members}


def is_record(annotation: Any) -> bool:
    """Is it the class of a record?"""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def follow(model: Any, loc: Loc) -> tuple[Loc, Any, type[BaseModel] | None]:
    """Walk `loc` from a record down the schema.

    Returns the location without union tags, the annotation that it ends at (None when it leaves the schema), and the
    innermost record on the way.
    """
    path: list[str | int] = []
    here, record = bare(model), model if is_record(model) else None
    for part in loc:
        if part == "[key]":
            continue
        tags = tagged(here) if here is not None and not is_record(here) else {}
        if part in tags:
            here = record = tags[str(part)]
            continue
        path.append(part)
        here = _step(here, part)
        record = here if is_record(here) else record
    return tuple(path), here, record


def _step(annotation: Any, part: str | int) -> Any:
    """The annotation one level down, `| None` removed; None when there is none."""
    if is_record(annotation):
        found = annotation.model_fields.get(part)
        return bare(found.annotation) if found is not None else None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (tuple, list) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return bare(arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return bare(arguments[1])
    return None


def choices(annotation: Any) -> tuple[Any, ...]:
    """The values of a `Literal`; empty for anything else."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()
