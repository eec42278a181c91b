"""What cost can be drawn against, as it is written after `--over`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["latency", "accuracy", "deadline", "energy", "co2", "vendors"]
OF_A_WORKLOAD: Final = ("latency", "accuracy", "deadline")
WAYS: Final = "latency:WORKLOAD[:METRIC], accuracy:WORKLOAD[:METRIC], deadline:WORKLOAD, energy, co2 or vendors"


@dataclass(frozen=True)
class Axis:
    """One axis."""

    text: str
    """As written."""
    kind: Kind
    workload: str = ""
    metric: str | None = None
    """Latency or accuracy; None = the only one that the workload has."""

    @classmethod
    def parse(cls, text: str) -> Axis:
        """Raises ValueError with a message for the user.

        >>> Axis.parse("latency:chat:ttft").metric
        'ttft'
        """
        parts = text.split(":")
        kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
        kind = kinds.get(parts[0])
        most = {"latency": 3, "accuracy": 3, "deadline": 2}.get(parts[0], 1)
        least = 2 if parts[0] in OF_A_WORKLOAD else 1
        if kind is None or not least <= len(parts) <= most or not all(parts):
            raise ValueError(f"{text!r} is nothing that cost can be drawn against; write {WAYS}")
        return cls(text, kind, parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else None)
