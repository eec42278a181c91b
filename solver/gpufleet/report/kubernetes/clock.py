"""Periods on the clock, and the cron triggers that follow them.

A plan's periods are slices of time without a place on the clock, unless their names say it: `14h`, `weekday-14h`,
`weekend-03h`. For others the user gives a window, as in `night=22:00-06:00` or `office=mon-fri 08:00-18:00`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpufleet.schema.resolved import ResolvedInstance

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""Cron counts from Sunday."""
DAY_MINUTES = 24 * 60
GROUPS = {"": (0, 1, 2, 3, 4, 5, 6), "weekday": (1, 2, 3, 4, 5), "weekend": (0, 6)}
NAMED = re.compile(r"(?:(weekday|weekend)-)?([01]\d|2[0-3])h")
GIVEN = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))?\s+)?(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)")
EXAMPLE = "22:00-06:00 or mon-fri 08:00-18:00"
TOLERANCE = 0.02
"""Relative difference between a period's share of the horizon and its window's share of a week that passes."""


@dataclass(frozen=True, order=True)
class Window:
    """From a minute of the day for so many minutes, on some days of the week; it may run past midnight."""

    start: int
    minutes: int
    days: tuple[int, ...] = GROUPS[""]

    @property
    def end(self) -> int:
        """Minute of the day at which it ends."""
        return (self.start + self.minutes) % DAY_MINUTES

    @property
    def cron(self) -> tuple[str, str]:
        """(start, end) in cron's words."""
        later = (self.start + self.minutes) // DAY_MINUTES
        return _cron(self.start, self.days), _cron(self.end, tuple(sorted((day + later) % 7 for day in self.days)))


def _cron(minute: int, days: tuple[int, ...]) -> str:
    hour, rest = divmod(minute, 60)
    when = "*" if len(days) == len(DAYS) else ",".join(map(str, days))
    return f"{rest} {hour} * * {when}"


def parse_window(text: str) -> Window:
    """A window as the user writes it. Raises ValueError with a sentence."""
    found = GIVEN.fullmatch(text.strip().lower())
    wrong = ValueError(f"{text!r} is no window of the day; write it as in {EXAMPLE}")
    if found is None or not {found[1], found[2]} <= {None, *DAYS}:
        raise wrong
    start, end = (int(found[h]) * 60 + int(found[h + 1]) for h in (3, 5))
    if max(int(found[4]), int(found[6])) > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise wrong
    return Window(start, (end - start - 1) % DAY_MINUTES + 1, _days(found[1], found[2]))


def _days(first: str | None, last: str | None) -> tuple[int, ...]:
    if first is None:
        return GROUPS[""]
    start = DAYS.index(first)
    count = (DAYS.index(last or first) - start) % 7 + 1
    return tuple(sorted((start + offset) % 7 for offset in range(count)))


def windows_of(resolved: ResolvedInstance, given: Mapping[str, Window]) -> dict[str, Window]:
    """The window of every period that has one, given or by its name."""
    found = {}
    for period in resolved.instance.periods:
        named = NAMED.fullmatch(period.name)
        if period.name in given:
            found[period.name] = given[period.name]
        elif named is not None:
            found[period.name] = Window(int(named[2]) * 60, 60, GROUPS[named[1] or ""])
    return found


def mismatches(resolved: ResolvedInstance, windows: Mapping[str, Window]) -> list[str]:
    """Periods whose window is a different share of a week than the period is of the horizon, in words."""
    words = []
    for period in resolved.instance.periods:
        window = windows.get(period.name)
        if window is None:
            continue
        share = period.hours / float(resolved.instance.hours)
        there = window.minutes * len(window.days) / (7 * DAY_MINUTES)
        if abs(there - share) > TOLERANCE * share:
            words.append(f"period {period.name} is {share:.1%} of the horizon, its window {there:.1%} of the week")
    return words


def merged(counted: Iterable[tuple[Window, int]]) -> list[tuple[Window, int]]:
    """Windows that follow each other on the same days with the same number, in one; also across midnight."""
    found: list[tuple[Window, int]] = []
    for window, count in sorted(counted, key=lambda entry: (entry[0].days, entry[0].start)):
        before, number = found[-1] if found else (None, 0)
        if before is not None and number == count and before.days == window.days and before.end == window.start:
            found[-1] = (Window(before.start, before.minutes + window.minutes, before.days), count)
        else:
            found.append((window, count))
    return _around(found)


def _around(found: list[tuple[Window, int]]) -> list[tuple[Window, int]]:
    """The last window of every day and the first of the next, in one."""
    if len(found) > 1:
        (first, some), (last, more) = found[0], found[-1]
        daily = first.days == last.days == GROUPS[""] and last.start + last.minutes >= DAY_MINUTES
        if daily and some == more and last.end == first.start and last.minutes + first.minutes < DAY_MINUTES:
            return [*found[1:-1], (Window(last.start, last.minutes + first.minutes), some)]
    return found


def triggers(counted: Iterable[tuple[Window, int]], least: int, timezone: str) -> list[dict[str, object]]:
    """KEDA's cron triggers for every window with more than the least."""
    return [
        {
            "type": "cron",
            "metadata": {
                "timezone": timezone,
                "start": window.cron[0],
                "end": window.cron[1],
                "desiredReplicas": str(count),
            },
        }
        for window, count in merged(counted)
        if count > least
    ]
