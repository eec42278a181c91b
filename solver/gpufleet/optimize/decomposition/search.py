"""The search for better plans: neighbourhoods of the best one, solved by CP-SAT, several at a time.

Kinds and sizes of neighbourhoods are chosen by what they have brought per second; one that is solved to proof grows,
one that is not shrinks. Tasks are plain functions of plain data, which any `concurrent.futures.Executor` can run.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.optimize.decomposition.incumbent import cost_of, is_solution
from gpufleet.optimize.decomposition.tasks import solve_part
from gpufleet.optimize.executors import in_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.backends.registry import BackendName
    from gpufleet.optimize.bounds.matrix import Matrix
    from gpufleet.optimize.decomposition.neighbourhoods import Neighbourhoods
    from gpufleet.optimize.decomposition.parts import Part

    Ints = NDArray[np.int64]

logger = logging.getLogger(__name__)

GRACE_S = 10.0
"""Seconds beyond the end of the time that a task away from here may take to return."""
EXPLORE = 0.15
"""How often a kind of neighbourhood is drawn whatever it has brought."""
TURN, LEAST_TURN_S = 0.5, 8.0
"""Share of the time left, and seconds, that one neighbourhood may take at most."""
ALONE = 2_000
"""Connected blocks up to which all workers choose covers for one part; beyond, each has its own (measured)."""
LEAST_GAIN = 0.02
"""Share of the gap that a choice of covers must gain in a window (`tasks.WINDOW_S`), or is given up."""


@dataclass
class Move:
    """A kind of neighbourhood, its size, and how it has done."""

    kind: str
    size: int
    most: int
    effort: float
    solver: BackendName = "cpsat"
    gain: float = 0.0
    spent: float = 0.0
    each: int = 0

    def score(self) -> float:
        """Gain per second; what was not tried yet comes first."""
        return self.gain / self.spent if self.spent else np.inf


@dataclass
class Search:
    """State of the search: the best values and their cost."""

    matrix: Matrix
    near: Neighbourhoods
    values: Ints
    limits: SolverLimits
    until: float
    bound: float
    """Lower bound on the cost, to know what a gap is."""
    stopped: Callable[[], bool] = lambda: False
    """Should what is away no longer be waited for?"""
    stop: str = ""
    """Name of what stops tasks (`tasks.stopping`)."""
    moves: list[Move] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cost = cost_of(self.matrix, self.values)
        self._changed = time.monotonic()
        groups, blocks = len(self.near.groups), len(self.near.blocks.demand)
        self.moves = [
            Move("counts", min(20, groups), groups, 2.0),
        ]
        if not self.limits.deterministic:  # HiGHS knows no limit but the clock
            self.moves.append(Move("counts", min(20, groups), groups, 3.0, "highs"))
        if blocks:
            most = max(len(part) for part in self.near.components)
            whole = len(self.near.components) == 1
            size, effort = (min(most, 600), 60.0) if whole else (min(most, 80), 2.0)
            self.moves.insert(0, Move("covers", size, most, effort, each=30))

    def run(self, done: Callable[[], bool], tell: Callable[[int], None], executor: Executor) -> None:
        """Improve until `done()` or the clock shows `until`; `tell` hears of every better cost."""
        while not done() and time.monotonic() < self.until:
            move = self._choose()
            started = time.monotonic()
            before = self.cost
            self._step(move, executor)
            seconds = time.monotonic() - started
            move.gain = move.gain * 0.7 + (before - self.cost) / max(before, 1) * 1e3
            # where the clock must not decide, a try counts by the work that it was allowed
            move.spent = move.spent * 0.7 + (move.effort if self.limits.deterministic else seconds)
            logger.debug(
                "%s %s %d: %.6f%% of bound, %.2f s",
                move.kind,
                move.solver,
                move.size,
                100 * (self.cost / self.bound - 1),
                seconds,
            )
            if self.cost < before:
                tell(self.cost)

    def idle_s(self) -> float:
        """Seconds since the last better plan."""
        return time.monotonic() - self._changed

    def _choose(self) -> Move:
        if all(move.spent for move in self.moves) and self.near.random.random() < EXPLORE:
            return self.moves[int(self.near.random.integers(len(self.moves)))]
        return max(self.moves, key=Move.score)

    def _step(self, move: Move, executor: Executor) -> None:
        """Solve as many neighbourhoods of this kind as there are workers, and take what fits together."""
        gap = max(self.cost - self.bound, 1.0)
        connected = move.kind == "covers" and len(self.near.components) == 1
        number = 1 if connected and len(self.near.blocks.demand) <= ALONE else self.limits.workers
        limits = replace(
            self.limits,
            seconds=self._seconds(move),
            relative_gap=0.0,
            workers=self.limits.workers if number == 1 else 1,
            effort=move.effort,
            seed=int(self.near.random.integers(2**31 - 1)),
        )
        base = self.values
        parts = [self._part(move, gap) for _ in range(number)]
        impatient = move.kind == "covers" and not self.limits.deterministic
        least_gain = max(1, int(LEAST_GAIN * gap)) if impatient else None
        futures = [
            executor.submit(solve_part, part.model, limits, part.hint, move.solver, least_gain, self.stop)
            for part in parts
        ]
        proven = True
        # in the order of submission, whoever is first: the answer must not hang on where a task ran
        late = np.inf if self.limits.deterministic else self.until + GRACE_S
        for part, result in zip(parts, in_order(futures, late, self.stopped), strict=False):
            proven = proven and result.outcome in ("optimal", "infeasible")
            if result.values is not None:
                self._take(part, result.values, base)
        self._adapt(move, proven)

    def _seconds(self, move: Move) -> float:
        """For one neighbourhood, by the clock; as long as its effort, which CP-SAT counts more slowly."""
        rest = self.until - time.monotonic()
        if self.limits.deterministic:
            return rest
        return max(min(rest, move.effort, max(LEAST_TURN_S, TURN * rest)), 0.05)

    def _part(self, move: Move, gap: float) -> Part:
        if move.kind == "covers":
            return self.near.covers(self.values, move.size, move.each, gap)
        return self.near.counts(self.values, move.size)

    def _take(self, part: Part, values: list[int], base: Ints) -> None:
        """Apply what changed, if the plan is still one and cheaper."""
        after = self.values + part.moved(values, base)
        cost = cost_of(self.matrix, after)
        if cost < self.cost and is_solution(self.matrix, after):
            self.values, self.cost, self._changed = after, cost, time.monotonic()

    def _adapt(self, move: Move, proven: bool) -> None:
        if proven:
            move.size = min(move.most, max(move.size + 1, int(move.size * 1.15)))
            if move.kind == "covers" and move.size >= move.most:
                move.each = min(int(move.each * 1.5), 400)
        else:
            move.size = max(4, int(move.size * 0.9)) if move.kind == "counts" else move.size
