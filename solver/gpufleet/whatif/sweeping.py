"""`gpufleet.sweep`: from a file and edits to a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpufleet.edits.questions import Question, check_factor, parse_axis, values_of
from gpufleet.errors import InputError, InputProblem
from gpufleet.library.journal import Journal
from gpufleet.library.scenarios import load_scenarios
from gpufleet.whatif.frame import frame_of
from gpufleet.whatif.grid import Axis, questions_of, spanned
from gpufleet.whatif.sweep import Settings, run_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    import pandas

    from gpufleet.edits.questions import Action
    from gpufleet.library.library import Library
    from gpufleet.schema.resolved import ResolvedInstance
    from gpufleet.whatif.grid import Sweep


@dataclass(frozen=True)
class Prepared:
    """A sweep whose questions have all been checked."""

    sweep: Sweep
    questions: list[ResolvedInstance]


def prepare(
    question: Question, axes: Sequence[tuple[Action, str, tuple[Any, ...]]], scenarios: Path | str | None = None
) -> Prepared:
    """Span the grid, and resolve every point. Raises InputError with everything that is wrong."""
    listed = () if scenarios is None else load_scenarios(scenarios, values_of)
    sweep = spanned([Axis(action, path, values) for action, path, values in axes], (), listed)
    return Prepared(sweep, questions_of(question, sweep))


def sweep(
    path: Path | str,
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002, as on the command line
    scale: Mapping[str, Any] | None = None,
    scenarios: Path | str | None = None,
    time_limit_s: float = 60.0,
    relative_gap: float = 0.0,
    seed: int = 0,
    workers: int = 1,
    dask: str | None = None,
    executor: Executor | None = None,
    resume: Path | str | None = None,
    library: Library | None = None,
    done: Callable[[int, int], None] | None = None,
) -> pandas.DataFrame:
    """Solve an instance file under every combination of edits, as a table with a row per point.

    `set` and `scale` map paths to a value, a list of values or a range as text (`"200:600:25"`); `scenarios` is a file
    of named edits. Limits hold for each point. With several `workers`, processes share the work; a script that asks for
    them guards its main part with `if __name__ == "__main__"`. `resume` is a file in which every finished point is
    kept: the same sweep with the same file goes on where it was interrupted. See docs/sweeps.md for the columns.

    Raises InputError for edits that lead nowhere, or make an instance that is wrong.
    """
    axes = [*_axes("set", set or {}), *_axes("scale", scale or {})]
    prepared = prepare(Question(path, library), axes, scenarios)
    answers = run_sweep(
        prepared.sweep.points,
        prepared.questions,
        Settings(time_limit_s, relative_gap, seed),
        workers=workers,
        dask=dask,
        executor=executor,
        journal=None if resume is None else Journal(resume),
        done=done,
    )
    return frame_of(prepared.sweep, answers, relative_gap)


def _axes(action: Action, given: Mapping[str, Any]) -> list[tuple[Action, str, tuple[Any, ...]]]:
    """Values as on the command line, or as Python has them."""
    axes: list[tuple[Action, str, tuple[Any, ...]]] = []
    for path, value in given.items():
        try:
            values = parse_axis(action, f"{path}={value}")[1] if isinstance(value, str) else _listed(action, value)
        except ValueError as error:
            raise InputError([InputProblem("sweep", 0, f"{action} {path}", str(error))]) from None
        axes.append((action, path, values))
    return axes


def _listed(action: Action, value: Any) -> tuple[Any, ...]:
    values = tuple(value) if isinstance(value, list | tuple | range) else (value,)
    if not values:
        raise ValueError("an empty list; give at least one value")
    for factor in values if action == "scale" else ():
        check_factor(factor)
    return values
