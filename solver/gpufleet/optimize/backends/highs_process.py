"""HiGHS and SCIP in a process of their own.

HiGHS 1.12 prints to standard output from C whatever its options say, SCIP to standard error; here that cannot reach the
caller's. A model goes in, and progress and a result come out, pickled, over pipes between the two processes that we
both started. The pipe to the child stays open: a byte asks it to stop, its end means that nobody waits any more.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from gpufleet.errors import MissingBackendError
from gpufleet.optimize.backends.children import child, scratch

if TYPE_CHECKING:
    from gpufleet.optimize.backends.interface import SolverLimits
    from gpufleet.optimize.formulation.linear_model import LinearModel
    from gpufleet.optimize.monitor import Monitor

_GRACE_SECONDS = 30.0
"""Start-up, translation and transfer beyond the solver's own time limit."""
_STOP_SECONDS = 1.0
"""Time that the child has for its answer once it was asked to stop; none where it has found nothing yet."""
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class FloatResult:
    """What a floating-point solver says, in its scaled units."""

    infeasible: bool
    proven: bool
    values: list[float] | None
    bound: float
    """Dual bound on the scaled objective; may be minus infinity."""


@dataclass(frozen=True)
class Task:
    """What the child is to do."""

    model: LinearModel
    limits: SolverLimits
    solver: str
    """`highs` or `scip`."""
    folder: str | None
    """Where to keep the plans found on the way; None when nobody watches."""
    start: list[int] | None = None
    """A solution to begin with."""


@dataclass
class _Answers:
    """What the child has said; filled by a thread that reads."""

    result: FloatResult | None = None
    errors: bytes = field(default=b"")
    has_plan: bool = False
    """Has it found one on the way?"""


def solve_apart(
    model: LinearModel,
    limits: SolverLimits,
    solver: str = "highs",
    monitor: Monitor | None = None,
    start: list[int] | None = None,
) -> FloatResult | None:
    """Solve in a child process; None when it did not answer (killed, out of memory, far beyond its limit).

    A monitor hears of progress; asked to stop, the child answers with the best that it has.

    Raises MissingBackendError when the child cannot run the solver at all.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", "from gpufleet.optimize.backends.highs_child import main; main()"]
    answers, pipe = _Answers(), subprocess.PIPE
    with (
        scratch() as folder,
        child(command, stdin=pipe, stdout=pipe, stderr=pipe, environment=environment) as process,
    ):
        readers = _readers(process, answers, monitor)
        _send(process, pickle.dumps(Task(model, limits, solver, None if monitor is None else folder, start)))
        is_late = _wait(process, readers, limits.seconds, monitor, answers)
        code = None if is_late else process.wait()
        if is_late:
            process.kill()
        for reader in readers:
            reader.join()  # who still reads must not find the pipe closed under its hands
    if answers.result is None and code is not None and code > 0:
        last = answers.errors.decode(errors="replace").strip().rpartition("\n")[2]
        name = {"highs": "HiGHS", "scip": "SCIP"}[solver]
        raise MissingBackendError(f"{name} cannot run in a process of its own here: {last}")
    return answers.result


def _readers(
    process: subprocess.Popen[bytes], answers: _Answers, monitor: Monitor | None
) -> tuple[threading.Thread, ...]:
    """Threads that take what the child writes, so that it never waits for us."""
    assert process.stdout is not None
    assert process.stderr is not None
    threads = (
        threading.Thread(target=_read, args=(process.stdout, answers, monitor), daemon=True),
        threading.Thread(target=_read_errors, args=(process.stderr, answers), daemon=True),
    )
    for thread in threads:
        thread.start()
    return threads


def _read(stream: IO[bytes], answers: _Answers, monitor: Monitor | None) -> None:
    """Progress as pairs (objective, bound), and at last the result."""
    while True:
        try:
            said = pickle.load(stream)
        except (EOFError, OSError, pickle.UnpicklingError):  # the child is gone, maybe in the middle of a word
            return
        if isinstance(said, FloatResult):
            answers.result = said
            return
        answers.has_plan = answers.has_plan or said[0] is not None
        if monitor is not None:
            monitor.report(monitor.phase, objective=said[0], bound=said[1])


def _read_errors(stream: IO[bytes], answers: _Answers) -> None:
    answers.errors = stream.read()


def _send(process: subprocess.Popen[bytes], message: bytes) -> None:
    """Write to the child; one that is gone says so by its exit code."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.write(message)
        process.stdin.flush()


def _wait(
    process: subprocess.Popen[bytes],
    readers: tuple[threading.Thread, ...],
    seconds: float,
    monitor: Monitor | None,
    answers: _Answers,
) -> bool:
    """Until the child has answered or is gone; True when it is too late for that."""
    deadline, was_asked = time.monotonic() + max(seconds, 0.0) + _GRACE_SECONDS, False
    while any(reader.is_alive() for reader in readers):
        if time.monotonic() > deadline:
            return True
        if monitor is not None and monitor.stopped and not was_asked:
            was_asked, deadline = True, time.monotonic() + (_STOP_SECONDS if answers.has_plan else 0.0)
            _send(process, b"s")
        readers[0].join(_LOOK_SECONDS)
        if not readers[0].is_alive():
            readers[1].join(_LOOK_SECONDS)
    return False
