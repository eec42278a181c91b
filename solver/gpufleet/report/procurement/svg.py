"""A matplotlib figure as an SVG element that can stand in a page: named, accessible, in the page's own colours."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG: Final = "http://www.w3.org/2000/svg"
XLINK: Final = "http://www.w3.org/1999/xlink"
DATELESS: Final[dict[str, Any]] = {"Date": None, "Creator": None, "Format": None, "Type": None}
INK, MUTED, RULE, LIMIT = "#101112", "#505152", "#d0d1d2", "#c01015"
SERIES: Final = ("#0a5ca8", "#b4540a", "#107a57", "#8a4a9b", "#6a6d00", "#a8336b", "#4a5f78")
COLOURS: Final = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    LIMIT: "var(--limit)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)},
}
"""What charts are drawn in, and the property of the page's style sheet that each becomes; so one picture serves light,
dark and print."""
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def svg_of(figure: Figure, key: str, title: str, words: str) -> str:
    """The figure as an element with role, title and description. `key` starts every id, so that several charts can
    stand in one page."""
    target = io.BytesIO()
    figure.savefig(target, format="svg", transparent=True, metadata=DATELESS)
    root = ElementTree.fromstring(target.getvalue())
    for element in root.iter():
        for name, value in element.attrib.items():
            element.attrib[name] = _attribute(name, value, key)
    for extra in [child for child in root if child.tag == f"{{{SVG}}}metadata"]:
        root.remove(extra)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{key}-title {key}-words"}
    for position, (tag, text) in enumerate((("title", title), ("desc", words))):
        label = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{key}-{'title' if tag == 'title' else 'words'}"})
        label.text = text
        root.insert(position, label)
    return ElementTree.tostring(root, encoding="unicode")


def _attribute(name: str, value: str, key: str) -> str:
    """Ids and what refers to them get the key; drawing colours become the page's."""
    if name == "id":
        return f"{key}-{value}"
    if name == f"{{{XLINK}}}href":
        return f"#{key}-{value.removeprefix('#')}"
    value = _REFERENCE.sub(rf"url(#{key}-\1)", value)
    for colour, variable in COLOURS.items():
        value = value.replace(colour, variable)
    return value
