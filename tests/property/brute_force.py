"""Cheapest fleets by enumeration, straight from an instance, in fractions; shares no line with the optimiser.

Replica counts are enumerated per workload, and node counts over all offers. A workload's feasible replica counts
matter only through the accelerators that they occupy per pool, so only the undominated occupations are kept: once for
all replicas, and once more for every number of spare nodes, counting the workloads that ask for so many or more.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.schema.workloads import Profiled, ProfiledOption

Pool = tuple[str, str]
Usage = tuple[int, ...]
"""Accelerators by pool, then again by pool for every number of spare nodes that some workload asks for."""
Load = tuple[Fraction | None, ...]
"""Replicas of one option that each class takes if it is served there alone; None = cannot be served there."""


@lru_cache(maxsize=10_000)
def fraction(value: float | int | None) -> Fraction:
    """The decimal number that was written."""
    return Fraction(str(value or 0))


def micro(amount: Fraction) -> int:
    """USD to micro-USD, to nearest, halves up."""
    return math.floor(amount * 10**6 + Fraction(1, 2))


def cheapest(resolved: ResolvedInstance, slack: Fraction = Fraction(0)) -> int | None:
    """Cost in micro-USD of the cheapest fleet; None when there is none.

    With `slack`, every routed replica must keep so many replicas' worth of room per class that it serves.
    """
    pools = sorted({(offer.site, offer.node_type) for offer in resolved.offers.values()})
    usages = _total_usages([_usages(resolved, workload, pools, slack) for workload in resolved.instance.workloads])
    offers = list(resolved.offers.values())
    for cost, counts in sorted(_fleets(resolved, offers, _most_nodes(resolved, offers, pools, usages))):
        room = [0] * len(pools)
        for offer, count in zip(offers, counts, strict=True):
            size = resolved.node_types[offer.node_type].accelerators
            room[pools.index((offer.site, offer.node_type))] += count * size
        if any(_fits(resolved, pools, usage, room) for usage in usages):
            return cost
    return None


def _fits(resolved: ResolvedInstance, pools: list[Pool], usage: Usage, room: list[int]) -> bool:
    """All replicas fit, and the protected ones also after the failures that they must survive."""
    sizes = [resolved.node_types[pool[1]].accelerators for pool in pools]
    for row, spare in enumerate([0, *_levels(resolved)]):
        part = usage[row * len(pools) : (row + 1) * len(pools)]
        if any(used and used + spare * size > there for used, size, there in zip(part, sizes, room, strict=True)):
            return False
    return True


def _levels(resolved: ResolvedInstance) -> list[int]:
    return sorted({workload.redundancy.spare_nodes for workload in resolved.instance.workloads} - {0})


def _most_nodes(resolved: ResolvedInstance, offers: list[Offer], pools: list[Pool], usages: list[Usage]) -> list[int]:
    """Nodes per offer beyond which none of the usages fills another one."""
    most = []
    for offer in offers:
        pool = pools.index((offer.site, offer.node_type))
        size = resolved.node_types[offer.node_type].accelerators
        useful = math.ceil(Fraction(max((usage[pool] for usage in usages), default=0), size))
        useful = max(useful + max(_levels(resolved), default=0), _today(resolved)[offer.name])
        most.append(useful if offer.stock is None else min(useful, offer.stock))
    return most


# ------------------------------------------------------------------------------------------------- replicas


def _usages(resolved: ResolvedInstance, workload: Profiled, pools: list[Pool], slack: Fraction) -> list[Usage]:
    """Undominated accelerators per pool of all replica counts that serve the workload."""
    places = [
        (option, pool)
        for option in workload.options
        for pool in pools
        if option.node_type == pool[1] and any(option.rates.values())
    ]
    loads = [_load(workload, option) for option, _ in places]
    found = set()
    for counts in product(*(range(_most_replicas(workload, load) + 1) for load in loads)):
        total = sum(counts)
        if total < workload.min_replicas or (workload.max_replicas is not None and total > workload.max_replicas):
            continue
        if not serves(loads, counts, slack) or not _survives(workload, places, loads, counts):
            continue
        if not _within_caps(resolved, workload, places, counts):
            continue
        usage = [0] * len(pools)
        for (option, pool), count in zip(places, counts, strict=True):
            usage[pools.index(pool)] += option.accelerators * count
        asked = workload.redundancy.spare_nodes
        protected = [used if asked >= spare else 0 for spare in _levels(resolved) for used in usage]
        found.add((*usage, *protected))
    return _undominated(found)


def _survives(
    workload: Profiled, places: list[tuple[ProfiledOption, Pool]], loads: list[Load], counts: Sequence[int]
) -> bool:
    """Whichever site is lost, the others serve every class."""
    if not workload.redundancy.survive_site_loss:
        return True
    sites = [site for _, (site, _) in places]
    return all(
        serves(
            [load for load, site in zip(loads, sites, strict=True) if site != lost],
            [count for count, site in zip(counts, sites, strict=True) if site != lost],
        )
        for lost in set(sites)
    )


def _within_caps(
    resolved: ResolvedInstance, workload: Profiled, places: list[tuple[ProfiledOption, Pool]], counts: Sequence[int]
) -> bool:
    """The occupied accelerators, at the dearest price of their pools, stay within the workload's budget."""
    caps = resolved.instance.budgets.workloads.get(workload.name)
    if caps is None or caps.horizon_usd is None:
        return True
    charge = 0
    for (option, pool), count in zip(places, counts, strict=True):
        size = resolved.node_types[pool[1]].accelerators
        prices = [
            node_cost(resolved, o) for o in resolved.offers.values() if (o.site, o.node_type) == pool and o.stock != 0
        ]
        charge += count * option.accelerators * math.ceil(Fraction(max(prices, default=0), size))
    return charge <= fraction(caps.horizon_usd) * 10**6


def _load(workload: Profiled, option: ProfiledOption) -> Load:
    """Replicas needed per class with demand; a class without demand takes nothing."""
    part = fraction(workload.max_utilisation)
    able = [fraction(option.rates.get(group.name, 0)) * part for group in workload.classes]
    asked = [fraction(group.requests_per_s) for group in workload.classes]
    return tuple(want / rate if rate else None for want, rate in zip(asked, able, strict=True) if want)


def _most_replicas(workload: Profiled, load: Load) -> int:
    """Enough for everything that the option can serve, and for the fewest replicas wanted."""
    return max(math.ceil(sum(part for part in load if part is not None)), workload.min_replicas)


def serves(loads: Sequence[Load], counts: Sequence[int], slack: Fraction = Fraction(0)) -> bool:
    """Can classes be split over options so that no option carries more than its replicas?

    By linear programming duality: yes, unless prices per replica u exist at which the cheapest way to serve all
    classes costs more than all replicas are worth. It is enough to try the prices at which two options cost the same
    for some class, or where some option is free.
    """
    if not loads:
        return False
    classes = range(len(loads[0]))
    open_options = [(load, count) for load, count in zip(loads, counts, strict=True) if count]
    if not open_options:
        return False
    if any(all(load[c] is None for load, _ in open_options) for c in classes):
        return False
    rows = [load for load, _ in open_options]
    room: list[Fraction | int] = [
        count - slack * sum(part for part in load if part is not None) if slack and len(classes) > 1 else count
        for load, count in open_options
    ]
    return all(
        sum(price * there for price, there in zip(prices, room, strict=True)) >= bill
        for prices, bill in _priced(tuple(rows))
    )


@lru_cache(maxsize=10_000)
def _priced(rows: tuple[Load, ...]) -> frozenset[tuple[tuple[int, ...], int]]:
    """All prices to try, in whole numbers, each with the bill of all classes: they do not hang on replica counts."""
    found = set()
    for prices in _prices(rows) if len(rows[0]) != 1 else _price_of_one_class(rows):
        line = (*prices, _bill(prices, rows, range(len(rows[0]))))
        whole = [part.numerator * (math.lcm(*(p.denominator for p in line)) // part.denominator) for part in line]
        shared = math.gcd(*whole)
        *ray, bill = (part // shared for part in whole)
        found.add((tuple(ray), bill))
    return frozenset(found)


def _price_of_one_class(rows: Sequence[Load]) -> list[tuple[Fraction, ...]]:
    """What the replicas of each option carry of the only class."""
    return [tuple(1 / row[0] if row[0] else Fraction(0) for row in rows)]


def _bill(prices: Sequence[Fraction], rows: Sequence[Load], classes: Iterable[int]) -> Fraction:
    return sum(
        (
            min(price * part for price, row in zip(prices, rows, strict=True) if (part := row[c]) is not None)
            for c in classes
        ),
        Fraction(0),
    )


def _prices(rows: Sequence[Load]) -> Iterator[tuple[Fraction, ...]]:
    """Corners of the price simplex cut by all planes `u_i a_ic = u_j a_jc` and `u_i = 0`, for up to three options."""
    size = len(rows)
    if size == 1:
        yield (Fraction(1),)
        return
    planes = [tuple(Fraction(i == k) for k in range(size)) for i in range(size)]
    for i in range(size):
        for j in range(i):
            for a, b in zip(rows[i], rows[j], strict=True):
                if a is not None and b is not None:
                    planes.append(tuple(a if k == i else -b if k == j else Fraction(0) for k in range(size)))
    for chosen in product(planes, repeat=size - 1):
        yield from _ray(chosen)


def _ray(planes: Sequence[tuple[Fraction, ...]]) -> Iterator[tuple[Fraction, ...]]:
    """The direction that lies in one plane of two dimensions or in two of three, if it is not negative."""
    if len(planes) == 1:
        a, b = planes[0]
        direction = (-b, a)
    else:
        (a, b, c), (d, e, f) = planes
        direction = (b * f - c * e, c * d - a * f, a * e - b * d)
    for ray in (direction, tuple(-part for part in direction)):
        if any(ray) and all(part >= 0 for part in ray):
            yield ray


# ---------------------------------------------------------------------------------------------------- nodes


def _total_usages(usages: list[list[Usage]]) -> list[Usage]:
    """Undominated sums of one usage per workload."""
    total = usages[0]
    for more in usages[1:]:
        total = _undominated({tuple(a + b for a, b in zip(x, y, strict=True)) for x in total for y in more})
    return total


def _undominated(found: Iterable[Usage]) -> list[Usage]:
    kept: list[Usage] = []
    for usage in sorted(found, key=sum):
        if not any(all(a <= b for a, b in zip(other, usage, strict=True)) for other in kept):
            kept.append(usage)
    return kept


def _fleets(resolved: ResolvedInstance, offers: list[Offer], most: list[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(cost, node counts) of every fleet within all limits."""
    costs = [node_cost(resolved, offer) for offer in offers]
    for counts in product(*(range(count + 1) for count in most)):
        if _within_limits(resolved, offers, counts, costs):
            spent = sum(cost * count for cost, count in zip(costs, counts, strict=True))
            yield spent + _moves(resolved, offers, counts), counts


def _today(resolved: ResolvedInstance) -> Counter[str]:
    migration = resolved.instance.migration
    return Counter({entry.offer: entry.count for entry in migration.nodes} if migration else {})


def _moves(resolved: ResolvedInstance, offers: list[Offer], counts: tuple[int, ...]) -> int:
    """What nodes cost that are set up or given up, micro-USD."""
    migration = resolved.instance.migration
    if migration is None:
        return 0
    then = {offer.name: count for offer, count in zip(offers, counts, strict=True)}
    today = _today(resolved)
    changed = sum(abs(today[name] - then.get(name, 0)) for name in {*today, *then})
    return changed * micro(fraction(migration.usd_per_node))


def node_cost(resolved: ResolvedInstance, offer: Offer) -> int:
    """Cost of one node over the horizon, micro-USD; every line to nearest."""
    hours = fraction(resolved.instance.horizon_hours)
    if offer.usd_per_hour is not None:
        return micro(fraction(offer.usd_per_hour) * hours)
    lines = [fraction(offer.running_usd_per_hour) * hours]
    if offer.capex_usd is not None:
        capex, years = fraction(offer.capex_usd), hours / 8760
        lines.append(capex * (1 - fraction(offer.residual_fraction)) * years / fraction(offer.life_years))
        lines.append(capex * fraction(offer.maintenance_fraction_per_year) * years)
    site = resolved.sites[offer.site]
    power = fraction(resolved.node_types[offer.node_type].power_kw)
    lines.append(power * fraction(site.pue) * hours * fraction(site.electricity_usd_per_kwh))
    return sum(micro(line) for line in lines)


def _within_limits(resolved: ResolvedInstance, offers: list[Offer], counts: tuple[int, ...], costs: list[int]) -> bool:
    taken = list(zip(offers, counts, costs, strict=True))
    budgets = resolved.instance.budgets
    days = fraction(resolved.instance.horizon_hours) / 24
    for name, caps in [(None, budgets), *budgets.sites.items()]:
        mine = [(offer, count, cost) for offer, count, cost in taken if name in (None, offer.site)]
        spent = Fraction(sum(count * cost for _, count, cost in mine), 10**6)
        capex = sum(count * fraction(offer.capex_usd) for offer, count, _ in mine)
        if caps.usd_per_day is not None and spent > fraction(caps.usd_per_day) * days:
            return False
        if caps.horizon_usd is not None and spent > fraction(caps.horizon_usd):
            return False
        if caps.capex_usd is not None and capex > fraction(caps.capex_usd):
            return False
    return _within_sites(resolved, taken) and _within_quotas(resolved, taken)


def _within_sites(resolved: ResolvedInstance, taken: list[tuple[Offer, int, int]]) -> bool:
    for site in resolved.sites.values():
        mine = [(resolved.node_types[offer.node_type], count) for offer, count, _ in taken if offer.site == site.name]
        power = sum(count * fraction(node.power_kw) for node, count in mine)
        racks = sum(count * fraction(node.rack_units) for node, count in mine)
        if site.power_cap_kw is not None and power > fraction(site.power_cap_kw):
            return False
        if site.rack_units is not None and racks > fraction(site.rack_units):
            return False
    return True


def _within_quotas(resolved: ResolvedInstance, taken: list[tuple[Offer, int, int]]) -> bool:
    for quota in resolved.instance.rules.quotas:
        used = 0
        for offer, count, _ in taken:
            node = resolved.node_types[offer.node_type]
            if node.accelerator == quota.accelerator and resolved.sites[offer.site].provider == quota.provider:
                used += count * node.accelerators
        if used > quota.accelerators:
            return False
    return True
