"""The whole explanation of an answer: why there is no plan and what would help, or what the plan's cost hangs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.edits.requirements import requirements
from gpufleet.explain.binding import Bindings, find_bindings
from gpufleet.explain.conflict import Conflict, Sets, correction, find_conflict
from gpufleet.explain.oracle import Oracle
from gpufleet.explain.repairs import Repair, find_repairs
from gpufleet.explain.rivals import Rival, find_rivals
from gpufleet.solving import solve

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.edits.requirement import Requirement
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance


@dataclass(frozen=True)
class Together:
    """Requirements that leave a plan only when they go together, and the cheapest plan then."""

    requirements: tuple[Requirement, ...]
    plan: Plan | None


@dataclass(frozen=True)
class Explanation:
    """Why this answer. What does not apply is empty or None."""

    resolved: ResolvedInstance
    plan: Plan
    """The answer itself."""
    conflict: Conflict | None = None
    """Infeasible: requirements that cannot hold together; None where time ran out before any were found."""
    repairs: tuple[Repair, ...] = ()
    """Infeasible: the smallest change of each requirement that is enough alone, the cheapest result first."""
    together: Together | None = None
    """Infeasible: what helps where no single requirement but the demand does."""
    bindings: Bindings | None = None
    """Feasible: what the requirements cost."""
    rivals: tuple[Rival, ...] = ()
    """Feasible: the accelerators that were not bought."""


def explanation(
    resolved: ResolvedInstance, time_limit_s: float = 60.0, progress: Callable[[str], None] | None = None
) -> Explanation:
    """Solve an instance, and explain the answer.

    `time_limit_s` holds for the answer, and once more for everything that explains it; what could not be proven in it
    says so. `progress` is told what is looked for now. Raises InputError as `solve` does.
    """
    tell = progress or (lambda _: None)
    tell(f"solving {resolved.instance.uid}")
    plan = solve(resolved, time_limit_s=time_limit_s, price_of_caution=False)
    return explained(resolved, plan, time_limit_s, tell)


def explained(resolved: ResolvedInstance, plan: Plan, time_limit_s: float, tell: Callable[[str], None]) -> Explanation:
    """The explanation of an answer that is there."""
    oracle = Oracle(time_limit_s)
    if plan.status == "infeasible":
        return _infeasible(resolved, plan, oracle, tell)
    if plan.status == "unknown":
        return Explanation(resolved, plan)
    tell("what the other accelerators would cost")
    rivals = find_rivals(resolved, plan, oracle)
    tell("what the requirements cost")
    return Explanation(
        resolved, plan, rivals=rivals, bindings=find_bindings(resolved, requirements(resolved), plan, oracle)
    )


def _infeasible(resolved: ResolvedInstance, plan: Plan, oracle: Oracle, tell: Callable[[str], None]) -> Explanation:
    known = requirements(resolved)
    sets = Sets(resolved, known, oracle)
    tell("which requirements stand in each other's way")
    conflict = find_conflict(sets, _of_the_homeless(sets))
    if conflict is None:
        return Explanation(resolved, plan)
    tell("what would help")
    repairs = find_repairs(resolved, conflict.requirements, oracle)
    together = None
    if all(repair.requirement.kind == "demand" for repair in repairs):
        lifted = correction(sets, conflict.requirements)
        if len(lifted) > 1:
            question = resolved
            for requirement in lifted:
                question = requirement.lift(question)
            together = Together(lifted, oracle.plan(question))
    return Explanation(resolved, plan, conflict, repairs, together)


def _of_the_homeless(sets: Sets) -> frozenset[int] | None:
    """The requirements of one workload and the stock, where they alone leave no plan: that needs no other workload to
    explain, and hardly a solver."""
    stock = frozenset(
        n for n, known in enumerate(sets.known) if known.kind in ("stock", "performance", "measured_only")
    )
    for number, workload in enumerate(sets.resolved.instance.workloads):
        if not sets.oracle.candidates(sets.resolved).options[workload.name]:
            own = frozenset(n for n, known in enumerate(sets.known) if known.loc[:2] == ("workloads", number))
            if sets.holds(own | stock) is False:
                return own | stock
    return None
