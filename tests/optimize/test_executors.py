"""Tasks elsewhere: in order, with a safety net, and with the same numbers."""

from __future__ import annotations

import logging
import pickle
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ortools.sat.python import cp_model

from gpufleet import ClusterError, MissingExtraError
from gpufleet.optimize import dask_cluster, executors
from gpufleet.optimize.backends import cpsat
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.decomposition import pricing
from gpufleet.optimize.decomposition.blocks import Blocks
from gpufleet.optimize.decomposition.tasks import solve_part
from gpufleet.optimize.executors import Steady, in_order, open_executor, steady
from gpufleet.optimize.formulation.linear_model import LinearModel

if TYPE_CHECKING:
    from collections.abc import Callable


class Elsewhere(Executor):
    """Runs a task at once, on copies of everything, as another process would; or does what a test says instead."""

    def __init__(self, instead: Callable[[Future[Any]], None] | None = None) -> None:
        self.instead = instead
        self.sent: list[int] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        message = pickle.dumps((function, args, kwargs))
        self.sent.append(len(message))
        copy, own, named = pickle.loads(message)
        future: Future[Any] = Future()
        if self.instead is not None:
            self.instead(future)
        else:
            future.set_result(pickle.loads(pickle.dumps(copy(*own, **named))))
        return future


class Staff:
    """So many workers, at the end of a line that holds or does not."""

    def __init__(self, number: int, connected: bool = True) -> None:
        self.number, self.connected = number, connected

    def threads(self) -> int:
        return self.number

    def is_connected(self) -> bool:
        return self.connected


def fail() -> None:
    raise ValueError("wrong everywhere")


# ------------------------------------------------------------------------------------------------ the order


def test_results_come_in_the_order_of_the_tasks() -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(lambda: gate.wait(5) and "first"), pool.submit(lambda: gate.set() or "second")]
        assert list(in_order(futures, time.monotonic() + 5, lambda: False)) == ["first", "second"]


@pytest.mark.parametrize(("seconds", "stop"), [(-1.0, False), (60.0, True)])
def test_nobody_waits_longer_than_agreed(seconds: float, stop: bool) -> None:
    ready: Future[int] = Future()
    ready.set_result(1)
    late, last = Future[int](), Future[int]()
    began = time.monotonic()
    assert list(in_order([ready, late, last], began + seconds, lambda: stop)) == [1]
    assert time.monotonic() - began < 2
    assert late.cancelled()
    assert last.cancelled()


# ------------------------------------------------------------------------------------------- the safety net


@pytest.mark.parametrize(
    "loss",
    [
        lambda future: future.set_exception(BrokenProcessPool("killed")),
        lambda future: future.cancel(),
    ],
)
def test_what_is_lost_elsewhere_is_done_here(
    loss: Callable[[Future[Any]], None], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="gpufleet"), steady(Elsewhere(loss), 2) as executor:
        futures = [executor.submit(divmod, 17, n) for n in (3, 5)]
        assert list(in_order(futures, time.monotonic() + 5, lambda: False)) == [(5, 2), (3, 2)]
    assert caplog.text.count("is done here instead") == 1, "said once"


def test_an_executor_that_takes_nothing_any_more_does_no_harm() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    executor = Steady(pool, 1)
    assert executor.submit(divmod, 7, 2).result(5) == (3, 1)
    executor.shutdown()


def test_a_task_that_is_wrong_says_so() -> None:
    with steady(Elsewhere(lambda future: future.set_exception(ValueError("wrong there"))), 1) as executor:
        with pytest.raises(ValueError, match="wrong everywhere"):
            executor.submit(fail).result(5)
        assert executor.submit(divmod, 7, 2).result(5) == (3, 1)


def test_threads_need_no_net_and_stay_their_owners() -> None:
    with ThreadPoolExecutor(1) as pool:
        with steady(pool, 3) as executor:
            assert executor is pool
        assert pool.submit(divmod, 7, 2).result(5) == (3, 1)
    with open_executor(None, 2) as executor:
        assert isinstance(executor, ThreadPoolExecutor)
        assert executor.submit(divmod, 7, 2).result(5) == (3, 1)


def test_tasks_are_taken_back_while_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "ALIVE_SECONDS", 0.01)
    monkeypatch.setattr(executors, "PATIENCE_SECONDS", 0.05)
    staff, forever = Staff(0), Elsewhere(lambda _: None)
    executor = Steady(forever, 1, staff)
    assert executor.submit(divmod, 7, 2).result(5) == (3, 1), "taken back"
    assert executor.submit(divmod, 9, 2).result(5) == (4, 1), "not even sent"
    assert len(forever.sent) == 1
    staff.number = 1
    forever.instead = None
    began = time.monotonic()
    while len(forever.sent) == 1 and time.monotonic() - began < 5:  # until it is noticed
        time.sleep(0.01)
        assert executor.submit(divmod, 9, 2).result(5) == (4, 1)
    assert len(forever.sent) == 2
    staff.connected = False
    assert executor.submit(divmod, 9, 2).result(5) == (4, 1)
    assert len(forever.sent) == 2, "a lost connection is noticed at once"
    executor.shutdown()


def test_what_nobody_wants_is_cancelled_elsewhere() -> None:
    away: list[Future[Any]] = []
    with steady(Elsewhere(away.append), 1) as executor:
        executor.submit(divmod, 7, 2).cancel()
        executor.submit(divmod, 7, 3)
        assert away[0].cancelled()
    assert away[1].cancelled()


# -------------------------------------------------------------------------------------------------- pricing


def many_blocks(number: int = 1_200, seed: int = 3) -> Blocks:
    """Covering rows of 1 to 9 options; one of them cannot be covered."""
    draw, model = np.random.default_rng(seed), LinearModel()
    for b in range(number):
        items = [model.add_variable(f"x{b}_{k}", 0, int(draw.integers(1, 6))) for k in range(draw.integers(1, 10))]
        terms = [(x, int(draw.integers(3, 30))) for x in items]
        reach = sum(value * model.variables[x].upper for x, value in terms)
        model.add_row("demand", f"d{b}", terms, lower=reach + 1 if b == 700 else max(1, reach // 2))
        model.objective |= {x: int(draw.integers(100, 999)) for x in items}
    return Blocks(matrix_of(model))


def always_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricing, "WORTH_SHARING_S", 0.0)
    monkeypatch.setattr(pricing, "WORTH_SENDING_S", 0.0)
    monkeypatch.setattr(pricing, "CHUNK", 500)
    monkeypatch.setattr(pricing, "TRIES", 99)


@pytest.mark.parametrize("kept", [100, 2, 0])
@pytest.mark.parametrize("elsewhere", [Elsewhere, partial(ThreadPoolExecutor, 2)])
def test_chunks_give_the_same_numbers(
    elsewhere: Callable[[], Executor], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At several prices, also for a worker that keeps less than it is asked for."""
    always_in_chunks(monkeypatch)
    monkeypatch.setattr(pricing, "KEPT", kept)
    alone = many_blocks()
    with elsewhere() as executor, steady(executor, 2) as used:
        blocks = Blocks(alone.matrix, used)
        for round_number in range(4):
            costs = alone.matrix.cost[alone.items] * np.linspace(1 - round_number / 3, 1, len(alone.items))
            least, counts = blocks.cheapest(costs)
            expected, covers = alone.cheapest(costs)
            assert np.array_equal(least, expected)
            assert np.isinf(least[700])
            assert np.array_equal(counts, covers)
        assert blocks._pricing.tries == 3, "the first round is priced here, to compare"
        assert len(blocks._pricing._parts) > 5


def test_what_does_not_change_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    always_in_chunks(monkeypatch)
    alone, elsewhere = many_blocks(), Elsewhere()
    with steady(elsewhere, 2) as executor:
        blocks = Blocks(alone.matrix, executor)
        costs = alone.matrix.cost[alone.items].astype(float)
        for _ in range(3):
            blocks.cheapest(costs)
    chunks = len(blocks._pricing._parts)
    first, second = elsewhere.sent[:chunks], elsewhere.sent[chunks:]
    assert len(second) == chunks
    assert sum(second) < 0.5 * sum(first)


def test_chunks_that_do_not_return_are_priced_here(monkeypatch: pytest.MonkeyPatch) -> None:
    always_in_chunks(monkeypatch)
    monkeypatch.setattr(pricing, "LEAST_PATIENCE_S", 0.1)
    alone = many_blocks()
    with steady(Elsewhere(lambda _: None), 2) as executor:
        blocks = Blocks(alone.matrix, executor)
        costs = alone.matrix.cost[alone.items].astype(float)
        for _ in range(2):
            assert np.array_equal(blocks.cheapest(costs)[0], alone.cheapest(costs)[0])


def test_the_slower_way_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    always_in_chunks(monkeypatch)
    monkeypatch.setattr(pricing, "TRIES", 2)
    alone, slow = many_blocks(), Elsewhere()
    blocks = Blocks(alone.matrix, slow)
    costs = alone.matrix.cost[alone.items].astype(float)
    blocks.cheapest(costs)
    blocks._pricing.here = 1e-9
    for _ in range(4):
        blocks.cheapest(costs)
    assert len(slow.sent) == 2 * len(blocks._pricing._parts)
    assert not Blocks(alone.matrix, slow)._pricing._is_worth_sending(), "not before it is known what it takes here"


def test_a_part_is_the_same_elsewhere() -> None:
    model = LinearModel()
    x, y = (model.add_variable(name, 0, 9) for name in "xy")
    model.add_row("r", "r", [(x, 3), (y, 5)], lower=17)
    model.objective = {x: 31, y: 50}
    limits = SolverLimits(5, workers=64)
    with steady(Elsewhere(), 1) as executor:
        found = executor.submit(solve_part, model, limits, None, "cpsat").result(10)
    assert found == solve_part(model, limits, None, "cpsat")
    assert found.objective == 174


def test_a_task_in_a_thread_leaves_interrupts_alone() -> None:
    """Of CP-SAT with a handler of its own, an interrupt would end the program, without the best plan so far."""
    here, there = cp_model.CpSolver().parameters, cp_model.CpSolver().parameters
    cpsat._set(here, SolverLimits(1))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(cpsat._set, there, SolverLimits(1)).result()
    assert (here.catch_sigint_signal, there.catch_sigint_signal) == (True, False)


# ------------------------------------------------------------------------------------- clusters that are none


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r'pip install "gpufleet\[dask\]"'), open_executor("tcp://here:1", 1):
        pass


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("tcp://127.0.0.1:9", "Timed out"),
        ("nowhere", "missing port number"),
        ("ftp://127.0.0.1:9", "unknown address scheme 'ftp'"),
    ],
)
def test_a_scheduler_that_cannot_be_reached_is_named(address: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.2)
    expected = f"no Dask scheduler can be reached at '{address}': {why}.*; an address looks like tcp://host:8786"
    with pytest.raises(ClusterError, match=expected), open_executor(address, 1):
        pass
