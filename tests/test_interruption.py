"""Stopping: the event of a context, and where a solve looks at it. (How soon big ones end: tests/acceptance.)"""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest

from builders import instance, near_ties, offer, option, profiled, resolved
from gpufleet import Plan, ProgressEvent, solve, verify
from gpufleet.interruption import Stopped, aside, heeding, look
from gpufleet.optimize.decomposition import generation

if TYPE_CHECKING:
    from gpufleet import ResolvedInstance

EARLY = "stopped on request before a plan was found; that none exists is not proven"


def small() -> ResolvedInstance:
    return resolved(instance([profiled([option("one", rates={"all": 3.0})], 9.0)], [offer()]))


def _other(demand: float) -> ResolvedInstance:
    options = [option("one", rates={"all": 3.0}), option("two", "n2", 2, rates={"all": 5.0})]
    return resolved(instance([profiled(options, demand)], [offer(), offer("o2", "n2", 1.5)]))


def raised() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_look_raises_only_for_the_event_of_its_own_context() -> None:
    look()
    with heeding(raised()):
        with pytest.raises(Stopped):
            look()
        with heeding(threading.Event()):
            look()
        with heeding(None):
            look()
        heard: list[bool] = []
        thread = threading.Thread(target=lambda: heard.append(look() is None))
        thread.start()
        thread.join()
        assert heard == [True]
        with pytest.raises(Stopped):
            copy_context().run(look)
    look()


def test_work_aside_is_not_waited_for_once_it_is_to_stop() -> None:
    stop, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        stop.set()
        go_on.wait(10)
        done.set()

    with heeding(stop), pytest.raises(Stopped):
        aside(work)
    assert not done.is_set()
    go_on.set()
    assert done.wait(10), "what was begun comes to its end"


def test_work_aside_returns_and_raises_as_work_here_does() -> None:
    def fail() -> None:
        raise KeyError("missing")

    for event in (None, threading.Event()):
        with heeding(event):
            assert aside(lambda: 42) == 42
            with pytest.raises(KeyError, match="missing"):
                aside(fail)


@pytest.mark.parametrize("phase", ["candidates", "model", "cost", "ties", "ties: nodes"])
def test_a_stop_in_any_phase_gives_a_plan_that_verifies(phase: str) -> None:
    cancel, phases = threading.Event(), list[str]()

    def hear(event: ProgressEvent) -> None:
        phases.append(event.phase)
        if event.phase == phase:
            cancel.set()

    asked = small()
    plan = solve(asked, progress=hear, cancel=cancel)
    assert phase in phases
    assert verify(asked, plan).ok
    if phase in ("candidates", "model", "cost"):
        assert (plan.status, plan.reason) == ("unknown", EARLY)
    else:
        assert plan.status == "optimal"
        assert plan.certificate is not None
        assert "because the search was stopped" in plan.certificate.tie_break


def test_a_stop_before_the_start_asks_nobody() -> None:
    asked = small()
    plan = solve(asked, cancel=raised())
    assert (plan.status, plan.reason, plan.funnel) == ("unknown", EARLY, ())
    assert plan.certificate is not None
    assert (plan.certificate.engine, plan.certificate.bound_usd) == ("none", None)
    assert verify(asked, plan).ok
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_decomposition_keeps_bound_and_prices_when_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while the master is being solved: what was priced so far still proves something."""
    cancel = threading.Event()

    def stopped(*_: object) -> None:
        cancel.set()

    monkeypatch.setattr(generation, "_solved", stopped)
    plan = solve(resolved(near_ties()), engine="decomposition", cancel=cancel)
    assert (plan.status, plan.reason) == ("unknown", EARLY)
    assert plan.certificate is not None
    assert plan.certificate.engine == "decomposition"
    assert (plan.certificate.bound_usd or 0) > 0
    assert plan.certificate.prices is not None
    assert plan.certificate.prices.bound_usd == plan.certificate.bound_usd


def test_the_price_of_caution_is_left_out_when_it_is_stopped() -> None:
    cancel = threading.Event()

    def hear(event: ProgressEvent) -> None:
        if event.phase.startswith("at p50: "):
            cancel.set()

    work = profiled([option("one", rates={"all": 3.0})], 9.0)
    asked = resolved(instance([work], [offer()], performance="p90"))
    plan = solve(asked, progress=hear, cancel=cancel)
    assert plan.status == "optimal"
    assert plan.caution is not None
    assert plan.caution.note
    assert verify(asked, plan).ok


def test_a_solve_inside_the_callback_of_another_goes_its_own_way() -> None:
    """The outer one is stopped while the inner one runs: only the outer one ends early."""
    cancel, inner = threading.Event(), list[Plan]()

    def hear(event: ProgressEvent) -> None:
        if event.phase == "model" and not inner:
            cancel.set()
            inner.append(solve(small(), cancel=threading.Event()))

    outer = solve(small(), progress=hear, cancel=cancel)
    assert outer.reason == EARLY
    assert inner == [solve(small())]


def test_solves_in_threads_repeat_those_one_by_one() -> None:
    questions = [small(), _other(7.0), _other(11.0)]
    alone = [solve(asked, engine="decomposition").model_dump_json() for asked in questions]
    together: dict[int, str] = {}

    def work(number: int) -> None:
        together[number] = solve(questions[number % 3], engine="decomposition").model_dump_json()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(9)] == alone * 3


@pytest.mark.parametrize(
    ("engine", "backend"),
    [("auto", "cpsat"), ("auto", "pulp"), ("auto", "highs"), ("auto", "scip"), ("decomposition", "auto")],
)
def test_nothing_is_written_to_the_terminal(engine: str, backend: str, capfd: pytest.CaptureFixture[str]) -> None:
    """At the level of file descriptors, so that solvers written in C are heard too; watched, and stopped at once."""
    for cancel in (None, raised()):
        plan = solve(small(), engine=engine, backend=backend, cancel=cancel, progress=lambda _: None)  # type: ignore[arg-type]
        assert plan.status == ("optimal" if cancel is None else "unknown")
    assert capfd.readouterr() == ("", "")


def test_no_thread_is_left_behind() -> None:
    before = {thread for thread in threading.enumerate() if thread.name.startswith("gpufleet")}
    solve(small(), progress=lambda _: None)
    solve(small(), engine="decomposition", cancel=raised())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = {thread for thread in threading.enumerate() if thread.name.startswith("gpufleet")} - before
        if not left:
            return
        time.sleep(0.05)
    raise AssertionError(left)
