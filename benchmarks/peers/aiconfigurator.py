"""aiconfigurator beside our performance model on published maximum-throughput rows. Run by hand; writes nothing.

    pip install 'gpufleet[aiconfigurator]'
    python benchmarks/peers/aiconfigurator.py

Rows: TensorRT-LLM 1.0, FP8, Llama 3.1 8B and Llama 3.3 70B on H100 and H200 (benchmarks/measured/llm_serving.csv): all
requests queued at once, output tokens per second over the run. Ours predicts that run, with the shipped calibration,
which was fitted to these rows among others. aiconfigurator states a steady state, of which the highest rate over a
ladder of loads counts; it was not fitted to these rows, but stands for another version of the engine.
"""

from __future__ import annotations

import datetime
import math
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpufleet import __version__
from gpufleet.calibration import llm_rows, tables
from gpufleet.library import Library
from gpufleet.library.sources.aiconfigurator import LOADS, Aiconfigurator
from gpufleet.library.sources.package import load_package
from gpufleet.performance.calibration import Efficiency

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpufleet.calibration.observations import Observation
    from gpufleet.calibration.tables import Row

TABLE = Path(__file__).parents[1] / "measured" / "llm_serving.csv"
MODELS = ("llama-3.1-8b", "llama-3.3-70b")
ACCELERATORS = ("H100-SXM-80GB", "H200-SXM-141GB")
ENGINE = "TensorRT-LLM 1.0"
MORE_LOADS = (*LOADS, 768, 1024, 1536, 2048)


@dataclass(frozen=True)
class Point:
    """One row with both predictions, output tokens/s."""

    model: str
    accelerator: str
    tensor: int
    inputs: int
    outputs: int
    measured: float
    ours: float
    theirs: float


def points(library: Library, source: Aiconfigurator) -> Iterator[Point]:
    """The rows that both can say something about."""
    efficiency, table = Efficiency.of(library.calibration), tables.read_table(TABLE)
    rows = {row.line: row for row in table.rows}
    for batch in llm_rows.batches(table, library)[0]:
        first = batch.observations[0]
        if first.model in MODELS and first.accelerator in ACCELERATORS and first.engine == ENGINE:
            for observation, ours in zip(batch.observations, batch.predict(efficiency), strict=True):
                yield point(library, source, observation, rows[observation.line], float(ours))


def point(library: Library, source: Aiconfigurator, observation: Observation, row: Row, ours: float) -> Point:
    """One row; the steady rate of aiconfigurator in output tokens/s."""
    card = library.model(observation.model)
    variant = next(variant for variant in card.variants if variant.precision == row.text("precision").lower())
    size, shape = (row.count("isl"), row.count("osl")), (row.count("tp"), row.count("pp"), 1, 1)
    answers = source.rows(card, variant, observation.accelerator, None, shape, [size], MORE_LOADS)
    best = max((answer.requests_per_s or 0.0 for answer in answers), default=math.nan)
    names = (observation.model, observation.accelerator, row.count("tp"))
    return Point(*names, *size, observation.measured, ours, best * size[1])


def main() -> None:
    """Print every row, then errors by model and accelerator."""
    library = Library.open(())
    with tempfile.TemporaryDirectory() as folder:
        source = Aiconfigurator(load_package(), "trtllm", Path(folder))
        found = list(points(library, source))
        labels = sorted({source.label(system) for system in ("h100_sxm", "h200_sxm")})
    print(
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, gpufleet {__version__}, {', '.join(labels)}, {ENGINE} rows\n"
    )
    print(
        "| model | accelerator | TP | in/out | measured tokens/s | ours | aiconfigurator |\n"
        "|---|---|---|---|---|---|---|"
    )
    for p in found:
        ratios = f"{p.ours / p.measured - 1:+.1%} | {p.theirs / p.measured - 1:+.1%}"
        size = f"{p.inputs}/{p.outputs}"
        print(f"| {p.model} | {p.accelerator} | {p.tensor} | {size} | {p.measured:,.0f} | {ratios} |")
    print("\n| rows | median error, ours | aiconfigurator | largest, ours | aiconfigurator |\n|---|---|---|---|---|")
    for name in (*sorted({(p.model, p.accelerator, p.tensor) for p in found}), None):
        group = [p for p in found if name in (None, (p.model, p.accelerator, p.tensor))]
        print(f"| {summary(name, group)} |")


def summary(name: tuple[str, str, int] | None, group: list[Point]) -> str:
    """Median and largest relative errors of a group; rows without an answer are counted apart."""
    title = "all" if name is None else f"{name[0]}, {name[1]}, TP {name[2]}"
    ours = [abs(p.ours / p.measured - 1) for p in group]
    theirs = [abs(p.theirs / p.measured - 1) for p in group if not math.isnan(p.theirs)]
    missing = f" ({len(group) - len(theirs)} without an answer)" if len(theirs) < len(group) else ""
    cells = [f"{f(e):.1%}" if e else "-" for f in (statistics.median, max) for e in (ours, theirs)]
    return " | ".join([f"{title}: {len(group)}{missing}", *cells])


if __name__ == "__main__":
    main()
