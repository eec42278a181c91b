"""Random tiny instances: other fleets and break-even prices are those that enumeration finds.

More of them, from one seed to another: `PYTHONPATH=solver:tests python tests/property/test_ranked_fleets.py 200 800`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

import pytest
from brute_force import cheapest, micro
from random_instances import random_instance
from ranked_fleets import many_ways, ranked

from builders import resolved
from gpufleet import verify
from gpufleet.edits.changes import with_price
from gpufleet.whatif.alternatives import find_alternatives
from gpufleet.whatif.breakeven import break_even_prices

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.breakeven import PriceBreak

MOST = 6
CENT = Fraction(1, 100)


def question(seed: int) -> ResolvedInstance:
    """Every other one with many ways to serve it."""
    return resolved(many_ways(Random(seed)) if seed % 2 else random_instance(Random(seed)))


def without(asked: ResolvedInstance, name: str) -> ResolvedInstance:
    return replace(asked, offers={other: offer for other, offer in asked.offers.items() if other != name})


@pytest.mark.parametrize("seeds", [range(15), range(15, 30)], ids=lambda seeds: str(seeds[0]))
def test_other_fleets_are_the_enumerated_ones(seeds: range) -> None:
    assert sum(check_fleets(seed) > 2 for seed in seeds) >= 2


@pytest.mark.parametrize("seeds", [range(100, 110)], ids=lambda seeds: str(seeds[0]))
def test_a_cent_decides(seeds: range) -> None:
    assert sum(check_prices(seed) for seed in seeds) >= 3


def check_fleets(seed: int) -> int:
    """How many fleets were found, each the one that enumeration finds."""
    asked = question(seed)
    right = ranked(asked, MOST + 1)
    found = find_alternatives(asked, number=MOST, within=10.0)
    if not right:
        assert found.ended == "no_optimum", f"seed {seed}"
        return 0
    assert found.first is not None
    fleets = [found.first, *found.others, *([] if found.beyond is None else [found.beyond])]
    costs = [micro(Fraction(repr(fleet.figures.cost_usd))) for fleet in fleets]
    assert costs == [cost for cost, _ in right][: len(costs)], f"seed {seed}"
    assert len({fleet.signature for fleet in fleets}) == len(fleets), f"seed {seed}"
    if found.ended == "none":
        assert len(right) == len(fleets), f"seed {seed}"
    if len(set(costs)) == len(costs):
        assert [fleet.signature for fleet in fleets] == [s for _, s in right][: len(fleets)], f"seed {seed}"
    for fleet in fleets:
        assert verify(asked, fleet.plan).ok, f"seed {seed}"
    return len(fleets)


def check_prices(seed: int) -> int:
    """How many offers have a break-even price: a cent below it the offer saves money, a cent above it nothing."""
    asked = question(seed)
    if asked.instance.budgets.workloads:
        return 0  # charges of workloads hang on prices of offers that are not taken
    return sum(_check_price(asked, one, f"seed {seed}, {one.offer}") for one in break_even_prices(asked).breaks)


def _check_price(asked: ResolvedInstance, one: PriceBreak, where: str) -> bool:
    others = cheapest(without(asked, one.offer))
    if one.outcome == "needed":
        assert others is None, where
        assert cheapest(asked) is not None, where
    if one.outcome == "never":
        assert cheapest(with_price(asked, one.offer, 0.01)) == others, where
    if one.in_at_usd is None or one.out_at_usd is None:
        return False
    low, high = Fraction(repr(one.in_at_usd)), Fraction(repr(one.out_at_usd))
    assert high - low == CENT, where
    assert cheapest(with_price(asked, one.offer, float(high))) == others, where
    if low > CENT:
        saved = cheapest(with_price(asked, one.offer, float(low - CENT)))
        assert saved is not None, where
        # an hour of a cent that is written off over years is less than a micro-dollar
        assert others is None or saved < others or one.unit == "capex_usd", where
    return True


if __name__ == "__main__":
    first, last = int(sys.argv[1]), int(sys.argv[2])
    for number in range(first, last):
        check_fleets(number)
        check_prices(number)
    sys.stdout.write(f"{last - first} instances agree with enumeration\n")
