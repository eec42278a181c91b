"""Minimum orders, volume prices, node types and shares against enumeration on random instances.

Every node type has one option of one accelerator, so a fleet serves the demand when its accelerators do, and all fleets
within stock can be enumerated directly, idle nodes included.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from seeds import sample

from builders import accelerator, instance, node, offer, option, profiled, resolved
from gpufleet import solve, verify
from gpufleet.schema.instance import FleetRules
from gpufleet.schema.offers import PriceStep

if TYPE_CHECKING:
    from gpufleet.optimize.choice import BackendChoice
    from gpufleet.schema.offers import Offer
    from gpufleet.schema.resolved import ResolvedInstance

SIZES = {"n1": 1, "n2": 2, "n4": 4}
KINDS = {"n1": ("A", "V", "US"), "n2": ("B", "W", "CN"), "n4": ("A", "V", "US")}
RATES = {"n1": 3, "n2": 2, "n4": 4}


def question(dice: Random) -> ResolvedInstance:
    offers = [_offer(dice, f"o{f}", dice.choice(sorted(SIZES))) for f in range(dice.randint(2, 3))]
    used = sorted({taken.node_type for taken in offers})
    options = [option(f"k-{name}", name, rates={"all": float(RATES[name])}) for name in used]
    rules: dict[str, Any] = {}
    if dice.random() < 0.4:
        rules["max_node_types"] = dice.randint(1, 2)
    if dice.random() < 0.3:
        rules["max_vendor_share"] = {dice.choice("VW"): dice.choice((0.25, 0.5, 0.75))}
    if dice.random() < 0.3:
        rules["min_country_share"] = {dice.choice(("US", "CN")): dice.choice((0.1, 0.5, 0.8))}
    units = (accelerator("A", vendor="V"), accelerator("B", vendor="W", country="CN"))
    nodes = tuple(node(name, size, carries=KINDS[name][0]) for name, size in SIZES.items())
    asked = [profiled(options, dice.randint(1, 60))]
    return resolved(instance(asked, offers, accelerators=units, node_types=nodes, rules=FleetRules(**rules)))


def _offer(dice: Random, name: str, node_type: str) -> Offer:
    stock = dice.randint(2, 9)
    changes: dict[str, Any] = {}
    if dice.random() < 0.4:
        changes["min_order"] = dice.randint(1, stock)
    if dice.random() < 0.5:
        starts = sorted(dice.sample(range(1, 10), dice.randint(1, 2)))
        steps = ((start, dice.choice((0.05, 0.2, 0.5))) for start in starts)
        changes["price_steps"] = tuple(PriceStep(from_count=n, discount_fraction=d) for n, d in steps)
    return offer(name, node_type, dice.randint(1, 300) / 100 * SIZES[node_type], stock=stock, **changes)


def cheapest(asked: ResolvedInstance) -> int | None:
    """Micro-USD, over all fleets within stock."""
    offers = list(asked.offers.values())
    demand = asked.instance.workloads[0].classes[0].requests_per_s  # type: ignore[union-attr]
    best = None
    for counts in product(*(range((taken.stock or 0) + 1) for taken in offers)):
        taken = list(zip(offers, counts, strict=True))
        able = sum(count * SIZES[o.node_type] * RATES[o.node_type] for o, count in taken)
        if able >= demand and _allowed(asked, taken):
            cost = sum(count * _price(o, count) for o, count in taken)
            best = cost if best is None else min(best, cost)
    return best


def _price(offer: Offer, count: int) -> int:
    reached = [step for step in offer.price_steps if step.from_count <= count]
    paid = 1 - Fraction(str(reached[-1].discount_fraction)) if reached else Fraction(1)
    return math.floor(Fraction(str(offer.usd_per_hour)) * paid * 10**6 + Fraction(1, 2))


def _allowed(asked: ResolvedInstance, taken: list[tuple[Offer, int]]) -> bool:
    rules = asked.instance.rules
    if any(0 < count < offer.min_order for offer, count in taken):
        return False
    types = {offer.node_type for offer, count in taken if count}
    if rules.max_node_types is not None and len(types) > rules.max_node_types:
        return False
    total = sum(count * SIZES[offer.node_type] for offer, count in taken)
    for position, shares, sign in ((1, rules.max_vendor_share, 1), (2, rules.min_country_share, -1)):
        for member, share in shares.items():
            group = sum(count * SIZES[o.node_type] for o, count in taken if KINDS[o.node_type][position] == member)
            if sign * (group - Fraction(str(share)) * total) > 0:
                return False
    return True


@pytest.mark.parametrize("chunk", range(6))
def test_the_engine_finds_the_enumerated_optimum(chunk: int) -> None:
    for seed in sample(range(chunk * 50, (chunk + 1) * 50)):
        asked = question(Random(seed))
        _compare(asked, cheapest(asked), "auto", seed)


def test_second_opinions_agree(backend: BackendChoice) -> None:
    for seed in sample(range(300, 330)):
        asked = question(Random(seed))
        _compare(asked, cheapest(asked), backend, seed)


def _compare(asked: ResolvedInstance, right: int | None, backend: BackendChoice, seed: int) -> None:
    plan = solve(asked, backend=backend)
    assert plan.status == ("infeasible" if right is None else "optimal"), f"seed {seed}"
    if right is not None:
        assert plan.certificate is not None
        assert plan.certificate.objective_usd == right / 10**6, f"seed {seed}"
        assert verify(asked, plan).ok, f"seed {seed}"
