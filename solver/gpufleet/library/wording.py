"""What is wrong with a value, in a person's words: the value, and what would be right."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.scalars import FLOAT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

MOST_SHOWN: Final = 1e15
"""Larger amounts are not shown."""

UNITS: Final[dict[str, str]] = {
    "ms": "ms", "s": "s", "gb": "GB", "mb": "MB", "gib": "GiB", "tb": "TB", "kw": "kW", "w": "W", "gb_s": "GB/s",
    "usd": "USD", "eur": "EUR", "days": "days", "hours": "hours", "years": "years", "weeks": "weeks", "minutes": "min",
    "usd_per_hour": "USD/hour", "usd_per_day": "USD/day", "usd_per_month": "USD/month", "usd_per_kwh": "USD/kWh",
    "eur_per_hour": "EUR/hour", "eur_per_kwh": "EUR/kWh", "per_s": "1/s", "per_day": "1/day", "per_hour": "1/hour",
    "tflops": "TFLOP/s", "gflops": "GFLOP/s", "tops": "TOP/s", "fraction": "a share of 1", "percent": "%",
    "cents_per_kwh": "cents/kWh", "per_month": "1/month", "per_year": "1/year", "fraction_per_year": "a share per year",
}  # fmt: skip
"""Unit suffixes of field names, ours and likely mistakes."""

_MONEY: Final = ("usd", "eur", "cents")
_TIMES: Final = ("s", "ms", "minutes", "hours", "days", "weeks", "years")
_QUANTITY: Final = re.compile(
    r"\s*[$€]?\s*(?P<number>[-+]?[0-9][0-9_,' ]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(?P<unit>.*)\Z"
)
_SHOWN: Final = 60
_DIGITS: Final = 30


def show(value: Any) -> str:
    """A value as it goes into a message: short, on one line, printable everywhere."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**_DIGITS else f"{str(value)[:_DIGITS]}... ({len(str(abs(value)))} digits)"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...'"


def kind(value: Any) -> str:
    """A value with its kind in front: `the text '50 ms'`."""
    if isinstance(value, str):
        return f"the text {show(value)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"the number {show(value)}"
    return show(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` or nothing."""
    match = closest(word, known)
    return f"; did you mean {match}?" if match else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, capitals and separators aside; None when none is near."""
    folded = {_fold(name): name for name in sorted(known, reverse=True)}
    found = difflib.get_close_matches(_fold(word[:200]), folded, n=1, cutoff=0.66)
    return folded[found[0]] if found else None


def _fold(word: str) -> str:
    return re.sub(r"[-_ ./:]+", "-", word.lower())


def unknown_key(key: str, record: type[BaseModel] | None) -> str:
    """Message for a key that a record does not have."""
    known = list(record.model_fields) if record is not None else []
    field = meant(key, known)
    if field is None:
        return f"unknown key {show(key)}{'; known here: ' + ', '.join(known) if known else ''}"
    unit, written = _split_unit(field)[1], _split_unit(key)[1]
    return (
        f"unknown key {show(key)}; did you mean {field}{f' (in {UNITS[unit]})' if unit not in ('', written) else ''}?"
    )


def meant(key: str, known: Iterable[str]) -> str | None:
    """The known field that a misspelt key stands for: the same quantity in another unit, or the nearest spelling."""
    quantity = _quantity(key)
    same = [field for field in known if quantity is not None and _quantity(field) == quantity]
    return same[0] if same else closest(key, known)


def _quantity(name: str) -> str | None:
    """What a field measures: its name without the unit; for names that are all unit, money or time."""
    stem, unit = _split_unit(name)
    if stem:
        return stem if unit else None
    return "money" if unit.startswith(_MONEY) else "time" if unit in _TIMES else None


def _split_unit(name: str) -> tuple[str, str]:
    parts = name.split("_")
    for cut in range(len(parts)):
        if (unit := "_".join(parts[cut:])) in UNITS:
            return "_".join(parts[:cut]), unit
    return name, ""


def not_a_number(value: Any, field: str, wanted: str) -> str:
    """Message for something that should be a number."""
    message = f"expected {wanted}, got {kind(value)}"
    if isinstance(value, float) and wanted == "a whole number" and value.is_integer():
        return f"{message}; write {value:.0f}"
    if not isinstance(value, str):
        return message
    if FLOAT.match(value):
        return f"{message}; remove the quotes" if len(value) < _SHOWN else message
    quantity = _QUANTITY.match(value)
    if quantity is None:
        return message
    number = re.sub(r"[_,' ]", "", quantity["number"])
    _, unit = _split_unit(field)
    if not quantity["unit"]:
        return f"{message}; write {number}"
    return f"{message}; write the number alone, the unit ({UNITS[unit]}) is in the field name" if unit else message


def not_text(value: Any) -> str:
    """Message for something that should be text."""
    number = isinstance(value, bool | int | float)
    return f"expected text, got {kind(value)}{'; put it in quotes' if number else ''}"


def not_a_list(value: Any) -> str:
    """Message for something that should be a list."""
    return f"expected a list, got {kind(value)}; put `- ` before each entry or write [a, b]"


def one_of(value: Any, allowed: Iterable[Any]) -> str:
    """Message for a value outside a closed list."""
    words = [str(word) for word in allowed]
    listed = f"expected {words[0]}" if len(words) == 1 else f"expected one of {', '.join(words)}"
    return f"{listed}; got {kind(value)}{did_you_mean(value, words) if isinstance(value, str) else ''}"


def bad_pattern(value: str, pattern: str) -> str:
    """Message for text that breaks a name's or country's pattern."""
    if pattern == "^[A-Z]{2}$":
        return f"expected a country code of two capital letters (ISO 3166-1, e.g. DE), got {show(value)}"
    return f"names hold letters, digits and ` ._+:/@-` and start with a letter or digit; got {show(value)}"


def out_of_range(error: ErrorDetails) -> str:
    """Message for a number beyond its bound."""
    bounds = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    context = error.get("ctx", {})
    name = next(name for name in bounds if name in context)
    value = error["input"]
    percent = f"; {value:g} % is written {value / 100:g}" if context.get("le") == 1 and 1 < value <= 100 else ""
    return f"must be {bounds[name]} {context[name]:g}, got {show(value)}{percent}"


def shown(amount: Fraction | int) -> str:
    """An amount in a message."""
    return f"{float(amount):g}" if amount < MOST_SHOWN else f"more than {MOST_SHOWN:g}"
