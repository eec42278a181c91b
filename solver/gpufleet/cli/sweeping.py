"""`gpufleet whatif --set ... --scale ... --scenarios FILE`: the sweep, its progress and its outputs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.cli.common import open_library, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas

    from gpufleet.edits.questions import Action
    from gpufleet.library.journal import Journal
    from gpufleet.whatif.answers import Answer
    from gpufleet.whatif.grid import Sweep

CHARTS = (".png", ".svg")
POINTS, TABLE = "points.jsonl", "table.csv"


@dataclass(frozen=True)
class Outputs:
    """Where the table goes."""

    as_json: bool
    csv: str | None
    parquet: str | None
    chart: str | None
    out: str | None
    resume: str | None


@dataclass(frozen=True)
class Work:
    """How points are solved."""

    time_limit: float
    gap: float
    seed: int
    workers: int
    dask: str | None


def run(
    file: str,
    libraries: tuple[str, ...],
    sets: tuple[str, ...],
    scales: tuple[str, ...],
    scenarios: str | None,
    work: Work,
    outputs: Outputs,
) -> None:
    """Solve every point, and write what was asked for."""
    from gpufleet.edits.questions import Question
    from gpufleet.report.sweep_table_text import sweep_table_text
    from gpufleet.whatif.frame import frame_of
    from gpufleet.whatif.sweep import Settings, run_sweep
    from gpufleet.whatif.sweeping import prepare

    axes = _axes(sets, scales)
    _check(outputs)
    prepared = prepare(Question(file, open_library(libraries)), axes, scenarios)
    if outputs.chart is not None:
        _check_chart(prepared.sweep)
    journal, folder = _kept(outputs)
    settings = Settings(work.time_limit, work.gap, work.seed)
    with _progress() as done:
        answers = run_sweep(
            prepared.sweep.points,
            prepared.questions,
            settings,
            workers=work.workers,
            dask=work.dask,
            journal=journal,
            done=done,
        )
    frame = frame_of(prepared.sweep, answers, work.gap)
    _write(frame, prepared.sweep, answers, prepared.questions[0].instance.title, outputs, folder)
    if outputs.as_json:
        click.echo(frame.to_json(orient="records", indent=2, double_precision=15))
    else:
        show(sweep_table_text(prepared.sweep, answers, work.gap))


def _axes(sets: tuple[str, ...], scales: tuple[str, ...]) -> list[tuple[Action, str, tuple[Any, ...]]]:
    from gpufleet.edits.questions import parse_axis

    axes: list[tuple[Action, str, tuple[Any, ...]]] = []
    options: tuple[tuple[Action, tuple[str, ...]], ...] = (("set", sets), ("scale", scales))
    for action, texts in options:
        for text in texts:
            try:
                axes.append((action, *parse_axis(action, text)))
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint=f"--{action}") from None
    return axes


def _check(outputs: Outputs) -> None:
    """Refuse what could not be written before the work is done, not after."""
    for option, name, endings in (
        ("--csv", outputs.csv, (".csv",)),
        ("--parquet", outputs.parquet, (".parquet",)),
        ("--chart", outputs.chart, CHARTS),
    ):
        if name is None:
            continue
        if Path(name).suffix.lower() not in endings:
            raise click.BadParameter(f"{name!r} must end in {' or '.join(endings)}", param_hint=option)
        if not Path(name).absolute().parent.is_dir():
            raise click.BadParameter(f"the folder of {name!r} does not exist", param_hint=option)
    if outputs.parquet is not None:
        _check_parquet()
    if outputs.out is not None and outputs.resume is not None:
        raise click.UsageError("give --out DIR to begin, or --resume DIR to go on, not both")


def _check_parquet() -> None:
    from importlib.util import find_spec

    from gpufleet.errors import MissingExtraError

    if find_spec("pyarrow") is None:
        raise MissingExtraError('--parquet needs pyarrow; install it with: pip install "gpufleet[parquet]"')


def _check_chart(sweep: Sweep) -> None:
    from gpufleet.report.sweep_chart import MOST_AXES, chart_axes

    names = chart_axes(sweep)
    if len(names) > MOST_AXES:
        message = f"a chart shows at most {MOST_AXES} axes, but {len(names)} vary: {', '.join(names)}; use --csv"
        raise click.BadParameter(message, param_hint="--chart")


def _kept(outputs: Outputs) -> tuple[Journal | None, Path | None]:
    """The journal of finished points, and the folder for the table."""
    from gpufleet.library.journal import Journal

    given = outputs.out or outputs.resume
    if given is None:
        return None, None
    path = Path(given)
    is_file = path.is_file() or path.suffix == ".jsonl"
    target = path if is_file else path / POINTS
    if outputs.resume is not None and not target.is_file():
        raise click.BadParameter(f"{str(target)!r} does not exist; begin with --out {given}", param_hint="--resume")
    if outputs.out is not None and target.exists() and target.stat().st_size:
        message = f"{str(target)!r} holds points already; go on with --resume {given}, or give another folder"
        raise click.BadParameter(message, param_hint="--out")
    return Journal(target), None if is_file else path


def _write(
    frame: pandas.DataFrame,
    sweep: Sweep,
    answers: Sequence[Answer],
    title: str,
    outputs: Outputs,
    folder: Path | None,
) -> None:
    from gpufleet.library import write_bytes, write_text

    text = frame.to_csv(index=False, lineterminator="\n")
    for target in (outputs.csv, None if folder is None else str(folder / TABLE)):
        if target is not None:
            write_text(text, target)
    if outputs.parquet is not None:
        write_bytes(_as_text(frame).to_parquet(index=False), outputs.parquet)
    if outputs.chart is not None:
        from gpufleet.report.sweep_chart import sweep_chart

        write_bytes(sweep_chart(sweep, answers, Path(outputs.chart).suffix.lower()[1:], title), outputs.chart)


def _as_text(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Columns of values of several kinds as text, because a Parquet column has one type."""
    mixed = [name for name in frame.columns if len({type(value) for value in frame[name].dropna()}) > 1]
    return frame.astype(dict.fromkeys((name for name in mixed if frame[name].dtype == object), str))


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; plain lines, at every tenth of the points, where that is no terminal."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("points", total=None)
        yield lambda finished, total: bar.update(task, completed=finished, total=total)


def _lines() -> Callable[[int, int], None]:
    shown = 0

    def done(finished: int, total: int) -> None:
        nonlocal shown
        step = max(1, total // 10)
        if finished // step > shown or (finished == total and finished // step >= shown and total > 1):
            shown = finished // step
            click.echo(f"{finished} of {total} points", err=True)

    return done
