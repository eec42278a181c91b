"""The repository that a `config.json` comes from, and names made of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

_PART: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*?"
_REPOSITORY: Final = re.compile(rf"({_PART})/({_PART})\Z")
_FILE: Final = re.compile(rf"({_PART})--({_PART})_config\Z")
_CACHE: Final = re.compile(rf"models--({_PART})--({_PART})\Z")


def repository(path: Path | str, stated: Any) -> str | None:
    """`owner/name` from the file's name (`owner--name_config.json`), a folder of the download cache
    (`models--owner--name`), or `_name_or_path`; None when none of them says it."""
    file = Path(path)
    found = _FILE.match(file.stem) or next((m for part in file.parts if (m := _CACHE.match(part))), None)
    if found is None and isinstance(stated, str):
        found = _REPOSITORY.match(stated)
    return f"{found[1]}/{found[2]}" if found else None


def default_name(repository: str | None, kind: str, parameters: int) -> str:
    """Name of a card: the repository's, or architecture and size."""
    if repository is not None:
        return repository.partition("/")[2].lower()
    return f"{kind.replace('_', '-')}-{parameters / 1e9:.3g}b"


def default_title(repository: str | None, kind: str, parameters: int) -> str:
    """Human name of a card."""
    return repository.partition("/")[2] if repository else f"{kind} {parameters / 1e9:.3g}B"
