"""Fleets of other signatures by enumeration: every fleet within the limits, the cheapest first."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from brute_force import _fits, _fleets, _most_nodes, _total_usages, _usages, node_cost

from builders import accelerator, instance, node, offer, option, profiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from gpufleet.schema.instance import Instance
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance

Ranked = tuple[int, frozenset[str]]
"""(cost in micro-USD, signature)"""


def many_ways(random: Random) -> Instance:
    """One workload that four offers of two accelerators and all kinds of terms can serve, sometimes two."""
    sizes = {"n1": 1, "n2": 2, "n4": 4}
    options = [
        option(f"on-{name}", name, size, rates={"all": random.randint(1, 3) * size}) for name, size in sizes.items()
    ]
    works = [profiled(options, float(random.randint(2, 9)), f"w{w}") for w in range(random.choice((1, 1, 2)))]
    return instance(
        works,
        [_any_offer(random, f"o{f}", random.choice(sorted(sizes))) for f in range(4)],
        accelerators=(accelerator("A"), accelerator("B", vendor="W")),
        node_types=tuple(node(name, size, random.choice("AB")) for name, size in sizes.items()),
    )


def _any_offer(random: Random, name: str, node_type: str) -> Offer:
    price = random.randint(20, 400) / 100
    stock = random.choice((None, None, 1, 2, 3))
    term = random.choice(("on_demand", "reserved_1y", "purchase", "owned"))
    if term == "owned":
        return offer(name, node_type, None, term=term, stock=1, running_usd_per_hour=random.choice((0.0, 0.2, 1.0)))
    if term == "purchase":
        return offer(name, node_type, None, term=term, stock=stock, capex_usd=round(price * 20000), life_years=3.0)
    return offer(name, node_type, price, term=term, stock=stock)


def feasible_fleets(resolved: ResolvedInstance) -> Iterator[tuple[int, dict[str, int]]]:
    """(cost, nodes by offer) of every fleet that serves everything, the cheapest first."""
    pools = sorted({(offer.site, offer.node_type) for offer in resolved.offers.values()})
    usages = _total_usages([_usages(resolved, work, pools, Fraction(0)) for work in resolved.instance.workloads])  # type: ignore[arg-type]
    offers = list(resolved.offers.values())
    for cost, counts in sorted(_fleets(resolved, offers, _most_nodes(resolved, offers, pools, usages))):
        room = [0] * len(pools)
        for taken, count in zip(offers, counts, strict=True):
            size = resolved.node_types[taken.node_type].accelerators
            room[pools.index((taken.site, taken.node_type))] += count * size
        if any(_fits(resolved, pools, usage, room) for usage in usages):
            yield cost, {taken.name: count for taken, count in zip(offers, counts, strict=True) if count}


def ranked(resolved: ResolvedInstance, most: int) -> list[Ranked]:
    """The cheapest fleets of different signatures (accelerator and term of what is not owned), by definition.

    A fleet that has all parts of a cheaper one found and more counts only if the rest of it costs less than that one.
    """
    found: list[Ranked] = []
    for cost, nodes in feasible_fleets(resolved):
        parts = {name: _part(resolved, resolved.offers[name]) for name in nodes}
        signature = frozenset(part for part in parts.values() if part is not None)
        rest = {
            known: cost - sum(_cost(resolved, name) * nodes[name] for name, part in parts.items() if part not in known)
            for _, known in found
        }
        for name, part in parts.items():
            if part is None:  # owned nodes are no addition
                for known in rest:
                    rest[known] += _cost(resolved, name) * nodes[name]
        if signature in rest or any(known < signature and rest[known] >= price for price, known in found):
            continue
        found.append((cost, signature))
        if len(found) == most:
            break
    return found


def _part(resolved: ResolvedInstance, taken: Offer) -> str | None:
    return None if taken.term == "owned" else f"{resolved.node_types[taken.node_type].accelerator} {taken.term}"


def _cost(resolved: ResolvedInstance, name: str) -> int:
    return node_cost(resolved, resolved.offers[name])
