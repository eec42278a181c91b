"""A document as Markdown, with tables as GitHub shows them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from gpufleet.report.procurement.content import Document

_MARKS: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\`*[]|<>~$&#"})
_EDGE: Final = re.compile(r"(?<!\w)_|_(?!\w)")
"""Underlines inside words mean nothing."""


def plain(text: Any) -> str:
    """Text that Markdown shows as it is, in one line: marks are escaped.

    >>> print(plain("<b>|a_b|</b>"))
    \\<b\\>\\|a_b\\|\\</b\\>
    """
    return _EDGE.sub(r"\\_", " ".join(str(text).split()).translate(_MARKS))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("gpufleet.report.procurement"),
        autoescape=False,  # no HTML; every expression is escaped for Markdown instead
        finalize=plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def markdown(document: Document) -> str:
    """The document without its pictures."""
    return _environment().get_template("report.md").render(document=document)
