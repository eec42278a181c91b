"""Solvers in processes of their own: none outlives what started it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_running: set[subprocess.Popen[bytes]] = set()
_folders: set[str] = set()


@contextmanager
def child(
    command: Sequence[str], *, stdin: int, stdout: int, stderr: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended, at the latest, when the block is left.

    It has a session of its own: an interrupt from the keyboard is for the parent, who decides what becomes of it.
    """
    with subprocess.Popen(
        command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, start_new_session=True
    ) as process:
        _running.add(process)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            _running.discard(process)
            if process.stdin is not None:
                with suppress(OSError):  # what was not written to it no longer matters
                    process.stdin.close()


@contextmanager
def scratch() -> Iterator[str]:
    """A folder for what a child writes, gone when the block is left."""
    with tempfile.TemporaryDirectory(prefix="gpufleet-", ignore_cleanup_errors=True) as folder:
        _folders.add(folder)
        try:
            yield folder
        finally:
            _folders.discard(folder)


def end_all() -> None:
    """End every child process and clear up; for a program that is about to end on the spot.

    Children that listen to us end by themselves as soon as we are gone.
    """
    for process in tuple(_running):
        if process.stdin is None:
            process.kill()
    for folder in tuple(_folders):
        shutil.rmtree(folder, ignore_errors=True)
