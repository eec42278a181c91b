"""Array types shared by the room."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Floats = NDArray[np.float64]
"""Array of float64; each function states shape and unit."""
Bools = NDArray[np.bool_]
Strings = NDArray[np.str_]
Indices = NDArray[np.intp]


Rows = NDArray[np.intp]
"""Indices of options."""
Coefficients = TypeVar("Coefficients", bound="DataclassInstance")
Number = TypeVar("Number", bound=np.generic)


def per_class(values: NDArray[Number]) -> NDArray[Number]:
    """(n,) -> (n, 1), to be broadcast against classes (C,)."""
    return values.reshape(-1, 1)


def ceil_div(dividend: Floats | float, divisor: Floats | float) -> Floats:
    """Whole number of pieces, as float64; any common shape."""
    return np.asarray(np.ceil(np.asarray(dividend, dtype=np.float64) / divisor), dtype=np.float64)


def quotient(dividend: Floats | float, divisor: Floats | float) -> Floats:
    """dividend / divisor; where the divisor is 0: 0 for a dividend of 0, else infinity. Never NaN, never a warning."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        result = np.true_divide(dividend, divisor)
    return np.asarray(np.where(np.isnan(result), 0.0, result), dtype=np.float64)


def _taken(value: Any, rows: Rows) -> Any:
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return value[rows]
    return take(value, rows) if is_dataclass(value) and not isinstance(value, type) else value


def take(coefficients: Coefficients, rows: Rows) -> Coefficients:
    """The same record for some of the options: every (n, 1) or (n, C) array cut to `rows`, records inside too."""
    parts = {field.name: _taken(getattr(coefficients, field.name), rows) for field in fields(coefficients)}
    return replace(coefficients, **parts)
