"""Results to JSON and back without loss: what `to_json` writes, `from_json` reads as an equal object.

One pair of functions for everything that the package returns, plans and instances as well as the frozen records of
`frontier`, `explain` and the others; pydantic knows how to write and read each of them from its fields. What a result
can do but not say in data (the change that repairs a requirement) is found again in the instance that it is about. The
lines of the file that an instance came from are left behind: they are for messages, and the file may have changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import numpy as np
from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation

from gpufleet.edits.relaxed import Relaxation
from gpufleet.edits.requirement import Requirement
from gpufleet.edits.requirements import requirements
from gpufleet.errors import InputError, InputProblem
from gpufleet.explain.explanation import Explanation
from gpufleet.library.fields import format_path
from gpufleet.library.importers.prices.aws import OfferingClass, Upfront
from gpufleet.schema.elimination import Rejected
from gpufleet.schema.hardware import NodeType
from gpufleet.schema.offers import Term
from gpufleet.schema.plan import Certificate, Plan
from gpufleet.schema.prices import PriceUnit
from gpufleet.schema.resolved import ResolvedInstance
from gpufleet.stressing.statistics import Figure
from gpufleet.whatif.figures import FleetFigures
from gpufleet.whatif.signatures import By

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from pydantic import ValidationInfo

    from gpufleet.explain.repairs import Repair

T = TypeVar("T")
Known = Mapping[tuple[str, str, str], Requirement]
KEPT = ("kind", "words", "loc")
"""What tells the requirements of an instance apart."""


def to_json(result: Any, *, indent: int | None = None) -> str:
    """Any public result, instance or plan as JSON text, with all its fields; lines of files are not among them.

    Amounts are in the units of the fields' names. Raises TypeError for what is no result.
    """
    fields = _adapter(type(result)).dump_python(result, mode="json")
    return json.dumps(fields, indent=indent, ensure_ascii=False)


def from_json(kind: type[T], text: str | bytes) -> T:
    """What `to_json` wrote of an object of this class, equal to it: `from_json(Frontier, text)`.

    Raises InputError, with the path of each field, where the text is no such object; TypeError for a class of which
    nothing can be written.
    """
    adapter = _adapter(kind)
    try:
        context = {"known": _known(text)} if kind is Explanation else None
        found: T = adapter.validate_json(text, context=context)
    except ValidationError as error:
        raise InputError(_problems(error)) from None
    return _with_changes(found) if isinstance(found, Explanation) else found  # type: ignore[return-value]


def _problems(error: ValidationError) -> Iterable[InputProblem]:
    for problem in error.errors(include_url=False):
        yield InputProblem("<json>", 0, format_path(problem["loc"]), problem["msg"])


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """What writes and reads a class. Raises TypeError for one that is no record."""
    if not (hasattr(kind, "model_fields") or hasattr(kind, "__dataclass_fields__")):
        raise TypeError(f"{kind.__name__} is no result; to_json takes what gpufleet's functions return")
    return _made(cast("Hashable", kind))


@cache
def _made(kind: Any) -> TypeAdapter[Any]:
    """The same, with the names that its annotations use."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        adapter.rebuild(force=True, _types_namespace=_NAMES)
    except PydanticUndefinedAnnotation:
        raise TypeError(f"{kind.__name__} is no result, but made from results; write those") from None
    return adapter


def _told(requirement: Requirement) -> dict[str, Any]:
    """A requirement for who reads the text, with what finds it again first."""
    return {name: getattr(requirement, name) for name in (*KEPT, "value", "unit", "lifting")}


def _key(kind: str, words: str, loc: Iterable[str | int]) -> tuple[str, str, str]:
    return kind, words, format_path(tuple(loc))


def _known(text: str | bytes) -> Known:
    """The requirements of the instance that an explanation is about."""
    fields = json.loads(text) if _is_json(text) else None
    if not isinstance(fields, dict) or "resolved" not in fields:
        return {}
    resolved: ResolvedInstance = _adapter(ResolvedInstance).validate_python(fields["resolved"])
    return {_key(known.kind, known.words, known.loc): known for known in requirements(resolved)}


def _is_json(text: str | bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _found_again(fields: Any, info: ValidationInfo) -> Requirement:
    """The requirement of the instance that these fields tell."""
    known: Known = (info.context or {}).get("known", {})
    try:
        return known[_key(*(fields[name] for name in KEPT))]
    except (KeyError, TypeError):
        raise ValueError("the instance has no such requirement") from None


def _with_changes(explanation: Explanation) -> Explanation:
    """With what repairs do to the instance, which follows from their requirements."""
    repairs = tuple(replace(repair, change=_change(repair)) for repair in explanation.repairs)
    return replace(explanation, repairs=repairs)


def _change(repair: Repair) -> Callable[[ResolvedInstance], ResolvedInstance]:
    requirement, value = repair.requirement, repair.value
    if value is not None and (put := requirement.put) is not None:
        new = int(value) if requirement.whole else value
        return lambda resolved: put(resolved, new)
    chosen = (choice.change for choice in requirement.choices if choice.words == repair.words)
    return next(chosen, requirement.lift)


_NAMES: dict[str, Any] = {
    "By": By,
    "Certificate": Certificate,
    "Change": Annotated[Any, PlainSerializer(lambda _: None)],
    "Figure": Figure,
    "FleetFigures": FleetFigures,
    "Floats": Annotated[np.ndarray, PlainValidator(np.array), PlainSerializer(lambda array: array.tolist())],
    "Mapping": Mapping,
    "NodeType": NodeType,
    "OfferingClass": OfferingClass,
    "Plan": Plan,
    "PriceUnit": PriceUnit,
    "Rejected": Rejected,
    "Relaxation": Relaxation,
    "Requirement": Annotated[Any, PlainValidator(_found_again), PlainSerializer(_told)],
    "ResolvedInstance": ResolvedInstance,
    "Term": Term,
    "Upfront": Upfront,
}
"""Names that annotations use and only type checkers import. A test writes and reads every public result."""
