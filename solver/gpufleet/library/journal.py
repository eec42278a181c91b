"""Answers that are kept as they come, so that a run that is killed can go on: one line of JSON each, only appended.

A kill at any moment loses at most the line that was being written; a torn line is recognised by its missing end.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpufleet.errors import InputError, InputProblem

if TYPE_CHECKING:
    from collections.abc import Iterator


class Journal:
    """A file of answers by key. The first answer of a key is kept; later ones are not written."""

    def __init__(self, path: Path | str) -> None:
        """Reads what is there. Raises InputError where the file cannot be read or written, or is something else."""
        self.path = Path(path)
        self._answers: dict[str, dict[str, Any]] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._answers = dict(self._read())
            with self.path.open("ab"):
                pass
        except OSError as error:
            raise InputError([InputProblem(str(path), 0, "", f"cannot be used: {error.strerror}")]) from None

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> dict[str, Any] | None:
        """The answer that is kept under a key."""
        return self._answers.get(key)

    def add(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer; it is on the disk when this returns."""
        if key in self._answers:
            return
        line = json.dumps({"key": key, "answer": answer}, separators=(",", ":"), allow_nan=False) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self._answers[key] = answer

    def _read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Whole lines; a torn one at the end is cut off, so that the next line does not stick to it."""
        raw = self.path.read_bytes() if self.path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        known: set[str] = set()
        for number, line in enumerate(whole.splitlines(), 1):
            key, answer = self._parsed(line, number)
            if key not in known:
                known.add(key)
                yield key, answer
        if len(whole) < len(raw):
            os.truncate(self.path, len(whole))

    def _parsed(self, line: bytes, number: int) -> tuple[str, dict[str, Any]]:
        try:
            entry = json.loads(line)
            key, answer = entry["key"], entry["answer"]
        except (ValueError, KeyError, TypeError):
            message = "this is no line of a sweep's points; give a file that a sweep wrote, or another name"
            raise InputError([InputProblem(str(self.path), number, "", message)]) from None
        return key, answer
