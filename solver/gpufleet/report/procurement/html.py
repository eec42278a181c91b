"""A document as one HTML page."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gpufleet.report.procurement.charts import draw

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpufleet.report.procurement.content import Chart, Document


@cache
def _environment() -> Environment:
    """Every text is escaped; what is no text (charts, style, script) says so."""
    return Environment(
        loader=PackageLoader("gpufleet.report.procurement"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _drawn() -> Callable[[Chart], Markup]:
    """Draws the charts of one page, each under a name of its own."""
    numbers = count(1)
    return lambda chart: Markup(draw(f"chart-{next(numbers)}", chart))


def page(document: Document) -> str:
    """The page. Its policy lets no script run but its own, and nothing be loaded."""
    environment = _environment()
    script = environment.get_template("sort.js").render()
    return environment.get_template("page.html").render(
        document=document,
        style=Markup(environment.get_template("style.css").render()),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        draw=_drawn(),
    )
