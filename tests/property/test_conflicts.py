"""Explanations of random infeasible estates; `benchmarks/explain_sweep.py` runs hundreds of them."""

from __future__ import annotations

import pytest
from random_conflicts import check, infeasible_estate

SEEDS = (0, 3, 5, 8, 12, 17)


@pytest.mark.parametrize("seed", SEEDS)
def test_conflicts_are_irreducible_and_repairs_are_the_smallest(seed: int) -> None:
    asked = infeasible_estate(seed)
    if asked is None:
        pytest.skip("not every estate can be made infeasible")
    check(asked)
