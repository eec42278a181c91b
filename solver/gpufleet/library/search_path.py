"""Where library folders are: the caller's, then the environment's, then the bundled one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENT: Final = "GPUFLEET_LIBRARY"
"""Environment variable with more library folders, separated like PATH."""


def bundled_root() -> Path:
    """The folder that holds the bundled `catalog/`, `models/` and `instances/`.

    Inside an installed wheel it is `gpufleet/bundled`; in a source checkout it is the repository's root.
    """
    package = Path(__file__).resolve().parent.parent
    installed = package / "bundled"
    return installed if installed.is_dir() else package.parent.parent


def library_roots(dirs: Sequence[Path | str] = ()) -> tuple[Path, ...]:
    """All library folders in the order of precedence. Raises InputError for a folder that is none."""
    listed = [Path(entry) for entry in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if entry]
    roots = [Path(entry) for entry in dirs] + listed
    problems = [problem for root in roots if (problem := _unusable(root)) is not None]
    if problems:
        raise InputError(problems)
    return (*roots, bundled_root())


def _unusable(root: Path) -> InputProblem | None:
    if not root.is_dir():
        return InputProblem(str(root), 0, "", "no such library folder")
    if not (root / "catalog").is_dir() and not (root / "models").is_dir():
        return InputProblem(str(root), 0, "", "not a library folder: it holds neither catalog/ nor models/")
    return None
