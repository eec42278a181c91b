"""The sample of the seeds, and all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeds import ALL_SEEDS, HALF, part, sample

if TYPE_CHECKING:
    import pytest


def test_a_part_is_tried_and_a_seed_is_in_it_for_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALL_SEEDS, raising=False)
    assert sample(range(10)) == [1, 4, 7]
    assert sample(range(5, 10), HALF) == [5, 7, 9]
    assert set(sample(range(50, 100))) <= set(sample(range(200)))
    assert (part(40), part(41, HALF)) == (14, 21)


def test_all_are_tried_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALL_SEEDS, "1")
    assert sample(range(5, 10)) == sample(range(5, 10), HALF) == [5, 6, 7, 8, 9]
    assert part(40) == 40
