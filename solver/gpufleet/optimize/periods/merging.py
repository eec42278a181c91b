"""A problem with fewer periods, whose optimum is a lower bound on that of the whole.

A group of periods G becomes one of H = sum_{t in G} h_t hours, in which every workload needs the least and every option
carries the most that it does in any of them, and a node is rented for H min_t cost_t / h_t. From any plan take, of each
group, the period t* whose rent per hour is lowest, and hold its nodes and replicas for all of G: that serves the merged
problem, and costs no more. What the copy may break is left out: runs, budgets of single workloads, and limits on rents
that are not proportional to their cost.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from gpufleet.problem.data import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpufleet.problem.data import LimitRow, OfferData, OptionData, WorkloadData

Groups = tuple[tuple[int, ...], ...]
"""Periods by group; each is in one."""
RentKey = tuple[str, int, int, int]
"""(offer, tier, pool, number among equals): rents of different periods that are the same otherwise."""
UNITS = 10**9
"""Demand of a merged workload, where the parts are not scaled alike."""
LOAD_UNITS = 10**12


@dataclass(frozen=True)
class Merged:
    """The problem of some groups, and what its offers stand for."""

    problem: Problem
    sources: tuple[tuple[int, ...], ...]
    """By offer: the offers of the whole problem that it stands for; a rent has one in every period of its group."""


def same_stage(problem: Problem) -> Groups:
    """The coarsest groups: all periods in which the same committed nodes are there."""
    found: dict[tuple[int, ...], list[int]] = {}
    committed = [offer for offer in problem.offers if not is_rent(offer)]
    for t, period in enumerate(problem.periods):
        there = (period.stage, *(f for f, offer in enumerate(committed) if offer.there(t)))
        found.setdefault(there, []).append(t)
    return tuple(tuple(group) for group in found.values())


def is_rent(offer: OfferData) -> bool:
    """Is it about one period alone?"""
    return offer.periods is not None and len(offer.periods) == 1


class Merging:
    """Merges the periods of one problem, again and again."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.parts: dict[str, dict[int, WorkloadData]] = {}
        for part in problem.workloads:
            if part.run is None:
                self.parts.setdefault(part.name, {})[part.period] = part

    @cached_property
    def rents(self) -> dict[RentKey, dict[int, int]]:
        """By period, the index of each rent."""
        found: dict[RentKey, dict[int, int]] = {}
        seen: Counter[tuple[str, int, int, int]] = Counter()
        for f, offer in enumerate(self.problem.offers):
            if is_rent(offer):
                assert offer.periods is not None
                period = offer.periods[0]
                number = seen[offer.name, offer.tier, offer.pool, period]
                seen[offer.name, offer.tier, offer.pool, period] += 1
                found.setdefault((offer.name, offer.tier, offer.pool, number), {})[period] = f
        return found

    def merged(self, groups: Groups) -> Merged:
        """The problem in which each group is one period."""
        problem = self.problem
        place = {t: g for g, group in enumerate(groups) for t in group}
        offers, sources = self._offers(groups, place)
        position = {f: index for index, source in enumerate(sources) for f in source}
        periods = tuple(
            replace(problem.periods[group[0]], hours=sum((problem.periods[t].hours for t in group), Fraction(0)))
            for group in groups
        )
        small = Problem(  # what is not named here is left out, which cannot raise the optimum
            pools=problem.pools,
            offers=offers,
            workloads=tuple(self._workloads(groups)),
            limits=tuple(self._limits(groups, place, offers, position)),
            periods=periods,
            max_node_types=problem.max_node_types,
            capacity_rounding_relative=0.0,
            measures=problem.measures,
        )
        return Merged(small, sources)

    def _offers(
        self, groups: Groups, place: dict[int, int]
    ) -> tuple[tuple[OfferData, ...], tuple[tuple[int, ...], ...]]:
        offers: list[OfferData] = []
        sources: list[tuple[int, ...]] = []
        for f, offer in enumerate(self.problem.offers):
            if not is_rent(offer):
                there = None if offer.periods is None else tuple(sorted({place[t] for t in offer.periods}))
                offers.append(replace(offer, periods=there))
                sources.append((f,))
        for g, group in enumerate(groups):
            for by_period in self.rents.values():
                there = tuple(by_period[t] for t in group if t in by_period)
                if there:
                    offers.append(self._rent(g, group, there))
                    sources.append(there)
        return tuple(offers), tuple(sources)

    def _rent(self, g: int, group: tuple[int, ...], there: tuple[int, ...]) -> OfferData:
        """A rent over the hours of a group, at the lowest price per hour. Orders lose their minimum."""
        members = [self.problem.offers[f] for f in there]
        if len(group) == 1:
            return replace(members[0], periods=(g,))
        hours = sum(self.problem.periods[t].hours for t in group)
        rate = min(Fraction(offer.cost) / self._hours(offer) for offer in members)
        most = max(offer.most for offer in members)
        return replace(members[0], cost=math.floor(rate * hours), most=most, least=0, periods=(g,))

    def _hours(self, rent: OfferData) -> Fraction:
        assert rent.periods is not None
        return self.problem.periods[rent.periods[0]].hours

    def _workloads(self, groups: Groups) -> Iterator[WorkloadData]:
        for parts in self.parts.values():
            for g, group in enumerate(groups):
                there = [parts[t] for t in group if t in parts]
                if len(there) == len(group):  # where it is missing, it needs nothing
                    yield replace(_easiest(there), period=g)

    def _limits(
        self, groups: Groups, place: dict[int, int], offers: tuple[OfferData, ...], position: dict[int, int]
    ) -> Iterator[LimitRow]:
        standing: dict[LimitRow, set[int]] = {}
        for row in self.problem.limits:
            periods = {t for f, _ in row.coefficients for t in self._period(f)}
            if len(periods) <= 1:
                terms = tuple(sorted((position[f], weight) for f, weight in row.coefficients))
                standing.setdefault(replace(row, coefficients=terms), set()).update(periods)
            else:
                found = self._over_periods(row, groups, place, offers, position)
                if found is not None:
                    yield found
        for row, periods in standing.items():
            # a row about one period holds in the merged one if it holds in each of the group
            if not periods or set(groups[place[min(periods)]]) <= periods:
                yield row

    def _period(self, f: int) -> tuple[int, ...]:
        offer = self.problem.offers[f]
        return offer.periods if is_rent(offer) and offer.periods is not None else ()

    def _over_periods(
        self,
        row: LimitRow,
        groups: Groups,
        place: dict[int, int],
        offers: tuple[OfferData, ...],
        position: dict[int, int],
    ) -> LimitRow | None:
        """A limit on rents of several periods: what it has in a group counts where that is the rent itself."""
        own = {f: weight for f, weight in row.coefficients if not is_rent(self.problem.offers[f])}
        rented = {f: weight for f, weight in row.coefficients if f not in own}
        if min(rented.values()) < 0:
            return None
        terms = [(position[f], weight) for f, weight in own.items()]
        all_rents = [f for f, offer in enumerate(self.problem.offers) if is_rent(offer)]
        for g in range(len(groups)):
            inside = [f for f in all_rents if place[self._period(f)[0]] == g]
            if all(rented.get(f) == self.problem.offers[f].cost for f in inside):
                terms += [(index, offers[index].cost) for index in sorted({position[f] for f in inside})]
            elif len(groups[g]) == 1:
                terms += [(position[f], rented[f]) for f in inside if f in rented]
        return replace(row, coefficients=tuple(terms))


def _easiest(parts: Sequence[WorkloadData]) -> WorkloadData:
    """A workload that asks for no more than any of its parts, with options that carry no less."""
    first = parts[0]
    if all(replace(part, period=first.period) == first for part in parts):
        return first
    most = None if any(part.max_replicas is None for part in parts) else max(part.max_replicas or 0 for part in parts)
    shape = replace(
        first,
        min_replicas=min(part.min_replicas for part in parts),
        max_replicas=most,
        spare_nodes=min(part.spare_nodes for part in parts),
        survives_site_loss=all(part.survives_site_loss for part in parts),
    )
    return _easiest_routed(shape, parts) if first.routed else _easiest_covering(shape, parts)


def _by_key(parts: Sequence[WorkloadData]) -> Iterator[list[tuple[WorkloadData, OptionData]]]:
    """Every option that some part has, in all parts that have it."""
    found: dict[int, list[tuple[WorkloadData, OptionData]]] = {}
    for part in parts:
        for option in part.options:
            found.setdefault(option.key, []).append((part, option))
    return iter(found.values())


def _easiest_covering(shape: WorkloadData, parts: Sequence[WorkloadData]) -> WorkloadData:
    """Demand in units of the part's own demand; capacities rounded up."""
    if not all(part.demand for part in parts):
        return replace(shape, demand=0, options=tuple(cases[0][1] for cases in _by_key(parts)), spot_limit=None)
    options = []
    for cases in _by_key(parts):
        capacity = max(Fraction(option.capacity, part.demand) for part, option in cases)
        most = max(option.most for _, option in cases)
        options.append(replace(cases[0][1], capacity=math.ceil(capacity * UNITS), most=most))
    limits = [None if part.spot_limit is None else Fraction(part.spot_limit, part.demand) for part in parts]
    known = [limit for limit in limits if limit is not None]
    spot = math.floor(min(known) * UNITS) if len(known) == len(limits) else None
    divisor = math.gcd(UNITS, *(option.capacity for option in options)) if spot is None else 1
    options = [replace(option, capacity=option.capacity // divisor) for option in options]
    return replace(shape, demand=UNITS // divisor, options=tuple(options), spot_limit=spot)


def _easiest_routed(shape: WorkloadData, parts: Sequence[WorkloadData]) -> WorkloadData:
    """Loads per capacity, rounded down."""
    options = []
    for cases in _by_key(parts):
        loads = tuple(_least_load([option for _, option in cases], c) for c in range(len(shape.classes)))
        most = max(option.most for _, option in cases)
        options.append(replace(cases[0][1], capacity=LOAD_UNITS, loads=loads, most=most))
    limits = [part.spot_limit for part in parts]
    spot = None if None in limits else max(limit or 0 for limit in limits)
    return replace(shape, options=tuple(options), spot_limit=spot)


def _least_load(options: list[OptionData], position: int) -> int | None:
    loads = [(option.loads[position], option.capacity) for option in options]
    known = [Fraction(load, capacity) for load, capacity in loads if load is not None]
    return math.floor(min(known) * LOAD_UNITS) if known else None
