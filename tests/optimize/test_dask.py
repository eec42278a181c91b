"""The decomposition engine on a real Dask cluster: a scheduler and two workers, processes on the loopback interface."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

import gpufleet
from builders import instance, offer, option, profiled
from gpufleet import ClusterError
from gpufleet.cli.app import main
from gpufleet.optimize import dask_cluster
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.bounds.matrix import matrix_of
from gpufleet.optimize.decomposition import pricing
from gpufleet.optimize.decomposition.blocks import Blocks
from gpufleet.optimize.decomposition.generation import dear_prices
from gpufleet.optimize.decomposition.neighbourhoods import Neighbourhoods
from gpufleet.optimize.decomposition.search import Search
from gpufleet.optimize.executors import Steady, open_executor, steady
from gpufleet.optimize.formulation.linear_model import LinearModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

pytest.importorskip("distributed")
ROUNDS = 6
WORKERS = 2


class Cluster:
    """A scheduler and workers of one thread, each a process of its own; what is dead is started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.file = folder / "scheduler.json"

    @property
    def address(self) -> str:
        while True:  # the file appears when the scheduler listens
            try:
                return str(json.loads(self.file.read_text())["address"])
            except (OSError, ValueError):
                time.sleep(0.05)

    def ready(self, workers: int = WORKERS) -> str:
        """The address, once so many workers are there, and no more."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.close()
            self.scheduler = self._start_scheduler()
        while len(self.workers) < workers:
            options = ("--scheduler-file", self.file, "--no-nanny", "--nthreads", "1", "--memory-limit", "0")
            self.workers.append(self._start("dask_worker", *options))
        while len(self.workers) > workers:
            kill(self.workers.pop())
        return self._complete(self.address, workers)

    def _complete(self, address: str, workers: int) -> str:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                with open_executor(address, 1) as executor:
                    assert isinstance(executor, Steady)
                    while executor.threads() != workers and time.monotonic() < until:
                        time.sleep(0.05)
                    return address
            except ClusterError:
                time.sleep(0.05)
        raise AssertionError(f"no {workers} workers: {[log.read_text() for log in self.folder.glob('*.log')]}")

    def _start_scheduler(self) -> subprocess.Popen[bytes]:
        """One that ends by itself, and its workers with it, should nobody be left to end it."""
        return self._start("dask_scheduler", "--port", "0", "--scheduler-file", self.file, "--idle-timeout", "60")

    def _start(self, program: str, *options: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--host", "127.0.0.1"]
        command += ["--dashboard-address", "127.0.0.1:0"]
        package = str(Path(gpufleet.__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": package, "DASK_TEMPORARY_DIRECTORY": str(self.folder)}
        with (self.folder / f"{program}-{time.monotonic_ns()}.log").open("wb") as log:
            return subprocess.Popen(
                [*command, *map(str, options)], stdout=log, stderr=log, env=environment, cwd=self.folder
            )

    def close(self) -> None:
        for process in (*self.workers, *([self.scheduler] if self.scheduler is not None else [])):
            kill(process)
        self.workers, self.scheduler = [], None
        self.file.unlink(missing_ok=True)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("dask"))
    yield running
    running.close()


class Watched(Executor):
    """Passes tasks on, and does something before a certain one is sent and after the next one was."""

    def __init__(self, inner: Executor, at: int, before: Callable[[], None], after: Callable[[], None]) -> None:
        self.inner, self.at, self.before, self.after = inner, at, before, after
        self.count = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        if self.count == self.at:
            self.before()
        future = self.inner.submit(function, *args, **kwargs)
        if self.count == self.at + 1:
            self.after()
        return future


def estate(workloads: int = 14, options: int = 8) -> LinearModel:
    """Workloads over shared nodes of which there are few: many plans nearly as cheap."""
    draw, model = np.random.default_rng(5), LinearModel()
    nodes = [model.add_variable(f"y{k}", 0, 12) for k in range(options)]
    counts = [[model.add_variable(f"n{w}_{k}", 0, 9, group=w) for k in range(options)] for w in range(workloads)]
    for w, row in enumerate(counts):
        model.add_row("demand", f"d{w}", [(n, int(draw.integers(17, 60))) for n in row], lower=83 + 7 * w)
    for k, y in enumerate(nodes):
        model.add_row("pool", f"p{k}", [(y, 8), *((row[k], -int(draw.integers(1, 5))) for row in counts)], lower=0)
    model.objective = {y: 1_000 + 37 * k + int(draw.integers(0, 300)) for k, y in enumerate(nodes)}
    return model


def searched(executor: Executor) -> tuple[list[int], list[int]]:
    """(values after some rounds of the search, all costs on the way): nothing hangs on the clock."""
    model = estate()
    matrix = matrix_of(model)
    blocks = Blocks(matrix, executor)
    prices = np.full(len(blocks.links), 60.0)
    near = Neighbourhoods(blocks, prices, dear_prices(blocks), np.random.default_rng(4))
    first = np.zeros(len(model.variables), np.int64)
    for row in blocks.matrix.exact:  # every workload on its first option, as long as there is room
        items = matrix.by_row.indices[matrix.by_row.indptr[row] : matrix.by_row.indptr[row + 1]]
        first[items[row % len(items)]] = 9
    first[:8] = matrix.upper[:8]
    limits = SolverLimits(300, workers=WORKERS, deterministic=True)
    search = Search(matrix, near, first, limits, time.monotonic() + 300, 1.0)
    search.moves = [move for move in search.moves if move.kind == "counts"]  # as many tasks a round as workers
    for move in search.moves:
        move.effort, move.size = 0.005, 4
    step, rounds, costs = search._step, [0], [search.cost]

    def counted(*arguments: Any) -> None:
        step(*arguments)
        rounds[0] += 1

    search._step = counted  # type: ignore[method-assign]
    search.run(lambda: rounds[0] >= ROUNDS, costs.append, executor)
    return search.values.tolist(), costs


@pytest.fixture(scope="session")
def expected() -> tuple[list[int], list[int]]:
    with steady(None, WORKERS) as threads:
        found = searched(threads)
    assert len(found[1]) > 2, "the search finds better plans"
    return found


def test_a_cluster_finds_what_threads_find(cluster: Cluster, expected: tuple[list[int], list[int]]) -> None:
    with open_executor(cluster.ready(), WORKERS) as executor:
        assert isinstance(executor, Steady)
        assert searched(executor) == expected
        assert not executor._told, "all of it was done there"


def test_a_worker_that_is_killed_changes_nothing(cluster: Cluster, expected: tuple[list[int], list[int]]) -> None:
    """It has a task when it dies, which the other one does again."""
    with open_executor(cluster.ready(), WORKERS) as executor:
        assert isinstance(executor, Steady)
        client = executor._elsewhere.client
        victim, had = cluster.workers[0], list[str]()
        ((name, _),) = [pair for pair in client.run(os.getpid).items() if pair[1] == victim.pid]

        def halt() -> None:
            """Neither may finish its task before the other one has got one too."""
            for worker in cluster.workers:
                os.kill(worker.pid, signal.SIGSTOP)

        def die() -> None:
            until = time.monotonic() + 10
            while not client.processing()[name] and time.monotonic() < until:
                time.sleep(0.01)
            had.extend(client.processing()[name])
            kill(victim)
            os.kill(cluster.workers[1].pid, signal.SIGCONT)

        watched = Watched(executor, 2 * WORKERS + 1, halt, die)
        assert searched(watched) == expected
        assert len(had) == 1
        assert watched.count > 2 * WORKERS + 2
        assert executor.threads() == WORKERS - 1
        assert not executor._told, "nothing was done here"


def test_blocks_are_priced_there_as_here(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricing, "WORTH_SENDING_S", 0.0)
    monkeypatch.setattr(pricing, "MANY", 5)
    monkeypatch.setattr(pricing, "CHUNK", 20)
    alone = Blocks(matrix_of(estate()))
    with open_executor(cluster.ready(1), WORKERS) as executor:
        blocks = Blocks(alone.matrix, executor)
        for price in (60.0, 80.0, 100.0):
            costs = alone.reduced(np.full(len(alone.links), -price))
            (least, counts), (same, covers) = blocks.cheapest(costs), alone.cheapest(costs)
            assert (least.tolist(), counts.tolist()) == (same.tolist(), covers.tolist())
        assert blocks._pricing.tries == 2


def test_the_command_uses_the_cluster_and_finds_the_same_plan(cluster: Cluster, tmp_path: Path) -> None:
    works = [
        profiled(
            [
                option(f"k{k}", f"n{1 << k}", 1 << k, rates={"all": (1 << k) * (2.9 + (k + w) % 3 / 8)})
                for k in range(3)
            ],
            9.7 + w,
            name=f"w{w}",
        )
        for w in range(4)
    ]
    question = instance(works, [offer(f"o{k}", f"n{1 << k}", (1 << k) * (1.0 - k / 50), stock=4) for k in range(3)])
    file = tmp_path / "question.json"
    file.write_text(question.model_dump_json(exclude_none=True, exclude_defaults=True))
    command = ["solve", str(file), "--json", "--workers", "2"]
    pieces = [*command, "--engine", "decomposition"]
    here = CliRunner().invoke(main, pieces)
    there = CliRunner().invoke(main, [*pieces, "--dask", cluster.ready(1)])
    assert (here.exit_code, there.exit_code) == (0, 0)
    assert json.loads(there.stdout)["status"] == "optimal"
    assert there.stdout == here.stdout
    assert not there.stderr
    one = CliRunner().invoke(main, [*command, "--engine", "whole", "--dask", "tcp://127.0.0.1:9"])
    assert one.exit_code == 0
    assert "note: --dask made no difference, because only decomposition uses it: engine whole model" in one.stderr


def test_a_cluster_that_goes_away_takes_nothing_with_it(
    cluster: Cluster, expected: tuple[list[int], list[int]], caplog: pytest.LogCaptureFixture
) -> None:
    with open_executor(cluster.ready(1), WORKERS) as executor:
        halt = partial(os.kill, cluster.workers[0].pid, signal.SIGSTOP)
        watched = Watched(executor, 2 * WORKERS + 1, halt, cluster.close)
        with caplog.at_level(logging.WARNING, logger="gpufleet"):
            assert searched(watched) == expected
    assert "is done here instead: it was cancelled, or the connection was lost" in caplog.text


def test_a_scheduler_without_workers_is_refused(cluster: Cluster) -> None:
    cluster.close()
    cluster.scheduler = cluster._start_scheduler()
    expected = r"has no workers; start some with: dask worker tcp://"
    with pytest.raises(ClusterError, match=expected), open_executor(cluster.address, 1):
        pass


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ModuleNotFoundError("No module named 'gpufleet'"), "cannot run gpufleet"),
        (("0.0.9", "3.11"), "has gpufleet 0.0.9 on Python 3.11, here is gpufleet"),
    ],
)
def test_workers_that_compute_something_else_are_refused(answer: object, why: str) -> None:
    class Client:
        def nthreads(self) -> dict[str, int]:
            return {"tcp://there:1": 1, "tcp://there:2": 1}

        def run(self, *_: object, **__: object) -> dict[str, object]:
            return {"tcp://there:1": dask_cluster.versions(), "tcp://there:2": answer}

    with pytest.raises(ClusterError, match=f"the Dask worker at tcp://there:2 {why}"):
        dask_cluster._check(Client(), "tcp://there:0")  # type: ignore[arg-type]


def test_a_worker_that_joins_later_is_checked_too() -> None:
    assert dask_cluster.checked(dask_cluster.versions(), divmod, 7, 2) == (3, 1)
    with pytest.raises(ClusterError, match=r"a Dask worker has gpufleet .*, here is gpufleet 0\.0\.9 on Python 3\.11"):
        dask_cluster.checked(("0.0.9", "3.11"), divmod, 7, 2)


def test_a_worker_that_hangs_stops_nobody(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "ANSWER_SECONDS", 0.1)
    address = cluster.ready(1)
    os.kill(cluster.workers[0].pid, signal.SIGSTOP)
    began = time.monotonic()
    with open_executor(address, 1) as executor:
        future = executor.submit(divmod, 7, 2)
        assert not future.done()
        os.kill(cluster.workers[0].pid, signal.SIGCONT)
        assert future.result(10) == (3, 1)
    assert time.monotonic() - began < 5
