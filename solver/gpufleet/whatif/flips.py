"""Where the mix of the cheapest fleet changes: over the length of the need, or over the demand."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, Literal

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import ended_for_good, with_horizon, with_rates
from gpufleet.errors import InputError, InputProblem
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.schema.workloads import Training
from gpufleet.solving import solve_candidates
from gpufleet.units import HOURS_PER_MONTH, HOURS_PER_YEAR, exact
from gpufleet.whatif.signatures import signature_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

Moved = Literal["horizon_months", "demand"]
MOST_POINTS: Final = 200
CLOSE: Final = Decimal("0.01")
"""A change over demand is found to this much of today's demand."""
OPTIONS: Final[dict[Moved, str]] = {"horizon_months": "--horizon-months", "demand": "--demand"}


@dataclass(frozen=True)
class Span:
    """What is looked at: from, to, step."""

    first: Decimal
    last: Decimal
    step: Decimal

    @classmethod
    def parse(cls, text: str, *, whole: bool) -> Span:
        """From `FROM:TO` or `FROM:TO:STEP`; steps are 1 for whole numbers, else 0.1.

        Raises ValueError with a message for the user.

        >>> Span.parse("3:36", whole=True).values[:3]
        (Decimal('3'), Decimal('4'), Decimal('5'))
        """
        example = "3:36" if whole else "0.5:2 or 0.5:2:0.05"
        try:
            parts = [Decimal(part) for part in text.split(":")]
        except InvalidOperation:
            raise ValueError(f"{text!r} is no range; write FROM:TO, as in {example}") from None
        if len(parts) not in (2, 3) or not all(part.is_finite() and part > 0 for part in parts) or parts[1] < parts[0]:
            raise ValueError(f"{text!r} is no range; write two numbers above 0, the larger last, as in {example}")
        span = cls(parts[0], parts[1], parts[2] if len(parts) == 3 else Decimal(1 if whole else "0.1"))
        if whole and any(part != part.to_integral_value() for part in parts):
            raise ValueError(f"{text!r} has fractions of a month; write whole months, as in {example}")
        if len(span.values) > MOST_POINTS:
            raise ValueError(f"{text!r} has {len(span.values):,} points; at most {MOST_POINTS} are solved")
        return span

    @property
    def values(self) -> tuple[Decimal, ...]:
        """All points; the last one always belongs to them."""
        count = int((self.last - self.first) / self.step)
        inside = [self.first + number * self.step for number in range(count + 1)]
        return tuple(inside if inside[-1] == self.last else [*inside, self.last])


@dataclass(frozen=True)
class FlipPoint:
    """The answer at one length or demand."""

    value: Decimal
    plan: Plan
    mix: frozenset[str] | None
    """Accelerators and terms that the cheapest fleet takes newly; None without a fleet."""

    @property
    def cost_usd(self) -> float | None:
        """Over the horizon of this point; None without a fleet."""
        return self.plan.certificate.objective_usd if self.plan.certificate else None

    @property
    def proven(self) -> bool:
        """Is the fleet proven cheapest, or proven not to exist?"""
        return self.plan.status in ("optimal", "infeasible")


@dataclass(frozen=True)
class Segment:
    """Neighbouring points with the same mix."""

    points: tuple[FlipPoint, ...]

    @property
    def first(self) -> FlipPoint:
        """Where it begins."""
        return self.points[0]

    @property
    def last(self) -> FlipPoint:
        """Where it ends."""
        return self.points[-1]


@dataclass(frozen=True)
class Flips:
    """The cheapest mix over months or demand."""

    moved: Moved
    for_good: bool
    """The need ends with the horizon: terms are paid to their end, nodes sold."""
    points: tuple[FlipPoint, ...]
    """In order, those between two steps included."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Runs of points with one mix; between two of them the answer flips."""
        runs: list[list[FlipPoint]] = []
        for point in self.points:
            if runs and runs[-1][-1].mix == point.mix:
                runs[-1].append(point)
            else:
                runs.append([point])
        return tuple(Segment(tuple(run)) for run in runs)


def flips_over_months(
    resolved: ResolvedInstance,
    months: Span,
    *,
    for_good: bool = False,
    time_limit_s: float = 60.0,
    progress: Callable[[FlipPoint], None] | None = None,
) -> Flips:
    """The cheapest fleet for every horizon of so many months (of 730 hours).

    As the instance counts money, a bought node keeps its book value at the end, and a reservation ends with the horizon
    unless it says `commitments: term`. With `for_good` the need ends then: terms are paid to their end, and nodes sold
    for `resale_fraction` of their book value.

    Raises InputError for an instance with periods or stages, or a horizon beyond the life of nodes.
    """
    _check_horizon(resolved, months, for_good)
    candidates, limits = build_candidates(resolved), SolverLimits(time_limit_s)
    points = []
    for value in months.values:
        asked = with_horizon(resolved, int(value) * HOURS_PER_MONTH)
        asked = ended_for_good(asked) if for_good else asked
        points.append(_point(value, asked, solve_candidates(asked, candidates, limits)))
        if progress is not None:
            progress(points[-1])
    return Flips("horizon_months", for_good, tuple(points))


def flips_over_demand(
    resolved: ResolvedInstance,
    factors: Span,
    *,
    time_limit_s: float = 60.0,
    progress: Callable[[FlipPoint], None] | None = None,
) -> Flips:
    """The cheapest fleet at so many times today's request rates; training runs stay as they are.

    Where the mix differs between two steps, the change is found to 0.01 of today's demand by halving. A mix that comes
    and goes between two steps is not seen.

    Raises InputError for an instance without request rates.
    """
    serving = [work.name for work in resolved.instance.workloads if not isinstance(work, Training)]
    if not serving:
        raise _refused(resolved, "demand", "no workload has request rates that could be scaled; all of them train")
    candidates, limits = build_candidates(resolved), SolverLimits(time_limit_s)

    def look(value: Decimal) -> FlipPoint:
        asked = with_rates(resolved, serving, float(value))
        point = _point(value, asked, solve_candidates(asked, candidates, limits))
        if progress is not None:
            progress(point)
        return point

    def between(low: FlipPoint, high: FlipPoint) -> Iterator[FlipPoint]:
        if low.mix == high.mix or high.value - low.value <= CLOSE:
            return
        middle = look(_between(low.value, high.value))
        yield from (*between(low, middle), middle, *between(middle, high))

    points = [look(factors.values[0])]
    for value in factors.values[1:]:
        high = look(value)
        points += [*between(points[-1], high), high]
    return Flips("demand", False, tuple(points))


def _between(low: Decimal, high: Decimal) -> Decimal:
    """About half way between two factors more than `CLOSE` apart, with no more digits than need be."""
    middle = ((low + high) / 2).quantize(CLOSE)
    return middle if low < middle < high else (low + high) / 2


def _point(value: Decimal, asked: ResolvedInstance, plan: Plan) -> FlipPoint:
    has_fleet = plan.certificate is not None and plan.certificate.objective_usd is not None
    return FlipPoint(value, plan, signature_of(asked, plan, "fleet") if has_fleet else None)


def _check_horizon(resolved: ResolvedInstance, months: Span, for_good: bool) -> None:
    for field in ("periods", "stages"):
        if getattr(resolved.instance, field):
            message = f"the instance has {field}, which fill its horizon; ask --demand, or leave {field} out"
            raise _refused(resolved, "horizon_months", message)
    hours = int(months.last) * HOURS_PER_MONTH
    for offer in resolved.offers.values():
        sold = for_good and (offer.capex_usd is not None or offer.resale_usd is not None)
        if offer.life_years is None or not (sold or offer.term == "owned"):
            continue
        if exact(offer.life_years) * HOURS_PER_YEAR < hours:
            most = int(exact(offer.life_years) * HOURS_PER_YEAR / HOURS_PER_MONTH)
            message = f"nodes of {offer.name} last {offer.life_years:g} years; ask for at most {most} months"
            raise _refused(resolved, "horizon_months", message)


def _refused(resolved: ResolvedInstance, moved: Moved, message: str) -> InputError:
    return InputError([InputProblem(resolved.path, 0, OPTIONS[moved], message)])
