"""Residual capacity inequalities, which linear programming lacks on a carrier row.

For a carrier `sum_c load_c x_c <= capacity n`, 0 <= x_c <= u_c, and any set S of its shares, let A = sum_S load_c u_c,
eta = A / capacity rounded up, r = A - capacity (eta - 1). Then

sum_S load_c (u_c - x_c) >= r (eta - n)        that is        sum_S load_c x_c - r n <= A - r eta

holds for every whole n: what is not routed here makes up for the replicas that are missing. Together they describe the
convex hull of one carrier (Magnanti, Mirchandani and Vachani, Networks 23, 1993), and if any is violated, the one over
the shares with x_c / u_c > n - floor(n) is (Atamtuerk and Rajan, Mathematical Programming 92, 2002). All numbers are
whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpufleet.optimize.bounds.carriers import Carriers
    from gpufleet.optimize.bounds.matrix import Matrix

    Floats = NDArray[np.float64]

VIOLATED = 1e-5
"""Violation, as part of a replica's capacity, from which a cut is worth having."""
WHOLE = 1e-6


@dataclass(frozen=True)
class Cut:
    """sum of coefficient x variable <= upper."""

    terms: tuple[tuple[int, int], ...]
    upper: int


def violated_cuts(matrix: Matrix, carriers: Carriers, values: Floats) -> list[Cut]:
    """The most violated cut of every carrier whose count is not whole, at a solution of the relaxation."""
    counts = values[carriers.count]
    part = counts - np.floor(counts)
    cuts = (_cut(matrix, carriers, int(k), values) for k in np.flatnonzero((part > WHOLE) & (part < 1 - WHOLE)))
    return [cut for cut in cuts if cut is not None]


def _cut(matrix: Matrix, carriers: Carriers, k: int, values: Floats) -> Cut | None:
    """The cut of carrier k over the shares above the fractional part of its count, if it is violated."""
    count, capacity = int(carriers.count[k]), int(carriers.capacity[k])
    shares, loads = carriers.share[carriers.of(k)], carriers.load[carriers.of(k)]
    chosen = values[shares] / np.maximum(matrix.upper[shares], 1) > values[count] % 1 + 1e-9
    terms = list(zip(shares[chosen].tolist(), loads[chosen].tolist(), strict=True))
    total = sum(load * int(matrix.upper[share]) for share, load in terms)
    if not total:
        return None
    enough = -(-total // capacity)
    rest = total - capacity * (enough - 1)
    upper = total - rest * enough
    used = sum(load * float(values[share]) for share, load in terms) - rest * float(values[count])
    return Cut((*terms, (count, -rest)), upper) if used - upper > VIOLATED * capacity else None
