"""The smallest change of one requirement after which there is a plan, and what the plan then costs.

Requirements that repair an infeasible instance alone are members of each of its conflicts: a conflict that lacks one of
them would remain. So none beyond the members of one conflict need be looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.edits.requirement import AMOUNTS, shown
from gpufleet.explain.amounts import least_value
from gpufleet.units import exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gpufleet.edits.requirement import Change, Requirement
    from gpufleet.explain.oracle import Oracle
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

CLOSE = Fraction(1, 1000)
"""Bisection ends when the last value without a plan is nearer to the first one with a plan than this part of the
change; with rounding by at most 2 in 1000 more, 1 % less of the change is proven to be too little."""
FIRST_STEP = Fraction(1, 50)
"""The first change that is tried, as a part of the present value."""
CENT = Fraction(1, 100)
"""What is known exactly is rounded no more than this."""
LEAST_CHANGE = Fraction(1, 10_000)
"""Changes are made no finer than this part of the present value: beyond a limit that must not be reached (any share
above 0, say) there is no smallest one."""
FARTHEST = 10**6
"""Multiples of the present value beyond which no value is looked for."""


@dataclass(frozen=True)
class Repair:
    """A change of one requirement that leaves a plan."""

    requirement: Requirement
    words: str
    """What to do: `raise the budget to 512.4 USD per day`."""
    value: float | None
    """The new value of the requirement; None where it is no number, or is done without."""
    change: Change = field(compare=False)
    """Makes it, its digest left alone."""
    least: bool
    """Proven: 1 % less of the change, or the value before in whole numbers, would leave no plan."""
    plan: Plan | None
    """The cheapest plan then; None where time ran out."""

    @property
    def cost_usd(self) -> float | None:
        """What that plan costs over the horizon, USD."""
        return None if self.plan is None or self.plan.certificate is None else self.plan.certificate.objective_usd

    @property
    def proven(self) -> bool:
        """Is that plan proven to be the cheapest?"""
        return self.plan is not None and self.plan.status == "optimal"


def find_repairs(resolved: ResolvedInstance, found: Iterable[Requirement], oracle: Oracle) -> tuple[Repair, ...]:
    """The smallest change of each requirement that repairs an infeasible instance alone, the cheapest result first."""
    repairs = [
        repair
        for requirement in found
        if oracle.has_plan(requirement.lift(resolved))
        for repair in _repairs(resolved, requirement, oracle)
    ]
    return tuple(sorted(repairs, key=lambda repair: math.inf if repair.cost_usd is None else repair.cost_usd))


def _repairs(resolved: ResolvedInstance, requirement: Requirement, oracle: Oracle) -> Iterable[Repair]:
    """Of a requirement that repairs the instance alone when it is lifted."""
    if requirement.choices:
        yield from _chosen(resolved, requirement, oracle)
        return
    value, least = _smallest_change(resolved, requirement, oracle) if requirement.put else (None, True)
    put = requirement.put
    if value is None or put is None:
        plan = oracle.plan(requirement.lift(resolved))
        yield Repair(requirement, requirement.lifting, None, requirement.lift, least, plan)
        return
    new = int(value) if requirement.whole else float(value)

    def change(question: ResolvedInstance) -> ResolvedInstance:
        return put(question, new)

    plan = oracle.plan(change(resolved))
    yield Repair(requirement, requirement.putting.format(shown(new)), new, change, least, plan)


def _chosen(resolved: ResolvedInstance, requirement: Requirement, oracle: Oracle) -> Iterable[Repair]:
    """Where choices widen each other the first that leaves a plan, else all that do; else the requirement has to go."""
    found = False
    for choice in requirement.choices:
        if oracle.has_plan(choice.change(resolved)):
            found = True
            yield Repair(requirement, choice.words, None, choice.change, True, oracle.plan(choice.change(resolved)))
            if requirement.ordered:
                return
    if not found:
        plan = oracle.plan(requirement.lift(resolved))
        yield Repair(requirement, requirement.lifting, None, requirement.lift, bool(oracle.left_s), plan)


def _smallest_change(
    resolved: ResolvedInstance, requirement: Requirement, oracle: Oracle
) -> tuple[Fraction | None, bool]:
    """The value nearest to the present one that leaves a plan, rounded away from it, and whether that is proven; no
    value where only doing without helps."""
    put, present = requirement.put, requirement.value
    assert put is not None
    assert present is not None

    def holds(value: Fraction) -> bool | None:
        return oracle.has_plan(put(resolved, int(value) if requirement.whole else float(value)))

    if requirement.kind in AMOUNTS:
        least = least_value(resolved, requirement, oracle)
        if least is not None:
            value = _outwards(least, exact(present), min(abs(least - exact(present)) / 100, CENT), requirement)
            return value, bool(holds(value))
    if requirement.levels:
        return _first([exact(level) for level in requirement.levels], holds)
    if requirement.whole:
        return _whole(int(present), requirement, holds)
    return _between(exact(present), requirement, holds)


def _first(values: Sequence[Fraction], holds: Callable[[Fraction], bool | None]) -> tuple[Fraction | None, bool]:
    """The first of several values, each of which asks for less than the one before, that leaves a plan."""
    low, high, proven = -1, len(values), True
    while high - low > 1:
        middle = (low + high) // 2
        answer = holds(values[middle])
        proven = proven and answer is not None
        low, high = (low, middle) if answer else (middle, high)
    return (values[high] if high < len(values) else None), proven


def _whole(
    present: int, requirement: Requirement, holds: Callable[[Fraction], bool | None]
) -> tuple[Fraction | None, bool]:
    """The whole number nearest to the present one that leaves a plan; steps double, then bisection."""
    sign, step, proven, low = (1 if requirement.rising else -1), 1, True, 0
    most = None if requirement.most is None else abs(int(requirement.most) - present)
    while True:
        step = step if most is None else min(step, most)
        answer = holds(Fraction(present + sign * step))
        proven = proven and answer is not None
        if answer:
            break
        if step == most or step > FARTHEST or answer is None:
            return None, proven
        low, step = step, 2 * step
    inside = [Fraction(present + sign * amount) for amount in range(low + 1, step + 1)]
    value, known = _first(inside[:-1], holds) if len(inside) > 1 else (None, True)
    return (inside[-1] if value is None else value), proven and known


def _between(
    present: Fraction, requirement: Requirement, holds: Callable[[Fraction], bool | None]
) -> tuple[Fraction | None, bool]:
    """Any value: changes grow fourfold until there is a plan; then bisection down to `CLOSE`, and rounding outwards."""
    sign = 1 if requirement.rising else -1
    most = None if requirement.most is None else abs(exact(requirement.most) - present)
    low, high, proven = Fraction(0), (abs(present) or Fraction(1)) * FIRST_STEP, True
    while True:
        high = high if most is None else min(high, most)
        answer = holds(present + sign * high)
        if answer:
            break
        if answer is None or high == most or high > FARTHEST * max(abs(present), Fraction(1)):
            return None, answer is not None
        low, high = high, 4 * high
    finest = (abs(present) or Fraction(1)) * LEAST_CHANGE
    while high - low > CLOSE * high:
        if high <= finest:
            return present + sign * finest, False
        middle = _short((low + high) / 2)
        answer = holds(present + sign * middle)
        if answer is None:
            proven = False
            break
        low, high = (low, middle) if answer else (middle, high)
    value = _outwards(present + sign * high, present, high / 500, requirement)
    if most is not None and abs(value - present) >= most:
        # nothing asked for is no smaller demand
        return (None if requirement.kind == "demand" else present + sign * most), proven
    return value, proven and bool(holds(value))


def _short(value: Fraction) -> Fraction:
    """About the same in six digits, so that what is computed from it has small denominators."""
    unit = _power_of_ten(value / 10**5)
    return round(value / unit) * unit


def _outwards(value: Fraction, present: Fraction, unit: Fraction, requirement: Requirement) -> Fraction:
    """Rounded away from the present value to a power of ten of at most `unit`."""
    if requirement.whole:
        return Fraction(math.ceil(value))
    if value == present:
        return value
    power = _power_of_ten(unit)
    up = math.ceil(value / power) * power
    return up if value > present else math.floor(value / power) * power


def _power_of_ten(value: Fraction) -> Fraction:
    """The largest power of ten that is not larger."""
    power = Fraction(1)
    while power > value:
        power /= 10
    while power * 10 <= value:
        power *= 10
    return power
