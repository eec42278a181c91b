"""YAML and JSON text to a tree with lines. YAML goes through libyaml where it is there, else pure Python."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from gpufleet.library.scalars import parse_scalar
from gpufleet.library.tree import MAX_DEPTH, StructureError, TreeBuilder

_YAML_LOADER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TOKEN: Final = re.compile(
    r"""[ \t\r]+|(?P<newline>\n)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>[{}\[\],:])|(?P<word>[^\s{}\[\],:"]+)"""
)


def parse_yaml(text: str) -> TreeBuilder:
    """Build the tree of a YAML text; its root is None when the text holds no document.

    Raises StructureError where the text cannot be read on.
    """
    try:
        return _build(_YAML_LOADER(text))
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except yaml.reader.ReaderError as error:
        raise StructureError(*_unreadable(error, text)) from None


def _build(loader: Any) -> TreeBuilder:
    builder = TreeBuilder()
    while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
        kind, line = type(event), event.start_mark.line + 1
        if kind is yaml.ScalarEvent:
            _no_tag(builder, event, line)
            plain = event.implicit[0]
            value = parse_scalar(event.value) if plain else event.value
            builder.scalar(line, value, event.value, merge=plain and event.value == "<<", anchor=event.anchor)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            _no_tag(builder, event, line)
            builder.start(line, mapping=kind is yaml.MappingStartEvent, anchor=event.anchor)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            builder.end()
        elif kind is yaml.AliasEvent:
            builder.alias(line, event.anchor)
        elif kind is yaml.DocumentStartEvent and builder.root is not None:
            raise StructureError(line, "a second YAML document starts here; one file holds one document")
    return builder


def _no_tag(builder: TreeBuilder, event: Any, line: int) -> None:
    if event.tag is not None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        builder.problems.append((line, f"tags are not supported; remove {tag!a}"))


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> StructureError:
    mark = error.problem_mark or error.context_mark
    line = min(mark.line + 1, text.count("\n") + 1) if mark else 1
    content = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
    if "\t" in content[: len(content) - len(content.lstrip())]:
        return StructureError(line, "a tab in the indentation; YAML wants spaces")
    return StructureError(line, f"not valid YAML: {error.problem or error.context}")


def _unreadable(error: Any, text: str) -> tuple[int, str]:
    code = error.character if isinstance(error.character, int) else ord(str(error.character)[:1] or "\0")
    line = text.count("\n", 0, text.find(chr(code))) + 1 if chr(code) in text else 1
    return line, f"the control character U+{code:04X} is not allowed"


def load_json(text: str) -> Any:
    """The value of a JSON text, or ValueError or RecursionError when it has to be read again for line numbers."""
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def parse_json(text: str) -> TreeBuilder:
    """Build the tree of a JSON text. Raises StructureError where the text cannot be read on."""
    builder, line = TreeBuilder(), 1
    _check_json(text)
    for token in _TOKEN.finditer(text):
        if token["newline"]:
            line += 1
        elif token["string"] is not None:
            value = json.loads(token["string"], strict=False)
            builder.scalar(line, value, value)
        elif token["word"]:
            builder.scalar(line, _json_word(token["word"]), token["word"])
        elif (mark := token["mark"]) in ("{", "["):
            builder.start(line, mapping=mark == "{")
        elif mark in ("}", "]"):
            builder.end()
    return builder


def _check_json(text: str) -> None:
    try:
        json.loads(text, parse_int=float)
    except json.JSONDecodeError as error:
        raise StructureError(error.lineno, f"not valid JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise StructureError(1, f"nested more than {MAX_DEPTH} levels deep") from None


def _json_word(word: str) -> Any:
    constants = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
    return constants[word] if word in constants else parse_scalar(word)
