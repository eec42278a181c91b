"""Per workload and rule, the candidate that came nearest to passing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.schema.elimination import Rejected
    from gpufleet.schema.plan import Plan


def nearest_misses(plan: Plan, workload: str) -> dict[str, Rejected]:
    """For every rule but dominance that eliminated candidates of the workload: the nearest miss.

    Numeric rules are compared by the ratio of actual value to limit (whichever way round is above 1); rules that
    are yes or no keep their first case.
    """
    return _nearest(row for row in plan.rejections if row.workload == workload).get(workload, {})


def all_nearest_misses(plan: Plan) -> dict[str, dict[str, Rejected]]:
    """The same for every workload, in one pass."""
    return _nearest(plan.rejections)


def _nearest(rows: Iterable[Rejected]) -> dict[str, dict[str, Rejected]]:
    nearest: dict[str, dict[str, Rejected]] = {}
    for row in rows:
        if row.rule != "dominated":
            best = nearest.setdefault(row.workload, {}).get(row.rule)
            if best is None or miss_factor(row) < miss_factor(best):
                nearest[row.workload][row.rule] = row
    return nearest


def miss_factor(row: Rejected) -> float:
    """How far from the limit: 1.05 = 5 % off; infinite where it cannot be put into a number."""
    if isinstance(row.limit, str) or isinstance(row.actual, str) or not row.limit or not row.actual:
        return float("inf")
    ratio = row.actual / row.limit
    return max(ratio, 1 / ratio)
