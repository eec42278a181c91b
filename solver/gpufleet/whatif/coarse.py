"""Fewer periods: a question that is quicker to answer, and bounds the answer of the whole one from below or above.

Periods of like demand become one that lasts as long as they do together. With the least demand of each of them, no plan
of the whole question is lost: in every group, the period in which the rent is lowest serves the least demand, so doing
what it does all the time costs no more. Rules that hang together over periods in another way (shares, quotas, budgets,
training runs) are left out, which only lowers the bound. With the greatest demand, a plan serves every period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gpufleet.edits.changes import with_fields
from gpufleet.problem.horizon import demand_factors, horizon_of
from gpufleet.schema.instance import BudgetCaps, Budgets, FleetRules
from gpufleet.schema.time import Period
from gpufleet.schema.workloads import Training
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from fractions import Fraction

    from gpufleet.problem.data import Problem
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Workload

FEWEST: Final = 8
"""Periods from which it is worth while."""
Groups = tuple[tuple[int, ...], ...]


def can_be_coarse(resolved: ResolvedInstance) -> bool:
    """Has the question many periods, a single stage, and nothing for which the order of periods counts?"""
    instance = resolved.instance
    if len(instance.periods) < FEWEST or instance.stages or instance.allow_unserved:
        return False
    return not any(isinstance(w, Training) and w.restart_minutes for w in instance.workloads)


def groups_of(resolved: ResolvedInstance, count: int) -> Groups:
    """So many groups of periods with like demand: the two that differ least are joined until few enough are left."""
    instance = resolved.instance
    rows = np.array([_row(instance, period) for period in range(len(instance.periods))], float)
    rows = rows / np.maximum(rows.max(axis=0), 1e-12)
    groups: list[tuple[int, ...]] = [(number,) for number in range(len(rows))]
    while len(groups) > count:
        first, second = min(_pairs(len(groups)), key=lambda pair: _apart(rows, groups[pair[0]] + groups[pair[1]]))
        joined = tuple(sorted(groups[first] + groups[second]))
        groups = [group for number, group in enumerate(groups) if number not in (first, second)] + [joined]
    return tuple(sorted(groups))


def _pairs(count: int) -> Iterable[tuple[int, int]]:
    return ((i, j) for i in range(count) for j in range(i + 1, count))


def _apart(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]], group: tuple[int, ...]) -> float:
    """How far the demands of a group spread, over all of its periods."""
    inside = rows[list(group)]
    return float((inside.max(axis=0) - inside.min(axis=0)).sum() * len(group))


def _row(instance: Instance, period: int) -> list[float]:
    return [float(f) for w in instance.workloads if not isinstance(w, Training) for f in _factors(instance, w, period)]


def _factors(instance: Instance, workload: Workload, period: int) -> tuple[Fraction, ...]:
    """Of each class in a period."""
    return demand_factors(instance, horizon_of(instance), workload, period)


def lower(resolved: ResolvedInstance, groups: Groups) -> ResolvedInstance:
    """A question whose cheapest plan costs no more than that of the whole one."""
    merged = _merged(resolved, groups, min, training=False)
    budgets = resolved.instance.budgets
    kept = Budgets(
        capex_usd=budgets.capex_usd,
        sites={n: BudgetCaps(capex_usd=caps.capex_usd) for n, caps in budgets.sites.items()},
        stages=budgets.stages,
    )
    return with_fields(merged, budgets=kept, rules=FleetRules())


def proven(resolved: ResolvedInstance, groups: Groups, problem: Problem, bound: int) -> int:
    """What a bound of the `lower` question, micro-USD, proves of the whole one.

    The rent of a node is rounded to whole micro-dollars period by period, there as here, so sums over periods may
    differ by one part in as many as the smallest rent has.
    """
    hours = [exact(period.hours) for period in resolved.instance.periods]
    longest = max(sum((hours[number] for number in group), exact(0)) for group in groups)
    rents = [offer.cost for offer in problem.offers if offer.periods is not None and offer.cost]
    if not rents:
        return bound
    smallest = max(1, int(min(rents) * min(hours) / longest))
    return max(0, bound - bound // smallest - 1)


def upper(resolved: ResolvedInstance, groups: Groups) -> ResolvedInstance:
    """A question whose plans serve the whole one, each group's for all of its periods."""
    return _merged(resolved, groups, max, training=True)


def members(resolved: ResolvedInstance, groups: Groups) -> dict[str, tuple[str, ...]]:
    """Names of the periods of each group, by the name that it has as a period."""
    names = [period.name for period in resolved.instance.periods]
    return {names[group[0]]: tuple(names[number] for number in group) for group in groups}


def _merged(
    resolved: ResolvedInstance, groups: Groups, pick: Callable[[list[Fraction]], Fraction], *, training: bool
) -> ResolvedInstance:
    instance = resolved.instance
    periods = tuple(_period(instance.periods, group) for group in groups)
    workloads = []
    for workload in instance.workloads:
        if not isinstance(workload, Training):
            workloads.append(_with_demand(instance, workload, groups, pick))
        elif training:
            workloads.append(_allowed(workload, members(resolved, groups)))
    return with_fields(resolved, periods=periods, workloads=tuple(workloads))


def _period(periods: Sequence[Period], group: tuple[int, ...]) -> Period:
    hours = float(sum(exact(periods[number].hours) for number in group))
    return Period(name=periods[group[0]].name, hours=hours)


def _with_demand(
    instance: Instance, workload: Workload, groups: Groups, pick: Callable[[list[Fraction]], Fraction]
) -> Workload:
    """The workload with the least or greatest factor of every class in each group."""
    assert not isinstance(workload, Training)
    factors = [_factors(instance, workload, p) for p in range(len(instance.periods))]
    classes = tuple(
        group.model_copy(
            update={
                "demand_factors": {
                    instance.periods[members[0]].name: float(pick([factors[p][c] for p in members]))
                    for members in groups
                }
            }
        )
        for c, group in enumerate(workload.classes)
    )
    return workload.model_copy(update={"classes": classes, "demand_factors": {}})


def _allowed(workload: Training, groups: dict[str, tuple[str, ...]]) -> Training:
    """A run may use a group in all of whose periods it may run."""
    if workload.periods is None:
        return workload
    inside = tuple(name for name, names in groups.items() if set(names) <= set(workload.periods))
    return workload.model_copy(update={"periods": inside})
