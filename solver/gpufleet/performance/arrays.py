"""Array types shared by the room."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Array of float64; each function states shape and unit."""
Bools = NDArray[np.bool_]
Strings = NDArray[np.str_]
Indices = NDArray[np.intp]


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
