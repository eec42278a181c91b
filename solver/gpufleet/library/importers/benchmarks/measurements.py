"""Files of benchmarking tools to a table of measurements."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gpufleet.errors import InputError, InputProblem
from gpufleet.library.importers.benchmarks import guidellm, llmd_planner, mlperf, vllm
from gpufleet.library.tables import RowPlace
from gpufleet.library.validation import validate
from gpufleet.schema.measurements import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gpufleet.library.importers.benchmarks.given import Given
    from gpufleet.library.importers.benchmarks.json_results import Fields
    from gpufleet.schema.measurements import Size

FORMATS: Final[dict[str, Callable[[str, Given], Iterator[Fields]]]] = {
    "vllm": vllm.read,
    "guidellm": guidellm.read,
    "mlperf": mlperf.read,
    "llm-d-planner": llmd_planner.read,
}
NEARLY: Final = 0.05
LAST: Final = ("source", "as_of", "note")
"""Columns at the end of the table."""


def import_measurements(tool: str, paths: Sequence[Path | str], given: Given) -> list[Measurement]:
    """The operating points of result files of a tool (a key of FORMATS), in the order of load where sizes are equal.

    Raises InputError with everything that is wrong in any file: unreadable, keys missing, failed requests, invalid
    results, no engine.
    """
    rows: list[Measurement] = []
    problems: list[InputProblem] = []
    for path in map(str, paths):
        try:
            rows += [_measurement(path, fields, given) for fields in FORMATS[tool](path, given)]
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return sorted(rows, key=lambda row: (row.size, row.load or 0.0))


def nearly_equal_sizes(rows: Sequence[Measurement]) -> list[tuple[Size, Size]]:
    """Pairs of sizes that differ by at most NEARLY on every side: probably meant to be one, but two curves."""
    sizes = sorted({row.size for row in rows})
    return [
        (a, b) for a, b in pairwise(sizes) if all(abs(x - y) <= NEARLY * max(x, y) for x, y in zip(a, b, strict=True))
    ]


def _measurement(path: str, found: Fields, given: Given) -> Measurement:
    fields = {**{name: value for name, value in found.items() if value is not None}, **given.columns()}
    if "engine" not in fields:
        message = (
            "the file does not say which engine was measured; give it with its version, as in --engine 'vLLM 0.8.5'"
        )
        raise InputError([InputProblem(path, 0, "engine", message)])
    return validate(Measurement, fields, RowPlace(path, 0))


def measurements_text(rows: Sequence[Measurement]) -> str:
    """The rows as CSV; columns in which nothing but defaults stands are left out."""
    records = [row.model_dump(mode="json", exclude_defaults=True) for row in rows]
    used = [name for name in Measurement.model_fields if any(name in record for record in records)]
    columns = [*(name for name in used if name not in LAST), *(n for n in used if n in LAST)]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in record.items()} for record in records)
    return stream.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
