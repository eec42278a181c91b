"""Fifty solves at once, in threads and in processes, give the plans that they give one by one."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpufleet import load_instance, solve

INSTANCES = Path(__file__).resolve().parents[2] / "instances"
SOLVES = 50
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("estate/two-sites.yaml", {}),
    ("estate/spot-and-terms.yaml", {}),
    ("estate/measures.yaml", {}),
    ("estate/second-sourcing.yaml", {"engine": "decomposition"}),
    ("estate/profile-from-csv.yaml", {}),
    ("estate/training-mix.yaml", {}),
    ("estate/two-sites.yaml", {"backend": "highs"}),
    ("estate/second-sourcing.yaml", {"backend": "pulp"}),
    ("estate/two-sites.yaml", {"certify": True}),
    ("scale/melange-60x4.json.gz", {"relative_gap": 0.05}),
]


def answer(number: int) -> str:
    """One plan, byte for byte; a plan holds no wall times."""
    file, options = QUESTIONS[number % len(QUESTIONS)]
    return solve(load_instance(INSTANCES / file), time_limit_s=600, **options).model_dump_json()


@cache
def one_by_one() -> tuple[str, ...]:
    return tuple(answer(number) for number in range(len(QUESTIONS)))


def expected() -> list[str]:
    return [one_by_one()[number % len(QUESTIONS)] for number in range(SOLVES)]


def test_fifty_threads(capfd: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(SOLVES) as executor:
        together = list(executor.map(answer, range(SOLVES)))
    assert together == expected()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("start", sorted({"spawn", "fork"} & set(multiprocessing.get_all_start_methods())))
def test_fifty_solves_in_processes(start: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Forked from a process that has solved before, with its solvers loaded; no threads of ours are left by then."""
    context = multiprocessing.get_context(start)
    wanted = expected()
    with ProcessPoolExecutor(4, mp_context=context) as executor:
        assert list(executor.map(answer, range(SOLVES))) == wanted
    assert capfd.readouterr() == ("", "")
