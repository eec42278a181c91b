"""Explanations of random infeasible estates; `benchmarks/explain_sweep.py` runs hundreds of them."""

from __future__ import annotations

import pytest
from random_conflicts import check, infeasible_estate

SEEDS = (1, 4, 6, 16, 19, 22, 23, 24, 26, 27)


@pytest.mark.parametrize("seed", SEEDS)
def test_conflicts_are_irreducible_and_repairs_are_the_smallest(seed: int) -> None:
    asked = infeasible_estate(seed)
    assert asked is not None
    check(asked)
