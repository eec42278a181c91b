"""What a monitor passes on, and when."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from gpufleet.optimize import monitor as room
from gpufleet.optimize.monitor import Monitor, Progress
from gpufleet.optimize.progress import ProgressEvent, in_usd

if TYPE_CHECKING:
    import pytest


def test_what_goes_out_only_gets_better() -> None:
    heard: list[Progress] = []
    monitor = Monitor(heard.append)
    monitor.restart("cost")
    for objective, bound in ((90, 10), (95, 5), (80, None), (None, 30), (85, 20), (70, 75)):
        monitor.report("cost", objective=objective, bound=bound)
    assert [progress.objective for progress in heard] == [None, 90, 80, 70]
    assert [progress.bound for progress in heard] == [None, 10, 10, 70], "no bound above the best plan"
    assert heard[-1].gap == 0.0


def test_the_gap_is_unknown_without_both_and_zero_for_what_is_free() -> None:
    assert Progress(0.0, "cost", 80, 60).gap == 0.25
    assert Progress(0.0, "cost", 80, None).gap is None
    assert Progress(0.0, "cost", None, 60).gap is None
    assert Progress(0.0, "cost", 0, 0).gap == 0.0


def test_bounds_alone_are_held_back_and_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LEAST_SECONDS", 1000.0)
    heard: list[Progress] = []
    monitor = Monitor(heard.append)
    monitor.restart("cost")
    for bound in range(100):
        monitor.report("cost", bound=bound)
    assert [progress.bound for progress in heard] == [None]
    monitor.restart("ties", about_cost=False, keep=True)
    assert [(progress.phase, progress.bound) for progress in heard[1:]] == [("cost", 99), ("ties", 99)]
    assert monitor.latest.bound == 99


def test_bounds_alone_come_about_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    heard: list[Progress] = []
    monitor = Monitor(heard.append)
    monitor.restart("cost")
    for step in range(1000):
        now[0] = step / 1000
        monitor.report("cost", bound=step)
    assert 9 <= len(heard) - 1 <= 10


def test_other_objectives_are_not_passed_on_as_cost() -> None:
    heard: list[Progress] = []
    monitor = Monitor(heard.append)
    monitor.restart("unserved, priority 2", about_cost=False)
    monitor.report(monitor.phase, objective=7, bound=3, columns=12)
    monitor.restart("cost")
    monitor.report("cost", objective=50)
    monitor.restart("ties", about_cost=False, keep=True)
    monitor.report("ties", objective=1, bound=1)
    assert [(p.phase, p.objective, p.bound, p.columns) for p in heard] == [
        ("unserved, priority 2", None, None, 0),
        ("unserved, priority 2", None, None, 12),
        ("cost", None, None, 12),
        ("cost", 50, None, 12),
        ("ties", 50, None, 12),
    ]


def test_a_callback_that_fails_is_logged_and_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Progress) -> None:
        raise RuntimeError("no more")

    monitor = Monitor(fail)
    with caplog.at_level(logging.ERROR, logger="gpufleet"):
        monitor.report("cost", objective=3)
    assert monitor.latest.objective == 3
    assert "the search goes on" in caplog.text


def test_reports_from_many_threads_stay_in_order() -> None:
    heard: list[Progress] = []
    monitor = Monitor(heard.append)
    monitor.restart("cost")

    def work(offset: int) -> None:
        for step in range(200):
            monitor.report("cost", objective=10_000 - 8 * step - offset, bound=step)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    objectives = [progress.objective for progress in heard[1:] if progress.objective is not None]
    assert objectives == sorted(objectives, reverse=True)
    assert objectives[-1] == 10_000 - 8 * 199 - 7
    assert monitor.latest.bound == 199


def test_a_search_inside_a_search_is_named_and_stops_with_it() -> None:
    heard: list[Progress] = []
    stop = threading.Event()
    inner = Monitor(heard.append, stop).at("at p50: ")
    inner.restart("cost")
    inner.report("cost", objective=5, bound=4)
    assert [(progress.phase, progress.objective) for progress in heard] == [("at p50: cost", None), ("at p50: cost", 5)]
    assert not inner.stopped
    stop.set()
    assert inner.stopped


def test_a_watcher_calls_until_the_block_ends() -> None:
    stop, called = threading.Event(), threading.Event()
    monitor = Monitor(stop=stop)
    with monitor.watching(called.set):
        assert not called.wait(0.1)
        stop.set()
        assert called.wait(2)
    assert not [thread for thread in threading.enumerate() if thread.name == "gpufleet-watcher"]


def test_events_are_in_usd() -> None:
    heard: list[ProgressEvent] = []
    tell = in_usd(heard.append)
    tell(Progress(1.5, "cost", 4_680_000, 2_340_000, 7))
    tell(Progress(0.0, "model"))
    assert heard == [
        ProgressEvent(1.5, "cost", 4.68, 2.34, 0.5, 7),
        ProgressEvent(0.0, "model", None, None, None, 0),
    ]
