"""What a file says and on which line: one tree for YAML and JSON, built from start, scalar and end calls.

The builder refuses what could exhaust memory or the stack: it counts the nodes that the file stands for once its
aliases are written out (every node knows its own expanded size, so a bomb costs no more than its bytes) and the depth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpufleet.library.scalars import Scalar

MAX_NODES: Final = 1_000_000
MAX_DEPTH: Final = 100


@dataclass(slots=True)
class Node:
    """A value of the file, with the lines on which it and its keys stand."""

    line: int
    value: Any
    """The value itself: dict, list, text, number, truth value or None."""
    children: dict[str, Node] | list[Node] | None = None
    key_lines: dict[str, int] | None = None
    size: int = 1
    """Nodes in it, aliases written out."""
    height: int = 1
    """Levels in it, aliases written out."""

    def line_of(self, loc: Sequence[str | int]) -> int:
        """The line of the deepest part of `loc` that exists; a missing field is on the line of its parent."""
        node, line = self, self.line
        for part in loc:
            children = node.children
            if isinstance(children, dict) and isinstance(part, str) and part in children:
                line, node = (node.key_lines or {})[part], children[part]
            elif isinstance(children, list) and isinstance(part, int) and part < len(children):
                node = children[part]
                line = node.line
            else:
                break
        return line


class StructureError(Exception):
    """The file's structure cannot be read on; carries the line."""

    def __init__(self, line: int, message: str) -> None:
        self.line, self.message = line, message
        super().__init__(message)


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that has not ended yet."""

    node: Node
    anchor: str | None
    key: str | None = None


@dataclass(slots=True)
class TreeBuilder:
    """Builds the tree; `problems` collects what is wrong without stopping (line, message)."""

    root: Node | None = None
    problems: list[tuple[int, str]] = field(default_factory=list)
    _stack: list[_Open] = field(default_factory=list)
    _anchors: dict[str, Node | None] = field(default_factory=dict)
    _nodes: int = 0

    def start(self, line: int, *, mapping: bool, anchor: str | None = None) -> None:
        """A mapping or sequence begins."""
        self._take_key(line, None)
        if len(self._stack) >= MAX_DEPTH:
            raise StructureError(line, f"nested more than {MAX_DEPTH} levels deep")
        node = Node(line, {}, {}, {}) if mapping else Node(line, [], [])
        if anchor is not None:
            self._anchors[anchor] = None
        self._stack.append(_Open(node, anchor))

    def end(self) -> None:
        """The innermost mapping or sequence ends."""
        closed = self._stack.pop()
        self._attach(closed.node, closed.anchor)

    def scalar(self, line: int, value: Scalar, text: str, *, merge: bool = False, anchor: str | None = None) -> None:
        """A scalar; as a key of a mapping it is taken as `text`, whatever `value` is."""
        if merge and self._wants_key():
            self.problems.append((line, "merge keys (<<) are not supported; write the fields out"))
        if not self._take_key(line, text):
            self._attach(Node(line, value), anchor)
        elif anchor is not None:
            self._anchors[anchor] = Node(line, text)

    def alias(self, line: int, anchor: str) -> None:
        """A reference to something anchored earlier."""
        if anchor not in self._anchors:
            raise StructureError(line, f"alias *{anchor} has no anchor &{anchor} before it")
        target = self._anchors[anchor]
        if target is None:
            raise StructureError(line, f"alias *{anchor} refers to itself: it stands inside &{anchor}")
        if self._wants_key():
            raise StructureError(line, f"alias *{anchor} as a key is not supported; write the key out")
        if len(self._stack) + target.height > MAX_DEPTH:
            raise StructureError(line, f"nested more than {MAX_DEPTH} levels deep")
        self._attach(target, None)

    def _wants_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].node.key_lines is not None and self._stack[-1].key is None

    def _take_key(self, line: int, text: str | None) -> bool:
        """Take `text` as the next key if a key is due; False if a value is due."""
        if not self._wants_key():
            return False
        if text is None:
            raise StructureError(line, "a key must be plain text, not a list or a mapping")
        top = self._stack[-1]
        lines = top.node.key_lines
        assert lines is not None
        if text in lines:
            self.problems.append((line, f"key {text!r} is given twice; it already stands on line {lines[text]}"))
        lines[text] = line
        top.key = text
        return True

    def _attach(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        self._nodes += 1
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        self._put(top, node)
        top.node.size += node.size
        top.node.height = max(top.node.height, node.height + 1)
        if max(top.node.size, self._nodes) > MAX_NODES:
            raise StructureError(node.line, f"more than {MAX_NODES:,} values once all aliases are written out")

    @staticmethod
    def _put(top: _Open, node: Node) -> None:
        parent = top.node
        if isinstance(parent.children, dict):
            assert top.key is not None
            parent.children[top.key] = node
            parent.value[top.key] = node.value
            top.key = None
        elif isinstance(parent.children, list):
            parent.children.append(node)
            parent.value.append(node.value)
