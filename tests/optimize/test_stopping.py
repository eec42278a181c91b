"""Every back end reports while it runs and stops when it is asked to, with what it has."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace

import pytest

import gpufleet
from builders import instance, near_ties, offer, option, profiled, resolved
from gpufleet import MissingBackendError, ProgressEvent, solve, verify
from gpufleet.optimize import choice
from gpufleet.optimize.backends import children, highs_child, highs_process, mathopt_here, mathopt_highs
from gpufleet.optimize.backends.interface import BackendResult, SolverLimits
from gpufleet.optimize.backends.registry import backend as back_end
from gpufleet.optimize.formulation.linear_model import LinearModel
from gpufleet.optimize.monitor import Monitor, Progress

ALL = ["cpsat", "pulp", "highs", "scip"]
EXAMPLE = instance([profiled([option("one", rates={"all": 3.0})], 9.0)], [offer()])


def endless() -> LinearModel:
    """A general integer program that takes every one of these solvers minutes."""
    draw, model = random.Random(1), LinearModel()
    columns = [model.add_variable(f"x{i}", 0, 20) for i in range(60)]
    for row in range(25):
        terms = [(x, draw.randint(1, 30)) for x in sorted(draw.sample(columns, 20))]
        model.add_row("r", f"r{row}", terms, lower=draw.randint(400, 900))
    model.objective = {x: 1000 * draw.randint(40, 90) for x in columns}
    return model


@pytest.mark.parametrize("name", ALL)
def test_a_back_end_stops_with_the_best_that_it_has(name: str) -> None:
    """Stopped once there is a plan: it is returned with a bound below it, and what was reported is what there is."""
    model, stop, heard = endless(), threading.Event(), list[Progress]()

    def hear(progress: Progress) -> None:
        heard.append(progress)
        if progress.objective is not None and (progress.bound or 0) > 0:
            stop.set()

    monitor = Monitor(hear, stop)
    monitor.restart("cost")
    if name == "pulp":  # CBC says nothing on its way
        threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    result = back_end(name).solve(model, SolverLimits(20), None, monitor)
    assert time.monotonic() - began < 8
    assert result.outcome == "feasible"
    assert result.values is not None
    assert not model.violated(result.values)
    assert result.objective == model.value(model.objective, result.values)
    assert result.bound is not None
    assert result.bound < result.objective
    if name != "pulp":
        assert result.bound > 5_000_000
        assert heard[-1].objective is not None
        assert result.objective <= heard[-1].objective * 1.0001
    assert not children._running


@pytest.mark.parametrize("name", ALL)
def test_a_back_end_that_is_stopped_before_it_starts_says_nothing(name: str) -> None:
    stop = threading.Event()
    stop.set()
    assert back_end(name).solve(endless(), SolverLimits(20), None, Monitor(stop=stop)) == BackendResult(
        "unknown", None, None, 0
    )


def test_cancelling_returns_the_best_plan_within_a_second() -> None:
    """From another thread, while CP-SAT is at work; the plan passes the verifier and says why it is not better."""
    asked, cancel, events = resolved(near_ties()), threading.Event(), list[ProgressEvent]()
    cancelled: list[float] = []

    def hear(event: ProgressEvent) -> None:
        events.append(event)
        if event.phase == "cost" and event.gap is not None and not cancel.is_set():
            cancel.set()
            cancelled.append(time.monotonic())

    plans: list[gpufleet.Plan] = []
    worker = threading.Thread(
        target=lambda: plans.append(solve(asked, backend="cpsat", time_limit_s=30, progress=hear, cancel=cancel))
    )
    worker.start()
    worker.join(20)
    assert time.monotonic() - cancelled[0] < 1.5
    (plan,) = plans
    assert plan.status == "feasible"
    assert plan.reason == "stopped on request before optimality was proven"
    assert plan.certificate is not None
    assert plan.certificate.gap is not None
    assert 0 < plan.certificate.gap < 1
    assert verify(asked, plan).ok
    costs = [event.objective_usd for event in events if event.objective_usd is not None]
    assert costs == sorted(costs, reverse=True)
    assert plan.certificate.objective_usd == costs[-1]
    assert events[0].phase == "candidates"


def test_cancelled_before_it_began_there_is_no_plan() -> None:
    cancel = threading.Event()
    cancel.set()
    plan = solve(resolved(EXAMPLE), cancel=cancel)
    assert plan.status == "unknown"
    assert plan.reason == "stopped on request before a plan was found; that none exists is not proven"


def test_a_callback_that_fails_changes_nothing() -> None:
    def fail(_: ProgressEvent) -> None:
        raise RuntimeError("no more")

    assert solve(resolved(EXAMPLE), progress=fail) == solve(resolved(EXAMPLE))


def test_watching_changes_no_plan() -> None:
    options = [option("one", rates={"a": 3.0, "b": 1.0}), option("two", "n2", 2, rates={"a": 4.0, "b": 5.0})]
    work = profiled(options, {"a": 7.0, "b": 6.0})
    asked = resolved(instance([work], [offer(), offer("o2", "n2", 2.5)]))
    events: list[ProgressEvent] = []
    plan = solve(asked, progress=events.append)
    assert plan.model_dump_json() == solve(asked).model_dump_json()
    assert events[-1].gap == 0.0
    assert plan.certificate is not None
    assert events[-1].objective_usd == plan.certificate.objective_usd
    assert next(event.phase for event in events if event.phase.startswith("ties: ")) == "ties: nodes"


def test_the_phases_of_unserved_demand_have_names_and_no_cost() -> None:
    small = instance(
        [profiled([option("one", rates={"all": 3.0})], 9.0, priority=2)], [offer(stock=1)], allow_unserved=True
    )
    events: list[ProgressEvent] = []
    plan = solve(resolved(small), progress=events.append)
    assert plan.status == "optimal"
    phases = list(dict.fromkeys(event.phase for event in events))
    assert phases[:4] == ["candidates", "model", "unserved, priority 2", "cost"]
    assert {event.objective_usd for event in events if event.phase.startswith("unserved")} == {None}


def test_several_workers_repeat_themselves_when_asked_to() -> None:
    """Byte for byte, at a limit that cuts the search: the limit is one of work, not of time."""
    asked = resolved(near_ties())
    first, second = (solve(asked, backend="cpsat", workers=2, deterministic=True, time_limit_s=0.1) for _ in range(2))
    assert first.model_dump_json() == second.model_dump_json()
    assert first.status == "feasible"
    assert first.certificate is not None
    assert first.certificate.deterministic


def test_one_worker_repeats_itself() -> None:
    asked = resolved(EXAMPLE)
    plan = solve(asked)
    assert plan.model_dump_json() == solve(asked).model_dump_json()
    assert plan.certificate is not None
    assert not plan.certificate.deterministic, "not asked for"


def test_what_hangs_on_the_clock_is_not_called_deterministic(monkeypatch: pytest.MonkeyPatch) -> None:
    """HiGHS knows no other limit; it counts where it came to an end."""
    monkeypatch.setattr(mathopt_highs, "solve_apart", mathopt_here.solve_here)
    asked = resolved(near_ties())
    short = solve(asked, backend="highs", deterministic=True, time_limit_s=0.02)
    through = solve(resolved(EXAMPLE), backend="highs", deterministic=True)
    assert short.status != "optimal"
    assert short.certificate is not None
    assert through.certificate is not None
    assert (short.certificate.deterministic, through.certificate.deterministic) == (False, True)


def test_a_plan_that_stands_takes_the_better_of_two_bounds() -> None:
    plan = BackendResult("feasible", [1], 100, 40)
    unknown = BackendResult("unknown", None, None, 0)
    for bound, best in ((30, plan), (None, plan), (70, replace(plan, bound=70))):
        assert choice._bounded(plan, replace(unknown, bound=bound)) == best
    assert choice._bounded(plan, replace(unknown, bound=100)) == BackendResult("optimal", [1], 100, 100)
    assert choice._bounded(unknown, plan).outcome == "unknown"


def test_the_last_whole_solution_counts() -> None:
    model = LinearModel()
    model.add_variable("a", 0, 9)
    model.add_variable("b", 0, 10_080, "share")
    whole = "Objective 5\n# Columns 2\na 3\nb 0.5\n"
    assert highs_child.last_solution(whole, model) == [3.0, 5040.0]
    assert highs_child.last_solution(f"{whole}Objective 4\n# Columns 2\na 2\nb 0.25\n", model) == [2.0, 2520.0]
    for broken in (
        "Objective 4\n# Columns 2\na 2\n",
        "Objective 4\n# Columns 2\na 2\nb 0.",
        "Objective 4\n# Col",
        "Ob",
    ):
        assert highs_child.last_solution(whole + broken, model) == [3.0, 5040.0]
    assert highs_child.last_solution("Objective 4\n# Columns 2\na 2\n", model) is None
    assert highs_child.last_solution("", model) is None


def test_a_child_that_fails_names_what_failed() -> None:
    """Its thread that listens must not get in the way of the message."""
    with pytest.raises(MissingBackendError, match=r"SCIP cannot run .*: AttributeError"):
        highs_process.solve_apart("no model", SolverLimits(5), "scip")  # type: ignore[arg-type]
