"""A sweep: many questions that differ a little, solved side by side, resumable, each with what others proved."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from gpufleet import __version__
from gpufleet.edits.order import but_for_budgets
from gpufleet.optimize.backends.interface import SolverLimits
from gpufleet.optimize.executors import open_executor, steady
from gpufleet.whatif.answers import Answer, refused
from gpufleet.whatif.grid import Agenda
from gpufleet.whatif.point import Task, most_allowed, solve_point, under_other_budgets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpufleet.library.journal import Journal
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.grid import Point

MOST_FLEETS: Final = 3
"""Plans of other points that are tried at a point, the cheapest ones."""
PARENT_SECONDS: Final = 1.0
"""How often a worker looks whether the program that it works for is still there."""


@dataclass(frozen=True)
class Settings:
    """How each point is solved."""

    time_limit_s: float = 60.0
    relative_gap: float = 0.0
    seed: int = 0

    @property
    def limits(self) -> SolverLimits:
        """For the engine; one thread, so that every run gives the same answers."""
        return SolverLimits(self.time_limit_s, self.relative_gap, 1, self.seed)


def run_sweep(
    points: Sequence[Point],
    questions: Sequence[ResolvedInstance],
    settings: Settings,
    *,
    workers: int = 1,
    dask: str | None = None,
    executor: Executor | None = None,
    journal: Journal | None = None,
    done: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """The answer at every point, in their order.

    `workers` processes, a Dask cluster or any executor do the work; `done(finished, all)` is called after every point.
    Answers in the journal are not worked out again, new ones are added as they come.
    """
    run = _Run(points, questions, settings, journal, done)
    with _executor(workers, dask, executor) as pool:
        run.finish(pool, workers)
    return [run.answers[number] for number in range(len(points))]


@contextmanager
def _executor(workers: int, dask: str | None, executor: Executor | None) -> Iterator[Executor | None]:
    """Where points are solved; None = here, one after the other."""
    if executor is not None:
        with steady(executor, workers) as safe:
            yield safe
    elif dask is not None:
        with open_executor(dask, workers) as cluster:
            yield cluster
    elif workers == 1:
        yield None
    else:
        apart = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(workers, apart, initializer=_end_with, initargs=(os.getpid(),))
        with pool, steady(pool, workers) as safe:
            yield safe


def _end_with(parent: int) -> None:
    """End this worker when the program that it works for is gone, even where that was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="gpufleet-parent", daemon=True).start()


def key_of(resolved: ResolvedInstance, settings: Settings) -> str:
    """Under which an answer is kept: equal keys, equal questions, settings and versions."""
    parts: list[Any] = [resolved.digest, asdict(settings), __version__]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class _Run:
    """The state of one sweep."""

    def __init__(
        self,
        points: Sequence[Point],
        questions: Sequence[ResolvedInstance],
        settings: Settings,
        journal: Journal | None,
        done: Callable[[int, int], None] | None,
    ) -> None:
        self.questions, self.settings, self.journal, self._done = questions, settings, journal, done
        self.agenda = Agenda(points, questions)
        self.keys = [key_of(question, settings) for question in questions]
        self.apart = [but_for_budgets(question) for question in questions]
        self.answers: dict[int, Answer] = {}
        for number, key in enumerate(self.keys):
            known = None if journal is None else journal.get(key)
            if known is not None:
                self.answers[number] = Answer.from_json(known)
        self._tell()

    def finish(self, pool: Executor | None, workers: int) -> None:
        """Answer every point that is not answered yet."""
        waiting = [number for number in self.agenda.order if number not in self.answers]
        away: dict[Future[Answer], int] = {}
        while waiting or away:
            for number in list(waiting):
                if len(away) < workers and self._is_ready(number, away.values()):
                    waiting.remove(number)
                    self._begin(number, pool, away)
            if away:
                for future in wait(away, return_when=FIRST_COMPLETED).done:
                    self._take(away.pop(future), future.result())

    def _is_ready(self, number: int, away: Any) -> bool:
        """Is everything there that it may know? Equal questions are not asked twice at a time."""
        same = any(self.keys[other] == self.keys[number] for other in away)
        return not same and self.agenda.needed(number) <= self.answers.keys()

    def _begin(self, number: int, pool: Executor | None, away: dict[Future[Answer], int]) -> None:
        """Answer a point from what is known, or send it away."""
        known = self._same(number) or self._from_others(number)
        if known is not None:
            self._take(number, known)
        elif pool is None:
            self._take(number, solve_point(self._task(number)))
        else:
            away[pool.submit(solve_point, self._task(number))] = number

    def _same(self, number: int) -> Answer | None:
        """The answer to the same question at another point."""
        return next((self.answers[other] for other in self.answers if self.keys[other] == self.keys[number]), None)

    def _from_others(self, number: int) -> Answer | None:
        """What other points prove: there is no plan, or the plan of one of them is near enough."""
        question = self.questions[number]
        easier = [self.answers[other] for other in self.agenda.easier[number]]
        floor = self._floor(number)
        if any(answer.status == "infeasible" for answer in easier) or floor > most_allowed(question):
            return refused(question)
        alike = [
            self.answers[other]
            for other in (*self.agenda.harder[number], *self.agenda.easier[number])
            if self.apart[other] == self.apart[number] and self.answers[other].plan is not None
        ]
        for answer in sorted(alike, key=lambda known: known.cost_usd or 0.0):
            found = under_other_budgets(question, answer, floor)
            if found is not None and found.is_proven(self.settings.relative_gap):
                return found
        return None

    def _floor(self, number: int) -> int:
        return max((self.answers[other].bound for other in self.agenda.easier[number]), default=0)

    def _task(self, number: int) -> Task:
        known = [self.answers[other] for other in self.agenda.harder[number]]
        cheapest = sorted((a for a in known if a.shape is not None), key=lambda answer: answer.cost_usd or 0.0)
        fleets = dict.fromkeys(answer.shape for answer in cheapest if answer.shape is not None)
        limits, floor = self.settings.limits, self._floor(number)
        # nodes of an easier question that cost no more than what is proven here: will they do?
        near = [self.answers[other] for other in self.agenda.easier[number]]
        nodes = {a.shape.nodes for a in near if a.shape is not None and round((a.cost_usd or 0.0) * 1e6) == floor}
        return Task(self.questions[number], limits, floor, tuple(fleets)[:MOST_FLEETS], tuple(sorted(nodes)))

    def _take(self, number: int, answer: Answer) -> None:
        """Keep an answer."""
        answer = replace(answer, digest=self.questions[number].digest)
        self.answers[number] = answer
        if self.journal is not None:
            self.journal.add(self.keys[number], answer.as_json())
        self._tell()

    def _tell(self) -> None:
        if self._done is not None:
            self._done(len(self.answers), len(self.questions))
