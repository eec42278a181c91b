"""The child's side of `highs_process`."""

from __future__ import annotations

import ctypes
import os
import pickle
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gpufleet.optimize.backends.highs_process import FloatResult
from gpufleet.optimize.backends.mathopt_here import solve_here
from gpufleet.optimize.backends.scaled_rows import units
from gpufleet.optimize.monitor import Monitor, Progress

if TYPE_CHECKING:
    from gpufleet.optimize.backends.highs_process import Task
    from gpufleet.optimize.formulation.linear_model import LinearModel

FOUND = "found.sol"
"""File of the plans that HiGHS found on the way, inside the folder of the task."""


def main() -> None:
    """Read a task, solve it, write the result; standard output is the answers', the solver gets the null device."""
    source, stream = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    task: Task = pickle.load(source)
    answers = _Answers(stream)
    monitor = Monitor(answers.progress, stop := threading.Event())
    threading.Thread(target=_listen, args=(source, task, answers, monitor, stop), daemon=True).start()
    found = None if task.folder is None else str(Path(task.folder) / FOUND)
    answers.last(solve_here(task.model, task.limits, task.solver, monitor if found else None, found, task.start))
    os._exit(0)  # whoever listens still waits for input, and nothing is left to be cleared up


class _Answers:
    """What goes to the parent: progress, and one result."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._is_done = False

    def progress(self, progress: Progress) -> None:
        """Objective and bound, micro-USD."""
        self._write((progress.objective, progress.bound))

    def last(self, result: FloatResult) -> None:
        """The result; what comes later is not sent."""
        self._write(result)

    def _write(self, said: object) -> None:
        with self._lock:
            if not self._is_done:
                self._is_done = isinstance(said, FloatResult)
                pickle.dump(said, self._stream)
                self._stream.flush()


def _listen(source: IO[bytes], task: Task, answers: _Answers, monitor: Monitor, stop: threading.Event) -> None:
    """Stop when the parent says so; go when the parent is gone."""
    if not source.read(1):
        if task.folder is not None:
            shutil.rmtree(task.folder, ignore_errors=True)
        os._exit(1)
    stop.set()
    if task.solver == "highs":  # which cannot be interrupted: what it has written down is what there is
        bound = monitor.latest.bound
        values = _best_found(task) if task.folder is not None else None
        scaled_bound = float("-inf") if bound is None else bound / task.model.unit
        answers.last(FloatResult(False, False, values, scaled_bound))
        os._exit(0)


def _best_found(task: Task) -> list[float] | None:
    """The last plan that HiGHS wrote down."""
    with suppress(OSError, TypeError, AttributeError):  # where there is no such library, the end is lost
        ctypes.CDLL(None).fflush(None)  # HiGHS writes through the C library, which keeps the end of it back
    file = Path(task.folder or "") / FOUND
    return last_solution(file.read_text(encoding="utf-8"), task.model) if file.is_file() else None


def last_solution(text: str, model: LinearModel) -> list[float] | None:
    """Values, by variable of the model, of the last complete solution in a file of improving solutions.

    Each is `Objective VALUE`, `# Columns COUNT`, and a line `NAME VALUE` per column.
    """
    lines, count = text.splitlines(), len(model.variables)
    for head in reversed([number for number, line in enumerate(lines) if line.startswith("#")]):
        rows = lines[head + 1 : head + 1 + count]
        is_whole = len(rows) == count and (len(lines) > head + 1 + count or text.endswith("\n"))
        if lines[head] == f"# Columns {count}" and is_whole:
            return [float(row.rsplit(" ", 1)[1]) * u for row, u in zip(rows, units(model), strict=True)]
    return None
