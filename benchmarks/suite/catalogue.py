"""The instances of the suite by name: how each is made, where it lies, and what the runner asks of it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from suite import day_profiles, estates, files, joint, melange, routed, variants

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.files import Fields

DIGESTS = Path(__file__).with_name("digests.json")
"""SHA-256 of every instance's text."""
BEST_400X60_USD = 211_434.38
"""Best plan of covering-400x60-ample known when its daily budget was set, USD an hour."""


@dataclass(frozen=True)
class Entry:
    """One instance."""

    name: str
    family: str
    seconds: float
    """Time limit of the full run."""
    goal_gap: float
    """Largest relative gap that is good enough; 0 = proven optimal."""
    make: Callable[[str], Fields] | None = None
    """From its name; None: part of the repository from outside, cannot be made anew."""
    is_short: bool = False
    """Part of the short run."""
    is_stored: bool = True

    @property
    def path(self) -> Path:
        """Where its file lies, or will."""
        plain = files.STORED / f"{self.name}.json"
        if plain.is_file():
            return plain
        return (files.STORED if self.is_stored else files.GENERATED) / f"{self.name}.json.gz"


def _variant(of: str, how: Callable[[Fields, str], Fields]) -> Callable[[str], Fields]:
    return lambda name: how(fields_of(of), name)


def _estate(workloads: int, pools: int) -> Callable[[str], Fields]:
    return lambda name: estates.converted(estates.generated(name, workloads, pools))


def _service(classes: int, options: int) -> Callable[[str], Fields]:
    return lambda name: routed.converted(routed.generated(name, classes, options))


TIGHT, BUDGET = variants.stock_tight, variants.budget_tight


def _covering() -> list[Entry]:
    ample, dear = "covering-400x60-ample", BEST_400X60_USD
    return [
        Entry("covering-20x20-ample", "covering", 20, 0.0, is_short=True),
        Entry("covering-100x30-ample", "covering", 10, 3e-4, is_short=True),
        Entry("covering-100x30-tight", "covering", 30, 1e-3, is_short=True),
        Entry("covering-100x30-budget", "covering", 30, 1e-3, _variant("covering-100x30-ample", BUDGET)),
        Entry(ample, "covering", 30, 2e-4),
        Entry("covering-400x60-tight", "covering", 60, 1e-3),
        Entry("covering-400x60-budget", "covering", 60, 1e-3, _variant(ample, BUDGET)),
        Entry("covering-400x60-power", "covering", 60, 1e-3, _variant(ample, variants.power_tight)),
        Entry(
            "covering-400x60-day",
            "covering",
            60,
            1e-3,
            _variant(ample, lambda fields, name: variants.daily_budget(fields, name, dear)),
        ),
        Entry("covering-1000x100-ample", "covering", 60, 1e-4),
        Entry("covering-1000x100-tight", "covering", 120, 1e-3),
        Entry(
            "covering-1000x100-budget", "covering", 120, 1e-3, _variant("covering-1000x100-ample", BUDGET), False, False
        ),
        Entry("covering-5000x200-ample", "covering", 300, 2e-4, _estate(5000, 200), False, False),
        Entry(
            "covering-5000x200-tight", "covering", 300, 1e-3, _variant("covering-5000x200-ample", TIGHT), False, False
        ),
        Entry(
            "covering-5000x200-budget", "covering", 300, 1e-3, _variant("covering-5000x200-ample", BUDGET), False, False
        ),
    ]


def _routed() -> list[Entry]:
    found = [Entry("routed-20x40", "routed", 20, 0.0, is_short=True)]
    for size, seconds in (("20x400", 20), ("20x2400", 5), ("60x400", 20)):
        found.append(Entry(f"routed-{size}", "routed", seconds, 0.0, is_short=size == "20x400"))
        found += [
            Entry(f"routed-{size}-{how}", "routed", 60, 1e-3, _variant(f"routed-{size}", change))
            for how, change in (("tight", TIGHT), ("budget", BUDGET))
        ]
    found.append(Entry("routed-60x4000", "routed", 120, 0.0, _service(60, 4000), False, False))
    found += [
        Entry(f"routed-60x4000-{how}", "routed", 120, 1e-3, _variant("routed-60x4000", change), False, False)
        for how, change in (("tight", TIGHT), ("budget", BUDGET))
    ]
    return found


def _others() -> list[Entry]:
    bases: tuple[tuple[str, str, float, float, Callable[[str], Fields]], ...] = (
        ("joint-20x20x20", "joint", 3, 0.0, lambda name: joint.generated(name, 20, 20, 20)),
        ("melange-60x4", "melange", 5, 0.0, melange.generated),
        ("day-200x40x24", "day", 60, 1e-3, lambda name: day_profiles.generated(name, 200, 40, 24)),
    )
    found = []
    for name, family, seconds, gap, make in bases:
        found.append(Entry(name, family, seconds, gap, make, is_short=family != "day"))
        found += [
            Entry(f"{name}-{how}", family, max(seconds, 20), max(gap, 1e-3), _variant(name, change))
            for how, change in (("tight", TIGHT), ("budget", BUDGET))
        ]
    return found


ENTRIES = {entry.name: entry for entry in (*_covering(), *_routed(), *_others())}


def fields_of(name: str) -> Fields:
    """The instance of this name as it is, made if it is not there."""
    entry = ENTRIES[name]
    return files.read(ensure(entry)) if entry.make is None or entry.path.is_file() else entry.make(name)


def digests() -> dict[str, str]:
    """Digests of the instances' texts, by name."""
    found: dict[str, str] = json.loads(DIGESTS.read_text()) if DIGESTS.is_file() else {}
    return found


def digest_of(path: Path) -> str:
    """Digest of the text in an instance file, without a line break at its end."""
    content = path.read_bytes()
    return files.digest_of((gzip.decompress(content) if path.suffix == ".gz" else content).rstrip())


def ensure(entry: Entry) -> Path:
    """The instance's file, made if it is not there. Raises ValueError where its content is not what it was."""
    path = entry.path
    if not path.is_file():
        if entry.make is None:
            raise FileNotFoundError(f"{path} is missing; take it from the repository")
        files.write(entry.make(entry.name), path)
    known, found = digests().get(entry.name), digest_of(path)
    if known is not None and known != found:
        raise ValueError(f"{path} has digest {found[:16]}, but {known[:16]} is recorded; remove the file and try again")
    return path


def record() -> None:
    """Make every instance and write the digests down: once, when an instance is added."""
    DIGESTS.write_text(json.dumps({e.name: digest_of(ensure(e)) for e in ENTRIES.values()}, indent=2) + "\n")


if __name__ == "__main__":
    record()
