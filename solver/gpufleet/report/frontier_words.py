"""What frontiers and budget sweeps say in a few words: what is given up, relaxed, changed, and worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpufleet.report.format import figure, money, percent
from gpufleet.report.unserved_text import left_out, unserved_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.edits.relaxed import Relaxation
    from gpufleet.schema.plan import Plan
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.budget import NextStep


def cost_of(plan: Plan) -> float | None:
    """Over the horizon, USD."""
    return plan.certificate.objective_usd if plan.certificate else None


def service_word(resolved: ResolvedInstance, plan: Plan, full: bool, relaxed: Sequence[Relaxation]) -> str:
    """`full`, `relaxed`, `partial` or `none`; `-` without a plan."""
    if cost_of(plan) is None:
        return "-"
    shares = left_out(resolved, plan)
    if shares and len(shares) == len(resolved.instance.workloads) and min(shares.values()) >= 1:
        return "none"
    word = "full" if full else "relaxed" if not shares else "partial"
    return word if not (relaxed and shares) else "partial, relaxed"


def given_up(resolved: ResolvedInstance, plan: Plan) -> str:
    """What is not served, empty where everything is."""
    return unserved_words(resolved, plan) if plan.unserved else ""


def relaxed_words(found: Relaxation) -> str:
    """E.g. `ranking: end_to_end p99 of class top-20 is 57.3 ms (required 50, permitted 60)`."""
    unit = f" {found.unit}" if found.unit else ""
    return (
        f"{found.workload}: {found.requirement} is {figure(found.reached)}{unit} instead of "
        f"{figure(found.required)}{unit} (may be relaxed to {figure(found.permitted)})"
    )


def next_words(resolved: ResolvedInstance, field: str, step: NextStep) -> str:
    """What the next step of the frontier brings, and how much of it a dollar (a day, where the cap is one per day)."""
    proof = "" if step.proven else "; not proven"
    if not step.gains:
        return ("everything is served as required" if step.full else "full service costs less") + proof
    valued = {workload.priority for workload in resolved.instance.workloads if workload.value_usd is not None}
    changes = ", ".join(_gain(resolved, priority, gain, valued) for priority, gain in step.gains)
    after = "; everything is served as required" if step.full else ""
    return f"{changes}{_rate(resolved, field, step, valued)}{after}{proof}"


def _rate(resolved: ResolvedInstance, field: str, step: NextStep, valued: set[int]) -> str:
    if step.per_usd is None:
        return ""
    first = next(priority for priority, gain in step.gains if gain > 0)
    if first in valued:
        return f" ({figure(step.per_usd)} USD per USD)"
    daily = field == "usd_per_day"
    rate = step.per_usd * (float(resolved.instance.hours / 24) if daily else 1)
    amount = percent(rate) if _is_alone(resolved, first) else figure(rate)
    return f" ({amount} per USD{' a day' if daily else ''})"


def _only(resolved: ResolvedInstance, priority: int) -> str:
    return next(workload.name for workload in resolved.instance.workloads if workload.priority == priority)


def _is_alone(resolved: ResolvedInstance, priority: int) -> bool:
    """Is what counts at a priority the share of one workload's requests?"""
    same = [workload for workload in resolved.instance.workloads if workload.priority == priority]
    return len(same) == 1 and same[0].unserved_weight == 1


def _gain(resolved: ResolvedInstance, priority: int, gain: float, valued: set[int]) -> str:
    more = "more" if gain > 0 else "less"
    levels = {workload.priority for workload in resolved.instance.workloads}
    where = f" of priority {priority}" if len(levels) > 1 else ""
    if priority in valued:
        return f"requests worth {money(abs(gain))} USD {more} are served{where}"
    if _is_alone(resolved, priority):
        return f"{percent(abs(gain))} {more} of {_only(resolved, priority)} is served"
    return f"{figure(abs(gain))} weighted shares {more} are served{where}"


def fleet_change(resolved: ResolvedInstance, before: Plan | None, after: Plan) -> str:
    """What is added and taken away from one plan to the next, e.g. `+1x aws-g5.xlarge, -2x aws-g4dn.xlarge`."""
    old, new = ({} if before is None else _counts(resolved, before)), _counts(resolved, after)
    changes = [(name, new.get(name, 0) - old.get(name, 0)) for name in dict.fromkeys([*new, *old])]
    words = [f"{change:+d}x {name}" for name, change in sorted(changes, key=lambda pair: -pair[1]) if change]
    return ", ".join(words) or "same fleet"


def _counts(resolved: ResolvedInstance, plan: Plan) -> dict[str, int]:
    """Most nodes at a time by node type and term."""
    counts: dict[str, int] = {}
    for name, most in _most(resolved, plan):
        counts[name] = counts.get(name, 0) + most
    return counts


def _most(resolved: ResolvedInstance, plan: Plan) -> Iterator[tuple[str, int]]:
    rented: dict[str, int] = {}
    for nodes in plan.nodes:
        offer = resolved.offers[nodes.offer]
        name = f"{offer.node_type} {offer.term}"
        if nodes.period is None:
            yield name, nodes.count
        else:
            rented[name] = max(rented.get(name, 0), nodes.count)
    yield from rented.items()
