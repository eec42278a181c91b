"""Random tiny instances: other fleets and break-even prices are those that enumeration finds."""

from __future__ import annotations

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
from gpufleet.edits.changes import price_field, with_price
from gpufleet.whatif.alternatives import find_alternatives
from gpufleet.whatif.breakeven import break_even_prices

if TYPE_CHECKING:
    from gpufleet.schema.resolved import ResolvedInstance

MOST = 6
CENT = Fraction(1, 100)


def question(seed: int) -> ResolvedInstance:
    """Every other one with many ways to serve it."""
    return resolved(many_ways(Random(seed)) if seed % 2 else random_instance(Random(seed)))


def without(asked: ResolvedInstance, name: str) -> ResolvedInstance:
    return replace(asked, offers={other: offer for other, offer in asked.offers.items() if other != name})


@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in (0, 20, 40)], ids=lambda seeds: str(seeds[0]))
def test_other_fleets_are_the_enumerated_ones(seeds: range) -> None:
    several = 0
    for seed in seeds:
        asked = question(seed)
        right = ranked(asked, MOST + 1)
        found = find_alternatives(asked, number=MOST, within=10.0)
        if not right:
            assert found.ended == "no_optimum", f"seed {seed}"
            continue
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
        several += len(fleets) > 2
    assert several >= 3


@pytest.mark.parametrize("seeds", [range(100, 110), range(110, 120)], ids=lambda seeds: str(seeds[0]))
def test_a_cent_decides(seeds: range) -> None:
    """A cent below the highest price at which it is in, the offer saves money; a cent above it, nothing."""
    turned = 0
    for seed in seeds:
        asked = question(seed)
        if asked.instance.budgets.workloads:
            continue  # charges of workloads hang on prices of offers that are not taken
        for one in break_even_prices(asked).breaks:
            others = cheapest(without(asked, one.offer))
            if one.outcome == "needed":
                assert others is None
                assert cheapest(asked) is not None
            if one.outcome == "never":
                assert cheapest(with_price(asked, one.offer, 0.01)) == others, f"seed {seed}, {one.offer}"
            if one.outcome != "found":
                continue
            assert one.in_at_usd is not None
            assert one.out_at_usd is not None
            low, high = Fraction(repr(one.in_at_usd)), Fraction(repr(one.out_at_usd))
            assert high - low == CENT
            assert cheapest(with_price(asked, one.offer, float(high))) == others, f"seed {seed}, {one.offer}"
            if low > CENT:
                saved = cheapest(with_price(asked, one.offer, float(low - CENT)))
                assert saved is not None
                # a purchase is written off over years: an hour of a cent can be less than a micro-dollar
                assert others is None or saved < others or price_field(asked.offers[one.offer]) == "capex_usd"
            turned += 1
    assert turned >= 3
