"""Calibrations: which share of a datasheet figure is reached, where that was measured, and how sure it is."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Literal, Self

from pydantic import model_validator

from gpufleet.schema.base import Count, Name, NonNegative, Positive, PositiveCount, Record, Sourced, Text

Domain = Literal["llm_rate", "llm_ttft", "llm_tpot", "request_rate", "training_step"]
"""What a prediction is about; errors are stated for each."""


class Figure(Sourced):
    """One figure of the performance model. The filters that are given say where it holds; the most specific wins."""

    parameter: Name
    """What it is, e.g. `compute` or `nvlink`; docs/performance-model.md lists all."""
    family: Name | None = None
    """Only this architecture, or kind of device (`gpu`, `tpu`, ...); empty = all."""
    phase: Name | None = None
    """Only this kind of arithmetic, e.g. `decode`; empty = all."""
    bits: PositiveCount | None = None
    """Only arithmetic with so many bits; empty = all."""
    model: Name | None = None
    """Only this model card; empty = all."""
    engine: Name | None = None
    """Only this engine, e.g. `TensorRT-LLM 1.0`; empty = all."""
    value: NonNegative
    """The figure, in the parameter's unit (shares: 0 to 1)."""
    rows: Count = 0
    """Measured rows that it was fitted to; 0 = not fitted, `source` says where it comes from."""


class Interval(Record):
    """How far predictions of one kind were off on measurements that the fit had not seen."""

    domain: Domain
    """What was predicted."""
    kind: Name | None = None
    """Only this part of the domain (a table, or a kind of model); empty = all of it."""
    low: Positive
    """5 % of the measurements were below this multiple of the prediction."""
    high: Positive
    """95 % of the measurements were below this multiple of the prediction."""
    median_error: NonNegative
    """Median of |prediction / measurement - 1|."""
    p90_error: NonNegative
    """90th percentile of the same."""
    rows: PositiveCount
    """Measurements."""
    groups: PositiveCount
    """Groups (model and accelerator) that were left out of the fit in turn."""


class MeasuredTable(Record):
    """A table of measurements that a calibration was made from."""

    name: Name
    """File name."""
    rows: PositiveCount
    """Rows used."""
    sha256: Text
    """Digest of the file."""


class Calibration(Sourced):
    """All figures of the performance model."""

    name: Name
    """Unique name."""
    figures: tuple[Figure, ...]
    """The figures."""
    intervals: tuple[Interval, ...] = ()
    """Errors by domain, cross-validated."""
    tables: tuple[MeasuredTable, ...] = ()
    """What it was made from."""

    @property
    def engines(self) -> tuple[str, ...]:
        """Serving engines that have figures of their own, by name; software that trains has none to choose."""
        found = {f.engine for f in self.figures if f.engine is not None and f.phase in (None, "decode")}
        # figures of training are those that name no phase, or `train`, and were fitted
        trains = {f.engine for f in self.figures if f.phase in (None, "train") and f.rows}
        return tuple(sorted(found - trains))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the figures and intervals: what changes an estimate."""
        parts = [
            record.model_dump(mode="json", exclude={"source", "note"}) for record in (*self.figures, *self.intervals)
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _figures_are_distinct(self) -> Self:
        seen: set[tuple[object, ...]] = set()
        for figure in self.figures:
            key = (figure.parameter, figure.family, figure.phase, figure.bits, figure.model, figure.engine)
            if key in seen:
                raise ValueError(f"figure {' '.join(str(part) for part in key if part is not None)} is there twice")
            seen.add(key)
        return self
