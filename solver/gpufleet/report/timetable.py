"""What changes from period to period and from stage to stage, in a line."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.schema.plan import Deployment, PlannedNodes
    from gpufleet.schema.resolved import ResolvedInstance


def schedule(resolved: ResolvedInstance, entries: Iterable[PlannedNodes | Deployment]) -> list[int]:
    """Nodes or replicas together in every period of every stage, in file order.

    What a plan written by hand places in a period or stage that does not exist never comes.
    """
    periods: list[str | None] = [period.name for period in resolved.instance.periods] or [None]
    stages: list[str | None] = [stage.name for stage in resolved.instance.stages] or [None]
    counts = [0] * (len(stages) * len(periods))
    for entry in entries:
        first, last = _stages(entry)
        if not {first, last} <= {None, *stages}:
            continue
        number = getattr(entry, "replicas", None)
        count = entry.count if number is None else number  # type: ignore[union-attr]
        inside = range(stages.index(first) if first else 0, (stages.index(last) if last else len(stages) - 1) + 1)
        for s in inside:
            for t, name in enumerate(periods):
                counts[s * len(periods) + t] += count if entry.period in (None, name) else 0
    return counts


def _stages(entry: PlannedNodes | Deployment) -> tuple[str | None, str | None]:
    stage = getattr(entry, "stage", None)
    return getattr(entry, "first_stage", stage), getattr(entry, "last_stage", stage)


def timetable(resolved: ResolvedInstance, counts: list[int]) -> str:
    """Equal neighbours in one: `00h to 07h: 1, 08h to 18h: 4`; with stages `2027: 1; 2028 to 2029: 2`."""
    periods = [period.name for period in resolved.instance.periods]
    stages = [stage.name for stage in resolved.instance.stages]
    width = len(periods) or 1
    if not stages:
        return _joined(periods, [str(count) for count in counts], ", ")
    days = [counts[start : start + width] for start in range(0, len(counts), width)]
    words = [
        _joined(periods, [str(count) for count in day], ", ") if len(set(day)) > 1 else str(day[0]) for day in days
    ]
    return _joined(stages, words, "; ")


def by_stage(resolved: ResolvedInstance, words: list[str]) -> str:
    """One text per stage, equal neighbours in one: `2027: base 2; 2028 to 2029: base 5`."""
    return _joined([stage.name for stage in resolved.instance.stages], words, "; ")


def _joined(names: list[str], values: list[str], separator: str) -> str:
    words = []
    for value, group in groupby(zip(values, names, strict=True), key=lambda pair: pair[0]):
        members = [name for _, name in group]
        words.append(f"{members[0]}{f' to {members[-1]}' if len(members) > 1 else ''}: {value}")
    return separator.join(words)
