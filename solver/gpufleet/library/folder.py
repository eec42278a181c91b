"""A folder of files: all of them or none, and never over what is not ours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST: Final = ".gpufleet-export"
"""Names of the files that we wrote, one a line: what a later export may replace."""


def write_folder(files: Mapping[str, bytes], path: Path | str) -> None:
    """Write files into a folder of their own, so that other programs see the old folder or the new one.

    A folder that is there already is replaced if it is empty or holds nothing but files of an earlier export. Raises
    InputError when it holds anything else, or cannot be written.
    """
    target = Path(path).resolve()
    _refuse_others(target, path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        part.mkdir(parents=True)
        for name, content in {**files, LIST: "".join(f"{name}\n" for name in files).encode()}.items():
            (part / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        part.rename(target)
    except OSError as error:
        raise InputError([InputProblem(str(path), 0, "", f"cannot be written: {error.strerror}")]) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _refuse_others(target: Path, path: Path | str) -> None:
    """What somebody else put there is not ours to replace, nor the folder that a shell stands in."""
    if target == Path.cwd():
        raise InputError(
            [InputProblem(str(path), 0, "", "is the folder you are in; give one of its own, as in ./export")]
        )
    if target.exists() and not target.is_dir():
        raise InputError([InputProblem(str(path), 0, "", "is a file; this export writes a folder, give another name")])
    if not target.is_dir():
        return
    listed = target / LIST
    ours = {LIST, *(listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else ())}
    others = sorted(entry.name for entry in target.iterdir() if entry.name not in ours)
    if others:
        words = f"holds {', '.join(others[:3])}{' and more' if len(others) > 3 else ''}, which no export wrote"
        raise InputError([InputProblem(str(path), 0, "", f"{words}; give an empty folder or a new name")])
