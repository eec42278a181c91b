"""The decomposition engine on an estate of 100 workloads, and on parts of it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from gpufleet import ProgressEvent, confirm, load_instance, solve

ROOT = Path(__file__).parents[3]
SCALE = ROOT / "instances" / "scale"


def test_one_worker_repeats_itself_byte_for_byte() -> None:
    question = load_instance(SCALE / "covering-20x20-ample.json")
    plans = [solve(question, relative_gap=0.002, engine="decomposition").model_dump_json() for _ in range(2)]
    assert plans[0] == plans[1]


def test_100_workloads_come_to_a_confirmed_gap_of_a_tenth_of_a_percent() -> None:
    """The optimum is within 0.02 % of the bound; HiGHS ends at 0.3 % after a minute."""
    question = load_instance(SCALE / "covering-100x30-ample.json")
    events: list[ProgressEvent] = []
    plan = solve(question, relative_gap=0.001, time_limit_s=30.0, progress=events.append)
    assert plan.certificate is not None
    assert plan.certificate.engine == "decomposition"
    assert "1,646 replica counts of 100 workloads" in plan.certificate.engine_reason
    found = confirm(question, plan)
    assert found.gap is not None
    assert found.gap <= 0.001
    bounds = [event.bound_usd for event in events if event.bound_usd is not None]
    assert bounds == sorted(bounds)
    assert max(event.columns for event in events) >= 100


def test_a_stop_returns_the_best_plan_so_far_with_its_gap() -> None:
    question = load_instance(SCALE / "covering-100x30-tight.json")
    cancel = threading.Event()

    def hear(event: ProgressEvent) -> None:
        if event.objective_usd is not None:
            cancel.set()

    started = time.monotonic()
    plan = solve(question, time_limit_s=20.0, progress=hear, cancel=cancel)
    assert time.monotonic() - started < 12
    assert plan.certificate is not None
    assert plan.status == "feasible"
    assert plan.certificate.gap is not None
    assert 0 < plan.certificate.gap < 0.2
    assert confirm(question, plan).bound_usd == pytest.approx(81_713.84, rel=1e-4)
