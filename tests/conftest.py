"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os

# two workers share two cores: more threads of BLAS would only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gpufleet.optimize.backends import mathopt_here, mathopt_highs

# derandomised, so that a green build stays green; found examples are kept as tests
settings.register_profile("gpufleet", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gpufleet")


def pytest_collection_finish() -> None:
    """What is imported by now stays: looking through it again and again would take a twentieth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(params=["cpsat", "pulp", "highs"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of every back end in turn.

    HiGHS runs inside the test's process here, because starting another one for every tiny model takes half a second;
    `tests/test_solve.py` runs it the usual way.
    """
    if request.param == "highs":
        monkeypatch.setattr(mathopt_highs, "solve_apart", mathopt_here.solve_here)
    return request.param


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parents[1]
