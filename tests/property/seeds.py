"""Which random instances are tried: a part of them in every run of the tests, all by `benchmarks/properties.py`.

A seed is in the sample for its number alone, so that tests that share what they worked out share it there too.
"""

from __future__ import annotations

import os

ALL_SEEDS = "GPUFLEET_TEST_ALL_SEEDS"
"""The environment variable that asks for all of them, with any text."""
THIRD, HALF = 3, 2


def sample(seeds: range, one_in: int = THIRD) -> list[int]:
    """The seeds to try: one in three, or one in two where less would not hold enough of everything."""
    step = _step(one_in)
    return [seed for seed in seeds if seed % step == step // 2]


def part(count: int, one_in: int = THIRD) -> int:
    """What a count over all seeds, or a number of examples, is for the sample; rounded up."""
    return -(-count // _step(one_in))


def _step(one_in: int) -> int:
    return 1 if os.environ.get(ALL_SEEDS) else one_in
