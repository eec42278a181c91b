"""What changes from period to period, in a line."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpufleet.schema.resolved import ResolvedInstance


def schedules(resolved: ResolvedInstance, entries: Iterable[tuple[str, str | None, int]]) -> dict[str, list[int]]:
    """Counts per key in every period, in file order, from (key, period, count); entries of all periods are left out."""
    names = [period.name for period in resolved.instance.periods]
    counts: dict[str, list[int]] = {}
    for key, period, count in entries:
        if period is not None:
            counts.setdefault(key, [0] * len(names))[names.index(period)] += count
    return counts


def timetable(resolved: ResolvedInstance, counts: list[int]) -> str:
    """Equal neighbours in one: `00h to 07h: 1, 08h to 18h: 4, 19h to 23h: 2`."""
    names = [period.name for period in resolved.instance.periods]
    words = []
    for count, group in groupby(zip(counts, names, strict=True), key=lambda pair: pair[0]):
        members = [name for _, name in group]
        words.append(f"{members[0]}{f' to {members[-1]}' if len(members) > 1 else ''}: {count}")
    return ", ".join(words)
