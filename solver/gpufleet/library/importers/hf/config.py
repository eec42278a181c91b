"""Reads the keys of one section of a `config.json`, with every problem noted, and remembers what was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpufleet.library.importers.hf.keys import OTHER_TOWERS, changes_shapes, is_harmless
from gpufleet.library.importers.hf.words import BY_HAND
from gpufleet.library.wording import kind, one_of, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpufleet.library.fields import Loc
    from gpufleet.library.findings import Findings

Switch = bool | tuple[str, bool]
"""Fixed for a family, or the key that says so and its default."""

MOST: Final = 10**9
"""Larger sizes are no sizes."""
REQUIRED: Final = None


class Config:
    """One section: the file itself, or the `text_config` inside it."""

    def __init__(self, values: Mapping[str, Any], loc: Loc, findings: Findings) -> None:
        self.values = values
        self.loc = loc
        self.findings = findings
        self.used: set[str] = set()
        self._noted: set[tuple[str, str]] = set()

    @property
    def is_inner(self) -> bool:
        """Is this a section of a multi-modal model? Those leave out what equals the family's defaults."""
        return bool(self.loc)

    def add(self, key: str, message: str) -> None:
        """Note a problem with a key."""
        if (key, message) not in self._noted:
            self._noted.add((key, message))
            self.findings.add((*self.loc, key), message)

    def clash(self, key: str, message: str) -> None:
        """Note that sizes do not go together, unless some size is already known to be wrong."""
        if not self._noted:
            self.add(key, message)

    def given(self, keys: Sequence[str]) -> tuple[str, Any]:
        """The first of several names of a key that has a value, and the value; (first name, None) when none has."""
        self.used.update(keys)
        return next(((key, self.values[key]) for key in keys if self.values.get(key) is not None), (keys[0], None))

    def count(self, *keys: str, default: int | None = REQUIRED, least: int = 1, most: int = MOST) -> int:
        """A whole number. A wrong or missing one is noted and read as `least`, so that reading goes on."""
        key, value = self.given(keys)
        if value is None and default is None:
            names = " or ".join(keys)
            self.add(key, f"missing: no {names}; add {'it' if len(keys) == 1 else 'one of them'}, or {BY_HAND}")
        found = self._whole(key, default if value is None else value, least, most)
        return max(least, 1) if found is None else found

    def optional(self, *keys: str, least: int = 1) -> int | None:
        """A whole number, or None when it is missing or null."""
        key, value = self.given(keys)
        return None if value is None else self._whole(key, value, least, MOST)

    def core(self, *keys: str, default: int | None) -> int:
        """A size that a file must state; inside a multi-modal model a missing one is the family's default."""
        return self.count(*keys, default=default if self.is_inner else REQUIRED)

    def _whole(self, key: str, value: Any, least: int, most: int) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(key, f"expected a whole number, got {kind(value)}; correct it")
            return None
        if not least <= value <= most:
            self.add(key, f"must be a whole number from {least} to {most}, got {show(value)}; correct it")
            return None
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """A truth value."""
        value = self.given([key])[1]
        if value is None:
            return default
        if not isinstance(value, bool):
            self.add(key, f"expected true or false, got {kind(value)}; correct it")
            return default
        return value

    def switch(self, switch: Switch) -> bool:
        """A property that is fixed for the family, or stated by a key."""
        return switch if isinstance(switch, bool) else self.flag(switch[0], default=switch[1])

    def words(self, key: str, allowed: Iterable[str], length: int) -> list[str] | None:
        """A list of `length` words, each of them known; None when there is none."""
        value = self.given([key])[1]
        if value is None:
            return None
        known = list(allowed)
        if not isinstance(value, list):
            self.add(key, f"expected a list, got {kind(value)}; correct it")
            return None
        unknown = sorted({show(word) for word in value if word not in known})
        if unknown:
            self.add(key, f"{', '.join(unknown)} is not known here; known: {', '.join(known)}; {BY_HAND}")
            return None
        if len(value) != length:
            self.add(key, f"must have one entry per layer: {length}, got {len(value)}; correct it")
            return None
        return value

    def indices(self, key: str) -> list[int] | None:
        """A list of layer numbers; None when there is none."""
        value = self.given([key])[1]
        if value is None:
            return None
        if not isinstance(value, list) or not all(type(entry) is int and entry >= 0 for entry in value):
            self.add(key, f"expected a list of layer numbers from 0, got {show(value)}; correct it")
            return None
        return value

    def must_be(self, key: str, default: Any, allowed: Sequence[Any]) -> None:
        """A key of which only some values are understood."""
        value = self.given([key])[1]
        value = default if value is None else value
        if value not in allowed:
            self.add(key, f"{one_of(value, [show(word).strip(chr(39)) for word in allowed])}; {BY_HAND}")

    def finish(self, ignored: Iterable[str]) -> list[str]:
        """Note every key that may change shapes and was not looked at; returns the other unknown ones."""
        skipped = set(ignored) | self.used | OTHER_TOWERS
        left = [key for key in self.values if key not in skipped and self.values[key] and not is_harmless(key)]
        for key in left:
            if changes_shapes(key):
                remedy = f"if it changes no weight and no cache, pass --ignore-key {key}; else {BY_HAND}"
                self.add(key, f"is not known to the importer here ({show(self.values[key])}); {remedy}")
        return [key for key in left if not changes_shapes(key)]
