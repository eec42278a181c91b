"""Plain scalars of YAML 1.2 (core schema): only what a person would call a number, a truth value or nothing.

`NO`, `on`, `12:30:00`, `1_000` and dates stay text; the schema decides what to make of them.
"""

from __future__ import annotations

import re
from typing import Final

Scalar = str | int | float | bool | None

MAX_DIGITS: Final = 400
"""Whole numbers with more digits stay text: no field takes them, and Python refuses to convert them at 4,300."""

INTEGER: Final = re.compile(r"[-+]?[0-9]+\Z")
FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
INFINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z")
NOT_A_NUMBER: Final = re.compile(r"\.(?:nan|NaN|NAN)\Z")

_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMERIC_START: Final = frozenset("0123456789+-.")


def parse_scalar(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar.

    >>> [parse_scalar(text) for text in ("1e6", ".5", "NO", "true", "~", "12:30:00")]
    [1000000.0, 0.5, 'NO', True, None, '12:30:00']
    """
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _NUMERIC_START else text


def _number(text: str) -> str | int | float:
    if INTEGER.match(text):
        return int(text) if len(text) <= MAX_DIGITS else text
    if FLOAT.match(text):
        return float(text)
    if INFINITE.match(text):
        return float(text.replace(".", "", 1))
    return float("nan") if NOT_A_NUMBER.match(text) else text
