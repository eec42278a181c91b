"""Estates over many hours, taken apart for their frontier of whole workloads: as the whole program says."""

from __future__ import annotations

import pytest

from builders import resolved
from gpufleet import budget_frontier, verify
from gpufleet.whatif import program
from sweeps.sweep_samples import many_hours


@pytest.mark.parametrize("seed", range(5))
def test_taken_apart_the_staircase_is_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    question = resolved(many_hours(seed, names="abcd"))
    apart = budget_frontier(question, "horizon_usd", whole=True)
    monkeypatch.setattr(program, "can_be_taken_apart", lambda _: False)
    whole = budget_frontier(question, "horizon_usd", whole=True)
    assert apart.complete
    assert apart.proven
    assert whole.proven
    assert [(p.at, p.full, p.unserved) for p in apart.points] == [(p.at, p.full, p.unserved) for p in whole.points]
    assert all(verify(point.question, point.plan).ok for point in apart.points)
    assert len(apart.points) >= 4
