"""A measure pays exactly where the optimum takes it, on random instances with several measures."""

from __future__ import annotations

import random
from typing import Any

import pytest

from builders import instance, offer, option, profiled, resolved
from gpufleet import solve
from gpufleet.schema.instance import Measure
from gpufleet.whatif import measures as whatif_measures
from gpufleet.whatif.measures import cost_of, value_measures


def measure(name: str, cost_usd: float, **changes: Any) -> Measure:
    return Measure(name=name, cost_usd=cost_usd, workloads=("w",), source="test", **changes)


@pytest.mark.parametrize("seed", range(12))
def test_the_optimum_is_without_it_or_with_it_at_its_cost(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes, an option that one or two measures unlock, and a measure that makes everything faster."""
    monkeypatch.setattr(whatif_measures, "LESS", ())
    monkeypatch.setattr(whatif_measures, "MORE", ())
    dice = random.Random(seed)
    options = [option("one", rates={"a": 3.0, "b": 2.0}), option("q", rates={"a": dice.randint(3, 9) * 1.0, "b": 5.0})]
    measures = [
        measure("unlocks", dice.choice([1.0, 2.0, 3.5]), unlocks=("q",)),
        measure("speeds", dice.choice([0.5, 2.0]), throughput_factor=dice.choice([1.3, 2.0])),
        measure("unlocks too", 1.0, unlocks=("q",)),
    ][: dice.choice([2, 3])]
    rates = {"a": dice.randint(1, 20) * 1.0, "b": dice.randint(1, 9) * 1.0}
    stock = dice.choice([None, 6])
    asked = resolved(instance([profiled(options, rates)], [offer(stock=stock)], measures=tuple(measures)))
    plan = solve(asked)
    least = cost_of(plan)
    taken = {entry.measure: entry.taken for entry in plan.measures}
    for value in value_measures(asked):
        today = value.today
        assert today.proven
        without, free = cost_of(today.without), cost_of(today.free)
        choices = [without, None if free is None else free + value.cost_usd]
        if len(value.measures) == 1:
            assert least == min((usd for usd in choices if usd is not None), default=None)
            if today.pays is not None and today.value_usd != value.cost_usd:
                assert taken[value.measures[0]] is today.pays
        else:
            # all of them can be taken together, or none
            assert all(least is not None and least <= usd for usd in choices if usd is not None)
