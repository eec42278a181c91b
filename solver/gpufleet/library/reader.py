"""Files to values: what can be wrong with a file before its content is looked at, and lines for what comes after."""

from __future__ import annotations

import difflib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.parsers import load_json, parse_json, parse_yaml
from gpufleet.library.tree import StructureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.library.tree import Node, TreeBuilder

MAX_BYTES: Final = 64_000_000
_GZIP: Final = 16
"""What zlib is told so that it expects the header and the check sum of a gzip file."""


class Document:
    """The mapping that a file holds, and where its parts stand."""

    def __init__(self, path: str, value: dict[str, Any], *, text: str = "", root: Node | None = None) -> None:
        self.path = path
        self.value = value
        self._text = text
        self._root = root

    def line_of(self, loc: Sequence[str | int]) -> int:
        """The line of a field, or of its parent when it is missing."""
        if self._root is None:
            self._root = _tree(self.path, self._text, json=True)
        return self._root.line_of(loc)


def read_document(path: Path | str) -> Document:
    """Read a YAML file (or JSON, by suffix `.json`) whose top level is a mapping; with `.gz` behind it, compressed.

    Raises InputError when the file is missing, is no text, or is no such file.
    """
    return document_of(str(path), read_text(path))


def document_of(name: str, text: str) -> Document:
    """The document that a text is, as if it stood in the file of that name. Raises InputError."""
    if _suffix_inside(Path(name)) == ".json":
        return _json_document(name, text)
    root = _tree(name, text, json=False)
    return Document(name, _mapping(name, root.value, root.line), root=root)


def _suffix_inside(path: Path) -> str:
    """The suffix that says what kind of text it is."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _json_document(name: str, text: str) -> Document:
    try:
        value = load_json(text)
    except (ValueError, RecursionError):
        root = _tree(name, text, json=True)
        return Document(name, _mapping(name, root.value, root.line), root=root)
    return Document(name, _mapping(name, value, 1), text=text)


def _tree(name: str, text: str, *, json: bool) -> Node:
    try:
        return _checked(name, parse_json(text) if json else parse_yaml(text))
    except StructureError as error:
        raise InputError([InputProblem(name, error.line, "", error.message)]) from None


def _checked(name: str, built: TreeBuilder) -> Node:
    if built.problems:
        raise InputError(InputProblem(name, line, "", message) for line, message in built.problems)
    if built.root is None:
        raise InputError([InputProblem(name, 0, "", "the file is empty")])
    return built.root


def _mapping(name: str, value: Any, line: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    what = "a list" if isinstance(value, list) else "nothing" if value is None else "a single value"
    message = f"the file must hold fields (`name: value` lines), but it holds {what}"
    raise InputError([InputProblem(name, line, "", message)])


def read_text(path: Path | str) -> str:
    """The text of a UTF-8 file of at most 64 MB, without byte order mark; of a `.gz` file, what is in it.

    Raises InputError.
    """
    raw = _read_bytes(Path(path), str(path))
    if Path(path).suffix.lower() == ".gz":
        raw = _unpacked(raw, str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}; save the file as UTF-8"
        raise InputError([InputProblem(str(path), line, "", message)]) from None
    if not text.strip():
        raise InputError([InputProblem(str(path), 0, "", "the file is empty")])
    return text


def _unpacked(raw: bytes, name: str) -> bytes:
    """What is in a gzip file; no more of it is unpacked than a file may hold."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | _GZIP)
    try:
        content = unpacker.decompress(raw, MAX_BYTES + 1)
    except zlib.error as error:
        raise InputError([InputProblem(name, 0, "", f"no gzip file, or a damaged one: {error}")]) from None
    if len(content) > MAX_BYTES:
        raise InputError([InputProblem(name, 0, "", f"larger than {MAX_BYTES // 1_000_000} MB when unpacked")])
    if not unpacker.eof:
        raise InputError([InputProblem(name, 0, "", "the gzip file is cut off; copy it again")])
    if unpacker.unused_data:
        raise InputError([InputProblem(name, 0, "", "more follows behind the gzip file's end; pack it as one piece")])
    return content


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise InputError([InputProblem(name, 0, "", "this is a folder; give a file in it")])
        if path.exists() and not path.is_file():
            raise InputError([InputProblem(name, 0, "", "this is no regular file")])
        if path.stat().st_size > MAX_BYTES:
            raise InputError([InputProblem(name, 0, "", f"larger than {MAX_BYTES // 1_000_000} MB")])
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError([InputProblem(name, 0, "", f"no such file{_similar_file(path)}")]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError([InputProblem(name, 0, "", f"cannot be read: {reason}")]) from None


def _similar_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; the folder {path.parent} does not exist"
    found = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=1)
    return f"; did you mean {path.with_name(found[0])}?" if found else ""
