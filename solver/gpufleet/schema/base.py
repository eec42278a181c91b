"""The base of every record a person writes, and the types that fields share.

Numbers are strict: a quoted "50" is an error, not fifty. Units are in the field names.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Record(BaseModel):
    """Frozen, closed to unknown keys, described by the text under each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+:/@-]*$")]
"""A name that other records refer to: letters, digits and ` ._+:/@-`, starting with a letter or digit."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Money = Annotated[float, Field(strict=True)]
"""USD with at most six decimals."""
Positive = Annotated[float, Field(gt=0, strict=True)]
NonNegative = Annotated[float, Field(ge=0, strict=True)]
Fraction01 = Annotated[float, Field(ge=0, le=1, strict=True)]
Percentile = Annotated[float, Field(gt=0, lt=100, strict=True)]
PositiveCount = Annotated[int, Field(gt=0, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2 country code, e.g. `DE`."""

Precision = Literal["fp32", "tf32", "fp16", "bf16", "fp8", "int8", "int4", "fp4"]
"""Numeric precision of weights or of arithmetic."""

BITS: dict[Precision, int] = {
    "fp32": 32, "tf32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "int4": 4, "fp4": 4,
}  # fmt: skip
"""Stored bits per number."""


Performance = Literal["p50", "p90"]
"""How sure a rate or latency must be: `p50` = as likely missed as kept, `p90` = kept with 90 % confidence."""


class Sourced(Record):
    """A fact with where it comes from and when it held."""

    source: Text
    """Where the figures come from: document, file or page, precise enough to be looked up."""
    as_of: datetime.date | None = None
    """The day on which the figures held; empty when the source is not dated."""
    note: Text | None = None
    """Anything a reader must know: disagreements between sources, how a figure was derived."""
