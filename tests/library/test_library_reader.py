"""Reading: YAML 1.2 scalars, lines, JSON, and files that cannot be read."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest
import yaml

from gpufleet.errors import InputError
from gpufleet.library import parsers, reader
from gpufleet.library.reader import read_document, read_text
from gpufleet.library.scalars import parse_scalar
from gpufleet.library.tree import StructureError

SCALARS = [
    ("1e6", 1e6),
    (".5", 0.5),
    ("-3", -3),
    ("+7", 7),
    ("1.", 1.0),
    ("010", 10),
    ("true", True),
    ("False", False),
    ("~", None),
    ("", None),
    ("NO", "NO"),
    ("on", "on"),
    ("yes", "yes"),
    ("12:30:00", "12:30:00"),
    ("1_000", "1_000"),
    ("2026-01-31", "2026-01-31"),
    ("0x1F", "0x1F"),
    ("1e999", math.inf),
    ("-.inf", -math.inf),
    ("e5", "e5"),
    ("-", "-"),
    (".", "."),
    ("9" * 5000, "9" * 5000),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_are_yaml_1_2(text: str, value: object) -> None:
    parsed = parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_nan_is_a_number() -> None:
    parsed = parse_scalar(".nan")
    assert isinstance(parsed, float)
    assert math.isnan(parsed)


def test_both_yaml_parsers_read_the_same(valid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = valid.read_text() + "note: &n |\n  Two\n  lines, é\norigin: *n\n"
    fast = parsers.parse_yaml(text).root
    monkeypatch.setattr(parsers, "_YAML_LOADER", yaml.BaseLoader)
    slow = parsers.parse_yaml(text).root
    assert fast == slow
    assert fast is not None
    assert fast.value["origin"] == "Two\nlines, é\n"


def test_pure_python_parser_refuses_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsers, "_YAML_LOADER", yaml.BaseLoader)
    for text, line in [("a: [1\nb: 2\n", 2), ("a: \x07\n", 1), ("a:\n\t- b\n", 2)]:
        with pytest.raises(StructureError) as caught:
            parsers.parse_yaml(text)
        assert caught.value.line == line


def test_lines_of_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# comment\na:\n  - b: 1\n    c:\n      d: 2\n  - e\n")
    document = read_document(path)
    assert document.line_of(()) == 2
    assert document.line_of(("a",)) == 2
    assert document.line_of(("a", 0)) == 3
    assert document.line_of(("a", 0, "c")) == 4
    assert document.line_of(("a", 0, "c", "d")) == 5
    assert document.line_of(("a", 0, "missing")) == 3
    assert document.line_of(("a", 1)) == 6
    assert document.line_of(("a", 7)) == 2


def test_json_has_the_same_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n "a": [\n  {"b": 1,\n   "c": "x: y, \\"z\\" [{"},\n  2e3, true, null]\n}\n')
    document = read_document(path)
    assert document.value == {"a": [{"b": 1, "c": 'x: y, "z" [{'}, 2000.0, True, None]}
    assert [document.line_of(loc) for loc in [("a",), ("a", 0, "b"), ("a", 0, "c"), ("a", 1)]] == [2, 3, 4, 5]


def test_aliases_are_written_out(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &x {b: 1}\nc: [*x, *x]\n")
    assert read_document(path).value == {"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]}


def test_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_document(path).value == {"a": 1}


def message_of(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_text(path)
    return str(caught.value)


def test_missing_file_names_a_similar_one(valid: Path) -> None:
    missing = valid.with_name("vaild.yaml")
    assert message_of(missing) == f"{missing}: no such file; did you mean {valid}?"
    nowhere = valid.parent / "nowhere" / "a.yaml"
    assert message_of(nowhere) == f"{nowhere}: no such file; the folder {nowhere.parent} does not exist"


def test_oversized_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(64_000_001)
    assert message_of(path) == f"{path}: larger than 64 MB"


def test_unreadable_file(valid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert message_of(valid) == f"{valid}: cannot be read: Permission denied"


def test_path_with_a_null_byte(tmp_path: Path) -> None:
    assert "embedded null" in message_of(tmp_path / "a\0b.yaml")


PACKED = gzip.compress(b'{"schema_version": 1,\n "uid": 7}\n', mtime=0)


def test_compressed_files_are_read_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(PACKED)
    (tmp_path / "a.yaml.gz").write_bytes(gzip.compress(b"schema_version: 1\nuid: 7\n"))
    for name in ("a.json.gz", "a.yaml.gz"):
        document = read_document(tmp_path / name)
        assert document.value == {"schema_version": 1, "uid": 7}
        assert document.line_of(("uid",)) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"uid: plain\n", "no gzip file"),
        (PACKED[:-4], "cut off"),
        (PACKED[:20] + b"\0" + PACKED[21:], "damaged"),
        (PACKED + b"more", "more follows"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(b"\xff", mtime=0), "not UTF-8"),
    ],
)
def test_damaged_compressed_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_document(path)


def test_no_more_is_unpacked_than_a_file_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_BYTES", 1000)
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b" " * 100_000))
    with pytest.raises(InputError, match="when unpacked"):
        read_document(path)
