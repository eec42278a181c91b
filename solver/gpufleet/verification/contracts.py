"""Rules on how long nodes are taken: rented by stage and period, reserved for whole terms, owned from the start."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from gpufleet.schema.plan import PlannedNodes
from gpufleet.units import exact
from gpufleet.verification.slices import check_times, stage_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.verification.violation import Findings

Order = tuple[str, str | None, str | None]
"""(offer, stage of arrival, period): its size decides on minimum order and volume discount."""
YEARS_BOUND = {"reserved_1y": 1, "reserved_3y": 3}


def orders_of(nodes: Iterable[PlannedNodes]) -> Counter[Order]:
    """Nodes per order."""
    taken: Counter[Order] = Counter()
    for entry in nodes:
        taken[entry.offer, entry.first_stage, entry.period] += entry.count
    return taken


def stage_numbers(resolved: ResolvedInstance, nodes: PlannedNodes) -> tuple[int, int]:
    """Positions of the first and last stage; where the entry names none, of the horizon."""
    names = [stage.name for stage in resolved.instance.stages]
    first = names.index(nodes.first_stage) if nodes.first_stage in names else 0
    last = names.index(nodes.last_stage) if nodes.last_stage in names else max(len(names) - 1, 0)
    return first, last


def stays(resolved: ResolvedInstance, offer: Offer) -> Iterator[PlannedNodes]:
    """One node of an offer for every time that its term allows."""
    names: list[str | None] = [stage.name for stage in resolved.instance.stages] or [None]
    periods: list[str | None] = [period.name for period in resolved.instance.periods]
    bounds = stage_bounds(resolved)
    for first, name in enumerate(names):
        if offer.term in ("on_demand", "spot"):
            for period in periods if len(periods) > 1 else [None]:
                yield PlannedNodes(offer=offer.name, count=1, first_stage=name, last_stage=name, period=period)
        elif offer.term in YEARS_BOUND:
            last = _bound_stages(bounds, first, YEARS_BOUND[offer.term])
            yield PlannedNodes(offer=offer.name, count=1, first_stage=name, last_stage=names[last])
        elif offer.term == "purchase" or first == 0:
            for last in range(first, len(names)):
                hours = bounds[last][1] - bounds[first][0]
                if last == first or offer.life_years is None or hours <= exact(offer.life_years) * 8760:
                    yield PlannedNodes(offer=offer.name, count=1, first_stage=name, last_stage=names[last])


def check_contract(resolved: ResolvedInstance, nodes: PlannedNodes, findings: Findings) -> None:
    """The entry is there at times that exist, and for as long as its term allows."""
    offer = resolved.offers[nodes.offer]
    times = {"period": nodes.period, "first stage": nodes.first_stage, "last stage": nodes.last_stage}
    check_times(resolved, nodes.offer, times, findings)
    rented = offer.term in ("on_demand", "spot")
    if nodes.period is not None:
        findings.check("period", nodes.offer, rented, "only on-demand and spot nodes are taken by the period")
    if not resolved.instance.stages:
        return
    first, last = stage_numbers(resolved, nodes)
    bounds = stage_bounds(resolved)
    start, end = bounds[first][0], bounds[max(first, last)][1]
    message = f"they arrive in stage {nodes.first_stage} and leave before, in {nodes.last_stage}"
    if not findings.check("stage", nodes.offer, first <= last, message):
        return
    if rented:
        findings.check("stage", nodes.offer, first == last, f"{offer.term} nodes are taken stage by stage")
    elif offer.term in YEARS_BOUND:
        right = _bound_stages(bounds, first, YEARS_BOUND[offer.term])
        message = f"a term of {YEARS_BOUND[offer.term]} years ends with stage {resolved.instance.stages[right].name}"
        findings.check("stage", nodes.offer, last == right, message)
    else:
        _check_life(resolved, nodes, first == last, end - start, findings)
        if offer.term == "owned":
            findings.check("stage", nodes.offer, first == 0, "owned nodes are there from the start")


def _check_life(
    resolved: ResolvedInstance, nodes: PlannedNodes, single: bool, hours: Fraction, findings: Findings
) -> None:
    life = resolved.offers[nodes.offer].life_years
    if life is not None:
        years = float(hours / 8760)
        message = f"they stay for {years:g} years, but last {life:g}"
        findings.check("stage", nodes.offer, single or hours <= exact(life) * 8760, message, years - life, "years")


def _bound_stages(bounds: tuple[tuple[Fraction, Fraction], ...], first: int, years: int) -> int:
    """The last stage that a reservation from the start of `first` covers in full."""
    until = bound_until(bounds[first], Fraction(years * 8760))
    last = first
    while last + 1 < len(bounds) and bounds[last + 1][1] <= until:
        last += 1
    return last


def bound_until(stage: tuple[Fraction, Fraction], term: Fraction) -> Fraction:
    """Until when a reservation binds that is renewed for whole terms until its first stage (start, end) is over."""
    until = stage[0] + term
    while until < stage[1]:
        until += term
    return until
