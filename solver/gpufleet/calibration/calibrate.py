"""The whole way: tables to a calibration with its cross-validated errors, and the errors of a calibration on tables.

The domains share no fitted figure, so each is fitted alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpufleet.calibration import (
    llm_figures,
    llm_rows,
    request_figures,
    request_rows,
    training_figures,
    training_rows,
)
from gpufleet.calibration.fit import Free, cross_validated, fitted
from gpufleet.calibration.score import Prediction, errors
from gpufleet.performance.calibration import Efficiency, Key, key_of
from gpufleet.schema.calibration import Calibration, Figure, Interval, MeasuredTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gpufleet.calibration.observations import Batch, Observation, Skipped
    from gpufleet.calibration.tables import Table, TableKind
    from gpufleet.library import Library
    from gpufleet.schema.calibration import Domain

DIGITS = 4
"""Significant digits of a fitted figure."""
ASSUMED = "assumed before any row was seen"
LOW, HIGH = 0.05, 0.95
"""Quantiles of measurement / prediction that an interval states."""


@dataclass(frozen=True)
class Part:
    """Rows of one kind of workload, and the figures that they determine."""

    name: str
    kinds: tuple[TableKind, ...]
    """Tables that hold such rows."""
    batches: Callable[[Table, Library], tuple[list[Batch], list[Skipped]]]
    free: Sequence[Free]


PARTS = (
    Part("language serving", ("llm_serving", "mlperf_inference"), llm_rows.batches, llm_figures.FREE),
    Part("request serving", ("mlperf_inference", "mlperf_single_stream"), request_rows.batches, request_figures.FREE),
    Part("training", ("training",), training_rows.batches, training_figures.FREE),
)


@dataclass(frozen=True)
class Reading:
    """Tables as batches, by part in the order of `PARTS`."""

    tables: tuple[Table, ...]
    parts: tuple[tuple[Part, tuple[Batch, ...]], ...]
    skipped: tuple[Skipped, ...]

    @property
    def batches(self) -> tuple[Batch, ...]:
        """All batches."""
        return tuple(batch for _, batches in self.parts for batch in batches)


def read(tables: Sequence[Table], library: Library) -> Reading:
    """What the tables hold. Raises InputError for malformed cells."""
    parts, skipped = [], []
    for part in PARTS:
        found: list[Batch] = []
        for table in (table for table in tables if table.kind in part.kinds):
            batches, left = part.batches(table, library)
            found += batches
            skipped += left
        parts.append((part, tuple(found)))
    return Reading(tuple(tables), tuple(parts), tuple(sorted(skipped, key=lambda row: (row.table, row.line))))


@dataclass(frozen=True)
class Calibrated:
    """What was fitted, and how it predicts what it had not seen."""

    calibration: Calibration
    unseen: tuple[Prediction, ...]
    """Every row with the prediction of a fit without its model and accelerator."""


def calibrate(reading: Reading, start: Calibration, scratch: bool) -> Calibrated:
    """A calibration with the figures that the tables determine fitted to them, the others those of `start`.

    Fitted figures are drawn towards those of `start`, or with `scratch` towards the values that were assumed before any
    row was seen; whatever `start` had fitted before is then forgotten.
    """
    if scratch:
        start = _forgotten(start)
    efficiency = Efficiency.of(start)
    pairs: list[tuple[Observation, float]] = []
    values: dict[Key, tuple[float, int]] = {}
    for part, batches in reading.parts:
        free = used(part.free if scratch else _from(part.free, efficiency), batches, efficiency)
        found = fitted(batches, [entry for entry, _ in free], efficiency)
        values |= {entry.key: (_rounded(found.figures[entry.key]), rows) for entry, rows in free}
        pairs += cross_validated(batches, [entry for entry, _ in free], efficiency)
    made = Calibration(
        name=start.name,
        source=start.source,
        as_of=start.as_of,
        figures=_figures(start, values, reading),
        intervals=intervals(pairs),
        tables=tuple(sorted((_used_table(table, reading) for table in reading.tables), key=lambda table: table.name)),
    )
    return Calibrated(made, tuple(prediction(seen, predicted, made) for seen, predicted in pairs))


def _forgotten(start: Calibration) -> Calibration:
    """A calibration in which every figure that can be fitted has the value that is assumed without rows."""
    assumed = [_figure(entry.key, entry.start, 0, ASSUMED) for part in PARTS for entry in part.free]
    keys = {key_of(figure) for figure in assumed}
    kept = [figure for figure in start.figures if not figure.rows and key_of(figure) not in keys]
    return start.model_copy(update={"figures": (*kept, *assumed)})


def check(reading: Reading, calibration: Calibration) -> list[Prediction]:
    """What a calibration says about every row, and the interval that it states."""
    efficiency = Efficiency.of(calibration)
    return [
        prediction(observation, float(value), calibration)
        for batch in reading.batches
        for observation, value in zip(batch.observations, batch.predict(efficiency), strict=True)
    ]


def prediction(observation: Observation, value: float, calibration: Calibration) -> Prediction:
    """A prediction with the interval of its domain."""
    stated = next((i for i in calibration.intervals if i.domain == observation.domain and i.kind is None), None)
    low, high = (stated.low, stated.high) if stated else (0.0, np.inf)
    return Prediction(observation, value, value * low, value * high)


def intervals(pairs: Sequence[tuple[Observation, float]]) -> tuple[Interval, ...]:
    """Errors by domain over pairs of an observation and a prediction."""
    found = []
    for domain in dict.fromkeys(observation.domain for observation, _ in pairs):
        of_domain = [(o, p) for o, p in pairs if o.domain == domain]
        found.append(_interval(domain, of_domain))
    return tuple(found)


def _interval(domain: Domain, pairs: Sequence[tuple[Observation, float]]) -> Interval:
    ratios = np.array([observation.measured / predicted for observation, predicted in pairs])
    stated = errors([Prediction(observation, predicted, 0.0, np.inf) for observation, predicted in pairs])
    return Interval(
        domain=domain,
        low=_rounded(float(np.quantile(ratios, LOW))),
        high=_rounded(float(np.quantile(ratios, HIGH))),
        median_error=_rounded(stated.median),
        p90_error=_rounded(stated.p90),
        rows=len(pairs),
        groups=len({observation.group for observation, _ in pairs}),
    )


def _from(free: Iterable[Free], efficiency: Efficiency) -> list[Free]:
    """The same figures, starting from those of a calibration where it has them."""
    return [
        Free(f.key, float(np.clip(efficiency.figures.get(f.key, f.start), f.low, f.high)), f.low, f.high) for f in free
    ]


def used(free: Iterable[Free], batches: Sequence[Batch], efficiency: Efficiency) -> list[tuple[Free, int]]:
    """The figures that some fitted row depends on, and how many do."""
    free = list(free)
    base = efficiency.changed((entry.key, entry.start) for entry in free)
    rows: dict[Key, int] = {}
    for batch in batches:
        if batch.fitted:
            asked = Efficiency(base.figures)
            batch.predict(asked)
            for key in set(asked.found.values()):
                rows[key] = rows.get(key, 0) + len(batch.observations)
    return [(entry, rows[entry.key]) for entry in free if entry.key in rows]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _figures(start: Calibration, values: dict[Key, tuple[float, int]], reading: Reading) -> tuple[Figure, ...]:
    """The figures of `start` that were not fitted, in its order, then the fitted ones."""
    kept = [figure for figure in start.figures if key_of(figure) not in values]
    names = ", ".join(sorted(table.name for table in reading.tables))
    new = [_figure(key, value, rows, f"fitted to {names}") for key, (value, rows) in values.items()]
    return (*kept, *new)


def _figure(key: Key, value: float, rows: int, source: str) -> Figure:
    return Figure(
        parameter=key.parameter,
        family=key.family or None,
        phase=key.phase or None,
        bits=key.bits or None,
        model=key.model or None,
        engine=key.engine or None,
        value=value,
        rows=rows,
        source=source,
    )


def _used_table(table: Table, reading: Reading) -> MeasuredTable:
    lines = {o.line for batch in reading.batches for o in batch.observations if o.table in (table.path, table.name)}
    return MeasuredTable(name=table.name, rows=max(len(lines), 1), sha256=table.sha256)
