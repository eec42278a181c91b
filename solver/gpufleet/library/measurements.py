"""The files that `measurements` lists, as one set of profiles: read, and free of contradictions among themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.tables import read_table
from gpufleet.schema.measurements import MeasuredPoint, Measurement, Profiles, same_figures

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from gpufleet.library.findings import Findings
    from gpufleet.schema.instance import Instance

MAX_PROBLEMS: Final = 20


def read_profiles(instance: Instance, instance_path: str, findings: Findings) -> Profiles:
    """All measurements of an instance. Raises InputError with what is wrong in the files, each with its line."""
    if instance.measurements_policy != "strict" and not instance.measurements:
        message = f"{instance.measurements_policy} says what holds beside measurements, but there are none; list files"
        findings.add(("measurements_policy",), message)
    points: list[MeasuredPoint] = []
    problems: list[InputProblem] = []
    for number, name in enumerate(instance.measurements):
        if name in instance.measurements[:number]:
            findings.add(("measurements", number), f"{name} is listed already; list every file once")
            continue
        try:
            rows = read_table(Path(file_of(name, instance_path)), Measurement)
            points += [MeasuredPoint(f"{name}:{line}", row) for line, row in rows]
        except InputError as error:
            problems += error.problems
    measured = [point for point in points if not point.row.modelled]
    modelled = [point for point in points if point.row.modelled]
    problems += [
        InputProblem(file_of(point.file_and_line[0], instance_path), point.file_and_line[1], field, message)
        for group in (measured, modelled)
        for point, field, message in (*_conflicts(group), *_mixtures(group))
    ]
    if problems:
        raise InputError(sorted(set(problems))[:MAX_PROBLEMS])
    return Profiles(tuple(measured), instance.measurements_policy, tuple(modelled))


def file_of(name: str, instance_path: str) -> str:
    """The path of a file that the instance names."""
    return str(Path(instance_path).parent / name)


def _machine(row: Measurement) -> Hashable:
    """Who ran it where and in which form: one curve per size is about this."""
    return row.kind, row.model, row.variant, row.accelerator, row.node_type, row.shape


def _conflicts(points: list[MeasuredPoint]) -> Iterator[tuple[MeasuredPoint, str, str]]:
    """The same operating point twice, with different figures."""
    first: dict[Hashable, MeasuredPoint] = {}
    for point in points:
        row = point.row
        key = (_machine(row), row.engine, row.batch, row.global_batch, row.zero_stage, row.recomputation)
        known = first.setdefault((key, row.size, row.load), point)
        if known is not point and not same_figures(known.row, row):
            name = next(name for name in Measurement.model_fields if _differs(name, known.row, row))
            message = (
                f"{_shown(row, name)} here, {_shown(known.row, name)} at {known.place} for the same operating point; "
                "keep one of the two rows"
            )
            yield point, name, message


def _shown(row: Measurement, name: str) -> str:
    value = getattr(row, name)
    return "nothing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _differs(name: str, first: Measurement, second: Measurement) -> bool:
    return name not in ("source", "as_of", "note") and getattr(first, name) != getattr(second, name)


def _mixtures(points: list[MeasuredPoint]) -> Iterator[tuple[MeasuredPoint, str, str]]:
    """One replica runs one engine, and its points have one order."""
    first: dict[Hashable, MeasuredPoint] = {}
    for point in points:
        known = first.setdefault(_machine(point.row), point)
        if known.row.engine != point.row.engine:
            message = (
                f"{point.row.engine} here, {known.row.engine} at {known.place} for the same deployment option; a "
                "replica runs one engine: keep the rows of one of them in this instance"
            )
            yield point, "engine", message
        elif (known.row.concurrency is None) != (point.row.concurrency is None):
            message = f"given here or at {known.place}, but not in both; order all points of an option by the same"
            yield point, "concurrency", message
