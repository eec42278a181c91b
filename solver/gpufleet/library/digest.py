"""Digests: equal questions have equal digests, however their files are written."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from gpufleet.schema.calibration import Calibration
    from gpufleet.schema.instance import Instance
    from gpufleet.schema.measurements import Profiles


def digest(
    instance: Instance,
    *referenced: Mapping[str, BaseModel],
    calibration: Calibration,
    profiles: Profiles | None = None,
) -> str:
    """SHA-256 (hex) over the canonical JSON of an instance, of the records it refers to and of the figures of the
    performance model.

    Left out are `baseline_plan` and `max_price_age_days`, which do not change the question, the names of the files of
    `measurements`, whose rows count in whatever order and file, and every field that has its default value, so that
    writing a default out (or adding an optional field to the format) changes nothing.
    """
    parts: list[Any] = [_plain(instance, exclude={"baseline_plan", "max_price_age_days", "measurements"})]
    measured = (profiles.records(),) if profiles is not None and (profiles.points or profiles.modelled) else ()
    parts += [{name: _plain(record) for name, record in records.items()} for records in (*referenced, *measured)]
    parts.append(calibration.digest)
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(record: BaseModel, exclude: set[str] | None = None) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude_defaults=True, exclude=exclude)
