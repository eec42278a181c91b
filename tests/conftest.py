"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# derandomised, so that a green build stays green; found examples are kept as tests
settings.register_profile("gpufleet", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gpufleet")


@pytest.fixture(params=["cpsat", "pulp", "highs"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of every back end in turn."""
    return request.param


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return Path(__file__).resolve().parents[1]
