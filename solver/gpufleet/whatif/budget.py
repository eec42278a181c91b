"""The cheapest plan under each of a series of budget caps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal, get_args

from gpufleet.candidates.enumerate import build_candidates
from gpufleet.edits.changes import with_budget
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.solving import solve_candidates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance

Cap = Literal["usd_per_day", "horizon_usd", "capex_usd"]
MOST_POINTS = 1000


@dataclass(frozen=True)
class BudgetSweep:
    """Which cap is moved, and through which values."""

    cap: Cap
    values: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> BudgetSweep:
        """From `CAP=FROM:TO:STEP`, both ends included.

        Raises ValueError with a message for the user.

        >>> BudgetSweep.parse("usd_per_day=200:300:50").values
        (200.0, 250.0, 300.0)
        """
        cap, _, span = text.partition("=")
        known: dict[str, Cap] = {name: name for name in get_args(Cap)}
        if cap not in known:
            raise ValueError(f"{cap!r} is no budget; write one of {', '.join(known)}, as in usd_per_day=200:600:25")
        try:
            start, stop, step = (Decimal(part) for part in span.split(":"))
        except (ValueError, InvalidOperation):
            raise ValueError(f"{span!r} is no range; write FROM:TO:STEP, as in {cap}=200:600:25") from None
        if not (start.is_finite() and stop.is_finite() and step.is_finite()) or start < 0 or stop < start or step <= 0:
            raise ValueError(
                f"{span!r} is no range; FROM must not be above TO, nor negative, and STEP must be positive"
            )
        count = int((stop - start) / step) + 1
        if count > MOST_POINTS:
            raise ValueError(f"{span!r} has {count:,} points; at most {MOST_POINTS:,} are solved in one sweep")
        return cls(known[cap], tuple(float(start + index * step) for index in range(count)))


@dataclass(frozen=True)
class BudgetPoint:
    """One cap and its answer."""

    cap: float
    plan: Plan


def sweep_budget(resolved: ResolvedInstance, sweep: BudgetSweep, time_limit_s: float = 60.0) -> Iterator[BudgetPoint]:
    """The cheapest plan under every cap, from the highest to the lowest.

    Candidates do not depend on budgets and are enumerated once. A tighter cap leaves fewer plans, so once a cap is
    proven infeasible, all lower ones are.
    """
    candidates = build_candidates(resolved)
    refused: Plan | None = None
    for cap in reversed(sweep.values):
        if refused is None:
            capped = with_budget(resolved, sweep.cap, cap)
            plan = solve_candidates(capped, candidates, SolverLimits(time_limit_s))
            refused = plan if plan.status == "infeasible" else None
        yield BudgetPoint(cap, refused or plan)
