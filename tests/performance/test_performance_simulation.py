"""The queueing formulas against short seeded simulations; docs/simulation.md holds the whole comparison."""

from __future__ import annotations

import pytest
from simulation import cases, compare

CHAT = cases.Language("llama-3.1-8b", "dgx-h100", 1, 300, 30, 64)
RANKING = cases.Batched("dlrm", "int8-ptq", "t4-1x-1u", 270, 512, 1)


@pytest.mark.parametrize("load", [0.4, 0.75])
def test_language_serving_agrees(load: float) -> None:
    rows = {(row.metric, row.level): row for row in compare.language(CHAT, "exponential", load, 6000)}
    for metric, tolerance in (("ttft", 0.2), ("tpot", 0.1), ("itl", 0.2), ("end_to_end", 0.1)):
        for level in (50, 90, 95):
            row = rows[metric, level]
            assert row.formula == pytest.approx(row.simulated.value, rel=tolerance), (metric, level)


@pytest.mark.parametrize("load", [0.4, 0.8])
def test_dynamic_batching_agrees(load: float) -> None:
    for row in compare.batched(RANKING, load, 15_000):
        assert row.formula == pytest.approx(row.simulated.value, rel=0.12), row.level


def test_plain_queue_agrees() -> None:
    for row in compare.plain(2, 0.5, 0.6, 8000):
        assert row.formula == pytest.approx(row.simulated.value, rel=0.2), row.level
